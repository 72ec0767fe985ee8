"""The mail that tells a member what became of an upgrade request."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import upgrade_request
from models.account import Account
from models.queued_mail import QueuedMail
from models.upgrade_request import APPROVED, DECLINED
from service.mail import queue as mail_queue
from service.mail import texts as mail_texts
from service.mail.mail import Mail
from service.services import services


def announce_in(session: Session, owner: Account, request_id: int) -> None:
    """Queue the mail about a request that is decided, in the transaction that decides it."""
    mail_queue.enqueue(session, mail_queue.UPGRADE, owner.email_hash, request_id)


def write_mail(queued: QueuedMail) -> Mail | None:
    """Write the mail; None when the account, or the request, is gone meanwhile."""

    def read(session: Session) -> Mail | None:
        found = upgrade_request.find(session, queued.reference)
        owner = None if found is None else session.get(Account, found.account_id)
        if found is None or owner is None or owner.email is None or found.state not in (APPROVED, DECLINED):
            return None
        plan = services().catalog.plan(found.to_plan)
        return mail_texts.upgrade_decided(
            owner.email,
            found.to_plan if plan is None else plan.name,
            is_approved=found.state == APPROVED,
            message=found.message or "",
        )

    return services().storage.read_session(read)
