"""Codex CLI's further kinds of tools and answers, through the gateway."""

from __future__ import annotations

import json
import struct
import sys
import zlib

import pytest

from tests_clients.codex import Codex, errors, items, messages
from tests_clients.programs import HERE
from tests_clients.service import Service

MCP_SERVER = f"""
[mcp_servers.sums]
command = "{sys.executable}"
args = ["{HERE / "mcp_server.py"}"]
"""


def picture() -> bytes:
    """A PNG file of one red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("service", ["chat"], indirect=True)
def test_a_tool_of_an_mcp_server_is_called_by_its_namespace(codex: Codex, service: Service) -> None:
    codex.add_config(MCP_SERVER)
    finished = codex.exec('[[tool mcp__sums__add {"a": 2, "b": 3}]] [[then]] [[reply Five.]] (sums)')
    [call] = items(finished, "mcp_tool_call")
    assert call["status"] == "completed", call
    assert messages(finished) == ["Five."]
    first, second = service.upstream_requests("(sums)")
    assert "mcp__sums__add" in [tool["function"]["name"] for tool in first["body"]["tools"]]
    assert "the sum is 5" in json.dumps(second["body"])


def test_a_picture_that_codex_looks_at_reaches_the_upstream(codex: Codex, service: Service, token: str) -> None:
    (codex.project / "red.png").write_bytes(picture())
    finished = codex.exec('[[tool view_image {"path": "red.png"}]] [[then]] [[reply Red.]] (red-picture)')
    assert finished.exit_code == 0, finished.stdout
    last = service.upstream_requests("(red-picture)")[-1]
    assert "data:image/png;base64," in json.dumps(last["body"])
    assert service.prompts_counted(token) == 1


def test_an_answer_that_must_fit_a_schema_does(codex: Codex, service: Service) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    (codex.project / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    finished = codex.exec("Which city? (schema)", "--output-schema", "schema.json")
    assert list(json.loads(messages(finished)[-1])) == ["city"]


def test_a_context_that_is_too_long_is_told_as_such(codex: Codex) -> None:
    finished = codex.exec("[[status 400]] [[body context]]")
    assert finished.exit_code == 1
    assert "context window" in " ".join(errors(finished))


def test_codex_summarises_a_long_session_in_a_prompt_of_its_own(codex: Codex, service: Service, token: str) -> None:
    codex.exec("Remember the blue teapot. [[tokens 400]]")
    short = ["-c", "model_auto_compact_token_limit=300"]
    finished = codex.resume_last("Go on. [[reply Gone on.]] (after-summary)", *short)
    assert messages(finished) == ["Gone on."]
    asked = json.dumps(service.upstream_requests("(after-summary)")[-1]["body"])
    assert "CONTEXT CHECKPOINT COMPACTION" in asked  # the demo's summary quotes what it was asked
    assert "w399" not in asked
    assert service.prompts_counted(token) == 3
