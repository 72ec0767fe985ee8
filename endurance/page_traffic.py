"""Scenarios of people at browsers: a member on the documentation page, an operator on the pages of the house."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from endurance.clients import Answer, Clients
from endurance.seen import COMPLETE, REFUSED

OPEN_PAGES = ("/", "/plans", "/sign-in", "/openapi.json", "/static/icon.svg", "/healthz", "/readyz")
MEMBER_PAGES = ("/docs", "/docs", "/docs", "/usage", "/account", "/plans")
OPERATOR_PAGES = ("/admin", "/admin/accounts", "/admin/requests", "/admin/health", "/admin/usage", "/admin/catalog")
SIGN_IN_AGAIN = 0.03


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
        if self._is_signing_in:
            return
        if not self._cookies or random.random() < SIGN_IN_AGAIN:
            self._is_signing_in = True
            try:
                self._sign_in()
            finally:
                self._is_signing_in = False
        self._open(self._scenario, random.choice(self._pages))

    def _sign_in(self) -> None:
        self._cookies = {}
        page = self._open("sign-in", "/sign-in")
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page.body)
        if token is None:
            return
        form = {"csrf_token": token[1].decode(), "email": self._email, "password": self._password}
        answer = self._clients.ask(
            "sign-in", "POST", "/sign-in", urlencode(form).encode(),
            headers={**self._cookie(), "Content-Type": "application/x-www-form-urlencoded"}, expected=[REFUSED],
        )  # fmt: skip
        self._keep_cookies(answer.headers)
        if answer.seen.status != 303:
            self._cookies = {}

    def _open(self, scenario: str, path: str) -> Answer:
        answer = self._clients.ask(scenario, "GET", path, headers=self._cookie(), expected=[COMPLETE])
        self._keep_cookies(answer.headers)
        return answer

    def _cookie(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    def _keep_cookies(self, headers: Mapping[str, str]) -> None:
        for cookie in headers.get("set-cookie", "").split("\n"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if value:
                self._cookies[name] = value


def open_page(clients: Clients) -> None:
    """A visitor without an account."""
    clients.ask("open page", "GET", random.choice(OPEN_PAGES))
