"""Accounts as operators see them: a list that is turned page by page, and one account with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from catalog.model import Plan
from models import account, account_list, audit_list, service_token, sign_in, subscription, totp
from models.account import Account
from models.account_list import Wanted
from models.base import GREATEST_ID
from models.quota import Bonus, Limits, Standing, newest_row, standing
from service.accounts.audit import subject_of
from service.accounts.audit_trail import Entry, trail
from service.accounts.bonuses import in_force
from service.accounts.membership import Member, as_member
from service.services import services
from service.signing_in.sign_ins import Browser

ACCOUNTS_ON_A_PAGE = 25
ENTRIES_OF_AN_ACCOUNT = 10


class Held(Struct, frozen=True):
    """An account, its plan and what it used of it."""

    member: Member
    plan_slug: str | None
    plan: Plan | None
    """None without a plan, and where the catalog has lost it."""
    bonus: Bonus | None
    """What is in force today."""
    standing: Standing | None
    """None without a plan that the catalog has."""
    last_use_at: datetime | None
    has_two_step: bool
    """Whether signing in asks for a code."""


class Page(Struct, frozen=True):
    """Accounts by address, and the addresses at which the pages beside this one lie."""

    accounts: Sequence[Held]
    before: str | None
    after: str | None


class TokenDates(Struct, frozen=True):
    """The newest token, without itself."""

    made_at: datetime
    revoked_at: datetime | None


class Shown(Struct, frozen=True):
    """One account with what belongs to it."""

    held: Held
    plan_since: datetime | None
    suspended_at: datetime | None
    token: TokenDates | None
    browsers: Sequence[Browser]
    entries: Sequence[Entry]
    """The newest of the audit log that are about it."""


def page(wanted: Wanted, *, before: str | None = None, after: str | None = None) -> Page:
    """Return a page of accounts: the first, or those ``before`` or ``after`` an address."""

    def read(session: Session) -> Page:
        house = services()
        now = house.storage.now(session.connection())
        today = house.calendar.at(now).today
        if before is not None:
            listed = account_list.page_before(session, wanted, before, ACCOUNTS_ON_A_PAGE, today)
        else:
            listed = account_list.page_after(session, wanted, after, ACCOUNTS_ON_A_PAGE, today)
        held = [_held(session, found, plan_slug, now) for found, plan_slug in listed.rows]
        return Page(held, listed.before, listed.after)

    return services().storage.read_session(read)


def show(account_id: int) -> Shown | None:
    """Return one account; None when no living one has this number."""

    def read(session: Session) -> Shown | None:
        found = account.find(session, account_id) if 0 < account_id <= GREATEST_ID else None
        if found is None:
            return None
        house = services()
        plan = subscription.live(session, account_id)
        slug = None if plan is None else plan.plan_slug
        token = service_token.latest(session, account_id)
        if token is not None and token.created_at < found.created_at:  # of whoever held the address before
            token = None
        return Shown(
            held=_held(session, found, slug, house.storage.now(session.connection())),
            plan_since=None if plan is None else plan.started_at,
            suspended_at=found.suspended_at,
            token=None if token is None else TokenDates(token.created_at, token.revoked_at),
            browsers=[
                Browser(each.id, each.created_at, each.seen_at, each.user_agent)
                for each in sign_in.of_account(session, account_id)
            ],
            entries=[],
        )

    shown = services().storage.read_session(read)
    if shown is None:
        return None
    entries = trail(audit_list.Wanted(subject=subject_of(account_id)), at_most=ENTRIES_OF_AN_ACCOUNT).entries
    return Shown(shown.held, shown.plan_since, shown.suspended_at, shown.token, shown.browsers, entries)


def _held(session: Session, found: Account, plan_slug: str | None, now: datetime) -> Held:
    house = services()
    plan = None if plan_slug is None else house.catalog.plan(plan_slug)
    connection = session.connection()
    newest = newest_row(connection, found.id)
    used = None
    if plan is not None:
        limits = Limits(plan.daily, plan.monthly, bonus=found.bonus)
        used = standing(connection, found.id, limits, house.calendar, now, newest)
    return Held(
        member=as_member(found),
        plan_slug=plan_slug,
        plan=plan,
        bonus=in_force(found.bonus, house.calendar.at(now).today),
        standing=used,
        last_use_at=None if newest is None or newest.seq <= found.history_after else newest.started_at,
        has_two_step=totp.is_on(session, found.id),
    )
