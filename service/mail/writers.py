"""Who writes which queued mail. A further kind is a purpose in ``mail_queue`` and one more line here."""

from __future__ import annotations

from service.mail import queue as mail_queue
from service.mail import reset_mail, upgrade_mail
from service.mail.carrier import Writers
from service.signing_in import confirmation


def writers() -> Writers:
    """Return what writes the mail of each purpose; None from it: nobody is to get one."""
    return {
        mail_queue.CONFIRM: confirmation.write_mail,
        mail_queue.RESET: reset_mail.write_mail,
        mail_queue.UPGRADE: upgrade_mail.write_mail,
    }
