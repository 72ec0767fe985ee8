"""Members of the gateway under test: made by command, signed in by the real form."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import requests
from playwright.sync_api import Page, StorageState

from tests.harness.gateway import RUN_COMMANDS, Gateway
from tests.harness.processes import clean_environment

PASSWORD = "seven quiet lamps by the water"


@dataclass
class Member:
    """Somebody with an account; ``cookies`` are those of a browser that signed in, once one did."""

    email: str
    token: str
    password: str = PASSWORD
    cookies: StorageState | None = None


def make_members(gateway: Gateway, count: int, plan: str | None = None) -> list[Member]:
    """Make accounts with a password, all by one run of ``flask accounts create``."""
    emails = [f"reader-{secrets.token_hex(4)}@example.org" for _ in range(count)]
    with_plan = ["--plan", plan] if plan else []
    commands = [["accounts", "create", email, "--password", PASSWORD, *with_plan, "--json"] for email in emails]
    done = subprocess.run(
        [sys.executable, RUN_COMMANDS],
        cwd=gateway.root,
        env=clean_environment(gateway.env),
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"accounts create failed:\n{done.stdout}{done.stderr}"
    made: list[dict[str, Any]] = [json.loads(printed) for printed in json.loads(done.stdout)]
    return [Member(account["email"], account["token"]) for account in made]


def sign_in(page: Page, member: Member) -> None:
    """Fill in the sign-in form on which ``page`` is, send it, and wait for the page after it."""
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(member.password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/sign-in" not in address)


def status_with(gateway: Gateway, token: str) -> int:
    """What the API answers to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{gateway.api}/usage", headers=headers, timeout=10).status_code


def ask(gateway: Gateway, token: str, text: str = "Hello", **fields: Any) -> requests.Response:
    """Send one prompt to the API and give its answer, read to the end."""
    body = {"messages": [{"role": "user", "content": text}], **fields}
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=30)
