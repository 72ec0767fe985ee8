"""Lost passwords replaced by mail. Asking says nothing about who has an account; the mail does, to its holder."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import account
from models.queued_mail import QueuedMail
from service.accounts import audit
from service.accounts.addresses import address_hash
from service.accounts.audit import Actor
from service.accounts.membership import Member, as_member
from service.mail import queue as mail_queue
from service.mail import texts as mail_texts
from service.mail.mail import Mail
from service.refusals import NoSuchAccount, Suspended
from service.services import services
from service.signing_in import reset_links


def ask(email: str) -> None:
    """Queue a reset mail to an address, whoever has it: known and unknown ones take the same work."""
    email_hash = address_hash(email)
    services().storage.write_session(lambda session: mail_queue.enqueue(session, mail_queue.RESET, email_hash))
    mail_queue.wake_carrier()


def send(account_id: int, *, by: Actor) -> str:
    """Queue a reset mail to an account, for an operator; return its address.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
        Suspended: nobody could sign in with the new password.
    """

    def work(session: Session) -> str:
        found = account.find_locked(session, account_id)
        if found is None or found.email is None:
            raise NoSuchAccount("This account does not exist any more.")
        if found.suspended_at is not None:
            raise Suspended(f"{found.email} is suspended: {services().settings.command} accounts resume {found.email}")
        audit.record(session, by, "reset_link.mailed", audit.subject_of(account_id))
        mail_queue.enqueue(session, mail_queue.RESET, address_hash(found.email))
        return found.email

    email = services().storage.write_session(work)
    mail_queue.wake_carrier()
    return email


def write_mail(queued: QueuedMail) -> Mail | None:
    """Write the mail to the holder of the address, with a link that is made now; None where there is none."""

    def read(session: Session) -> Member | None:
        found = account.find_by_email_hash(session, queued.email_hash)
        return None if found is None or found.deleted_at is not None else as_member(found)

    member = services().storage.read_session(read)
    if member is None:
        return None
    try:
        return mail_texts.reset(member.email, reset_links.hand_out(member.id).address)
    except Suspended:
        return mail_texts.suspended(member.email)
    except NoSuchAccount:  # deleted in this moment
        return None
