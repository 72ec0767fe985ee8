"""A real SMTP server on loopback, in a thread of the tests, that keeps what it is given or misbehaves as told."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.harness.processes import free_port, wait_until

USER, PASSWORD = "smart-route", "correct-mail-password"


@dataclass
class Received:
    """One mail as the server got it."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        """Its body, with the line ends of Python."""
        return cast(str, self.message.get_content()).replace("\r\n", "\n")

    def link(self, part: str) -> str:
        """The path of the one link in it that has ``part`` at its start."""
        [found] = [word for word in self.text.split() if f"/{part}/" in word]
        return "/" + found.split("/", 3)[3]


@dataclass
class Post:
    """What a server does with mails, and what came of it."""

    mails: list[Received] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    refuse_recipient: str | None = None
    refuse_mail: str | None = None
    vanish: bool = False
    hold: threading.Event | None = None
    port: int = 0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: Any) -> str:
        """Take or refuse a recipient."""
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take or refuse a mail, after a while or never."""
        if self.hold is not None:
            while not self.hold.is_set():
                await asyncio.sleep(0.01)
        if self.vanish:
            cast(asyncio.Transport, server.transport).abort()
            return "250 nobody reads this"
        if self.refuse_mail:
            return self.refuse_mail
        message = message_from_bytes(cast(bytes, envelope.content), policy=policy.default)
        self.mails.append(Received(envelope.mail_from or "", envelope.rcpt_tos, message))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Let the one user in, and note who tried."""
        name, password = data.login.decode(), data.password.decode()
        self.signed_in.append((name, password))
        return AuthResult(success=(name, password) == (USER, PASSWORD), handled=False)

    def next_mail(self) -> Received:
        """Wait for a mail and take it."""
        wait_until("a mail", lambda: self.mails, timeout_s=20)
        return self.mails.pop(0)


@contextlib.contextmanager
def mail_server(post: Post | None = None, *, port: int = 0, tls: bool = False, **options: Any) -> Iterator[Post]:
    """Run a server until the block ends, on a free port unless told; ``options`` are those of aiosmtpd's SMTP."""
    post = post or Post()
    context = options.pop("context", None)
    if not tls and context is not None:
        options["tls_context"] = context
    controller = Controller(
        post, hostname="127.0.0.1", port=0, ssl_context=context if tls else None, ready_timeout=20, **options
    )
    controller.port = port or free_port()
    controller.start()
    post.port = controller.port
    try:
        yield post
    finally:
        if post.hold is not None:
            post.hold.set()
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for 127.0.0.1: what a server needs, and the file that a client must trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "trusted.pem", folder / "private.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, private)
    return context, trusted


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Listen, accept, and never say a word; gives the port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield listening.getsockname()[1]
