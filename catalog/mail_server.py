"""From the checked [smtp] table to the mail server; None when mail is not configured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from typing import get_args

from catalog import keys
from catalog.entries import VARIABLE
from catalog.model import MailSecurity, MailServer
from catalog.tables import Table, got

# By RFC 8314 and RFC 6409; 25 is what relays on the own machine listen at.
USUAL_PORTS: Mapping[MailSecurity, int] = {"starttls": 587, "tls": 465, "none": 25}
MOST_SECONDS = 60.0
_HOST = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
_SENDER = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,253}")


def read_mail_server(root: Table) -> MailServer | None:
    """The [smtp] table of the file; None without one."""
    if "smtp" not in root:
        return None
    table = root.table("smtp", keys.SMTP)
    security: MailSecurity = table.choice("security", get_args(MailSecurity), "starttls")
    username = table.text("username", None)
    password_env = None
    if "password_env" in table:
        meaning = "the name of an environment variable in capitals; the password itself is never in the file"
        password_env = table.name("password_env", VARIABLE, meaning, show=False)
    if username is not None and password_env is None:
        table.refuse("password_env", "this key beside username: the environment variable that holds the password")
    if password_env is not None and username is None:
        table.refuse("username", "this key beside password_env")
    name, address = _sender(table)
    return MailServer(
        host=table.name("host", _HOST, 'the name or address of a mail server such as "mail.example.org"'),
        port=table.integer("port", USUAL_PORTS[security], least=1, most=65_535),
        username=username,
        password_env=password_env,
        security=security,
        sender_name=name,
        sender=address,
        timeout=_timeout(table),
    )


def mail_notices(server: MailServer | None, env: Mapping[str, str]) -> Iterator[str]:
    """Lines at start on what is valid and yet will not work, or not as its writer expects."""
    if server is None or server.password_env is None:
        return
    if not env.get(server.password_env, ""):
        yield f"no mail can be sent: {server.password_env}, the password of the mail server, is not set"
    if server.security == "none" and server.host not in ("localhost", "127.0.0.1", "::1"):
        yield f'the password goes to the mail server {server.host} in clear: security = "none"'


def _sender(table: Table) -> tuple[str, str]:
    meaning = 'an address such as "ai@example.org" or "Smart Routing <ai@example.org>"'
    table.require("from")
    text = table.text("from", "")
    name, address = parseaddr(text)
    # parseaddr is lenient: what it made nothing or something else of would be sent as something else.
    plain = text in (address, f"<{address}>") or text.endswith(f"<{address}>")
    if not plain or not _SENDER.fullmatch(address) or not address.isascii():
        table.refuse("from", f"{meaning}, got {got(text)}")
    return name, address


def _timeout(table: Table) -> float:
    seconds = table.seconds("timeout", 10.0)
    if seconds > MOST_SECONDS:
        table.refuse("timeout", f"at most {MOST_SECONDS:g} seconds: forms wait for it, got {got(table.raw('timeout'))}")
    return seconds
