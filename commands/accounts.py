"""``flask accounts ...``: what an operator or a script does with accounts. None of these asks anything."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from commands.accounts_bonus import bonus, bonus_document
from commands.accounts_totp import totp_state
from commands.acting import at_the_terminal
from commands.invites import invite, list_invites
from commands.output import Answer, Refusal, answers, in_service, table
from commands.public_address import port_note

if TYPE_CHECKING:
    from service.accounts.membership import Member

STANDARD_INPUT_S = 3.0

accounts = AppGroup("accounts", help="Make and manage accounts.")
accounts.add_command(totp_state)
accounts.add_command(bonus)
accounts.add_command(invite)
accounts.add_command(list_invites)


@accounts.command("create", with_appcontext=False)
@click.argument("email")
@click.option("--password", metavar="P", help="Without one nobody can sign in until set-password.")
@click.option("--plan", "plan_slug", metavar="SLUG", help="The first plan of the catalog unless given.")
@click.option("--admin", is_flag=True, help="Make an operator.")
@answers
@in_service
def create(email: str, password: str | None, plan_slug: str | None, admin: bool) -> Answer:
    """Make an account with plan and token."""
    from service.accounts import membership
    from service.services import services

    member, held = membership.create(email, password, plan_slug, is_operator=admin, by=at_the_terminal())
    document = {
        "email": member.email,
        "plan": held.plan_slug,
        "token": held.token,
        "operator": member.is_operator,
        "suspended": member.is_suspended,
    }
    command = f"{services().settings.command} accounts"
    lines = [f"email  {member.email}", f"plan   {held.plan_slug}", f"token  {held.token}"]
    if password is None:
        lines.append(f"No password yet: {command} set-password {member.email}, or reset-link")
    if member.is_suspended:
        lines.append(f"This address was suspended and still is: {command} resume {member.email}")
    return Answer(document, "\n".join(lines))


@accounts.command("list", with_appcontext=False)
@answers
@in_service
def list_accounts() -> Answer:
    """List all accounts, oldest first; no tokens."""
    from service.accounts import bonuses, membership

    members, today = membership.members(), bonuses.today()
    document = [
        {
            "email": member.email,
            "plan": plan_slug,
            "operator": member.is_operator,
            "suspended": member.is_suspended,
            "has_token": has_token,
            "created_at": member.created_at.isoformat(timespec="seconds"),
            "bonus": bonus_document(bonuses.in_force(member.bonus, today)),
        }
        for member, plan_slug, has_token in members
    ]
    rows = [
        [
            member.email,
            plan_slug or "-",
            "operator" if member.is_operator else "member",
            "suspended" if member.is_suspended else "active",
            "yes" if has_token else "no",
            f"{member.created_at:%Y-%m-%d}",
        ]
        for member, plan_slug, has_token in members
    ]
    text = table(["EMAIL", "PLAN", "ROLE", "STATE", "TOKEN", "CREATED"], rows) if rows else "No accounts yet."
    return Answer(document, text)


@accounts.command("set-plan", with_appcontext=False)
@click.argument("email")
@click.argument("slug")
@answers
@in_service
def set_plan(email: str, slug: str) -> Answer:
    """Move an account to a plan, from its next request on."""
    from service.accounts import holdings, membership

    member = membership.find(email)
    plan = holdings.set_plan(member.id, slug, by=at_the_terminal())
    return Answer({"email": member.email, "plan": plan.slug}, f"{member.email} is on {plan.slug}.")


@accounts.command("token", with_appcontext=False)
@click.argument("email")
@click.option("--regenerate", is_flag=True, help="Make a new one; the old one stops at once.")
@click.option("--revoke", is_flag=True, help="Stop it; nothing works until a new one is made.")
@answers
@in_service
def token(email: str, regenerate: bool, revoke: bool) -> Answer:
    """Print an account's token; alone, so that a script can take it."""
    from service.accounts import holdings, membership

    if regenerate and revoke:
        raise click.UsageError("Choose one of --regenerate and --revoke.")
    member = membership.find(email)
    if revoke:
        was_live = holdings.revoke_token(member.id, by=at_the_terminal())
        held = holdings.holding(member.id)
        text = "The token is revoked." if was_live else "There was no live token."
        return Answer(_token_document(member, None, revoked=held.token_was_made), text)
    if regenerate:
        new = holdings.regenerate_token(member.id, by=at_the_terminal())
        return Answer(_token_document(member, new, revoked=False), new)
    shown = holdings.show_token(member.id, by=at_the_terminal())
    if shown is None and not click.get_current_context().params["as_json"]:
        # A script that takes the plain line as a token must not get a sentence.
        raise Refusal("The token was revoked. --regenerate makes a new one.")
    return Answer(_token_document(member, shown, revoked=shown is None), shown or "")


