"""Kilo's CLI through the gateway, with its provider for OpenAI-compatible services (chat completions)."""

from __future__ import annotations

import json
import time

from tests_clients.kilo import Kilo, errors, texts, tools_used
from tests_clients.service import Service


def tool(name: str, **arguments: object) -> str:
    """Trigger words for a call of one of Kilo's tools."""
    return f"[[tool {name} {json.dumps(arguments)}]]"


def test_kilo_shows_what_the_model_says(kilo: Kilo, service: Service, token: str) -> None:
    finished = kilo.run("Say it: [[reply Good morning]]")
    assert finished.exit_code == 0, finished.stderr
    assert texts(finished) == ["Good morning"]
    assert service.prompts_counted(token) == 1


def test_kilo_runs_a_command_then_writes_a_file_in_one_prompt(kilo: Kilo, service: Service, token: str) -> None:
    look = tool("bash", command="pwd", description="Where am I")
    write = tool("write", filePath=str(kilo.project / "hello.txt"), content="Hello\nwörld\n")
    finished = kilo.run(f"{look} [[then]] {write} [[then]] [[reply Made it.]]")
    shell, file = tools_used(finished)
    assert shell["state"]["output"].strip() == str(kilo.project)
    assert file["state"]["status"] == "completed"
    assert (kilo.project / "hello.txt").read_text(encoding="utf-8") == "Hello\nwörld\n"
    assert texts(finished) == ["Made it."]
    assert service.prompts_counted(token) == 1


def test_kilo_runs_two_calls_of_one_answer(kilo: Kilo) -> None:
    calls = [tool("bash", command=f"echo {word}", description="Say it") for word in ("first", "second")]
    finished = kilo.run(f"{' '.join(calls)} [[then]] [[reply Both ran.]]")
    assert sorted(used["state"]["output"].strip() for used in tools_used(finished)) == ["first", "second"]
    assert texts(finished) == ["Both ran."]


def test_kilo_shows_the_reasoning_of_each_step(kilo: Kilo) -> None:
    look = tool("bash", command="pwd", description="Where am I")
    finished = kilo.run(f"{look} [[then]] [[reply There.]] [[reasoning I had better look]]")
    assert texts(finished, "reasoning") == ["I had better look", "I had better look"]
    assert texts(finished) == ["There."]


def test_kilo_stops_with_our_words_when_an_answer_breaks_off(kilo: Kilo, service: Service, token: str) -> None:
    finished = kilo.run("[[tokens 20]] [[pace 20]] [[drop 9]]")
    [error] = errors(finished)
    assert "demo" not in json.dumps(error)
    assert service.prompts_counted(token) == 1


def test_kilo_notices_nothing_of_a_route_that_fails(kilo: Kilo) -> None:
    finished = kilo.run("[[only demo-model]] [[status 503]] [[only *]] [[reply From the other.]]")
    assert texts(finished) == ["From the other."]
    assert errors(finished) == []


def test_kilo_waits_for_the_reset_of_a_used_up_quota_and_says_so(kilo: Kilo, service: Service) -> None:
    tiny = kilo.with_token(service.new_token("tiny"))
    assert texts(tiny.run("[[reply The only one today.]]")) == ["The only one today."]
    waiting = tiny.wait_for_retry("[[reply Never said.]]")
    assert "1 of 1" in waiting["message"]
    assert 0 < waiting["next"] / 1000 - time.time() <= 24 * 3600 + 60


def test_kilo_says_that_a_token_is_wrong(kilo: Kilo) -> None:
    [error] = errors(kilo.with_token("sk-not-a-token").run("[[reply Never said.]]"))
    assert error["data"]["statusCode"] == 401
