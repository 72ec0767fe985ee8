"""The two-step sign-in: set-up, the second step, recovery codes, switching off; from outside, by a visitor's pages."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from models.audit_entry import AuditEntry
from models.totp import RecoveryCode, TotpSecret
from service.accounts import deletion, membership
from service.accounts.audit import Actor
from service.services import services
from service.signing_in import reset_links, sign_ins, totp
from tests.accounts.house import PASSWORD, Visitor, csrf_token, open_house

EMAIL = "member@example.org"
STEP_S = 30


@pytest.fixture
def member(app: Flask) -> membership.Member:
    """The account that these tests sign in to."""
    with app.app_context():
        return membership.sign_up(EMAIL, PASSWORD)


def shown_secret(page: str) -> str:
    """The secret that the set-up page spells out."""
    found = re.search(r'<code class="spelt"[^>]*>([^<]+)<', page)
    assert found, "the page shows no secret"
    return found[1].replace(" ", "")


def recovery_codes(page: str) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", page)


def code_of(secret: str, steps: int = 0) -> str:
    """The code of this moment, or of some steps from it."""
    return pyotp.TOTP(secret).at(int(time.time()) + steps * STEP_S)


def set_up(visitor: Visitor, code: str | None = None, password: str = PASSWORD) -> tuple[str, TestResponse]:
    """Go through the set-up page; gives the secret and the answer. The code used is the one of the step before."""
    page = visitor.get("/account/two-step").text
    secret = shown_secret(page)
    sealed = re.search(r'name="setup"[^>]*value="([^"]+)"', page)
    assert sealed
    fields = {"csrf_token": csrf_token(page), "setup": sealed[1], "present": password}
    answer = visitor.client.post("/account/two-step", data={**fields, "code": code or code_of(secret, -1)})
    return secret, answer


def with_two_steps(app: Flask) -> tuple[Visitor, str, list[str]]:
    """A member with the two-step sign-in on: who signed in, the secret, the recovery codes."""
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    secret, answer = set_up(visitor)
    assert answer.status_code == 200
    return visitor, secret, recovery_codes(answer.text)


def give_code(visitor: Visitor, code: str) -> TestResponse:
    """Send the form of the second step."""
    return visitor.send("/sign-in/code", code=code)


def rows_of(model: type[TotpSecret | RecoveryCode]) -> list[Any]:
    """Every row of a table as it is stored."""
    found = sa.select(sa.inspect(model).local_table)
    return list(services().storage.read(lambda connection: connection.execute(found).all()))


@pytest.mark.usefixtures("member")
def test_password_and_code_sign_in_and_lead_on(app: Flask) -> None:
    _, secret, codes = with_two_steps(app)
    assert len(set(codes)) == 10
    visitor = Visitor(app)
    first = visitor.sign_in(EMAIL, page="/sign-in?next=/plans")
    assert (first.status_code, first.location) == (303, "/sign-in/code?next=/plans")
    assert not visitor.is_signed_in()
    second = visitor.send("/sign-in/code?next=/plans", code=f"{code_of(secret)[:3]} {code_of(secret)[3:]}")
    assert (second.status_code, second.location) == (303, "/plans")
    assert visitor.is_signed_in()


@pytest.mark.usefixtures("member")
def test_first_step_alone_opens_nothing_and_writes_no_sign_in(app: Flask, member: membership.Member) -> None:
    with_two_steps(app)
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    for path in ("/account", "/usage", "/account/two-step", "/account/password"):
        assert visitor.get(path).status_code == 303
    with app.app_context():
        assert len(sign_ins.browsers(member.id)) == 1


@pytest.mark.usefixtures("member")
def test_code_is_worthless_in_a_browser_that_gave_no_password(app: Flask) -> None:
    _, secret, _ = with_two_steps(app)
    visitor = Visitor(app)
    token = csrf_token(visitor.get("/sign-in").text)
    answer = visitor.client.post("/sign-in/code", data={"csrf_token": token, "code": code_of(secret)})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert not visitor.is_signed_in()


@pytest.mark.usefixtures("member")
def test_first_step_is_over_after_five_minutes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret, _ = with_two_steps(app)
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    token = csrf_token(visitor.get("/sign-in/code").text)
    later = time.time() + 301
    monkeypatch.setattr("blueprints.auth.login.time.time", lambda: later)
    answer = visitor.client.post("/sign-in/code", data={"csrf_token": token, "code": code_of(secret)})
    assert answer.location == "/sign-in"


@pytest.mark.usefixtures("member")
def test_code_counts_once_and_no_older_one_after_it(app: Flask) -> None:
    _, secret, _ = with_two_steps(app)
    first, second = Visitor(app), Visitor(app)
    for visitor in (first, second):
        visitor.sign_in(EMAIL)
    assert give_code(first, code_of(secret, 1)).status_code == 303
    for steps in (1, 0, -1):
        assert give_code(second, code_of(secret, steps)).status_code == 422
    assert not second.is_signed_in()


@pytest.mark.usefixtures("member")
def test_code_that_proved_the_set_up_signs_nobody_in(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    page = visitor.get("/account/two-step").text
    code = code_of(shown_secret(page))
    sealed = re.search(r'name="setup"[^>]*value="([^"]+)"', page)
    assert sealed
    fields = {"csrf_token": csrf_token(page), "setup": sealed[1], "present": PASSWORD, "code": code}
    assert visitor.client.post("/account/two-step", data=fields).status_code == 200
    other = Visitor(app)
    other.sign_in(EMAIL)
    assert give_code(other, code).status_code == 422


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (0, 303), (1, 303), (2, 422)])
def test_phone_may_be_one_step_off(
    app: Flask, member: membership.Member, monkeypatch: pytest.MonkeyPatch, steps: int, status: int
) -> None:
    now = (int(time.time()) // STEP_S + 10) * STEP_S + 15
    with_two_steps(app)
    monkeypatch.setattr("service.signing_in.totp.time.time", lambda: now)
    with app.app_context():
        row = services().storage.read_session(lambda session: session.get(TotpSecret, member.id))
        assert row is not None
        secret = services().keyring.open_totp_secret(row.sealed, member.id)
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    assert give_code(visitor, pyotp.TOTP(secret).at(now + steps * STEP_S)).status_code == status


@pytest.mark.usefixtures("member")
def test_recovery_code_signs_in_once_however_it_is_written(app: Flask) -> None:
    _, _, codes = with_two_steps(app)
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    assert "Recovery code" in visitor.get("/sign-in/code?with=recovery-code").text
    written = codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert visitor.send("/sign-in/code?with=recovery-code", code=written).status_code == 303
    assert visitor.is_signed_in()
    again = Visitor(app)
    again.sign_in(EMAIL)
    assert give_code(again, codes[0]).status_code == 422


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_of_many_uses_of_one_code_at_once_one_signs_in(
    either_app: Flask, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blueprints.auth.throttling.CODE_BY_ACCOUNT.amount", 100)
    with either_app.app_context():
        membership.sign_up(EMAIL, PASSWORD)
    _, secret, codes = with_two_steps(either_app)
    visitors = [Visitor(either_app, f"192.0.2.{number}") for number in range(8)]
    tokens = []
    for visitor in visitors:
        visitor.sign_in(EMAIL)
        tokens.append(csrf_token(visitor.get("/sign-in/code").text))
    code = code_of(secret) if kind == "code" else codes[3]

    def send(visitor: Visitor, token: str) -> int:
        return visitor.client.post("/sign-in/code", data={"csrf_token": token, "code": code}).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(send, visitors, tokens))
    assert statuses == [303] + [422] * 7


@pytest.mark.usefixtures("member")
def test_sixth_guess_is_refused_from_wherever_it_comes(app: Flask) -> None:
    _, secret, _ = with_two_steps(app)
    for number in range(5):
        guesser = Visitor(app, f"192.0.2.{number + 10}")
        guesser.sign_in(EMAIL)
        assert give_code(guesser, "000000").status_code == 422
    late = Visitor(app, "192.0.2.99")
    late.sign_in(EMAIL)
    answer = give_code(late, code_of(secret))
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert not late.is_signed_in()


@pytest.mark.usefixtures("member")
def test_guesses_are_held_to_twenty_a_day(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with_two_steps(app)
    monkeypatch.setattr("blueprints.auth.throttling.CODE_BY_ACCOUNT.amount", 1000)
    guesser = Visitor(app)
    guesser.sign_in(EMAIL)
    statuses = [give_code(guesser, "000000").status_code for _ in range(22)]
    assert statuses == [422] * 20 + [429] * 2


@pytest.mark.usefixtures("member")
def test_guesses_elsewhere_keep_a_known_browser_from_nothing_and_are_told(app: Flask) -> None:
    visitor, secret, _ = with_two_steps(app)
    visitor.send("/plans", "/sign-out")
    stranger = Visitor(app, "198.51.100.7")
    stranger.sign_in(EMAIL)
    for _ in range(7):
        give_code(stranger, "000000")
    visitor.sign_in(EMAIL)
    assert give_code(visitor, "999999").status_code == 422  # mine is not told as another's
    assert give_code(visitor, code_of(secret)).status_code == 303
    assert "5 wrong codes were entered elsewhere" in visitor.get("/plans").text


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("code", ["", "12345", "abcdef", "0" * 41, "１２３４５６", "123456\x00", "-------------"])  # noqa: RUF001
def test_odd_code_is_a_fault_of_its_field(app: Flask, code: str) -> None:
    with_two_steps(app)
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    token = csrf_token(visitor.get("/sign-in/code").text)
    answer = visitor.client.post("/sign-in/code", data={"csrf_token": token, "code": code})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_switching_on_signs_other_browsers_out(app: Flask, member: membership.Member) -> None:
    other = Visitor(app)
    other.sign_in(EMAIL)
    visitor, _, _ = with_two_steps(app)
    assert visitor.is_signed_in()
    assert not other.is_signed_in()


def test_set_up_needs_password_and_code(app: Flask, member: membership.Member) -> None:
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    secret, wrong_code = set_up(visitor, code="000000")
    assert wrong_code.status_code == 422
    assert shown_secret(wrong_code.text) == secret  # the app has it already
    _, wrong_password = set_up(visitor, password="not the password")
    assert wrong_password.status_code == 422
    with app.app_context():
        assert not totp.is_on(member.id)


def test_secret_of_another_account_or_browser_or_hour_is_not_put_into_force(
    app: Flask, member: membership.Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Visitor(app)
    other.sign_up("other@example.org")
    others_page = other.get("/account/two-step").text
    visitor, second_browser = Visitor(app), Visitor(app)
    visitor.sign_in(EMAIL)
    second_browser.sign_in(EMAIL)
    own_page = visitor.get("/account/two-step").text

    def send(who: Visitor, page: str) -> TestResponse:
        sealed = re.search(r'name="setup"[^>]*value="([^"]+)"', page)
        assert sealed
        code = code_of(shown_secret(page))
        fields = {"csrf_token": csrf_token(who.get("/account/two-step").text), "setup": sealed[1], "code": code}
        return who.client.post("/account/two-step", data={**fields, "present": PASSWORD})

    assert send(visitor, others_page).status_code == 422
    assert send(second_browser, own_page).status_code == 422
    later = time.time() + 3601
    monkeypatch.setattr("service.signing_in.totp_setup.time.time", lambda: later)
    assert send(visitor, own_page).status_code == 422
    with app.app_context():
        assert not totp.is_on(member.id)


@pytest.mark.usefixtures("member")
def test_set_up_page_shows_the_secret_as_text_and_picture_without_any_request(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    answer = visitor.get("/account/two-step")
    picture = re.search(r"<svg[^>]*>.*?</svg>", answer.text, re.DOTALL)
    assert picture
    assert "style" not in picture[0]
    assert "http" not in picture[0]
    assert len(shown_secret(answer.text)) == 32
    assert answer.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.usefixtures("member")
def test_new_recovery_codes_replace_the_old_ones(app: Flask) -> None:
    visitor, secret, old = with_two_steps(app)
    answer = visitor.send("/account/two-step/recovery-codes", present=PASSWORD, code=code_of(secret))
    new = recovery_codes(answer.text)
    assert len(new) == 10
    assert not set(new) & set(old)
    other = Visitor(app)
    other.sign_in(EMAIL)
    assert give_code(other, old[0]).status_code == 422
    assert give_code(other, new[0]).status_code == 303


@pytest.mark.usefixtures("member")
def test_switching_off_needs_password_and_code(app: Flask) -> None:
    visitor, _, codes = with_two_steps(app)
    assert visitor.send("/account/two-step/off", present="not the password", code=codes[0]).status_code == 422
    assert visitor.send("/account/two-step/off", present=PASSWORD, code="000000").status_code == 422
    assert visitor.send("/account/two-step/off", present=PASSWORD, code=codes[0]).status_code == 303
    other = Visitor(app)
    assert other.sign_in(EMAIL).location == "/docs"
    assert other.is_signed_in()


def test_password_reset_leads_to_the_second_step(app: Flask, member: membership.Member) -> None:
    _, secret, _ = with_two_steps(app)
    with app.app_context():
        link = reset_links.hand_out(member.id).address.rpartition("/")[2]
    visitor = Visitor(app)
    answer = visitor.send(f"/reset/{link}", password="another password")
    assert answer.location.startswith("/sign-in/code")
    assert not visitor.is_signed_in()
    assert give_code(visitor, code_of(secret)).status_code == 303
    assert visitor.is_signed_in()


@pytest.mark.parametrize("change", ["suspend", "set_password", "delete"])
def test_change_of_the_account_between_the_steps_ends_the_sign_in(
    app: Flask, member: membership.Member, change: str
) -> None:
    _, secret, _ = with_two_steps(app)
    visitor = Visitor(app)
    visitor.sign_in(EMAIL)
    by = Actor("operator@example.org", "192.0.2.1")
    with app.app_context():
        if change == "set_password":
            membership.set_password(member.id, "another password", by=by)
        elif change == "delete":
            deletion.delete(member.id, by=by)
        else:
            membership.suspend(member.id, by=by)
    assert give_code(visitor, code_of(secret)).location.startswith("/sign-in")
    assert not visitor.is_signed_in()


def test_operator_switches_it_off_for_whoever_lost_the_phone(app: Flask, member: membership.Member) -> None:
    with_two_steps(app)
    with app.app_context():
        assert totp.switch_off_for(member.id, Actor("operator@example.org", "192.0.2.9"))
        assert not totp.switch_off_for(member.id, Actor("operator@example.org", "192.0.2.9"))
        entries = sa.select(AuditEntry.actor, AuditEntry.subject).where(AuditEntry.action == "totp.disabled")
        written = services().storage.read_session(lambda session: session.execute(entries).all())
    assert [tuple(entry) for entry in written] == [("operator@example.org", f"account {member.id}")]
    assert Visitor(app).sign_in(EMAIL).location == "/docs"


def test_database_holds_neither_secret_nor_recovery_code(app: Flask, member: membership.Member) -> None:
    _, secret, codes = with_two_steps(app)
    with app.app_context():
        stored = rows_of(TotpSecret), rows_of(RecoveryCode)
        assert [len(each) for each in stored] == [1, 10]
        for needle in (secret, *codes, *(code.replace("-", "") for code in codes)):
            assert needle not in str(stored)


def test_deleted_account_leaves_no_secret(app: Flask, member: membership.Member) -> None:
    visitor, _, _ = with_two_steps(app)
    assert visitor.send("/account/delete", present=PASSWORD).status_code == 303
    with app.app_context():
        assert rows_of(TotpSecret) == rows_of(RecoveryCode) == []
    assert Visitor(app).sign_up(EMAIL).location == "/docs"


@pytest.mark.parametrize("needed", [True, False])
def test_operator_is_led_to_the_set_up_where_the_service_wants_it(tmp_path: Path, needed: bool) -> None:
    toml = tmp_path / "smartroute.toml"
    upstream = '[[upstreams]]\nname = "a"\nbase_url = "http://127.0.0.1:9/v1"\n'
    profile = '[[profiles]]\nalias = "smart-route-mini"\n[[profiles.routes]]\nupstream = "a"\nmodel = "m"\n'
    toml.write_text(f"[service]\noperators_need_totp = {str(needed).lower()}\n{upstream}{profile}")
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}", toml) as app:
        with app.app_context():
            membership.create(EMAIL, PASSWORD, None, is_operator=True, by=Actor("command line", "here"))
        visitor = Visitor(app)
        visitor.sign_in(EMAIL)
        if not needed:
            assert visitor.get("/admin").status_code == 200
            return
        refused = visitor.get("/admin")
        assert (refused.status_code, refused.location) == (303, "/account/two-step")
        set_up(visitor)
        assert visitor.get("/admin").status_code == 200


def test_operator_switches_it_off_on_the_page_of_the_account_but_not_the_own(
    app: Flask, member: membership.Member
) -> None:
    with_two_steps(app)
    with app.app_context():
        by = Actor("command line", "here")
        chief, _ = membership.create("chief@example.org", PASSWORD, None, is_operator=True, by=by)
    operator = Visitor(app)
    operator.sign_in("chief@example.org")
    page = f"/admin/accounts/{member.id}"
    assert "Switch it off now" in operator.get(page).text
    assert operator.send(page, f"{page}/two-step/off").location == page
    assert "Switch it off now" not in operator.get(page).text
    assert Visitor(app).sign_in(EMAIL).location == "/docs"
    set_up(operator)
    own = f"/admin/accounts/{chief.id}"
    assert operator.send(own, f"{own}/two-step/off").location == "/account/two-step/off"
    with app.app_context():
        assert totp.is_on(chief.id)