@accounts.command("suspend", with_appcontext=False)
@click.argument("email")
@answers
@in_service
def suspend(email: str) -> Answer:
    """Stop an account's token and sign-in until it is resumed."""
    from service.accounts import membership

    member = membership.find(email)
    membership.suspend(member.id, by=at_the_terminal())
    return _state(member, "suspended", True, "is suspended")


@accounts.command("resume", with_appcontext=False)
@click.argument("email")
@answers
@in_service
def resume(email: str) -> Answer:
    """Let a suspended account go on, with the token that it had."""
    from service.accounts import membership

    member = membership.find(email)
    membership.resume(member.id, by=at_the_terminal())
    return _state(member, "suspended", False, "may go on")


@accounts.command("delete", with_appcontext=False)
@click.argument("email")
@answers
@in_service
def delete(email: str) -> Answer:
    """Delete an account; what it used stays with its address."""
    from service.accounts import deletion, membership

    member = membership.find(email)
    deletion.delete(member.id, by=at_the_terminal())
    return _state(member, "deleted", True, "is deleted")


@accounts.command("set-password", with_appcontext=False)
@click.argument("email")
@click.option("--password", metavar="P", help="Else a line of standard input; else one is made and printed.")
@answers
@in_service
def set_password(email: str, password: str | None) -> Answer:
    """Give an account a new password and sign it out everywhere."""
    from service.accounts import membership
    from service.signing_in import passwords

    member = membership.find(email)
    given = password if password is not None else _line_of_standard_input()
    chosen = given or passwords.generate()
    membership.set_password(member.id, chosen, by=at_the_terminal())
    if given:
        return Answer({"email": member.email}, f"{member.email} has the new password.")
    document = {"email": member.email, "password": chosen}
    return Answer(document, f"The new password of {member.email}: {chosen}")


@accounts.command("reset-link", with_appcontext=False)
@click.argument("email")
@answers
@in_service
def reset_link(email: str) -> Answer:
    """Print a link that sets an account's password; it works once, for an hour, and replaces the one before."""
    from service.accounts import membership
    from service.services import services
    from service.signing_in import reset_links

    member = membership.find(email)
    link = reset_links.hand_out(member.id, by=at_the_terminal())
    expires_at = link.expires_at.isoformat(timespec="seconds")
    note = port_note(services().settings)
    lines = [link.address, *([note] if note else []), f"For {member.email}, until {expires_at}."]
    return Answer({"email": member.email, "link": link.address, "expires_at": expires_at}, "\n".join(lines))


@accounts.command("operator-link", with_appcontext=False)
@answers
@in_service
def operator_link() -> Answer:
    """Print a link that makes the first operator's account; it works once, for an hour."""
    from service.accounts import operator_link as first_operator
    from service.services import services

    if first_operator.operator_exists():
        command = f"{services().settings.command} accounts create EMAIL --admin"
        raise Refusal(f"There is an operator already. A further one: {command}")
    link = first_operator.hand_out_operator_link(by=at_the_terminal())
    note = port_note(services().settings)
    return Answer({"link": link}, f"{link}\n{note}" if note else link)


def _token_document(member: Member, token: str | None, *, revoked: bool) -> dict[str, object]:
    return {"email": member.email, "token": token, "revoked": revoked}


def _state(member: Member, name: str, value: bool, words: str) -> Answer:
    return Answer({"email": member.email, name: value}, f"{member.email} {words}.")


def _line_of_standard_input() -> str | None:
    """Return the line that was piped in; None for a terminal, an empty input, or one that stays silent."""
    if sys.stdin is None or sys.stdin.isatty():
        return None
    from gevent.monkey import get_original

    try:
        # Started by another program, an open pipe that nobody writes to must not be waited for forever.
        readable, _, _ = get_original("select", "select")([sys.stdin.fileno()], [], [], STANDARD_INPUT_S)
    except (io.UnsupportedOperation, ValueError):  # not a file of the system
        readable = [True]
    return sys.stdin.readline().rstrip("\r\n") or None if readable else None
