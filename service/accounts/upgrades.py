"""Upgrade requests: what members ask for and operators decide. A lighter plan can be asked for in the same way.

Money is no part of it: whoever approves has settled the price with the member. A payment would come in
between ``request`` and ``approve``: its provider's confirmation would call ``approve`` as the operator does now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from models import subscription, upgrade_request
from models.account import Account
from models.upgrade_request import APPROVED, DECLINED, NOTE_CHARACTERS, PENDING, WITHDRAWN, UpgradeRequest
from service.accounts import audit
from service.accounts.audit import Actor
from service.accounts.holdings import known_plan, locked, repeat_once
from service.mail import queue as mail_queue
from service.mail import upgrade_mail
from service.refusals import AlreadyDecided, AlreadyPending, NoSuchRequest, NothingToChange, Suspended, UnfitNote
from service.services import services

MOST_LISTED = 500
WITHDRAWN_KEPT = 20  # of an account

log = logging.getLogger("smartroute.upgrades")


class Upgrade(Struct, frozen=True):
    """A request as pages and commands see it; plans are slugs, which the catalog may have lost meanwhile."""

    id: int
    account_id: int
    email: str
    from_plan: str
    to_plan: str
    note: str
    state: str
    """``pending``, ``approved``, ``declined`` or ``withdrawn``."""
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    """None while it is pending, and where the member withdrew it."""
    message: str | None
    """The operator's, to the member."""

    @property
    def is_pending(self) -> bool:
        """Whether nobody has decided yet."""
        return self.state == PENDING


def request(account_id: int, plan_slug: str, note: str = "") -> Upgrade:
    """Ask for another plan; of any number of simultaneous calls one makes a request. The log tells the operator.

    Raises:
        UnknownPlan, UnfitNote, NothingToChange, AlreadyPending, Suspended: as they say.
        NoSuchAccount: it was deleted a moment ago.
    """
    plan = known_plan(plan_slug)
    note = _fit_text(note)

    def work(session: Session) -> Upgrade:
        owner = locked(session, account_id)
        if owner.suspended_at is not None:
            raise Suspended("This account is suspended. Ask the operator of this service.")
        current = subscription.live(session, account_id)
        if current is None:
            raise NothingToChange("This account has no plan yet. Opening the documentation activates the first one.")
        if current.plan_slug == plan.slug:
            raise NothingToChange(f"{plan.name} is the plan that you have.")
        if upgrade_request.pending_of(session, account_id) is not None:
            raise AlreadyPending("You have asked for a plan already. Withdraw that request to ask for another.")
        made = upgrade_request.add(session, account_id, current.plan_slug, plan.slug, note)
        return _upgrade(made, owner)

    asked = repeat_once(work)
    # No address: the log names no member.
    log.info(
        "account %d asks for the plan %s, it has %s (request %d): decide on /admin or by %s upgrades",
        account_id,
        asked.to_plan,
        asked.from_plan,
        asked.id,
        services().settings.command,
    )
    return asked


def withdraw(account_id: int, request_id: int) -> Upgrade:
    """Take a member's own request back. Of all that the account withdrew, the newest 20 are kept.

    Raises:
        NoSuchRequest: there is none, or it is somebody else's.
        AlreadyDecided: the operator was quicker, or it is withdrawn already.
    """

    def work(session: Session) -> Upgrade:
        owner = locked(session, account_id)
        found = _pending(session, request_id, of=account_id)
        upgrade_request.decide(found, WITHDRAWN, decided_by=None, message=None)
        upgrade_request.forget_withdrawn(session, account_id, but_newest=WITHDRAWN_KEPT)
        return _upgrade(found, owner)

    return services().storage.write_session(work)


