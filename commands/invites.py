"""``flask accounts invite`` and ``flask accounts invites``: links by which somebody makes one account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from commands.acting import at_the_terminal
from commands.output import Answer, answers, in_service, table
from commands.public_address import port_note

if TYPE_CHECKING:
    from service.accounts.invites import EndedInvite, OpenInvite

_SPAN = re.compile(r"(\d{1,5})([hdw]?)")
_HOURS = {"h": 1, "d": 24, "": 24, "w": 168}


class Span(click.ParamType[timedelta]):
    """A time as ``12h``, ``30d`` or ``2w``; a number alone is days."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time that was written."""
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"{str(value)[:40]!r} is no time such as 12h, 30d or 2w; a number alone is days.", param, ctx)
        return timedelta(hours=int(found[1]) * _HOURS[found[2]])


@click.command("invite")
@click.argument("email", required=False)
@click.option("--plan", "plan_slug", metavar="SLUG", help="The first plan of the catalog unless given.")
@click.option("--expires", type=Span(), default="7d", metavar="TIME", help="12h, 30d or 2w; default: 7d, most: 365d.")
@answers
@in_service
def invite(email: str | None, plan_slug: str | None, expires: timedelta) -> Answer:
    """Print a link that makes one account; with EMAIL for that address alone, and mailed there if mail is set up."""
    from service.accounts import invites
    from service.services import services

    made = invites.make(at_the_terminal(), email, plan_slug, expires)
    expires_at = made.invite.expires_at.isoformat(timespec="seconds")
    document = {
        "id": made.invite.id,
        "link": made.address,
        "email": made.invite.email,
        "plan": made.invite.plan_slug,
        "expires_at": expires_at,
        "sent": made.is_mailed,
        "trouble": made.trouble,
    }
    note = port_note(services().settings)
    whom = made.invite.email or "whoever has the link"
    lines = [made.address, *([note] if note else []), f"For {whom}, on {made.invite.plan_slug}, until {expires_at}."]
    if made.is_mailed:
        lines.append("It was mailed.")
    elif made.trouble:
        lines.append(f"It could not be mailed, so hand it over: {made.trouble}")
    return Answer(document, "\n".join(lines))


@click.command("invites")
@click.option("--all", "ended_too", is_flag=True, help="Those too that were used or revoked or have expired.")
@click.option("--revoke", type=int, metavar="ID", help="Make this one worthless.")
@answers
@in_service
def list_invites(ended_too: bool, revoke: int | None) -> Answer:
    """List invites that can be used, newest first; or revoke one."""
    from service.accounts import invites

    if revoke is not None:
        if ended_too:
            raise click.UsageError("Choose one of --all and --revoke.")
        invites.revoke(at_the_terminal(), revoke)
        return Answer({"id": revoke, "revoked": True}, f"Invite {revoke} is revoked.")
    open_ones = invites.open_invites()
    ended = invites.ended_invites() if ended_too else []
    document = [*(_open(each) for each in open_ones), *(_ended(each) for each in ended)]
    rows = [
        [
            str(each["id"]),
            str(each["email"] or "(anybody)"),
            str(each["plan"]),
            str(each["state"]),
            str(each["expires_at"] or each["ended_at"])[:16].replace("T", " "),
            str(each["created_by"]),
        ]
        for each in document
    ]
    none = "No invites." if ended_too else "No open invites."
    return Answer(document, table(["ID", "FOR", "PLAN", "STATE", "UNTIL (UTC)", "MADE BY"], rows) if rows else none)


def _open(each: OpenInvite) -> dict[str, object]:
    return {
        "id": each.id,
        "email": each.email,
        "plan": each.plan_slug,
        "state": "open",
        "expires_at": each.expires_at.isoformat(timespec="seconds"),
        "ended_at": None,
        "created_by": each.created_by,
    }


def _ended(each: EndedInvite) -> dict[str, object]:
    return {
        "id": each.id,
        "email": each.email,
        "plan": each.plan_slug,
        "state": each.state,
        "expires_at": None,
        "ended_at": each.ended_at.isoformat(timespec="seconds"),
        "created_by": each.created_by,
    }
