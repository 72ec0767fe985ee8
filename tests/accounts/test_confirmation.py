"""Sign-up with mail: the account is made when the link is used, and nobody learns who has one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from models.base import utcnow
from models.pending_sign_up import PendingSignUp
from models.queued_mail import QueuedMail
from service import refusals
from service.accounts import deletion, invites, membership
from service.services import services
from service.signing_in import confirmation
from tests.accounts.house import BOSS, PASSWORD, Visitor, csrf_token
from tests.accounts.mail_server import Post
from tests.accounts.mailing import deliver, house_and_post, mailing_house

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Post]]:
    with house_and_post(tmp_path_factory.mktemp("house")) as both:
        yield both


@pytest.fixture
def app(both: tuple[Flask, Post]) -> Flask:
    return both[0]


@pytest.fixture
def post(both: tuple[Flask, Post]) -> Post:
    app, post = both
    deliver(app)  # what an earlier test left
    post.mails.clear()
    return post


@pytest.fixture
def email() -> str:
    return f"member{next(numbers)}@example.org"


def new_visitor(app: Flask) -> Visitor:
    """Somebody from an address that is counted for nobody else, by https as the public address is."""
    visitor = Visitor(app, f"198.51.100.{next(numbers)}")
    visitor.client.environ_base["wsgi.url_scheme"] = "https"
    return visitor


def signed_up(app: Flask, post: Post, email: str, page: str = "/sign-up") -> tuple[Visitor, str]:
    """Sign up and read the mail; gives the browser and the link's path."""
    visitor = new_visitor(app)
    assert visitor.send(page, email=email, password=PASSWORD).location == "/sign-up/sent"
    assert deliver(app) == 1
    return visitor, post.next_mail().link("confirm")


def words(answer: TestResponse) -> str:
    """What a page says, without what is different on each."""
    return re.sub(r'value="[^"]+"', "", answer.text)


def test_account_is_made_by_the_link_in_the_mail(app: Flask, post: Post, email: str) -> None:
    visitor, link = signed_up(app, post, email)
    assert email in visitor.get("/sign-up/sent").text
    assert not visitor.is_signed_in()
    with app.app_context(), pytest.raises(refusals.NoSuchAccount):
        membership.find(email)
    answer = visitor.send(link)
    assert (answer.status_code, answer.location) == (303, "/docs")
    assert visitor.is_signed_in()
    assert new_visitor(app).sign_in(email).status_code == 303


def test_mail_names_the_public_address_whatever_host_the_visitor_named(app: Flask, post: Post, email: str) -> None:
    visitor = new_visitor(app)
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    token = csrf_token(visitor.get("/sign-up", headers=evil).text)
    body = {"csrf_token": token, "email": email, "password": PASSWORD}
    assert visitor.client.post("/sign-up", data=body, headers=evil).status_code == 303
    deliver(app)
    mail = post.next_mail()
    assert "https://ai.example.org/confirm/" in mail.text
    assert "evil" not in mail.message.as_string()
    assert mail.recipients == [email]


def test_confirmed_visitor_gets_where_the_way_led(app: Flask, post: Post, email: str) -> None:
    visitor, link = signed_up(app, post, email, "/sign-up?next=/plans?to%3Dplus")
    assert visitor.send(link).location == "/plans?to=plus"


def test_looking_does_not_use_the_link_up_and_using_it_does(app: Flask, post: Post, email: str) -> None:
    visitor, link = signed_up(app, post, email)
    for _ in range(3):
        assert visitor.get(link).status_code == 200
    assert not visitor.is_signed_in()
    visitor.send(link)
    assert new_visitor(app).get(link).status_code == 410


def test_another_browser_needs_the_password_that_was_chosen(app: Flask, post: Post, email: str) -> None:
    _, link = signed_up(app, post, email)
    other = new_visitor(app)
    refused = other.send(link, password="not that password")
    assert (refused.status_code, "not the password that was chosen" in refused.text) == (422, True)
    assert other.send(link).status_code == 422
    assert not other.is_signed_in()
    assert other.send(link, password=PASSWORD).status_code == 303
    assert other.is_signed_in()


def test_chosen_password_cannot_be_guessed_for_long(app: Flask, post: Post, email: str) -> None:
    _, link = signed_up(app, post, email)
    other = new_visitor(app)
    for _ in range(10):
        assert other.send(link, password="not that password").status_code == 422
    assert other.send(link, password=PASSWORD).status_code == 429