def approve(request_id: int, *, by: Actor, message: str = "") -> Upgrade:
    """Move the account to the plan it asked for and close the request, both or neither.

    An account that holds the plan by now keeps it. ``message`` is for the member.

    Raises:
        NoSuchRequest, AlreadyDecided, UnfitNote: as they say.
        UnknownPlan: the catalog has lost the plan meanwhile; the request stays pending.
        Suspended: the account is; the request stays pending.
    """

    def act(session: Session, found: UpgradeRequest, owner: Account) -> str:
        if owner.suspended_at is not None:
            raise Suspended(f"{owner.email} is suspended. Resume the account first, or decline.")
        subscription.activate(session, owner.id, known_plan(found.to_plan).slug)
        return APPROVED

    return _decided(request_id, act, by, message)


def decline(request_id: int, *, by: Actor, message: str = "") -> Upgrade:
    """Close a request and leave the plan as it is.

    Raises:
        NoSuchRequest, AlreadyDecided, UnfitNote: as they say.
    """
    return _decided(request_id, lambda session, found, owner: DECLINED, by, message)


def pending_of(account_id: int) -> Upgrade | None:
    """Return the account's request that nobody has decided yet."""
    return _read_one(account_id, upgrade_request.pending_of)


def latest_of(account_id: int) -> Upgrade | None:
    """Return the account's newest request, whatever became of it."""
    return _read_one(account_id, upgrade_request.latest_of)


def listing(*, decided_too: bool = False) -> list[Upgrade]:
    """Return pending requests, oldest first; or all of them, newest first. At most 500."""

    def read(session: Session) -> list[Upgrade]:
        rows = upgrade_request.listing(session, decided_too=decided_too, at_most=MOST_LISTED)
        return [_upgrade(found, owner) for found, owner in rows]

    return services().storage.read_session(read)


# -- inside a transaction -----------------------------------------------------------------------------------------


def _decided(
    request_id: int,
    act: Callable[[Session, UpgradeRequest, Account], str],
    by: Actor,
    message: str,
) -> Upgrade:
    message = _fit_text(message)

    def work(session: Session) -> Upgrade:
        seen = upgrade_request.find(session, request_id)
        if seen is None:
            raise NoSuchRequest(_no_such(request_id))
        owner = locked(session, seen.account_id)  # the account first, as whoever asks or withdraws does
        found = _pending(session, request_id, of=owner.id)
        state = act(session, found, owner)
        upgrade_request.decide(found, state, decided_by=by.name, message=message or None)
        told = {"request": f"{found.id}", "from": found.from_plan, "to": found.to_plan}
        audit.record(session, by, f"upgrade.{state}", audit.subject_of(owner.id), **told)
        upgrade_mail.announce_in(session, owner, found.id)
        return _upgrade(found, owner)

    decided = repeat_once(work)
    mail_queue.wake_carrier()
    return decided


def _pending(session: Session, request_id: int, *, of: int) -> UpgradeRequest:
    found = upgrade_request.find_locked(session, request_id)
    if found is None or found.account_id != of:
        raise NoSuchRequest(_no_such(request_id))
    if found.pending_account_id is None:
        raise AlreadyDecided(f"Request {request_id} is {found.state} already.")
    return found


def _read_one(account_id: int, find: Callable[[Session, int], UpgradeRequest | None]) -> Upgrade | None:
    def read(session: Session) -> Upgrade | None:
        found = find(session, account_id)
        owner = session.get(Account, account_id)
        return None if found is None or owner is None else _upgrade(found, owner)

    return services().storage.read_session(read)


def _upgrade(found: UpgradeRequest, owner: Account) -> Upgrade:
    return Upgrade(
        id=found.id,
        account_id=found.account_id,
        email=owner.email or "",
        from_plan=found.from_plan,
        to_plan=found.to_plan,
        note=found.note,
        state=found.state,
        created_at=found.created_at,
        decided_at=found.decided_at,
        decided_by=found.decided_by,
        message=found.message,
    )


def _fit_text(text: str) -> str:
    """Return a note as it is stored: trimmed, line ends of one kind."""
    text = text.strip().replace("\r\n", "\n")
    if len(text) > NOTE_CHARACTERS:
        raise UnfitNote(f"Use at most {NOTE_CHARACTERS} characters.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnfitNote("Use characters of valid Unicode text.") from error
    return text


def _no_such(request_id: int) -> str:
    return f"There is no upgrade request {request_id}."
