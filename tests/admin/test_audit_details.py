"""Details of audit entries as pages write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from blueprints.admin.audit_details import detail


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("2026-11-29T08:55:22+00:00", "2026-11-29 09:55"),
        ("2026-12-31", "2026-12-31"),
        ("20261231", "20261231"),
        ("for one address", "for one address"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_instants_among_details_are_told_in_the_service_zone(recorded: str, shown: str) -> None:
    assert detail(recorded, ZoneInfo("Europe/Berlin")) == shown
