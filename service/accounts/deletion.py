"""The end of an account, by its member or by an operator."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import (
    account,
    invite,
    pending_sign_up,
    queued_mail,
    service_token,
    stored_response,
    subscription,
    totp,
    upgrade_request,
)
from models.account import Account
from service.accounts import audit, operators
from service.accounts.audit import Actor, subject_of
from service.accounts.holdings import repeat_once
from service.accounts.membership import hash_of_right_password, sign_out_everywhere
from service.refusals import AccountChanged


def delete_own(account_id: int, password: str) -> None:
    """``delete``, as its member asks for it.

    Raises:
        WrongPassword: it is not the account's.
        AccountChanged: it is not any more, or the account was suspended meanwhile.
        LastOperator: nobody else could use the operator pages.
    """
    password_hash = hash_of_right_password(account_id, password)

    def work(session: Session) -> None:
        operators.hold(session)
        found = account.find_locked(session, account_id)
        if found is None:  # as wanted
            return
        if found.suspended_at is not None or found.password_hash != password_hash:
            raise AccountChanged("This account was changed at the same moment. Sign in again.")
        _delete(session, found, audit.the_member(account_id))

    repeat_once(work)


def delete(account_id: int, *, by: Actor) -> None:
    """Erase what is personal, end the plan, revoke the token; what was used stays with the address.

    Raises:
        LastOperator: nobody else could use the operator pages.
    """

    def work(session: Session) -> None:
        operators.hold(session)
        found = account.find_locked(session, account_id)
        if found is not None:
            _delete(session, found, by)

    repeat_once(work)


def _delete(session: Session, found: Account, by: Actor) -> None:
    operators.keep_one(session, found)
    audit.record(session, by, "account.deleted", subject_of(found.id))
    service_token.revoke(session, found.id)
    subscription.end(session, found.id)
    stored_response.forget_all(session, found.id)
    upgrade_request.forget_all(session, found.id)
    invite.forget_holder(session, found.id, found.email)
    pending_sign_up.forget_address(session, found.email_hash)
    queued_mail.forget_address(session, found.email_hash)
    totp.switch_off(session, found.id)
    sign_out_everywhere(session, found)
    account.erase(session, found)
