"""Codex CLI does its work through the gateway: it talks, runs commands, changes files, goes on later."""

from __future__ import annotations

from tests_clients.codex import Codex, errors, items, messages
from tests_clients.service import Service


def shell(command: str) -> str:
    """Trigger words for one shell command of Codex's own tool."""
    return f'[[tool exec_command {{"cmd": "{command}"}}]]'


def test_codex_shows_what_the_model_says(codex: Codex) -> None:
    finished = codex.exec("Say it: [[reply Good morning]]")
    assert finished.exit_code == 0, finished.stderr
    assert messages(finished) == ["Good morning"]
    assert errors(finished) == []


def test_codex_knows_the_model_from_the_gateways_catalogue(codex: Codex) -> None:
    finished = codex.exec("[[reply Good morning]]")
    assert items(finished, "error") == []  # without an entry it warns: model metadata not found
    assert "metadata" not in finished.stderr


def test_codex_runs_a_shell_command_and_brings_its_output_back(codex: Codex, service: Service) -> None:
    finished = codex.exec(f"Where are we? {shell('pwd')} [[then]] [[reply There.]] (pwd-once)")
    command = items(finished, "command_execution")[0]
    assert command["exit_code"] == 0
    assert command["aggregated_output"].strip() == str(codex.project)
    assert messages(finished) == ["There."]
    asked = service.upstream_requests("(pwd-once)")
    assert len(asked) == 2
    assert str(codex.project) in str(asked[1]["body"])


def test_codex_creates_a_file_with_its_patch_tool(codex: Codex, service: Service) -> None:
    patch = "*** Begin Patch\n*** Add File: hello.txt\n+Hello\n+wörld\n*** End Patch\n"
    finished = codex.exec(f"{service.custom_call('apply_patch', patch)} [[then]] [[reply Made it.]]")
    assert (codex.project / "hello.txt").read_text(encoding="utf-8") == "Hello\nwörld\n"
    assert items(finished, "file_change")[0]["status"] == "completed"
    assert messages(finished) == ["Made it."]


def test_codex_patches_a_file_that_is_there(codex: Codex, service: Service) -> None:
    (codex.project / "notes.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    patch = '*** Begin Patch\n*** Update File: notes.txt\n@@\n one\n-two\n+"2" \\ \tzwei\n three\n*** End Patch\n'
    codex.exec(f"{service.custom_call('apply_patch', patch)} [[then]] [[reply Done.]]")
    assert (codex.project / "notes.txt").read_text(encoding="utf-8") == 'one\n"2" \\ \tzwei\nthree\n'


def test_codex_runs_two_calls_of_one_answer(codex: Codex) -> None:
    finished = codex.exec(f"{shell('echo first')} {shell('echo second')} [[then]] [[reply Both ran.]]")
    outputs = [item["aggregated_output"].strip() for item in items(finished, "command_execution")]
    assert sorted(outputs) == ["first", "second"]
    assert messages(finished) == ["Both ran."]


def test_codex_shows_text_that_comes_before_a_call(codex: Codex) -> None:
    finished = codex.exec(f"[[say Let me look.]] {shell('pwd')} [[then]] [[reply I have looked.]]")
    assert messages(finished) == ["Let me look.", "I have looked."]


def test_codex_shows_reasoning(codex: Codex, service: Service) -> None:
    # Codex asks for a summary and shows nothing else: a native upstream makes one, of a chat upstream's we do.
    summary = "[[reasoning-as summary]]" if service.dialect == "responses" else ""
    finished = codex.exec(f"[[reasoning I add the two.]] {summary} [[reply Four.]]")
    assert [item["text"] for item in items(finished, "reasoning")] == ["I add the two."]
    assert messages(finished) == ["Four."]


def test_a_whole_agent_turn_counts_as_one_prompt(codex: Codex, service: Service, token: str) -> None:
    steps = " [[then]] ".join([shell(f"echo step {number}") for number in range(4)])
    finished = codex.exec(f"{steps} [[then]] [[reply All four.]]")
    assert len(items(finished, "command_execution")) == 4
    assert messages(finished) == ["All four."]
    assert service.prompts_counted(token) == 1


def test_codex_resumes_its_last_session_with_the_whole_history(codex: Codex, service: Service, token: str) -> None:
    codex.exec(f"Remember the blue teapot. {shell('echo kettle')} [[then]] [[reply Noted.]]")
    finished = codex.resume_last("Which one? [[reply The blue one.]] (resumed)")
    assert messages(finished) == ["The blue one."]
    last = str(service.upstream_requests("(resumed)")[-1]["body"])
    assert "Remember the blue teapot." in last
    assert "kettle" in last
    assert "Noted." in last
    assert service.prompts_counted(token) == 2
