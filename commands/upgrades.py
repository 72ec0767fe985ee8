"""``flask upgrades ...``: the requests of members for another plan, and the operator's word on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from commands.acting import at_the_terminal
from commands.output import Answer, Refusal, answers, in_service, table

if TYPE_CHECKING:
    from service.accounts.upgrades import Upgrade

upgrades = AppGroup("upgrades", help="Decide on upgrade requests.")


@upgrades.command("list", with_appcontext=False)
@click.option("--all", "decided_too", is_flag=True, help="The decided and withdrawn ones too, newest first.")
@answers
@in_service
def list_upgrades(decided_too: bool) -> Answer:
    """List pending upgrade requests, oldest first."""
    from service.accounts.upgrades import listing

    found = listing(decided_too=decided_too)
    rows = [
        [
            str(each.id),
            each.email,
            f"{each.from_plan} -> {each.to_plan}",
            each.state,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            _in_one_line(each.note),
        ]
        for each in found
    ]
    text = table(["ID", "EMAIL", "PLAN", "STATE", "ASKED (UTC)", "NOTE"], rows) if rows else "No upgrade requests."
    return Answer([_document(each) for each in found], text)


@upgrades.command("approve", with_appcontext=False)
@click.argument("request", metavar="ID|EMAIL")
@click.option("--message", default="", metavar="M", help="For the member.")
@answers
@in_service
def approve(request: str, message: str) -> Answer:
    """Approve a request and move the account to the plan, from its next request on."""
    from service.accounts import upgrades as requests

    done = requests.approve(_id_of(request), by=at_the_terminal(), message=message)
    return Answer(_document(done), f"{done.email} is on {done.to_plan}.")


@upgrades.command("decline", with_appcontext=False)
@click.argument("request", metavar="ID|EMAIL")
@click.option("--message", default="", metavar="M", help="For the member.")
@answers
@in_service
def decline(request: str, message: str) -> Answer:
    """Decline a request; the account stays on its plan."""
    from service.accounts import upgrades as requests

    done = requests.decline(_id_of(request), by=at_the_terminal(), message=message)
    return Answer(_document(done), f"The request of {done.email} for {done.to_plan} is declined.")


def _id_of(request: str) -> int:
    """Return the number of a request, given as such or by the address of who asked."""
    from service.accounts import membership
    from service.accounts.upgrades import pending_of

    if request.isascii() and request.isdecimal() and len(request) < 20:
        return int(request)
    member = membership.find(request)
    pending = pending_of(member.id)
    if pending is None:
        raise Refusal(f"{member.email} has no pending upgrade request.")
    return pending.id


def _document(upgrade: Upgrade) -> dict[str, object]:
    return {
        "id": upgrade.id,
        "email": upgrade.email,
        "from": upgrade.from_plan,
        "to": upgrade.to_plan,
        "note": upgrade.note,
        "state": upgrade.state,
        "created_at": upgrade.created_at.isoformat(timespec="seconds"),
        "decided_at": None if upgrade.decided_at is None else upgrade.decided_at.isoformat(timespec="seconds"),
        "decided_by": _way(upgrade.decided_by),
        "message": upgrade.message,
    }


def _way(decided_by: str | None) -> str | None:
    """Return the address of who decided, or just that a command did; the audit log names its user."""
    from service.accounts.audit import COMMAND_LINE

    return COMMAND_LINE if decided_by is not None and decided_by.startswith(COMMAND_LINE) else decided_by


def _in_one_line(note: str) -> str:
    """Return a note as one line of a table; control characters of a member do not reach the terminal."""
    words = " ".join(note.split())
    shown = "".join(each if each.isprintable() else "?" for each in words)
    return shown if len(shown) <= 60 else shown[:59] + "…"
