"""An application of the test's own that sends its mails to a server of the test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from service.services import services
from tests.accounts.house import open_house
from tests.accounts.mail_server import Post, mail_server

SMTP = """
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
from = "ai@example.org"
timeout = {timeout}
"""


@contextlib.contextmanager
def mailing_house(
    folder: Path, port: int, *, registration: str = "open", timeout: float = 5, database_url: str | None = None
) -> Iterator[Flask]:
    """Make an application, on SQLite unless told, whose mail server listens at ``port``."""
    toml = folder / "smartroute.toml"
    service = f'[service]\nname = "Ours"\npublic_url = "https://ai.example.org"\nregistration = "{registration}"\n'
    toml.write_text(service + 'trusted_proxies = ["127.0.0.1"]\n' + SMTP.format(port=port, timeout=timeout))
    with open_house(database_url or f"sqlite:///{folder / 'smartroute.db'}", toml) as app:
        yield app


@contextlib.contextmanager
def house_and_post(folder: Path, **options: str) -> Iterator[tuple[Flask, Post]]:
    """Make both."""
    with mail_server() as post, mailing_house(folder, post.port, **options) as app:  # type: ignore[arg-type]
        yield app, post


def deliver(app: Flask) -> int:
    """Do what the carrier of a worker does when it is woken; gives how many mails were handed in."""
    with app.app_context():
        return services().carrier.deliver_due()
