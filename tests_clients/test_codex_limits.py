"""Codex CLI when something is in the way: a broken upstream, a used-up quota, a wrong token."""

from __future__ import annotations

import time

from tests_clients.codex import PROVIDER, Codex, errors, messages
from tests_clients.service import Service

# One try each: the tests look at one answer, not at how long Codex goes on asking.
NO_RETRIES = ["-c", f"{PROVIDER}.request_max_retries=0", "-c", f"{PROVIDER}.stream_max_retries=0"]


def test_codex_notices_nothing_of_a_route_that_fails(codex: Codex) -> None:
    finished = codex.exec("[[only demo-model]] [[status 503]] [[only *]] [[reply From the other.]]")
    assert messages(finished) == ["From the other."]
    assert errors(finished) == []


def test_codex_ends_with_our_words_when_every_upstream_fails(codex: Codex, service: Service, token: str) -> None:
    finished = codex.exec("[[status 500]] [[message secret words of demo-backend]]", *NO_RETRIES)
    assert finished.exit_code == 1
    assert errors(finished)
    assert "demo" not in "".join(errors(finished))
    assert service.prompts_counted(token) == 0


def test_codex_ends_with_our_words_when_the_upstream_breaks_off(codex: Codex, service: Service, token: str) -> None:
    finished = codex.exec("[[tokens 20]] [[pace 20]] [[drop 9]]", *NO_RETRIES)
    assert finished.exit_code == 1
    assert errors(finished)
    assert "demo" not in "".join(errors(finished))
    assert service.prompts_counted(token) == 1  # some of the answer had come


def test_codex_tells_when_the_quota_is_used_up(codex: Codex, service: Service) -> None:
    tiny = codex.with_token(service.new_token("tiny"))
    assert messages(tiny.exec("[[reply The only one today.]]")) == ["The only one today."]
    refused = tiny.exec("[[reply Never said.]]")
    assert refused.exit_code == 1
    assert refused.took_s < 10  # it does not try again
    [message] = set(errors(refused))
    assert "hit your usage limit" in message
    assert "try again at" in message.lower()


def test_codex_learns_what_is_left_of_day_and_month(codex: Codex, service: Service) -> None:
    tiny = codex.with_token(service.new_token("tiny"))
    tiny.exec("[[reply The only one today.]]")
    limits = tiny.rate_limits()
    assert limits["primary"]["used_percent"] == 100.0
    assert limits["primary"]["window_minutes"] == 24 * 60
    assert 0 < limits["primary"]["resets_at"] - time.time() <= 24 * 3600
    assert limits["secondary"]["used_percent"] == 20.0
    assert limits["secondary"]["window_minutes"] in {days * 24 * 60 for days in (28, 29, 30, 31)}


def test_a_turn_that_has_begun_ends_though_the_quota_is_used_up(codex: Codex, service: Service) -> None:
    token = service.new_token("tiny")
    tiny = codex.with_token(token)
    call = '[[tool exec_command {"cmd": "echo on"}]]'
    assert messages(tiny.exec(f"{call} [[then]] {call} [[then]] [[reply Finished.]]")) == ["Finished."]
    assert service.usage(token)["day"]["left"] == 0


def test_codex_says_that_a_token_is_wrong(codex: Codex) -> None:
    finished = codex.with_token("sk-not-a-token").exec("[[reply Never said.]]", *NO_RETRIES)
    assert finished.exit_code == 1
    assert "401" in "".join(errors(finished))
