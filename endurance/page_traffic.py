"""Scenarios of people at browsers: a member on the documentation page, an operator on the pages of the house."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from endurance.clients import Answer, Clients
from endurance.seen import REFUSED

OPEN_PAGES = ("/", "/plans", "/sign-in", "/openapi.json", "/static/icon.svg", "/healthz", "/readyz")
MEMBER_PAGES = ("/docs", "/docs", "/docs", "/usage", "/account", "/plans")
OPERATOR_PAGES = ("/admin", "/admin/accounts", "/admin/requests", "/admin/health", "/admin/usage", "/admin/catalog")
SIGN_IN_AGAIN = 0.03
SEE_OTHER = 303


class Browser:
    """One person, signed in; signs in anew now and then."""

    def __init__(self, clients: Clients, password: str, email: str, pages: tuple[str, ...], scenario: str) -> None:
        """Begin signed out."""
        self._clients = clients
        self._email, self._password = email, password
        self._pages = pages
        self._scenario = scenario
        self._cookies: dict[str, str] = {}
        self._is_signing_in = False

    def look(self) -> None:
        """Open one page, signing in before if need be."""
        if not self._cookies or (random.random() < SIGN_IN_AGAIN and not self._is_signing_in):
            self._sign_in()
        if self._cookies:
            self._open(self._scenario, random.choice(self._pages), self._cookies)

    def _sign_in(self) -> None:
        # The old session serves the pages that are being opened meanwhile.
        self._is_signing_in = True
        cookies: dict[str, str] = {}
        page = self._open("sign-in", "/sign-in", cookies)
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page.body)
        if token is not None:
            form = {"csrf_token": token[1].decode(), "email": self._email, "password": self._password}
            headers = {**_header(cookies), "Content-Type": "application/x-www-form-urlencoded"}
            expected = [f"{REFUSED}:"]
            answer = self._clients.ask(
                "sign-in", "POST", "/sign-in", urlencode(form).encode(), headers=headers, expected=expected
            )
            _keep(cookies, answer)
            if answer.seen.status == SEE_OTHER:
                self._cookies = cookies
        self._is_signing_in = False

    def _open(self, scenario: str, path: str, cookies: dict[str, str]) -> Answer:
        answer = self._clients.ask(scenario, "GET", path, headers=_header(cookies))
        _keep(cookies, answer)
        return answer


def _header(cookies: Mapping[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}


def _keep(cookies: dict[str, str], answer: Answer) -> None:
    for cookie in answer.headers.get("set-cookie", "").split("\n"):
        name, _, value = cookie.partition(";")[0].partition("=")
        if value:
            cookies[name] = value


def open_page(clients: Clients) -> None:
    """A visitor without an account."""
    clients.ask("open page", "GET", random.choice(OPEN_PAGES))