def test_visitor_is_told_the_same_whether_there_is_an_account_or_not(app: Flask, post: Post) -> None:
    known, unknown = f"a{next(numbers)}@example.org", f"b{next(numbers)}@example.org"
    with app.app_context():
        membership.sign_up(known, PASSWORD)
    pages = []
    for email in (known, unknown):
        visitor = new_visitor(app)
        answer = visitor.send("/sign-up", email=email, password=PASSWORD)
        sent = visitor.get("/sign-up/sent")
        refused = new_visitor(app).sign_in(email, "another password")
        pages.append(
            [answer.status_code, answer.location, words(sent).replace(email, "X"), words(refused).replace(email, "X")]
        )
    assert pages[0] == pages[1]
    assert deliver(app) == 2
    mails = {mail.recipients[0]: mail for mail in post.mails}
    assert "/confirm/" in mails[unknown].text
    assert "/confirm/" not in mails[known].text
    assert "an account already" in " ".join(mails[known].text.split())
    assert "https://ai.example.org/forgot-password" in mails[known].text


def test_signing_up_again_with_a_known_address_changes_nothing_of_its_account(
    app: Flask, post: Post, email: str
) -> None:
    with app.app_context():
        membership.sign_up(email, PASSWORD)
    new_visitor(app).send("/sign-up", email=email, password="another password")
    deliver(app)
    assert new_visitor(app).sign_in(email, "another password").status_code == 422
    assert new_visitor(app).sign_in(email).status_code == 303


def test_suspended_address_is_told_in_the_mail_alone(app: Flask, post: Post, email: str) -> None:
    with app.app_context():
        member = membership.sign_up(email, PASSWORD)
        membership.suspend(member.id, by=BOSS)
    assert new_visitor(app).send("/sign-up", email=email, password=PASSWORD).location == "/sign-up/sent"
    deliver(app)
    assert "suspended" in post.next_mail().text


def test_newer_mail_takes_the_place_of_the_one_before(app: Flask, post: Post, email: str) -> None:
    visitor, old = signed_up(app, post, email)
    assert visitor.send("/sign-up/sent").status_code == 303
    deliver(app)
    new = post.next_mail().link("confirm")
    assert visitor.get(old).status_code == 410
    assert visitor.send(new).status_code == 303


def test_mails_to_one_address_are_throttled(app: Flask, post: Post, email: str) -> None:
    visitor, _ = signed_up(app, post, email)
    for _ in range(4):
        assert visitor.send("/sign-up/sent").status_code == 303
    refused = visitor.send("/sign-up/sent")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 60
    assert new_visitor(app).send("/sign-up", email=email.upper(), password=PASSWORD).status_code == 429


def test_two_people_who_sign_up_with_one_address_do_not_hinder_each_other(app: Flask, post: Post, email: str) -> None:
    stranger, _ = signed_up(app, post, email)
    holder, link = signed_up(app, post, email)
    # The holder of the mailbox opens the mail; the stranger's browser does not have it.
    assert holder.send(link).status_code == 303
    assert stranger.get("/sign-up/sent").status_code == 303
    assert not stranger.is_signed_in()


def test_stranger_s_sign_up_is_not_confirmed_by_the_holder_without_its_password(
    app: Flask, post: Post, email: str
) -> None:
    _, strangers_link = signed_up(app, post, email)
    holder = new_visitor(app)
    assert holder.send(strangers_link).status_code == 422
    with app.app_context(), pytest.raises(refusals.NoSuchAccount):
        membership.find(email)


def test_link_is_worthless_after_a_day(app: Flask, post: Post, email: str) -> None:
    visitor, link = signed_up(app, post, email)
    with app.app_context():
        over = sa.update(PendingSignUp).where(PendingSignUp.email == email).values(expires_at=utcnow())
        services().storage.write(lambda connection: connection.execute(over))
    assert visitor.send("/sign-up", link).status_code == 410
    assert visitor.get("/sign-up/sent").location == "/sign-up"


def test_address_that_got_an_account_meanwhile_is_led_to_sign_in(app: Flask, post: Post, email: str) -> None:
    visitor, link = signed_up(app, post, email)
    with app.app_context():
        membership.create(email, "the operator's choice", None, is_operator=False, by=BOSS)
    assert visitor.send(link).location == "/sign-in"
    assert not visitor.is_signed_in()


def test_of_many_at_once_one_sends_the_mail_and_one_makes_the_account(
    post: Post, email: str, database_url: str, tmp_path: Path
) -> None:
    with mailing_house(tmp_path, post.port, database_url=database_url) as app:
        visitor = new_visitor(app)
        visitor.send("/sign-up", email=email, password=PASSWORD)
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(deliver, [app] * 4)) == 1
        secret = post.next_mail().link("confirm").removeprefix("/confirm/")
        assert visitor.send("/sign-up/sent").status_code == 303
        assert deliver(app) == 1
        newer = post.next_mail().link("confirm").removeprefix("/confirm/")

        def confirm(secret: str) -> str:
            with app.app_context():
                try:
                    return confirmation.confirm(secret, password=PASSWORD).email
                except (refusals.LinkNotUsable, refusals.EmailTaken) as error:
                    return type(error).__name__

        with ThreadPoolExecutor(5) as pool:
            outcomes = list(pool.map(confirm, [secret, newer, newer, newer, newer]))
        assert outcomes[0] == "LinkNotUsable"
        assert outcomes.count(email) == 1
        assert visitor.get("/sign-up/sent").location == "/sign-up"


