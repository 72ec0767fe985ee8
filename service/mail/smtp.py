"""One mail, handed to the configured mail server: plain text, to one recipient, bounded in time.

Nothing here touches the database, so no transaction is open while a server thinks. Imported where a mail server is
configured, and with it what the standard library knows of mail.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from urllib.parse import urlsplit

from gevent import Timeout

from catalog.model import MailServer
from models.base import utcnow
from service.mail.address_syntax import parsed
from service.mail.mail import Mail, MailTrouble
from service.services import services

REPLY_CHARACTERS = 200  # of what a server answered
# Lines of a link or of a subject stay whole: a soft break inside a link is one more thing to go wrong.
# 998 is what a line of a mail may have: https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1
_POLICY = SMTP.clone(max_line_length=900)


@dataclass(frozen=True, slots=True)
class Mailer:
    """Hands mails to one server."""

    server: MailServer
    own_name: str
    """By which this machine greets the server."""
    password: str | None = field(repr=False)

    def send(self, mail: Mail) -> None:
        """Hand a mail in; returns once the server has taken it, within the configured time.

        Raises:
            MailTrouble: it has not, or has not said so in time.
        """
        try:
            message = compose(self.server, mail)
        except ValueError as error:
            raise MailTrouble("Address or subject cannot stand in a mail.", is_final=True) from error
        was_taken = False
        try:
            with Timeout(self.server.timeout, False), contextlib.closing(self._connection()) as smtp:
                smtp.send_message(message, self.server.sender, [envelope_address(mail.to)])
                was_taken = True
                smtp.quit()
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            if not was_taken:  # else only the parting failed
                raise self._trouble(error) from None  # a trace could show what was sent
        if not was_taken:
            raise MailTrouble(f"{self._name} did not take the mail within {self.server.timeout:g} seconds.")

    def _connection(self) -> smtplib.SMTP:
        server = self.server
        if server.username is not None and self.password is None:
            raise MailTrouble(f"{server.password_env}, the password of the mail server, is not set.")
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=self.own_name,
                timeout=server.timeout,
                context=ssl.create_default_context(),
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, local_hostname=self.own_name, timeout=server.timeout)
        try:
            if server.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if server.username is not None and self.password is not None:
                smtp.login(server.username, self.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    @property
    def _name(self) -> str:
        return f"The mail server {self.server.host}:{self.server.port}"

    def _trouble(self, error: Exception) -> MailTrouble:
        name = self._name
        match error:
            case smtplib.SMTPRecipientsRefused():
                code, reply = next(iter(error.recipients.values()))
                return MailTrouble(f"{name} refuses the recipient ({code}).", reply=_words(reply), is_final=code >= 500)
            case smtplib.SMTPAuthenticationError():
                return MailTrouble(f"{name} does not take user name and password ({error.smtp_code}).")
            case smtplib.SMTPSenderRefused():
                text = f"{name} refuses the sender, `from` in [smtp] ({error.smtp_code})."
                return MailTrouble(text, reply=_words(error.smtp_error))
            case smtplib.SMTPDataError():
                text = f"{name} refuses the mail ({error.smtp_code})."
                return MailTrouble(text, reply=_words(error.smtp_error), is_final=error.smtp_code >= 500)
            case smtplib.SMTPResponseException():
                text = f"{name} serves nobody at the moment ({error.smtp_code})."
                return MailTrouble(text, reply=_words(error.smtp_error))
            case smtplib.SMTPNotSupportedError() if "SMTPUTF8" in str(error):
                return MailTrouble(f"{name} takes addresses in plain letters only.", is_final=True)
            case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
                return MailTrouble(f"{name} offers no STARTTLS: nothing was sent in clear.")
            case smtplib.SMTPNotSupportedError():
                return MailTrouble(f"{name} takes no user name and password over this connection.")
            case smtplib.SMTPServerDisconnected():
                return MailTrouble(f"{name} ended the connection, or did not answer in time.")
            case smtplib.SMTPException():
                return MailTrouble(f"{name} does not answer as a mail server does.")
            case ssl.SSLCertVerificationError():
                return MailTrouble(
                    f"The certificate of {name[0].lower()}{name[1:]} is not right: {error.verify_message}."
                )
            case ssl.SSLError():
                return MailTrouble(f"{name} speaks no TLS there, or none that can be used.")
            case TimeoutError():
                return MailTrouble(f"{name} did not answer within {self.server.timeout:g} seconds.")
            case OSError():
                return MailTrouble(f"{name} cannot be reached: {error.strerror or type(error).__name__}.")
            case _:  # letters in the name, the user name or the password that no server takes
                return MailTrouble(f"{name}, user name or password: plain letters are needed.")


def mailer_of(server: MailServer, public_url: str, env: Mapping[str, str]) -> Mailer:
    """Return what sends mails by ``server``, with the password that ``env`` holds, in the name of ``public_url``."""
    # The library would ask the name service who we are, which may take long.
    host = urlsplit(public_url).hostname or "localhost"
    is_number = ":" in host or host.replace(".", "").isdigit()
    own_name = f"[{'IPv6:' if ':' in host else ''}{host}]" if is_number else host
    return Mailer(server, own_name, server.password(env))


def send(mail: Mail) -> None:
    """Hand a mail in, and wait for it.

    Raises:
        MailTrouble: it was not taken, or no mail server is configured.
    """
    mailer = services().mailer
    if mailer is None:
        raise MailTrouble("No mail server is configured: see [smtp] in smartroute.example.toml.", is_final=True)
    mailer.send(mail)


def compose(server: MailServer, mail: Mail) -> EmailMessage:
    """Return a mail with its headers; a line break in one of them is an error of ours and sends nothing.

    Raises:
        ValueError: an address or the subject cannot be a header.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(display_name=server.sender_name, addr_spec=server.sender)
    message["To"] = Address(addr_spec=envelope_address(mail.to))
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(utcnow())
    message["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2])
    # Answering machines leave such mails alone: https://www.rfc-editor.org/rfc/rfc3834#section-5
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def envelope_address(email: str) -> str:
    """Return an address as servers take it: the domain in ASCII.

    Raises:
        ValueError: it is no address.
    """
    checked = parsed(email)
    return checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"


def _words(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain[:REPLY_CHARACTERS]
