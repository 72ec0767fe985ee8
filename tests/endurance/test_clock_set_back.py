"""A cookie that was signed while the clock was ahead is taken after the clock was set back."""

from __future__ import annotations

import time

import pytest
from flask import Flask
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from pages import PageSessions

DAY_S = 86_400
KEPT_S = 30 * DAY_S


@pytest.fixture
def cookies() -> URLSafeTimedSerializer:
    app = Flask("trial")
    app.secret_key = "a key of this test alone"
    serializer = PageSessions().get_signing_serializer(app)
    assert serializer is not None
    return serializer


def signed_at(monkeypatch: pytest.MonkeyPatch, cookies: URLSafeTimedSerializer, moment: float) -> str:
    with monkeypatch.context() as stepped:
        stepped.setattr(TimestampSigner, "get_timestamp", lambda _: int(moment))
        cookie = cookies.dumps({"who": 7})
    assert isinstance(cookie, str)
    return cookie


@pytest.mark.parametrize("ahead_s", [0, 1, 3600, 2 * DAY_S, -KEPT_S + 60])
def test_cookie_of_a_clock_that_was_ahead_or_right_is_taken(
    monkeypatch: pytest.MonkeyPatch, cookies: URLSafeTimedSerializer, ahead_s: int
) -> None:
    cookie = signed_at(monkeypatch, cookies, time.time() + ahead_s)
    assert cookies.loads(cookie, max_age=KEPT_S) == {"who": 7}


def test_cookie_that_is_too_old_or_changed_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, cookies: URLSafeTimedSerializer
) -> None:
    old = signed_at(monkeypatch, cookies, time.time() - KEPT_S - 60)
    ahead = signed_at(monkeypatch, cookies, time.time() + 3600)
    for wrong in (old, ahead[:-2] + ("aa" if ahead[-2:] != "aa" else "bb")):
        with pytest.raises(BadSignature):
            cookies.loads(wrong, max_age=KEPT_S)
