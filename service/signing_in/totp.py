"""The second step of signing in: codes of an authenticator app (TOTP, RFC 6238) and one-use recovery codes.

Switching on ends the other sign-ins of the account, which were made without a code; switching off ends none.
A code counts once: the step of the newest one taken is kept under the account's lock, so of two workers that are
given the same code one refuses it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from sqlalchemy.orm import Session

from models import account, sign_in, totp
from models.account import Account
from service.accounts.audit import Actor, record, subject_of
from service.accounts.membership import Member, as_member, hash_of_right_password
from service.keys import WrongKey
from service.refusals import AccountChanged, MembershipError
from service.services import services
from service.signing_in.totp_setup import Setup, SetupOver

Outcome = TypeVar("Outcome")

STEP_S = 30
DRIFT_STEPS = 1
"""How many steps a phone's clock may be off, either way (RFC 6238, section 5.2)."""
RECOVERY_CODES = 10
_RECOVERY_CHARACTERS = 12
# Without I, L, O and U, which are misread. Source: https://www.crockford.com/base32.html
_RECOVERY_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110")


class WrongCode(MembershipError):
    """Neither the code of this moment nor an unused recovery code."""


class AlreadyOn(MembershipError):
    """The two-step sign-in is on."""


class NotOn(MembershipError):
    """The two-step sign-in is off."""


class State(Struct, frozen=True):
    """How the two-step sign-in of an account stands that is on."""

    since: datetime
    recovery_codes_left: int


class Passed(Struct, frozen=True):
    """A second step that was done; ``wrong_codes`` were entered before it, since the last right one."""

    member: Member
    wrong_codes: int
    recovery_codes_left: int


def is_on(account_id: int) -> bool:
    """Tell whether an account's sign-in asks for a code."""
    return services().storage.read_session(lambda session: totp.is_on(session, account_id))


def state(account_id: int) -> State | None:
    """Return how an account's two-step sign-in stands; None while it is off."""

    def read(session: Session) -> State | None:
        row = totp.of_account(session, account_id)
        return None if row is None else State(row.created_at, totp.recovery_codes_left(session, account_id))

    return services().storage.read_session(read)


def switch_on(account_id: int, browser_id: int, password: str, setup: Setup, code: str) -> list[str]:
    """Ask for a code at every sign-in from now on; return the recovery codes, which nobody can show again.

    Raises:
        SetupOver: the secret was shown to another browser, or too long ago.
        WrongPassword: it is not the account's.
        WrongCode: the app was not given this secret, or its clock is off.
        AlreadyOn: somebody was quicker.
        AccountChanged: the password or the state of the account changed meanwhile.
    """
    if not setup.is_for(account_id, browser_id):
        raise SetupOver("This secret was shown too long ago. Scan the new one.")
    step = _step_of(setup.secret, code, after=-1)
    codes, digests = _new_recovery_codes(account_id)
    sealed = services().keyring.seal_totp_secret(setup.secret, account_id)
    password_hash = hash_of_right_password(account_id, password)
    if step is None:
        raise WrongCode("That is not the code of this moment. Check that the phone's clock is right.")

    def work(session: Session) -> None:
        found = _unchanged(session, account_id, password_hash)
        if totp.of_account_locked(session, account_id) is not None:
            raise AlreadyOn("The two-step sign-in is on already.")
        totp.switch_on(session, account_id, sealed, step)
        totp.put_recovery_codes(session, account_id, digests)
        found.session_epoch += 1  # a sign-in that is under way without a code does not come about
        sign_in.end_all(session, account_id, but=browser_id)

    services().storage.write_session(work)
    return codes


def renew_recovery_codes(account_id: int, password: str, code: str) -> list[str]:
    """Return new recovery codes; the ones before are worthless.

    Raises:
        WrongPassword, WrongCode, NotOn, AccountChanged: as they say.
    """
    codes, digests = _new_recovery_codes(account_id)
    _with_proof(account_id, password, code, lambda session: totp.put_recovery_codes(session, account_id, digests))
    return codes


def switch_off(account_id: int, password: str, code: str) -> None:
    """Ask for no code any more.

    Raises:
        WrongPassword, WrongCode, NotOn, AccountChanged: as they say.
    """
    _with_proof(account_id, password, code, lambda session: totp.switch_off(session, account_id))


