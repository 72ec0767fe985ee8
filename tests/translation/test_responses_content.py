"""Images, files and tool outputs, as each upstream can take them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from blueprints.api_v1.errors import InvalidRequest
from blueprints.api_v1.translation.responses_capabilities import Capabilities
from tests.translation.responses_conversation import (
    CHAT_IMAGE,
    IMAGE_PART,
    TEXT_PART,
    Item,
    call,
    messages,
    output,
    tool,
    user,
)


def test_conf_063_mcp_output_array() -> None:
    assert messages([call("a"), output("a", [TEXT_PART, {**TEXT_PART, "text": "two"}])])[1] == tool("a", "one\ntwo")


def test_conf_063_image_output_moved_to_user() -> None:
    items = [call("a"), call("b"), output("a", [IMAGE_PART]), output("b", [TEXT_PART, IMAGE_PART])]
    assert messages(items)[1:] == [
        tool("a", "[image below]"),
        tool("b", "one"),
        {"role": "user", "content": [CHAT_IMAGE, CHAT_IMAGE]},
    ]


def test_image_output_stays_where_the_upstream_takes_it() -> None:
    found = messages([call("a"), output("a", [IMAGE_PART])], can=Capabilities(tool_images=True))
    assert found[1:] == [tool("a", [CHAT_IMAGE])]


def test_output_that_is_neither_text_nor_parts_is_told_as_json() -> None:
    shell = {"type": "shell_call", "call_id": "a", "action": {"commands": ["ls"]}}
    told = [{"stdout": "x", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
    found = messages([shell, output("a", told, "shell_call_output")])
    assert found[0]["tool_calls"][0]["function"] == {"name": "shell", "arguments": '{"commands":["ls"]}'}
    assert json.loads(found[1]["content"]) == told


def file(name: str, text: str = "body", **more: Any) -> Item:
    data = base64.b64encode(text.encode()).decode()
    return {"type": "input_file", "filename": name, "file_data": data, **more}


def content(part: Item, can: Capabilities | None = None) -> Any:
    return messages([{"role": "user", "content": [part]}], can=can)[0]["content"]


def test_conf_073_images_files_per_capability() -> None:
    assert content(IMAGE_PART) == [CHAT_IMAGE]
    assert content(IMAGE_PART, Capabilities(images="omit")) == "[image omitted]"
    assert content(file("a.py")) == '<file name="a.py">\nbody\n</file>'
    assert content({**file("a"), "file_data": "data:application/json;base64,e30="}) == '<file name="a">\n{}\n</file>'
    pdf = file("a.pdf")
    assert content(pdf, Capabilities(files=True)) == [
        {"type": "file", "file": {"file_data": pdf["file_data"], "filename": "a.pdf"}}
    ]
    audio = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    assert content(audio, Capabilities(audio=True)) == [audio]


@pytest.mark.parametrize(
    ("part", "can", "code", "path"),
    [
        (IMAGE_PART, Capabilities(images="refuse"), "unsupported_value", ""),
        ({"type": "input_image", "file_id": "f"}, Capabilities(), "unsupported_value", ".file_id"),
        ({"type": "input_image"}, Capabilities(), "missing_required_parameter", ".image_url"),
        (file("a.pdf"), Capabilities(), "unsupported_value", ""),
        ({"type": "input_file", "file_url": "http://x"}, Capabilities(), "unsupported_value", ".file_url"),
        ({"type": "input_file"}, Capabilities(), "missing_required_parameter", ".file_data"),
        ({**file("a.txt"), "file_data": "§"}, Capabilities(), "invalid_value", ".file_data"),
        ({"type": "input_audio"}, Capabilities(), "unsupported_value", ""),
    ],
)
def test_part_that_the_upstream_cannot_take_is_named(part: Item, can: Capabilities, code: str, path: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        messages([user("Hi"), {"role": "user", "content": [TEXT_PART, part]}], can=can)
    assert (raised.value.code, raised.value.param) == (code, f"input[1].content[1]{path}")
