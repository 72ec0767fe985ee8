"""Reset links: how a lost password is replaced, and who must not be able to."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from models import one_time_link
from models.base import utcnow
from service import refusals
from service.accounts import deletion, membership
from service.accounts.operator_link import hand_out_operator_link
from service.services import services
from service.signing_in import reset_links
from tests.accounts.house import BOSS, PASSWORD, Visitor, csrf_token

EMAIL, NEW_PASSWORD = "member@example.org", "another password"


@pytest.fixture
def member(either_app: Flask) -> membership.Member:
    """The account whose password is lost, on each database."""
    with either_app.app_context():
        return membership.sign_up(EMAIL, PASSWORD)


@pytest.fixture
def link(either_app: Flask, member: membership.Member) -> str:
    """Its reset link, without the host."""
    with either_app.app_context():
        return hand_out(member)


def hand_out(member: membership.Member) -> str:
    """Make a link; its address without the host."""
    made = reset_links.hand_out(member.id)
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/reset/[\w-]{43}", made.address)
    return made.address.removeprefix("http://127.0.0.1:8000")


def test_link_sets_the_password_signs_in_and_signs_the_others_out(either_app: Flask, link: str) -> None:
    old_browser, visitor = Visitor(either_app), Visitor(either_app)
    old_browser.sign_in(EMAIL)
    assert EMAIL in visitor.get(link).text
    answer = visitor.send(link, password=NEW_PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/docs")
    assert visitor.is_signed_in()
    assert not old_browser.is_signed_in()
    assert Visitor(either_app).sign_in(EMAIL, PASSWORD).status_code == 422
    assert Visitor(either_app).sign_in(EMAIL, NEW_PASSWORD).status_code == 303


def test_member_is_told_that_the_token_works_on_and_led_to_its_replacement(either_app: Flask, link: str) -> None:
    owner, visitor = Visitor(either_app), Visitor(either_app)
    owner.sign_in(EMAIL)
    owner.get("/docs")
    token = owner.token()
    visitor.send(link, password=NEW_PASSWORD)
    page = visitor.get("/docs").text
    [note] = re.findall(r'<p class="note" role="status">(Your new password .*?)</p>', page)
    assert "The service token still works" in note
    assert '<a href="/docs?confirm=regenerate#token">' in note
    assert 'name="confirm" value="yes"' in visitor.get("/docs?confirm=regenerate").text
    assert visitor.token() == token


def test_member_without_a_token_reads_nothing_of_one(either_app: Flask, link: str) -> None:
    visitor = Visitor(either_app)
    visitor.send(link, password=NEW_PASSWORD)
    assert "still works" not in visitor.get("/docs").text


def test_looking_and_failing_do_not_use_the_link_up(either_app: Flask, link: str) -> None:
    visitor = Visitor(either_app)
    for _ in range(3):
        assert visitor.get(link).status_code == 200
    assert visitor.client.head(link).status_code == 200
    assert visitor.send(link, password="short").status_code == 422
    assert visitor.client.post(link, data={"password": NEW_PASSWORD}).status_code == 400  # no CSRF token
    assert visitor.send(link, password=NEW_PASSWORD).status_code == 303


def test_link_works_once(either_app: Flask, link: str) -> None:
    visitor, second = Visitor(either_app), Visitor(either_app)
    token = csrf_token(second.get(link).text)
    visitor.send(link, password=NEW_PASSWORD)
    assert visitor.get(link).status_code == 410
    answer = second.client.post(link, data={"csrf_token": token, "password": "a third password"})
    assert answer.status_code == 410
    assert "does not work any more" in answer.text
    assert Visitor(either_app).sign_in(EMAIL, NEW_PASSWORD).status_code == 303


def test_link_used_by_many_at_once_sets_one_password(either_app: Flask, link: str) -> None:
    visitors = [Visitor(either_app) for _ in range(5)]
    tokens = [csrf_token(visitor.get(link).text) for visitor in visitors]

    def send(number: int) -> int:
        fields = {"csrf_token": tokens[number], "password": f"new password {number}"}
        return visitors[number].client.post(link, data=fields).status_code

    with ThreadPoolExecutor(5) as threads:
        outcomes = list(threads.map(send, range(5)))
    assert sorted(outcomes) == [303] + [410] * 4
    assert Visitor(either_app).sign_in(EMAIL, f"new password {outcomes.index(303)}").status_code == 303


def test_new_link_replaces_the_one_before(either_app: Flask, member: membership.Member, link: str) -> None:
    with either_app.app_context():
        newer = hand_out(member)
    assert Visitor(either_app).get(link).status_code == 410
    assert Visitor(either_app).get(newer).status_code == 200


def test_links_handed_out_at_once_leave_one_that_works(either_app: Flask, member: membership.Member) -> None:
    def make(_: int) -> str:
        with either_app.app_context():
            return hand_out(member)

    with ThreadPoolExecutor(4) as threads:
        links = list(threads.map(make, range(4)))
    assert sorted(Visitor(either_app).get(link).status_code for link in links) == [200, 410, 410, 410]


def test_expired_link_is_refused(either_app: Flask, link: str) -> None:
    with either_app.app_context():
        late = sa.update(one_time_link.OneTimeLink).values(expires_at=utcnow() - timedelta(seconds=1))
        services().storage.write(lambda connection: connection.execute(late))
    assert Visitor(either_app).get(link).status_code == 410


def test_link_is_valid_for_an_hour(either_app: Flask, member: membership.Member) -> None:
    with either_app.app_context():
        left = reset_links.hand_out(member.id).expires_at - utcnow()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_suspended_account_cannot_be_had_by_a_link(either_app: Flask, member: membership.Member) -> None:
    with either_app.app_context():
        link = hand_out(member)
        membership.suspend(member.id, by=BOSS)
        with pytest.raises(refusals.Suspended):
            reset_links.hand_out(member.id)
        assert Visitor(either_app).get(link).status_code == 410
        membership.resume(member.id, by=BOSS)
    assert Visitor(either_app).get(link).status_code == 410


def test_account_suspended_while_the_form_was_open_is_told_so(either_app: Flask, link: str) -> None:
    visitor = Visitor(either_app)
    token = csrf_token(visitor.get(link).text)
    with either_app.app_context():
        # Suspending takes the link back; only what happens in the same moment meets a living one.
        suspended = sa.text("UPDATE accounts SET suspended_at = created_at")
        services().storage.write(lambda connection: connection.execute(suspended))
    answer = visitor.client.post(link, data={"csrf_token": token, "password": NEW_PASSWORD})
    assert answer.status_code == 410
    assert "suspended" in answer.text
    assert not visitor.is_signed_in()


def test_deleted_account_takes_its_link_along(either_app: Flask, member: membership.Member, link: str) -> None:
    with either_app.app_context():
        deletion.delete(member.id, by=BOSS)
        membership.sign_up(EMAIL, PASSWORD)
    assert Visitor(either_app).get(link).status_code == 410


def test_new_password_takes_the_link_along(either_app: Flask, member: membership.Member, link: str) -> None:
    with either_app.app_context():
        membership.set_password(member.id, NEW_PASSWORD, by=BOSS)
    assert Visitor(either_app).get(link).status_code == 410


@pytest.mark.parametrize("secret", ["x", "%00", "%FF", "a" * 5000, "..", "é"])
def test_invented_link_is_refused_with_a_page(app: Flask, secret: str) -> None:
    answer = Visitor(app).get(f"/reset/{secret}")
    assert answer.status_code == 410
    assert answer.mimetype == "text/html"


def test_operator_link_is_no_reset_link_nor_the_other_way_round(app: Flask) -> None:
    with app.app_context():
        operator = hand_out_operator_link().partition("link=")[2]
        member = membership.sign_up(EMAIL, PASSWORD)
        reset = hand_out(member).removeprefix("/reset/")
    assert Visitor(app).get(f"/reset/{operator}").status_code == 410
    assert Visitor(app).get(f"/operator?link={reset}").status_code == 410


def test_account_without_a_password_gets_its_first_one_by_a_link(app: Flask) -> None:
    with app.app_context():
        made, _ = membership.create(EMAIL, None, None, is_operator=False, by=BOSS)
        link = hand_out(made)
    assert Visitor(app).sign_in(EMAIL, "").status_code == 422
    assert Visitor(app).send(link, password=NEW_PASSWORD).status_code == 303
    assert Visitor(app).sign_in(EMAIL, NEW_PASSWORD).status_code == 303


def test_secret_stands_neither_in_the_log_nor_in_the_database(app: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    with app.app_context():
        link = hand_out(membership.sign_up(EMAIL, PASSWORD))
        stored = services().storage.read(
            lambda connection: connection.execute(sa.select(one_time_link.OneTimeLink.__table__)).all()
        )
    secret = link.removeprefix("/reset/")
    visitor = Visitor(app)
    for path in (link, f"{link}/", f"{link}/more", f"/x{link}"):
        visitor.get(path)
        visitor.client.post(path)
    written = capfd.readouterr()
    assert "/reset/[link]" in written.out
    assert secret not in written.out + written.err
    assert secret not in str(stored)


def test_page_for_a_lost_password_says_who_helps_and_how(app: Flask) -> None:
    visitor = Visitor(app)
    assert visitor.send("/sign-in", "/forgot-password", email=EMAIL).status_code == 403
    assert visitor.get("/forgot-password/sent").location == "/forgot-password"
    page = visitor.get("/forgot-password").text
    assert "sends no mail" in page
    assert ".venv/bin/flask accounts reset-link EMAIL" in page
