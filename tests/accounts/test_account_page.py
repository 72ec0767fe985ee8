"""The account page: browsers, password, deletion, and what others must not do to them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from models import sign_in
from models.base import utcnow
from models.storage import Storage, StorageUnavailable
from service import refusals
from service.accounts import deletion, membership
from service.services import services
from service.signing_in import passwords
from tests.accounts.house import BOSS, PASSWORD, Visitor, csrf_token

EMAIL, NEW_PASSWORD = "member@example.org", "another password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def member(app: Flask) -> membership.Member:
    """The account that these tests sign in to."""
    with app.app_context():
        return membership.sign_up(EMAIL, PASSWORD)


@pytest.fixture
def signed_in(visitor: Visitor) -> Visitor:
    """The member at one browser."""
    visitor.sign_in(EMAIL)
    return visitor


def another_browser(app: Flask, user_agent: str = FIREFOX) -> Visitor:
    """The member at another browser, signed in."""
    other = Visitor(app)
    other.client.environ_base["HTTP_USER_AGENT"] = user_agent
    other.sign_in(EMAIL)
    return other


def browser_ids(page: str) -> list[str]:
    """The numbers behind the sign-out buttons of a page."""
    return re.findall(r'name="browser" value="(\d+)"', page)


def test_guest_is_asked_to_sign_in_and_led_back(visitor: Visitor) -> None:
    for path in ("/account", "/account/password", "/account/delete"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.location) == (303, f"/sign-in?next={path}"), path
    assert visitor.get("/account/").status_code == 308


def test_page_shows_address_plan_and_browsers_in_words(app: Flask, signed_in: Visitor) -> None:
    signed_in.get("/docs")
    another_browser(app)
    page = signed_in.get("/account").text
    assert page.count("Firefox on Linux") == 2  # its name, and what its button signs out
    assert page.count("This browser") == 1
    assert EMAIL in page
    assert "<strong>Free</strong>" in page
    assert f"{utcnow():%Y}" in page


def test_page_without_a_plan_says_how_to_get_one(signed_in: Visitor) -> None:
    assert "activates Free" in signed_in.get("/account").text


def test_user_agent_cannot_write_into_the_page(app: Flask, signed_in: Visitor) -> None:
    another_browser(app, "<script>alert(1)</script> Firefox/1 Linux")
    assert "alert(1)" not in signed_in.get("/account").text


def test_one_browser_is_signed_out_and_the_rest_stay(app: Flask, signed_in: Visitor) -> None:
    first, second = another_browser(app, "curl/8"), another_browser(app)
    newest, _ = browser_ids(signed_in.get("/account").text)
    answer = signed_in.send("/account", "/account/browsers/sign-out", browser=newest)
    assert answer.location == "/account#browsers"
    assert [each.is_signed_in() for each in (signed_in, first, second)] == [True, True, False]


def test_all_other_browsers_are_signed_out(app: Flask, signed_in: Visitor) -> None:
    others = [another_browser(app) for _ in range(2)]
    signed_in.send("/account", "/account/browsers/sign-out-others")
    assert signed_in.is_signed_in()
    assert not any(each.is_signed_in() for each in others)
    assert "Sign out all others" not in signed_in.get("/account").text


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "9" * 40, "1e3"])
def test_odd_number_of_a_browser_signs_nobody_out(app: Flask, signed_in: Visitor, number: str) -> None:
    other = another_browser(app)
    answer = signed_in.send("/account", "/account/browsers/sign-out", browser=number)
    assert answer.status_code == 303
    assert other.is_signed_in()
    assert signed_in.is_signed_in()


def test_browser_of_another_member_is_out_of_reach(app: Flask, signed_in: Visitor) -> None:
    stranger = Visitor(app)
    stranger.sign_up("stranger@example.org")
    with app.app_context():
        theirs = services().storage.read(
            lambda connection: connection.scalar(sa.select(sa.func.max(sign_in.SignIn.id)))
        )
    signed_in.send("/account", "/account/browsers/sign-out", browser=str(theirs))
    signed_in.send("/account", "/account/browsers/sign-out-others")
    assert stranger.is_signed_in()


def test_copied_cookie_dies_when_its_owner_signs_out(app: Flask, signed_in: Visitor) -> None:
    thief = Visitor(app)
    thief.client.set_cookie("smartroute_session", _cookie(signed_in))
    assert thief.is_signed_in()
    signed_in.send("/docs", "/sign-out")
    assert not thief.is_signed_in()


def test_copied_cookie_dies_when_its_owner_changes_the_password(app: Flask, signed_in: Visitor) -> None:
    thief = Visitor(app)
    thief.client.set_cookie("smartroute_session", _cookie(signed_in))
    signed_in.send("/account/password", present=PASSWORD, password=NEW_PASSWORD)
    assert signed_in.is_signed_in()
    assert not thief.is_signed_in()


def test_changed_password_signs_the_others_out_and_is_the_one_that_works(app: Flask, signed_in: Visitor) -> None:
    other = another_browser(app)
    answer = signed_in.send("/account/password", present=PASSWORD, password=NEW_PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert "Your password is changed" in signed_in.get("/account").text
    assert not other.is_signed_in()
    assert Visitor(app).sign_in(EMAIL, PASSWORD).status_code == 422
    assert Visitor(app).sign_in(EMAIL, NEW_PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("present", "password", "words"),
    [
        ("a wrong password", NEW_PASSWORD, "not the password of this account"),
        (PASSWORD, "short", "at least 10 characters"),
        (PASSWORD, "", "Choose a password"),
        ("", NEW_PASSWORD, "Enter your present password"),
    ],
)
def test_password_that_cannot_be_changed_is_told_beside_its_field(
    app: Flask, signed_in: Visitor, present: str, password: str, words: str
) -> None:
    other = another_browser(app)
    answer = signed_in.send("/account/password", present=present, password=password)
    assert answer.status_code == 422
    assert words in answer.text
    assert other.is_signed_in()
    assert Visitor(app).sign_in(EMAIL).status_code == 303


def test_guesses_at_the_present_password_are_counted_for_the_browser_alone(app: Flask, signed_in: Visitor) -> None:
    other = another_browser(app)
    for page in ["/account/password", "/account/delete"] * 5:
        signed_in.send(page, present="a wrong password", password=NEW_PASSWORD)
    for page in ("/account/password", "/account/delete"):
        answer = signed_in.send(page, present=PASSWORD, password=NEW_PASSWORD)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 800
    assert Visitor(app).sign_in(EMAIL).status_code == 303
    assert other.send("/account/password", present=PASSWORD, password=NEW_PASSWORD).status_code == 303


@pytest.mark.parametrize("page", ["/account/password", "/account/delete"])
def test_failed_sign_ins_of_strangers_keep_no_member_from_the_own_account(
    app: Flask, signed_in: Visitor, page: str
) -> None:
    for number in range(31):
        Visitor(app).sign_in(EMAIL if number < 11 else f"nobody{number}@example.org", "a wrong password")
    assert Visitor(app, "192.0.2.77").sign_in(EMAIL).status_code == 429
    assert Visitor(app).sign_in("else@example.org").status_code == 429
    assert signed_in.send(page, present=PASSWORD, password=NEW_PASSWORD).status_code == 303


@pytest.mark.parametrize("page", ["/account/password", "/account/delete"])
def test_right_password_is_no_guess_though_the_account_changed_meanwhile(
    app: Flask, signed_in: Visitor, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    def refuse(*_: object) -> None:
        raise refusals.AccountChanged("This account was changed at the same moment. Sign in again.")

    monkeypatch.setattr(membership, "change_password", refuse)
    monkeypatch.setattr(deletion, "delete_own", refuse)
    for _ in range(11):
        answer = signed_in.send(page, present=PASSWORD, password=NEW_PASSWORD)
        assert (answer.status_code, answer.location) == (303, "/sign-in")


@pytest.mark.parametrize("change", ["set_password", "suspend"])
def test_password_that_was_replaced_meanwhile_deletes_nothing(
    signed_in: Visitor, member: membership.Member, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    is_right = passwords.is_right

    def look_and_be_overtaken(stored_hash: str | None, password: str) -> bool:
        found = is_right(stored_hash, password)
        getattr(membership, change)(member.id, *([NEW_PASSWORD] if change == "set_password" else []), by=BOSS)
        return found

    monkeypatch.setattr(passwords, "is_right", look_and_be_overtaken)
    answer = signed_in.send("/account/delete", present=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "Sign in again" in signed_in.get("/sign-in").text
    with signed_in.client.application.app_context():
        assert membership.find(EMAIL).id == member.id


def test_two_deletions_at_once_delete_the_account(app: Flask, signed_in: Visitor) -> None:
    browsers = [signed_in, another_browser(app)]
    tokens = [csrf_token(each.get("/account/delete").text) for each in browsers]

    def delete(number: int) -> int:
        fields = {"csrf_token": tokens[number], "present": PASSWORD}
        return browsers[number].client.post("/account/delete", data=fields).status_code

    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(delete, range(2))) <= {303, 422}
    assert not any(each.is_signed_in() for each in browsers)
    with app.app_context(), pytest.raises(refusals.NoSuchAccount):
        membership.find(EMAIL)


def test_number_of_a_browser_that_is_gone_is_given_to_no_other(app: Flask, signed_in: Visitor) -> None:
    other = another_browser(app)
    [stale] = browser_ids(signed_in.get("/account").text)
    other.send("/docs", "/sign-out")
    newer = another_browser(app)
    signed_in.send("/account", "/account/browsers/sign-out", browser=stale)
    assert newer.is_signed_in()


def test_two_changes_at_once_leave_one_password_and_one_browser(app: Flask, signed_in: Visitor) -> None:
    browsers = [signed_in, another_browser(app)]
    tokens = [csrf_token(each.get("/account/password").text) for each in browsers]

    def change(number: int) -> int:
        fields = {"csrf_token": tokens[number], "present": PASSWORD, "password": f"new password {number}"}
        return browsers[number].client.post("/account/password", data=fields).status_code

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(change, range(2)))
    works = [Visitor(app).sign_in(EMAIL, f"new password {number}").status_code == 303 for number in range(2)]
    assert works.count(True) == 1
    assert [each.is_signed_in() for each in browsers] == works


def test_deletion_asks_for_the_password_and_says_what_stays(app: Flask, signed_in: Visitor) -> None:
    page = signed_in.get("/account/delete").text
    assert "cannot be undone" in page
    assert "quota that is left" in page
    assert signed_in.send("/account/delete", present="a wrong password").status_code == 422
    assert signed_in.is_signed_in()
    signed_in.get("/docs")
    token = signed_in.token()
    answer = signed_in.send("/account/delete", present=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert not signed_in.is_signed_in()
    refused = signed_in.client.get("/v1/models", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401
    with app.app_context(), pytest.raises(refusals.NoSuchAccount):
        membership.find(EMAIL)


def test_form_without_its_csrf_token_changes_nothing(app: Flask, signed_in: Visitor) -> None:
    other = another_browser(app)
    fields = {"present": PASSWORD, "password": NEW_PASSWORD}
    for path in ("password", "delete", "browsers/sign-out", "browsers/sign-out-others"):
        assert signed_in.client.post(f"/account/{path}", data=fields).status_code == 400, path
    assert other.is_signed_in()
    assert Visitor(app).sign_in(EMAIL).status_code == 303


def test_visit_after_a_while_is_noted_and_keeps_the_cookie_alive(app: Flask, signed_in: Visitor) -> None:
    signed_in.get("/docs")
    assert "Set-Cookie" not in signed_in.get("/docs").headers
    long_ago = utcnow() - timedelta(days=3)
    with app.app_context():
        storage = services().storage
        storage.write(lambda connection: connection.execute(sa.update(sign_in.SignIn).values(seen_at=long_ago)))
        assert "Set-Cookie" in signed_in.get("/docs").headers
        seen_at = storage.read(lambda connection: connection.scalar(sa.select(sign_in.SignIn.seen_at)))
    assert seen_at is not None
    assert utcnow() - seen_at < timedelta(minutes=1)


def test_page_is_shown_though_the_visit_cannot_be_noted(
    app: Flask, signed_in: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        age = sa.update(sign_in.SignIn).values(seen_at=utcnow() - timedelta(days=3))
        services().storage.write(lambda connection: connection.execute(age))

    def refuse(*_: object) -> None:
        raise StorageUnavailable("locked")

    monkeypatch.setattr(Storage, "write_session", refuse)
    assert signed_in.get("/account").status_code == 200


def test_signed_in_request_reads_its_sign_in_once(app: Flask, signed_in: Visitor) -> None:
    statements: list[str] = []
    with app.app_context():
        engine = services().storage.engine

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    sa.event.listen(engine, "before_cursor_execute", note)
    signed_in.get("/forgot-password")
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len([each for each in statements if "sign_ins" in each]) == 1
    assert [each for each in statements if each.startswith(("SELECT", "UPDATE", "INSERT"))] == [
        each for each in statements if "sign_ins" in each
    ]


def _cookie(visitor: Visitor) -> str:
    cookie = visitor.client.get_cookie("smartroute_session")
    assert cookie is not None
    return cookie.value
