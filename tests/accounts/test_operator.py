"""The page that makes the first operator."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from commands.accounts import accounts
from commands.receipts import receipts
from commands.upgrades import upgrades
from commands.upstreams import upstreams
from service.accounts import membership
from service.accounts.operator_link import hand_out_operator_link
from tests.accounts.house import PASSWORD, Visitor, csrf_token

EMAIL = "operator@example.org"


@pytest.fixture
def link(app: Flask) -> str:
    """A link as it is printed at the start, without the host."""
    with app.app_context():
        address = hand_out_operator_link()
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/operator\?link=[\w-]{43}", address)
    return address.removeprefix("http://127.0.0.1:8000")


def test_link_makes_an_operator_who_is_signed_in_with_plan_and_token(app: Flask, visitor: Visitor, link: str) -> None:
    answer = visitor.send(link, email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/admin")
    assert visitor.token().startswith("sr_")
    with app.app_context():
        assert membership.find(EMAIL).is_operator


def test_page_lists_every_command_there_is(visitor: Visitor, link: str) -> None:
    page = visitor.get(link).text
    listed = set(re.findall(r"<code>([a-z-]+(?: [a-z-]+)?)</code>", page))
    for group in (accounts, upgrades, receipts, upstreams):
        for command in set(group.commands) - {"operator-link"}:  # of no use any more
            assert {command, f"{group.name} {command}"} & listed, command
    assert {"config check", "db upgrade"} <= listed


def test_link_works_once(app: Flask, visitor: Visitor, link: str) -> None:
    visitor.send(link, email=EMAIL, password=PASSWORD)
    page = Visitor(app).get(link)
    assert page.status_code == 410
    assert "has an operator already" in page.text


@pytest.mark.parametrize("page", ["/operator", "/operator?link=", "/operator?link=wrong"])
def test_wrong_link_says_how_to_get_a_new_one(visitor: Visitor, page: str) -> None:
    answer = visitor.get(page)
    assert answer.status_code == 410
    assert ".venv/bin/flask accounts operator-link" in answer.text


def test_faulty_form_does_not_use_the_link_up(visitor: Visitor, link: str) -> None:
    assert visitor.send(link, email="nonsense", password=PASSWORD).status_code == 422
    assert visitor.send(link, email=EMAIL, password=PASSWORD).status_code == 303


def test_address_of_a_member_does_not_use_the_link_up(app: Flask, visitor: Visitor, link: str) -> None:
    Visitor(app).sign_up(EMAIL)
    assert "Use another one" in visitor.send(link, email=EMAIL, password=PASSWORD).text
    assert visitor.send(link, email="other@example.org", password=PASSWORD).status_code == 303


def test_link_used_twice_at_the_same_moment_makes_one_operator(app: Flask, link: str) -> None:
    visitors = [Visitor(app) for _ in range(4)]
    tokens = [csrf_token(visitor.get(link).text) for visitor in visitors]

    def send(number: int) -> int:
        fields = {"csrf_token": tokens[number], "email": f"operator{number}@example.org", "password": PASSWORD}
        return visitors[number].client.post(link, data=fields).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(send, range(4))) == [303, 410, 410, 410]
    with app.app_context():
        assert [member.is_operator for member, _, _ in membership.members()] == [True]


def test_sign_up_never_makes_an_operator(app: Flask, visitor: Visitor) -> None:
    visitor.send("/sign-up", email=EMAIL, password=PASSWORD, is_operator="y", admin="1")
    with app.app_context():
        assert not membership.find(EMAIL).is_operator