def test_neither_link_nor_browser_s_secret_nor_password_is_in_database_or_log(
    app: Flask, post: Post, email: str, capfd: pytest.CaptureFixture[str]
) -> None:
    visitor, link = signed_up(app, post, email)
    for path in (link, f"{link}/", f"{link}/more"):
        visitor.get(path)
    with app.app_context():
        stored = services().storage.read(
            lambda connection: [
                connection.execute(sa.select(table.__table__)).all() for table in (PendingSignUp, QueuedMail)
            ]
        )
    written = capfd.readouterr()
    secret = link.removeprefix("/confirm/")
    assert "/confirm/[link]" in written.out
    assert secret not in written.out + written.err + str(stored)
    assert PASSWORD not in written.out + written.err + str(stored)
    assert email not in written.out + written.err


@pytest.mark.parametrize("secret", ["x", "%00", "%FF", "a" * 5000, "é"])
def test_invented_link_is_refused_with_a_page(app: Flask, secret: str) -> None:
    answer = new_visitor(app).get(f"/confirm/{secret}")
    assert (answer.status_code, answer.mimetype) == (410, "text/html")


def test_accounts_of_the_operator_need_no_confirmation(app: Flask, email: str) -> None:
    with app.app_context():
        membership.create(email, PASSWORD, None, is_operator=False, by=BOSS)
    assert new_visitor(app).sign_in(email).status_code == 303


def test_invite_for_an_address_needs_no_confirmation_and_one_for_anybody_does(
    app: Flask, post: Post, email: str
) -> None:
    with app.app_context():
        bound = invites.make(BOSS, email, "plus")
        free = invites.make(BOSS, None, "plus")
    assert bound.is_mailed
    assert post.next_mail().link("invite") == bound.address.removeprefix("https://ai.example.org")
    visitor = new_visitor(app)
    assert visitor.send(bound.address.removeprefix("https://ai.example.org"), password=PASSWORD).location == "/docs"
    assert visitor.is_signed_in()

    path, other = free.address.removeprefix("https://ai.example.org"), f"other-{email}"
    visitor, link = signed_up(app, post, other, path)
    assert visitor.get(path).status_code == 200
    assert visitor.send(link).location == "/docs"
    assert new_visitor(app).get(path).status_code == 410
    with app.app_context():
        plans = {member.email: plan for member, plan, *_ in membership.members()}
    assert (plans[email], plans[other]) == ("plus", "plus")


def test_two_sign_ups_by_one_invite_make_one_account(app: Flask, post: Post, email: str) -> None:
    with app.app_context():
        path = invites.make(BOSS).address.removeprefix("https://ai.example.org")
    first, first_link = signed_up(app, post, email, path)
    second, second_link = signed_up(app, post, f"other-{email}", path)
    assert second.send(second_link).status_code == 303
    assert first.send(first_link).status_code == 410
    assert not first.is_signed_in()


@pytest.mark.parametrize("registration", ["invite", "closed"])
def test_sign_up_from_before_registration_ended_is_not_confirmed(
    app: Flask, post: Post, email: str, registration: str, tmp_path: Path
) -> None:
    _, link = signed_up(app, post, email)
    with mailing_house(tmp_path, post.port, registration=registration) as later:
        # The same rows, under other rules.
        with app.app_context():
            row = services().storage.read_session(
                lambda session: session.scalar(sa.select(PendingSignUp).where(PendingSignUp.email == email))
            )
        assert row is not None
        values = {column.name: getattr(row, column.name) for column in PendingSignUp.__table__.columns}
        with later.app_context():
            services().storage.write(lambda connection: connection.execute(sa.insert(PendingSignUp).values(**values)))
        assert new_visitor(later).get(link).status_code == 403


def test_deleting_an_account_takes_waiting_sign_ups_and_mails_along(app: Flask, post: Post, email: str) -> None:
    new_visitor(app).send("/sign-up", email=email, password=PASSWORD)
    with app.app_context():
        member, _ = membership.create(email, None, None, is_operator=False, by=BOSS)
        deletion.delete(member.id, by=BOSS)
    assert deliver(app) == 0
    with app.app_context():
        left = services().storage.read_session(
            lambda session: session.scalar(sa.select(PendingSignUp.id).where(PendingSignUp.email == email))
        )
    assert left is None
