"""Upgrade requests on the operator's page: told in the log, listed, decided once."""

from __future__ import annotations

import logging

import pytest
from flask import Flask

from service.accounts import holdings, membership, upgrades
from tests.accounts.house import BOSS, PASSWORD, Visitor
from tests.admin.conftest import text_of

# An application in this process: what is asked of it here needs no gateway.
from tests.pages.conftest import app as app

EMAIL, OPERATOR = "member@example.org", "boss@example.org"


@pytest.fixture
def boss(app: Flask) -> Visitor:
    """An operator who signed in."""
    with app.app_context():
        membership.create(OPERATOR, PASSWORD, None, is_operator=True, by=BOSS)
    visitor = Visitor(app)
    visitor.sign_in(OPERATOR)
    return visitor


@pytest.fixture
def asking(app: Flask) -> Visitor:
    """A member on the plan Free who asked for Pro."""
    visitor = Visitor(app)
    visitor.sign_up(EMAIL)
    visitor.get("/docs")
    visitor.send("/plans?to=pro", "/plans/request", plan="pro", note="For <b>reports</b>")
    return visitor


def asked(app: Flask) -> upgrades.Upgrade:
    """The member's newest request."""
    with app.app_context():
        found = upgrades.latest_of(membership.find(EMAIL).id)
    assert found is not None
    return found


def test_page_says_that_nobody_waits(boss: Visitor) -> None:
    page = text_of(boss.get("/admin").text)
    assert "0 waiting" in page
    assert "Nobody waits for a decision" in page


def test_look_up_of_an_early_refusal_says_where_it_stands(boss: Visitor) -> None:
    answer = boss.get("/admin/requests/req_unknown")
    assert answer.status_code == 404
    assert "| grep req_unknown<" in answer.text


def test_log_tells_of_a_request_without_an_address(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("smartroute")
    log.addHandler(caplog.handler)
    try:
        member = membership_on_free(app)
        with app.app_context():
            upgrades.request(member, "pro", "a note")
    finally:
        log.removeHandler(caplog.handler)
    [line] = [record.getMessage() for record in caplog.records if record.name == "smartroute.upgrades"]
    assert f"account {member} asks for the plan pro, it has free" in line
    assert EMAIL not in line
    assert "a note" not in line


def test_waiting_request_is_listed_with_its_note(boss: Visitor, asking: Visitor) -> None:
    page = boss.get("/admin").text
    assert "1 waiting" in text_of(page)
    assert f"{EMAIL} asks for Pro , has Free" in text_of(page)
    assert "For &lt;b&gt;reports&lt;/b&gt;" in page
    assert page.index('id="upgrades"') < page.index('id="look-up-title"')  # what waits comes first


@pytest.mark.parametrize(
    ("decision", "state", "plan"), [("approve", "approved", "pro"), ("decline", "declined", "free")]
)
def test_decision_takes_effect_and_reaches_the_member(
    app: Flask, boss: Visitor, asking: Visitor, decision: str, state: str, plan: str
) -> None:
    number = str(asked(app).id)
    answer = boss.send("/admin", "/admin/upgrades", request=number, decision=decision, message="As agreed")
    assert (answer.status_code, answer.location) == (303, "/admin#upgrades")
    page = text_of(boss.get("/admin").text)
    assert f"The request of {EMAIL} for pro is {state}." in page
    assert "0 waiting" in page
    done = asked(app)
    assert (done.state, done.decided_by, done.message) == (state, OPERATOR, "As agreed")
    with app.app_context():
        assert holdings.holding(done.account_id).plan_slug == plan
    assert "As agreed" in asking.get("/plans").text


def test_second_decision_changes_nothing_and_says_so(app: Flask, boss: Visitor, asking: Visitor) -> None:
    number = str(asked(app).id)
    boss.send("/admin", "/admin/upgrades", request=number, decision="decline")
    boss.send("/admin", "/admin/upgrades", request=number, decision="approve")
    assert f"Request {number} is declined already." in boss.get("/admin").text
    assert asked(app).state == "declined"


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "9" * 40])
def test_number_of_no_request_decides_nothing(app: Flask, boss: Visitor, asking: Visitor, number: str) -> None:
    boss.send("/admin", "/admin/upgrades", request=number, decision="approve")
    assert "There is no upgrade request" in boss.get("/admin").text
    assert asked(app).is_pending


def test_message_that_is_too_long_is_kept_and_nothing_is_decided(app: Flask, boss: Visitor, asking: Visitor) -> None:
    fields = {"request": str(asked(app).id), "decision": "approve", "message": "m" * 501}
    answer = boss.send("/admin", "/admin/upgrades", **fields)
    assert answer.status_code == 422
    assert "m" * 501 in answer.text
    assert "at most 500 characters" in answer.text
    assert asked(app).is_pending


def test_form_without_a_decision_decides_nothing(app: Flask, boss: Visitor, asking: Visitor) -> None:
    answer = boss.send("/admin", "/admin/upgrades", request=str(asked(app).id), message="kept")
    assert answer.status_code == 422
    assert 'value="kept"' in answer.text
    assert asked(app).is_pending


def test_only_operators_with_the_token_of_the_form_decide(app: Flask, boss: Visitor, asking: Visitor) -> None:
    fields = {"request": str(asked(app).id), "decision": "approve"}
    assert asking.send("/plans", "/admin/upgrades", **fields).status_code == 403
    assert boss.client.post("/admin/upgrades", data=fields).status_code == 400
    assert Visitor(app).send("/sign-in", "/admin/upgrades", **fields).location.startswith("/sign-in")
    assert asked(app).is_pending


def membership_on_free(app: Flask) -> int:
    """The number of a new account on the plan Free."""
    with app.app_context():
        return membership.create(EMAIL, PASSWORD, None, is_operator=False, by=BOSS)[0].id
