"""Who writes which queued mail. A further kind is a purpose in ``mail_queue`` and one more line here."""

from __future__ import annotations

from service import confirmation, mail_queue, reset_mail, upgrade_mail
from service.mail_carrier import Writers


def writers() -> Writers:
    """Return what writes the mail of each purpose; None from it: nobody is to get one."""
    return {
        mail_queue.CONFIRM: confirmation.write_mail,
        mail_queue.RESET: reset_mail.write_mail,
        mail_queue.UPGRADE: upgrade_mail.write_mail,
    }
