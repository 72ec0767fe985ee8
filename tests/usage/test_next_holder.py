"""Whoever signs up with an address that was deleted before: its quota is used up as it was, its past is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from models.quota import Limits
from models.reservation import Outcome, Request, Reserved, reserve, settle
from service.accounts import membership
from service.services import services
from tests.accounts.house import PASSWORD, Visitor, open_house
from tests.conftest import new_database

EMAIL = "holder@example.org"
CLIENT = "secret-tool/3.1"


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with open_house(new_database(request, "sqlite", tmp_path)) as app:
        yield app


def used(account_id: int, request_id: str, client: str) -> None:
    """Put one finished prompt into the usage log."""
    house = services()
    asked = Request(account_id, None, request_id, "responses", None, "smart-route-mini", client)  # type: ignore[arg-type]
    reserved = reserve(house.storage, asked, Limits(200, 1000), house.calendar, house.worker.owner_id())
    assert isinstance(reserved, Reserved)
    settle(house.storage, reserved.row_id, Outcome(status="completed"))


def test_next_holder_of_an_address_sees_nothing_of_the_one_before_but_what_is_left(house: Flask) -> None:
    before = Visitor(house)
    before.sign_up(EMAIL)
    before.get("/docs")
    with house.app_context():
        used(membership.find(EMAIL).id, "req_of_the_first", CLIENT)
    assert "req_of_the_first" in before.get("/usage").text
    assert CLIENT.partition("/")[0] in before.get("/docs").text
    before.send("/account/delete", present=PASSWORD, confirm="yes")

    after = Visitor(house)
    after.sign_up(EMAIL, "another long password")
    for path in ("/usage", "/usage?before=99", "/usage?after=0", "/usage.csv", "/docs"):
        page = after.get(path).text
        assert "req_of_the_first" not in page, path
        assert "secret-tool" not in page, path
    assert "199" in after.get("/docs").text
    with house.app_context():
        used(membership.find(EMAIL).id, "req_of_the_second", "other/1.0")
    assert "req_of_the_second" in after.get("/usage").text
    assert "req_of_the_second" in after.get("/usage.csv").text
