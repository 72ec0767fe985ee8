"""Somebody who uses all that the service offers and notes every secret that passes by."""

from __future__ import annotations

import base64
import html
import json
import re
import socket
import time
import zlib
from typing import Any

import pyotp
import requests

from tests.harness.gateway import SECRET_KEY, Gateway

UPSTREAM_KEY = "upstream-key-9f8e7d6c5b"
SMTP_PASSWORD = "mail-password-1a2b3c4d"
PROMPT = "a prompt that nobody else is to read 5521"


class Witness:
    """``known`` maps each secret to what it is."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.known = {
            SECRET_KEY: "SECRET_KEY",
            UPSTREAM_KEY: "key of an upstream",
            SMTP_PASSWORD: "password of the mail server",
            PROMPT: "content of a prompt",
        }

    def note(self, secret: str, what: str) -> str:
        """Remember a secret, and give it back."""
        assert len(secret) >= 8, f"{what}: {secret!r} is too short to be looked for"
        self.known[secret] = what
        return secret

    def visitor(self) -> Visitor:
        """Somebody with an empty cookie jar."""
        return Visitor(self)

    def command(self, *arguments: str) -> Any:
        """Run ``flask accounts`` and give its document."""
        done = self.gateway.flask("accounts", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def call(self, token: str, method: str, path: str, body: Any = None) -> requests.Response:
        """Use the API."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, self.gateway.url + path, json=body, headers=headers, timeout=30)


