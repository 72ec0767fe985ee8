"""The audit log: who changed what, when and from where."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints.admin.asked_audit import asked_of, typed_of, written
from blueprints.admin.blueprint import bp
from blueprints.admin.not_understood import NotUnderstood
from models.audit_list import Wanted
from service.accounts import audit_trail
from service.services import services


@bp.get("/audit")
def audit_log() -> ResponseReturnValue:
    """Show the log, newest first."""
    zone = services().calendar.zone
    try:
        asked = asked_of(request.args, zone)
    except NotUnderstood as error:
        typed, fault, fault_at = typed_of(request.args), str(error), error.field
        return _page(typed=typed, trail=None, fault=fault, fault_at=fault_at), 422
    wanted = Wanted(
        actor=_named(asked.typed.get("actor")),
        subject=_named(asked.typed.get("subject"), is_subject=True),
        action=asked.typed.get("action"),
        since=asked.since,
        until=asked.until,
    )
    return _page(typed=asked.typed, trail=audit_trail.trail(wanted, before=asked.before, after=asked.after))


def _page(**shown: object) -> str:
    zone = services().calendar.zone
    return render_template("admin/audit.html", zone=zone, written=written, actions=audit_trail.actions(), **shown)


def _named(typed: str | None, *, is_subject: bool = False) -> str | None:
    """Return a name as the log has it: actors are named by their address, subjects by the account's number."""
    if typed is None:
        return None
    return audit_trail.name_of(typed) if is_subject else typed.lower() if "@" in typed else typed
