"""The sign-up page."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.accounts.house import PASSWORD, Visitor, open_house


def test_signing_up_signs_in_and_leads_to_the_documentation(visitor: Visitor) -> None:
    answer = visitor.sign_up("member@example.org")
    assert (answer.status_code, answer.location) == (303, "/docs")
    assert visitor.is_signed_in()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "plans"])
def test_signing_up_leads_to_no_other_site(visitor: Visitor, elsewhere: str) -> None:
    page = f"/sign-up?{urlencode({'next': elsewhere})}"
    assert "evil" not in visitor.get(page).text.partition("<main")[2].partition("</main>")[0]
    assert visitor.send(page, email="member@example.org", password=PASSWORD).location == "/docs"
    assert visitor.get(page).location == "/docs"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("/docs?x=1", "The documentation opens next, with your plan and your token."),
        ("/plans", "The plans open next."),
        ("/plans?to=gold", "The plans open next."),
        ("/usage", "The page that you came for opens next."),
    ],
)
def test_sign_up_says_what_opens_next(visitor: Visitor, wanted: str, said: str) -> None:
    page = f"/sign-up?{urlencode({'next': wanted})}"
    assert said in visitor.get(page).text
    assert said in visitor.send(page, email="nonsense", password=PASSWORD).text
    assert visitor.send(page, email="member@example.org", password=PASSWORD).location == wanted


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"email": "nonsense", "password": PASSWORD}, "Enter an e-mail address such as"),
        ({"email": "", "password": PASSWORD}, "Enter your e-mail address."),
        ({"email": "member@example.org", "password": "short"}, "Use at least 10 characters."),
        ({"email": "member@example.org", "password": "x" * 1025}, "Use at most 1024 bytes."),
        ({"email": "member@example.org", "password": ""}, "Choose a password."),
        ({}, "Enter your e-mail address."),
    ],
)
def test_fault_stands_beside_its_field(visitor: Visitor, fields: dict[str, str], fault: str) -> None:
    answer = visitor.send("/sign-up", **fields)
    assert answer.status_code == 422
    assert fault in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert not visitor.is_signed_in()


def test_taken_address_is_told_beside_the_field_and_the_password_is_not_shown_again(app: Flask) -> None:
    Visitor(app).sign_up("member@example.org")
    answer = Visitor(app).sign_up("MEMBER@example.org")
    assert answer.status_code == 422
    assert "exists already" in answer.text
    assert PASSWORD not in answer.text


def test_signed_in_visitor_is_led_on(visitor: Visitor) -> None:
    visitor.sign_up("member@example.org")
    assert visitor.get("/sign-up").location == "/docs"
    assert visitor.get("/sign-in").location == "/docs"


@pytest.mark.parametrize(("registration", "words"), [("invite", "by invitation"), ("closed", "No new accounts")])
def test_registration_that_is_not_open_says_so_and_refuses(tmp_path: Path, registration: str, words: str) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(f'[service]\nregistration = "{registration}"\n')
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}", toml) as app:
        visitor = Visitor(app)
        page = visitor.get("/sign-up")
        assert (page.status_code, words in page.text) == (200, True)
        answer = visitor.send("/sign-in", "/sign-up", email="member@example.org", password=PASSWORD)
        assert answer.status_code == 403
        assert not visitor.is_signed_in()
        for path in ("/", "/plans", "/docs", "/sign-in"):
            assert "/sign-up" not in visitor.get(path).text, path


def test_twenty_first_sign_up_of_an_hour_from_one_address_is_refused(app: Flask) -> None:
    for number in range(20):
        assert Visitor(app).sign_up(f"member{number}@example.org").status_code == 303
    answer = Visitor(app).sign_up("member20@example.org")
    assert answer.status_code == 429
    assert 3000 < int(answer.headers["Retry-After"]) <= 3600
    assert "Try again in" in answer.text
    assert Visitor(app, "192.0.2.2").sign_up("member20@example.org").status_code == 303


def test_form_with_a_fault_is_no_sign_up(app: Flask) -> None:
    visitor = Visitor(app)
    for _ in range(21):
        assert visitor.sign_up("member@example.org", "short").status_code == 422
    assert visitor.sign_up("member@example.org").status_code == 303
