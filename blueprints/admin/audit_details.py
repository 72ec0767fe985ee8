"""Details of audit entries as pages write them: instants in the service's zone, everything else as it was recorded."""

from __future__ import annotations

from datetime import datetime, tzinfo

from blueprints.admin.blueprint import bp


@bp.app_template_filter("detail")
def detail(recorded: str, zone: tzinfo) -> str:
    """Return a recorded value for people: ``2026-11-29T08:55:22+00:00`` is ``2026-11-29 09:55`` in Berlin."""
    try:
        at = datetime.fromisoformat(recorded)
        return recorded if at.tzinfo is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return recorded
