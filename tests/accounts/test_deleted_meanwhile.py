"""An account that is deleted while its member's request is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from service.accounts import deletion, holdings, membership
from tests.accounts.house import BOSS, Visitor, csrf_token

EMAIL = "member@example.org"


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ("regenerate_token", "/docs/token/create"),
        ("regenerate_token", "/docs/token/regenerate"),
        ("holding", "/docs/token/reveal"),
        ("equip", "/plans/start"),
    ],
)
def test_member_is_told_at_the_sign_in_page(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, step: str, path: str
) -> None:
    visitor.sign_up(EMAIL)
    token = csrf_token(visitor.get("/docs").text)
    with app.app_context():
        member = membership.find(EMAIL)
        if path.endswith("create"):
            holdings.revoke_token(member.id)
    original: Callable[[int], Any] = getattr(holdings, step)

    def be_overtaken(account_id: int) -> Any:
        deletion.delete(account_id, by=BOSS)
        return original(account_id)

    monkeypatch.setattr(holdings, step, be_overtaken)
    answer = visitor.client.post(path, data={"csrf_token": token, "confirm": "yes"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    page = visitor.get("/sign-in").text
    assert "does not exist any more" in page
    assert "Sign out" not in page
