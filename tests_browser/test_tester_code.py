"""The request as code: what the tester copies does the same from a shell, from Python and from JavaScript."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests_browser.people import Member
from tests_browser.tester import copied, ended, open_tester, send, write_json
from tests_browser.visits import Visits

AWKWARD = """it's "quoted" \\ and $HOME `id` \N{SNOWMAN} \N{GRINNING FACE}
second line, \t tab, #! % 'twice'"""


@pytest.mark.parametrize("route", ["chat/completions", "responses", "completions"])
def test_copied_curl_brings_the_same_answer(visit: Visits, member: Member, route: str) -> None:
    page = open_tester(visit, member)
    send(page, AWKWARD, route=route, stream=False)
    ended(page)
    shown = page.locator("#try-readable .tester-text").text_content()
    assert member.token not in page.content()
    command = copied(page, "curl")
    assert member.token in command
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20, check=True)
    assert text_of(json.loads(done.stdout)) == shown
    assert "second line" in (shown or "")


def test_copied_python_brings_the_same_answer(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    body = {"model": "smart-route-mini", "input": AWKWARD, "store": False, "made_up": [True, None, 0.5, "x"]}
    page.get_by_label("Endpoint", exact=True).select_option("responses")
    write_json(page, json.dumps(body, indent=2))
    page.get_by_role("button", name="Send", exact=True).click()
    ended(page)
    shown = page.locator("#try-readable .tester-text").text_content() or ""
    program = copied(page, "python")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == shown + "\n"


@pytest.mark.parametrize("route", ["chat/completions", "responses", "completions"])
def test_copied_python_streams(visit: Visits, member: Member, route: str) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply Good morning]]", route=route)
    ended(page)
    program = copied(page, "python")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "Good morning"


def test_copied_javascript_holds_the_very_body(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    body = {
        "model": "smart-route-mini",
        "messages": [{"role": "user", "content": AWKWARD}],
        "a-b": [],
        "x": {"y": -1.5},
    }
    write_json(page, json.dumps(body))
    program = copied(page, "javascript")
    assert member.token in program
    told = "console.log(JSON.stringify(body)); process.exit();"
    stand_in = f"class OpenAI {{ chat = {{ completions: {{ create(body) {{ {told} }} }} }} }}\n"
    assert program.startswith('import OpenAI from "openai";\n')
    program = program.replace('import OpenAI from "openai";\n', stand_in, 1)
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert json.loads(done.stdout) == body


def text_of(answer: dict[str, Any]) -> str:
    if "output" in answer:
        return str(answer["output"][0]["content"][0]["text"])
    choice = answer["choices"][0]
    return str(choice["message"]["content"] if "message" in choice else choice["text"])
