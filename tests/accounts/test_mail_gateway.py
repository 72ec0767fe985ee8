"""A running gateway and its mail server: who waits for whom, and what outlives a worker."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests
import sqlalchemy as sa

from tests.accounts.mail_server import Post, mail_server
from tests.accounts.mailing import SMTP
from tests.conftest import GatewayFactory
from tests.harness.gateway import Gateway
from tests.harness.processes import free_port, wait_until

PASSWORD = "correct horse battery"
TIMEOUT_S = 2


@pytest.fixture(scope="module")
def port() -> int:
    """Where the mail server of these tests listens, when one does."""
    return free_port()


@pytest.fixture(scope="module")
def house(module_gateway_factory: GatewayFactory, port: int) -> Gateway:
    return module_gateway_factory("sqlite", workers=2, config=SMTP.format(port=port, timeout=TIMEOUT_S))


def send(house: Gateway, browser: requests.Session, page: str, **fields: str) -> requests.Response:
    """Open a page and send its form."""
    shown = browser.get(house.url + page, timeout=20).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown)
    assert token, shown
    return browser.post(house.url + page, data={"csrf_token": token[1], **fields}, timeout=20, allow_redirects=False)


@pytest.fixture
def dripping(port: int) -> Iterator[list[float]]:
    """A server that sends a byte every tenth of a second, so that no read of it ever takes long."""
    ended_after: list[float] = []

    def drip(connection: socket.socket) -> None:
        began = time.monotonic()
        with connection:
            try:
                while True:
                    connection.send(b"2")
                    time.sleep(0.1)
            except OSError:
                ended_after.append(time.monotonic() - began)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", port)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield ended_after
        listening.shutdown(socket.SHUT_RDWR)


def test_server_that_drips_holds_neither_form_nor_carrier_beyond_the_timeout(
    house: Gateway, dripping: list[float]
) -> None:
    browser = requests.Session()
    began = time.monotonic()
    answer = send(house, browser, "/sign-up", email="first@example.org", password=PASSWORD)
    assert answer.headers["Location"] == "/sign-up/sent"
    assert time.monotonic() - began < TIMEOUT_S
    wait_until("the carrier lets go", lambda: dripping, timeout_s=20)
    assert TIMEOUT_S - 0.5 < dripping[0] < TIMEOUT_S + 3
    wait_until(
        "the visitor is told",
        lambda: "could not be sent so far" in browser.get(f"{house.url}/sign-up/sent", timeout=20).text,
        timeout_s=20,
    )


def test_mail_that_waited_goes_out_once_the_server_is_back_even_if_the_gateway_was_killed(
    house: Gateway, port: int
) -> None:
    browser = requests.Session()
    send(house, browser, "/sign-up", email="second@example.org", password=PASSWORD)
    house.kill9_all()
    post = Post()
    with mail_server(post, port=port):
        house.start()
        links = {}
        while "second@example.org" not in links:
            mail = post.next_mail()
            links[mail.recipients[0]] = mail.link("confirm")
        answer = send(house, browser, links["second@example.org"])
        assert (answer.status_code, answer.headers["Location"]) == (303, "/docs")
    assert links["second@example.org"].removeprefix("/confirm/") not in house.stdout_text() + house.stderr_text()


def test_mail_in_hand_when_the_service_stops_is_sent_once(gateway_factory: GatewayFactory, port: int) -> None:
    class Hold(threading.Event):
        asked = False

        def is_set(self) -> bool:
            self.asked = True
            return super().is_set()

    hold = Hold()
    with mail_server(Post(hold=hold), port=port) as post, requests.Session() as browser:
        gateway = gateway_factory("sqlite", config=SMTP.format(port=port, timeout=30))
        assert send(gateway, browser, "/sign-up", email="late@example.org", password=PASSWORD).status_code == 303
        browser.close()
        wait_until("the server has the mail", lambda: hold.asked, timeout_s=20)
        threading.Timer(2.5, hold.set).start()  # a worker without requests ends a second after it was told to
        assert gateway.stop(patience_s=30) == 0
        assert len(post.mails) == 1
    engine = sa.create_engine(gateway.database_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM queued_mails").scalar_one() == 0
