"""Mails that wait for their turn: lost passwords, retries, and what the operator is told."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import gevent
import pytest
import sqlalchemy as sa
from flask import Flask

from models import queued_mail
from models.base import utcnow
from models.queued_mail import QueuedMail
from service.accounts import holdings, membership, upgrades
from service.mail import carrier as mail_carrier
from service.mail import queue as mail_queue
from service.mail.carrier import AGAIN_AFTER_S
from service.services import services
from tests.accounts.house import BOSS, PASSWORD, Visitor
from tests.accounts.mail_server import Post
from tests.accounts.mailing import deliver, house_and_post, mailing_house

OPERATOR, NEW_PASSWORD = "operator@example.org", "another password"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Post]]:
    with house_and_post(tmp_path_factory.mktemp("house")) as (app, post):
        with app.app_context():
            membership.create(OPERATOR, PASSWORD, None, is_operator=True, by=BOSS)
        yield app, post


@pytest.fixture
def app(both: tuple[Flask, Post]) -> Iterator[Flask]:
    yield both[0]
    with both[0].app_context():
        services().storage.write(lambda connection: connection.execute(sa.delete(QueuedMail)))


@pytest.fixture
def post(both: tuple[Flask, Post]) -> Iterator[Post]:
    post = both[1]
    post.mails.clear()
    yield post
    post.refuse_recipient = post.refuse_mail = post.hold = None


@pytest.fixture
def member(app: Flask) -> membership.Member:
    with app.app_context():
        return membership.sign_up(f"member{next(numbers)}@example.org", PASSWORD)


def visitor_of(app: Flask) -> Visitor:
    visitor = Visitor(app, f"198.51.100.{next(numbers)}")
    visitor.client.environ_base["wsgi.url_scheme"] = "https"
    return visitor


def ask(app: Flask, email: str) -> Visitor:
    """Ask for a reset mail."""
    visitor = visitor_of(app)
    assert visitor.send("/forgot-password", email=email).location == "/forgot-password/sent"
    return visitor


def rows(app: Flask) -> list[QueuedMail]:
    with app.app_context():
        return services().storage.read_session(lambda session: list(session.scalars(sa.select(QueuedMail))))


def make_due(app: Flask) -> None:
    """Let the time pass until the next try."""
    now = sa.update(QueuedMail).where(QueuedMail.next_try_at.is_not(None)).values(next_try_at=utcnow())
    with app.app_context():
        services().storage.write(lambda connection: connection.execute(now))


# -- lost passwords -----------------------------------------------------------------------------------------------


def test_lost_password_is_replaced_by_the_link_in_the_mail(app: Flask, post: Post, member: membership.Member) -> None:
    ask(app, member.email.upper())
    assert deliver(app) == 1
    mail = post.next_mail()
    assert mail.recipients == [member.email]
    assert "https://ai.example.org/reset/" in mail.text
    visitor = visitor_of(app)
    assert visitor.send(mail.link("reset"), password=NEW_PASSWORD).status_code == 303
    assert visitor_of(app).sign_in(member.email, NEW_PASSWORD).status_code == 303
    assert visitor_of(app).get(mail.link("reset")).status_code == 410


def test_asking_is_answered_the_same_for_an_address_that_nobody_has(
    app: Flask, post: Post, member: membership.Member
) -> None:
    pages = [ask(app, email).get("/forgot-password/sent").text for email in (member.email, "nobody@example.org")]
    assert pages[0] == pages[1]
    # One row each, alike but for the hash: the work of the request is the same, and so is its time.
    known, unknown = rows(app)
    assert (known.purpose, known.reference, known.tries) == (unknown.purpose, unknown.reference, unknown.tries)
    assert deliver(app) == 1
    assert [mail.recipients for mail in post.mails] == [[member.email]]
    assert rows(app) == []


def test_asking_waits_for_no_mail_server(app: Flask, post: Post, member: membership.Member) -> None:
    post.hold = threading.Event()
    began = time.monotonic()
    ask(app, member.email)
    assert time.monotonic() - began < 3
    assert post.mails == []


def test_asking_is_throttled_by_the_address_whether_anybody_has_it(app: Flask, member: membership.Member) -> None:
    for email in (member.email, "stranger@example.org"):
        for _ in range(5):
            ask(app, email)
        refused = visitor_of(app).send("/forgot-password", email=email)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 60


def test_asking_is_throttled_by_network_address(app: Flask) -> None:
    visitor = visitor_of(app)
    for number in range(20):
        assert visitor.send("/forgot-password", email=f"x{number}@example.org").status_code == 303
    assert visitor.send("/forgot-password", email="x20@example.org").status_code == 429


@pytest.mark.parametrize("email", ["", "nonsense", "a@b.org\r\nBcc: c@d.org", "x" * 300 + "@example.org"])
def test_what_is_no_address_is_told_beside_the_field(app: Flask, email: str) -> None:
    answer = visitor_of(app).send("/forgot-password", email=email)
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)
    assert rows(app) == []


def test_suspended_member_reads_why_there_is_no_link(app: Flask, post: Post, member: membership.Member) -> None:
    with app.app_context():
        membership.suspend(member.id, by=BOSS)
    ask(app, member.email)
    deliver(app)
    text = post.next_mail().text
    assert "suspended" in text
    assert "/reset/" not in text


def test_secrets_are_in_no_log_and_no_row(
    app: Flask,
    post: Post,
    member: membership.Member,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask(app, member.email)
    post.refuse_mail = f"451 later, {member.email}"
    deliver(app)
    noted = str([(row.purpose, row.trouble) for row in rows(app)])
    post.refuse_mail = None
    make_due(app)
    deliver(app)
    mail = post.next_mail()
    visitor_of(app).get(mail.link("reset"))
    printed = capfd.readouterr()
    written = printed.out + printed.err + caplog.text
    secret = mail.link("reset").removeprefix("/reset/")
    assert secret not in written + noted
    assert member.email not in written
    assert "was not sent, the next try is in 10 s: The mail server 127.0.0.1:" in written


# -- retries ------------------------------------------------------------------------------------------------------


def test_mail_that_the_server_does_not_take_now_is_tried_again_later(
    app: Flask, post: Post, member: membership.Member
) -> None:
    ask(app, member.email)
    post.refuse_mail = "451 later"
    for wait_s in AGAIN_AFTER_S:
        assert deliver(app) == 0
        [row] = rows(app)
        assert row.next_try_at is not None
        assert abs((row.next_try_at - utcnow()).total_seconds() - wait_s) < 5
        assert deliver(app) == 0  # not before its time
        make_due(app)
    post.refuse_mail = None
    assert deliver(app) == 1
    assert rows(app) == []
    assert visitor_of(app).get(post.next_mail().link("reset")).status_code == 200


def test_mail_is_given_up_after_an_hour_of_tries(app: Flask, post: Post, member: membership.Member) -> None:
    ask(app, member.email)
    post.refuse_mail = "451 later"
    for _ in range(len(AGAIN_AFTER_S) + 1):
        deliver(app)
        make_due(app)
    [row] = rows(app)
    assert (row.next_try_at, row.tries) == (None, len(AGAIN_AFTER_S) + 1)


def test_refusal_for_good_is_not_repeated_and_hinders_no_other_mail(
    app: Flask, post: Post, member: membership.Member
) -> None:
    post.refuse_recipient = "550 no such mailbox"
    ask(app, member.email)
    deliver(app)
    [row] = rows(app)
    assert row.next_try_at is None
    post.refuse_recipient = None
    with app.app_context():
        other = membership.sign_up(f"other{next(numbers)}@example.org", PASSWORD)
    ask(app, other.email)
    assert deliver(app) == 1


def test_mail_of_a_worker_that_died_is_sent_by_another(app: Flask, post: Post, member: membership.Member) -> None:
    ask(app, member.email)
    with app.app_context():
        taken = queued_mail.take_due(services().storage, 60)
    assert taken is not None
    assert deliver(app) == 0  # in hand
    make_due(app)  # a minute later
    assert deliver(app) == 1


def test_of_two_carriers_one_takes_a_mail(app: Flask, post: Post, member: membership.Member) -> None:
    ask(app, member.email)
    threads = [threading.Thread(target=deliver, args=(app,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(post.mails) == 1


def test_worker_that_is_about_to_end_leaves_mails_to_the_others(
    app: Flask, post: Post, member: membership.Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        carrier = services().carrier
    monkeypatch.setattr(mail_carrier, "is_draining", lambda: True)
    carrier.start(app.app_context)
    ask(app, member.email)
    gevent.sleep(0.3)
    assert (post.mails, len(rows(app))) == ([], 1)
    monkeypatch.setattr(mail_carrier, "is_draining", lambda: False)
    carrier.start(app.app_context)
    carrier.wake()
    gevent.sleep(0.3)
    assert (len(post.mails), rows(app)) == (1, [])
    monkeypatch.setattr(mail_carrier, "is_draining", lambda: True)
    carrier.wake()
    gevent.sleep(0.1)  # the greenlet ends here, not in a later test


def test_worker_that_is_told_to_end_takes_no_further_mail(
    app: Flask, post: Post, member: membership.Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        other = membership.sign_up(f"other{next(numbers)}@example.org", PASSWORD)
    ask(app, member.email)
    ask(app, other.email)
    monkeypatch.setattr(mail_carrier, "is_draining", lambda: len(post.mails) > 0)
    assert deliver(app) == 1
    [left] = rows(app)
    assert left.tries == 0


def test_no_transaction_is_open_while_the_server_thinks(app: Flask, post: Post, member: membership.Member) -> None:
    ask(app, member.email)
    post.hold = threading.Event()
    carrier = threading.Thread(target=deliver, args=(app,))
    carrier.start()
    time.sleep(0.3)  # the server has the mail in hand
    began = time.monotonic()
    with app.app_context():
        membership.set_password(member.id, NEW_PASSWORD, by=BOSS)
    assert time.monotonic() - began < 2
    assert post.mails == []
    post.hold.set()
    carrier.join()
    assert len(post.mails) == 1


# -- what the operator is told ------------------------------------------------------------------------------------


def test_operator_reads_which_mail_failed_and_why(app: Flask, post: Post, member: membership.Member) -> None:
    operator = visitor_of(app)
    operator.sign_in(OPERATOR)
    assert "could not be sent" not in operator.get("/admin").text
    ask(app, member.email)
    post.refuse_recipient = f"550 no mailbox {member.email} <script>"
    deliver(app)
    assert 'href="/admin/invites#mail"' in operator.get("/admin").text
    page = " ".join(re.sub(r"<[^>]*>", " ", operator.get("/admin/invites").text).split())
    assert f"{member.email} : new password" in page
    assert "refuses the recipient (550)" in page
    assert f"no mailbox {member.email} &lt;script&gt;" in page
    assert "(1 try, given up)" in page


def test_visitor_reads_when_the_confirmation_cannot_be_sent(app: Flask, post: Post) -> None:
    visitor = visitor_of(app)
    visitor.send("/sign-up", email=f"new{next(numbers)}@example.org", password=PASSWORD)
    assert "could not be sent" not in visitor.get("/sign-up/sent").text
    post.refuse_mail = "451 later"
    deliver(app)
    assert "could not be sent so far" in visitor.get("/sign-up/sent").text


def test_failures_are_forgotten_after_a_week(app: Flask, post: Post, member: membership.Member) -> None:
    post.refuse_recipient = "550 no"
    ask(app, member.email)
    deliver(app)
    with app.app_context():
        assert queued_mail.forget_expired(services().storage) == 0
        old = sa.update(QueuedMail).values(created_at=utcnow() - timedelta(days=8))
        services().storage.write(lambda connection: connection.execute(old))
        assert queued_mail.forget_expired(services().storage) == 1


def test_mail_that_nobody_sent_for_a_week_is_not_sent_any_more(
    app: Flask, post: Post, member: membership.Member
) -> None:
    ask(app, member.email)
    with app.app_context():
        old = sa.update(QueuedMail).values(created_at=utcnow() - timedelta(days=8))
        services().storage.write(lambda connection: connection.execute(old))
        assert deliver(app) == 0
        assert queued_mail.forget_expired(services().storage) == 1
    assert post.mails == []


# -- decisions on plans -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("decide", "said"), [(upgrades.approve, "yours from"), (upgrades.decline, "declined")])
def test_member_is_mailed_what_became_of_an_upgrade_request(
    app: Flask, post: Post, member: membership.Member, decide: object, said: str
) -> None:
    with app.app_context():
        holdings.equip(member.id)
        asked = upgrades.request(member.id, "plus")
        assert rows(app) == []
        decide(asked.id, by=BOSS, message="As we said.\n.\nUntil then.")  # type: ignore[operator]
    assert deliver(app) == 1
    mail = post.next_mail()
    assert mail.recipients == [member.email]
    text = " ".join(mail.text.split())
    assert "the plan Plus" in text
    assert said in text
    assert "As we said. . Until then." in text
    assert "https://ai.example.org/plans" in text


# -- without a server ---------------------------------------------------------------------------------------------


def test_server_that_is_gone_is_met_with_retries(
    tmp_path: Path,
) -> None:
    with mailing_house(tmp_path, 9) as app:
        with app.app_context():
            email = membership.sign_up("member@example.org", PASSWORD).email
        ask(app, email)
        assert deliver(app) == 0
        with app.app_context():
            [trouble] = mail_queue.in_trouble()
        assert "cannot be reached" in trouble.trouble
