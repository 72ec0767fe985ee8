"""The receipt of a request: the operator's page and ``flask receipts show`` tell the same."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.admin.conftest import Person, text_of

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
FAILOVER = "[[only one]] [[status 503]] [[only two]] [[tokens 5]]"


@pytest.fixture(scope="module")
def failed_over(operator: Person) -> str:
    """The id of a request for which one route could not be used and another one failed."""
    http_response = operator.chat(FAILOVER, model="smart-route-mini", tools=[TOOL])
    assert http_response.status_code == 200, http_response.text
    request_id = http_response.headers["x-request-id"]
    operator.closed_row(request_id)
    return request_id


def test_page_tells_of_a_failover_what_was_tried_and_passed_over(operator: Person, failed_over: str) -> None:
    answer = operator.get(f"/admin/requests/{failed_over}")
    assert answer.status_code == 200
    told = text_of(answer.text)
    for words in (
        failed_over,
        "operator@example.org",
        "Completed counted: output was sent",
        "Alias asked smart-route-mini",
        "First came east/one : it comes first in the file.",
        "It was answered by west/two .",
        "1 east/one effort low failed, or answered with nonsense upstream_error",
        "2 west/two effort low completed",
        "Passed over east/narrow it has tools = false, and the request brings tools",
        "5 out",
    ):
        assert words in told, words
    assert answer.text.count('class="attempt is-fault without-output"') == 1
    assert answer.text.count('class="station"') == 1
    assert "style=" not in answer.text


def test_command_tells_the_same_as_a_document(operator: Person, failed_over: str) -> None:
    row = operator.closed_row(failed_over)
    done = operator.gateway.flask("receipts", "show", failed_over, "--json")
    told = json.loads(done.stdout)
    assert told["routing"] == json.loads(row["routing"])
    assert (told["account"], told["request_id"]) == ("operator@example.org", failed_over)
    assert (told["counted"], told["counted_why"]) == (True, "counted: output was sent")
    assert [each["route"] for each in told["routing"]["attempts"]] == ["east/one", "west/two"]
    for name in ("status", "kind", "upstream", "upstream_model", "attempts", "prompt_tokens", "completion_tokens"):
        assert told[name] == row[name], name
    assert told["cost"] == pytest.approx((row["prompt_tokens"] + 2 * row["completion_tokens"]) / 1e6)


def test_command_tells_the_same_as_tables(operator: Person, failed_over: str) -> None:
    lines = operator.gateway.flask("receipts", "show", failed_over).stdout.splitlines()
    assert "account       operator@example.org" in lines
    assert "last route    west/two" in lines
    [failed] = [line for line in lines if "upstream_error" in line]
    assert failed.split()[:3] == ["1", "east/one", "low"]
    assert "east/narrow  it has tools = false, and the request brings tools" in lines


def test_request_that_failed_everywhere_is_told_with_its_code(operator: Person) -> None:
    http_response = operator.chat("[[status 500]]", model="smart-route-mini")
    request_id = http_response.headers["x-request-id"]
    operator.closed_row(request_id)
    told = text_of(operator.get(f"/admin/requests/{request_id}").text)
    assert "Failed upstream_error" in told
    assert "Counted not counted: there was no output" in told


def test_request_that_no_route_could_take_has_no_attempt(operator: Person) -> None:
    file = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = {"model": "breaking", "messages": [{"role": "user", "content": [file]}]}
    http_response = operator.session.post(f"{operator.url}/chat/completions", json=body, timeout=10)
    assert http_response.status_code == 400
    request_id = http_response.headers["x-request-id"]
    operator.closed_row(request_id)
    told = text_of(operator.get(f"/admin/requests/{request_id}").text)
    assert "No route could take the request." in told
    assert "Nothing was sent to an upstream." in told
    assert "east/breaking its input does not have the images, audio or files of the request" in told


def test_look_up_leads_to_the_request(operator: Person, failed_over: str) -> None:
    answer = operator.get("/admin/requests", params={"id": f"  {failed_over}\n"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/requests/{failed_over}")


@pytest.mark.parametrize(
    "wanted",
    [
        "req_" + "0" * 32,
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "%",
        "..",
        "../dry-run",
        "a\\b",
        "req_\u0000",
        "ключ",
        "x" * 500,
        "//evil.example",
    ],
)
def test_what_is_no_request_id_is_shown_as_text_and_found_nowhere(operator: Person, wanted: str) -> None:
    for answer in (
        operator.pages.get(f"{operator.gateway.url}/admin/requests", params={"id": wanted}, timeout=10),
        *([] if "/" in wanted or wanted == ".." else [operator.get(f"/admin/requests/{quote(wanted, safe='')}")]),
    ):
        assert answer.status_code == 404
        assert answer.url.startswith(f"{operator.gateway.url}/admin/requests")
        assert "The usage log has no request" in answer.text
        assert "<script>alert" not in answer.text


def test_look_up_without_an_id_asks_for_one(operator: Person) -> None:
    answer = operator.get("/admin/requests?id=%20")
    assert answer.status_code == 422
    assert "Enter a request id" in answer.text


@pytest.mark.parametrize("wanted", ["req_0", "\x1b[31mred", "a b", ""])
def test_command_refuses_what_it_cannot_find_without_repeating_control_characters(
    operator: Person, wanted: str
) -> None:
    done = operator.gateway.flask("receipts", "show", "--json", "--", wanted)
    assert done.returncode == 1
    assert "in the usage log" in json.loads(done.stdout)["error"]["message"]
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_receipt_of_a_deleted_account_stays(operator: Person) -> None:
    leaver = Person(operator.gateway, "leaver@example.org")
    request_id = leaver.chat("[[tokens 2]]", model="smart-route-mini").headers["x-request-id"]
    leaver.closed_row(request_id)
    assert operator.gateway.flask("accounts", "delete", "leaver@example.org").returncode == 0
    told = text_of(operator.get(f"/admin/requests/{request_id}").text)
    assert "Account deleted (number" in told
    assert "leaver" not in told