class Visitor:
    """A browser without script, each of whose cookies is noted with what stands in it."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        return self._noted(self.session.get(self.witness.gateway.url + path, timeout=20))

    def send(self, page: str, action: str | None = None, /, **fields: str) -> requests.Response:
        """Open a page and send a form of it."""
        opened = self.get(page).text
        data = {"csrf_token": found(r'name="csrf_token"[^>]*value="([^"]+)"', opened), **fields}
        if 'name="setup"' in opened:
            data["setup"] = found(r'name="setup"[^>]*value="([^"]+)"', opened)
        answer = self.session.post(self.witness.gateway.url + (action or page), data=data, timeout=20)
        return self._noted(answer)

    def sign_in(self, email: str, password: str) -> requests.Response:
        """Fill in the sign-in form."""
        return self.send("/sign-in", email=email, password=password)

    def _noted(self, answer: requests.Response) -> requests.Response:
        for cookie in self.session.cookies:
            value = cookie.value or ""
            if "theme" not in cookie.name:
                self.witness.note(value, f"cookie {cookie.name}")
                for secret in re.findall(r'"_user_id":"([^"]+)"', opened_cookie(value)):
                    self.witness.note(secret, "secret of a sign-in")
        return answer


def opened_cookie(value: str) -> str:
    """What a session cookie holds, as JSON."""
    packed = value.startswith(".")
    payload = value.lstrip(".").partition(".")[0]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return (zlib.decompress(raw) if packed else raw).decode("utf-8", "replace")


def found(pattern: str, text: str) -> str:
    """The first group of a pattern that must be there."""
    match = re.search(pattern, text)
    assert match, f"{pattern} is nowhere in the page"
    return html.unescape(match[1])


def use_everything(witness: Witness) -> None:
    """Go through all that the service offers to strangers, members, operators, programs and the command line."""
    passwords = [witness.note(f"a password of somebody {number} 7741", "password") for number in range(4)]
    operator = _first_operator(witness, passwords[0])
    member_id, token = _member_by_invite(witness, operator, passwords[1])
    _programs(witness, token)
    _two_steps(witness, passwords[1])
    _lost_password(witness, operator, member_id, passwords[2])
    _strangers(witness, passwords[3])
    _end(witness, operator, member_id)


def _first_operator(witness: Witness, password: str) -> Visitor:
    link = witness.note(witness.command("operator-link")["link"].rpartition("=")[2], "operator link")
    operator = witness.visitor()
    answer = operator.send(f"/operator?link={link}", email="operator@example.org", password=password)
    assert answer.url.endswith("/admin"), answer.text
    for page in ("accounts", "requests", "audit", "invites", "upstreams", "usage", "dry-run", "health"):
        operator.get(f"/admin/{page}")
    return operator


def _member_by_invite(witness: Witness, operator: Visitor, password: str) -> tuple[int, str]:
    shown = operator.send("/admin/invites", email="member@example.org", plan="free", days="7").text
    by_page = witness.note(found(r"/invite/([\w-]{20,})", shown), "invite link")
    by_command = witness.command("invite", "other@example.org")
    witness.note(by_command["link"].rpartition("/")[2], "invite link")
    member = witness.visitor()
    member.send(f"/invite/{by_page}", password=password)
    member.get("/docs")
    token = witness.note(member_token(member.send("/docs", "/docs/token/reveal").text), "service token")
    member.send("/docs", "/docs/token/regenerate", confirm="yes")
    new = witness.note(member_token(member.send("/docs", "/docs/token/reveal").text), "service token")
    assert new != token
    assert witness.call(token, "GET", "/v1/models").status_code == 401
    number = found(r"/admin/accounts/(\d+)", operator.get("/admin/accounts?prefix=member@").text)
    return int(number), new


def member_token(page: str) -> str:
    """The token that the box shows."""
    return found(r'id="shown-token">(sr_[^<]*)<', page)


def _programs(witness: Witness, token: str) -> None:
    messages = [{"role": "user", "content": PROMPT}]
    for trigger in (
        "",
        " [[echo]]",
        " [[status 401]] [[echo]]",
        " [[status 500]]",
        " [[reset 2]]",
        " [[stream-error object@2]]",
    ):
        for stream in (False, True):
            body = {"messages": [{"role": "user", "content": PROMPT + trigger}], "stream": stream}
            witness.call(token, "POST", "/v1/chat/completions", body)
    witness.call(token, "POST", "/v1/completions", {"prompt": PROMPT})
    witness.call(token, "POST", "/v1/responses", {"input": PROMPT, "store": False})
    witness.call(token, "POST", "/v1/chat/completions", {"messages": messages, "temperature": PROMPT})
    witness.call(token, "POST", "/v1/chat/completions", {"messages": messages, "model": "nobody"})
    for path in (
        "/v1/models",
        "/v1/usage",
        f"/v1/models/{token}",
        f"/v1/models?key={token}",
        f"/{token}",
        f"/docs?key={token}",
    ):
        witness.call(token, "GET", path)
    witness.call(token[:-1] + ("a" if token[-1] != "a" else "b"), "GET", "/v1/models")
    for broken in (f"GET /{token}\r\n\r\n", f"GET / HTTP/1.1\r\nAuthorization: Bearer {token}\r\nCookie : a\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", witness.gateway.port), timeout=20) as connection:
            connection.sendall(broken.encode())
            assert b" 400 " in connection.recv(4096)


def _two_steps(witness: Witness, password: str) -> None:
    member = witness.visitor()
    member.sign_in("member@example.org", password)
    page = member.get("/account/two-step").text
    secret = witness.note(found(r'class="spelt"[^>]*>([^<]+)<', page).replace(" ", ""), "TOTP secret")
    sealed = found(r'name="setup"[^>]*value="([^"]+)"', page)
    fields = {"csrf_token": found(r'name="csrf_token"[^>]*value="([^"]+)"', page), "setup": sealed, "present": password}
    code = pyotp.TOTP(secret).at(int(time.time()) - 30)
    shown = member.session.post(
        f"{witness.gateway.url}/account/two-step", data={**fields, "code": code}, timeout=20
    ).text
    codes = [witness.note(each, "recovery code") for each in re.findall(r"\b(?:[0-9A-Z]{4}-){2}[0-9A-Z]{4}\b", shown)]
    assert len(codes) == 10
    for each in codes:
        witness.note(each.replace("-", ""), "recovery code")
    there = witness.visitor()
    there.sign_in("member@example.org", password)
    there.send("/sign-in/code", code="000000")
    assert there.send("/sign-in/code?with=recovery-code", code=codes[0]).url.endswith("/docs")
    renewed = there.send("/account/two-step/recovery-codes", present=password, code=codes[1]).text
    new = [witness.note(each, "recovery code") for each in re.findall(r"\b(?:[0-9A-Z]{4}-){2}[0-9A-Z]{4}\b", renewed)]
    there.send("/account/two-step/off", present=password, code=new[0])
    assert witness.command("totp", "member@example.org", "--off")["totp"] is False


def _lost_password(witness: Witness, operator: Visitor, member_id: int, password: str) -> None:
    account = f"/admin/accounts/{member_id}"
    shown = operator.send(account, f"{account}/reset-link").text
    witness.note(found(r"/reset/([\w-]{20,})", shown), "reset link")
    by_command = witness.command("reset-link", "member@example.org")
    link = witness.note(by_command["link"].rpartition("/")[2], "reset link")
    visitor = witness.visitor()
    visitor.get("/forgot-password")
    assert visitor.send(f"/reset/{link}", password=password).url.endswith("/docs")
    changed = witness.note("a changed password 7741", "password")
    visitor.send("/account/password", present=password, password=changed)
    made = witness.command("set-password", "member@example.org")
    witness.note(made["password"], "password")


def _strangers(witness: Witness, password: str) -> None:
    stranger = witness.visitor()
    stranger.sign_in("member@example.org", witness.note("a guess at a password 7741", "password"))
    stranger.send("/sign-up", email="stranger@example.org", password=password)
    stranger.get("/confirm/" + witness.note("an-invented-confirmation-link", "confirmation link"))
    stranger.get("/invite/" + witness.note("an-invented-invite-link", "invite link"))
    stranger.get("/reset/" + witness.note("an-invented-reset-link", "reset link"))


def _end(witness: Witness, operator: Visitor, member_id: int) -> None:
    account = f"/admin/accounts/{member_id}"
    for action in ("token/regenerate", "sign-out", "suspend", "resume", "token/revoke"):
        operator.send(account, f"{account}/{action}")
    operator.send(account, f"{account}/delete", email="member@example.org")