def switch_off_for(account_id: int, by: Actor) -> bool:
    """Ask a member who lost phone and recovery codes for no code any more; false where none was asked for.

    Whoever calls it has made sure who asks: from then on the password alone signs in.
    """

    def work(session: Session) -> bool:
        found = account.find_locked(session, account_id)
        if found is None or not totp.switch_off(session, account_id):
            return False
        record(session, by, "totp.disabled", subject_of(account_id))
        return True

    return services().storage.write_session(work)


def pass_second_step(account_id: int, session_epoch: int, code: str) -> Passed:
    """Take the code of somebody who has given the right password when the account had this ``session_epoch``.

    Raises:
        WrongCode: it is none, or was used before.
        NotOn: no code is asked for any more.
        AccountChanged: since the password was looked at, the account was suspended, deleted or signed out everywhere.
    """

    def work(session: Session) -> Passed | None:
        found = account.find_locked(session, account_id)
        if found is None or found.suspended_at is not None or found.session_epoch != session_epoch:
            raise AccountChanged("This account was changed at the same moment. Sign in again.")
        row = _row(session, account_id)
        wrong_codes = row.wrong_codes
        if not _take(session, row, code):
            return None
        return Passed(as_member(found), wrong_codes, totp.recovery_codes_left(session, account_id))

    return _or_wrong_code(services().storage.write_session(work))


def _with_proof(account_id: int, password: str, code: str, change: Callable[[Session], object]) -> None:
    password_hash = hash_of_right_password(account_id, password)

    def work(session: Session) -> bool | None:
        _unchanged(session, account_id, password_hash)
        if not _take(session, _row(session, account_id), code):
            return None
        change(session)
        return True

    _or_wrong_code(services().storage.write_session(work))


def _or_wrong_code(outcome: Outcome | None) -> Outcome:
    # Only now: raised inside the transaction, it would undo the count of wrong codes.
    if outcome is None:
        raise WrongCode("That is not the code of this moment, or it was used before. Wait for the next one.")
    return outcome


def _unchanged(session: Session, account_id: int, password_hash: str) -> Account:
    found = account.find_locked(session, account_id)
    if found is None or found.suspended_at is not None or found.password_hash != password_hash:
        raise AccountChanged("This account was changed at the same moment. Sign in again.")
    return found


def _row(session: Session, account_id: int) -> totp.TotpSecret:
    row = totp.of_account_locked(session, account_id)
    if row is None:
        raise NotOn("The two-step sign-in is off.")
    return row


def _take(session: Session, row: totp.TotpSecret, code: str) -> bool:
    """Use a code of either kind up; count a wrong one."""
    step = _step_of(_secret_of(row), code, after=row.last_step)
    if step is not None:
        row.last_step = step
    elif not _is_recovery_code(session, row.account_id, code):
        row.wrong_codes += 1
        return False
    row.wrong_codes = 0
    return True


def _secret_of(row: totp.TotpSecret) -> str:
    try:
        return services().keyring.open_totp_secret(row.sealed, row.account_id)
    except WrongKey as error:
        raise RuntimeError("a TOTP secret in the database was sealed with another key") from error


def _step_of(secret: str, code: str, *, after: int) -> int | None:
    """Return the time step that a code belongs to, of those around this moment and later than ``after``."""
    import pyotp  # loaded by who signs in with a code
    from pyotp.utils import strings_equal

    digits = "".join(code.split())
    now = int(time.time()) // STEP_S
    maker = pyotp.TOTP(secret)
    # All are compared, so that the time taken does not tell which was near.
    right = [
        step
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
        if strings_equal(digits, maker.generate_otp(step))
    ]
    return next((step for step in right if step > after), None)


def _is_recovery_code(session: Session, account_id: int, code: str) -> bool:
    plain = "".join(filter(str.isalnum, code.upper())).translate(_MISREAD)
    if len(plain) != _RECOVERY_CHARACTERS or not plain.isascii():
        return False
    return totp.use_recovery_code(session, account_id, services().keyring.recovery_digest(plain, account_id))


def _new_recovery_codes(account_id: int) -> tuple[list[str], list[bytes]]:
    plain = [
        "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_CHARACTERS)) for _ in range(RECOVERY_CODES)
    ]
    digests = [services().keyring.recovery_digest(each, account_id) for each in plain]
    return [f"{each[:4]}-{each[4:8]}-{each[8:]}" for each in plain], digests
