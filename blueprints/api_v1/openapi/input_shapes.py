"""The shapes inside request bodies: messages of a chat, input items of a response."""

from __future__ import annotations

from typing import Any

from ..schemas import ROLES
from .shapes import Shape, anything, either, one_of, or_null, record, ref, several, text

_IMAGE_URL = "An http or data URL."


def _when_role(*roles: str, then: Shape) -> dict[str, Any]:
    return {"if": {"properties": {"role": {"enum": list(roles)}}, "required": ["role"]}, "then": then}


INPUT_SHAPES: dict[str, Shape] = {
    "ChatMessage": {
        **record(
            "One message. Fields that are not listed go on untouched.",
            may_miss=("content", "tool_calls", "tool_call_id", "reasoning_content"),
            role=one_of(*ROLES, about="Who says it."),
            content=or_null(
                either(
                    text(),
                    several(ref("ChatPart")),
                    about="A text, or parts. Only assistant, tool and function messages may go without.",
                )
            ),
            tool_calls=or_null(several(anything(), "In an assistant's message: the calls that it made.")),
            tool_call_id=or_null(text("In a tool's message: the id of the call that it answers.")),
            reasoning_content=or_null(text("In an assistant's message: its reasoning, as it was told to you.")),
        ),
        "allOf": [
            _when_role("tool", then={"required": ["tool_call_id"], "properties": {"tool_call_id": {"type": "string"}}}),
            _when_role(
                "developer",
                "system",
                "user",
                then={"required": ["content"], "properties": {"content": {"type": ["string", "array"]}}},
            ),
        ],
    },
    "ChatPart": {
        **record(
            "A part of a message: `text`, `image_url`, `input_audio` or `file`. Which of them an alias takes, "
            "`GET models` tells.",
            may_miss=("text", "image_url", "input_audio", "file"),
            type=text("The kind of the part."),
            text=text("The words of a `text` part."),
            image_url=record(
                "The image of an `image_url` part.",
                may_miss=("detail",),
                url=text(_IMAGE_URL),
                detail=text("`low`, `high` or `auto`."),
            ),
            input_audio=anything("`data` in base64 and `format` of an `input_audio` part."),
            file=anything("`file_data` in base64 and `filename` of a `file` part."),
        ),
        "allOf": [
            {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": {"required": [kind]}}
            for kind in ("text", "image_url")
        ],
    },
    "InputItem": record(
        "One item. Kinds that are not known here are left out for the model, never refused; keys that are not "
        "listed are dropped.",
        may_miss=(
            "type",
            "role",
            "content",
            "call_id",
            "name",
            "namespace",
            "arguments",
            "input",
            "output",
            "id",
            "encrypted_content",
        ),
        type=or_null(
            text(
                "`message` (left out: a message), `function_call`, `function_call_output`, `custom_tool_call`, "
                "`custom_tool_call_output`, `reasoning`, `item_reference`, `compaction`, `compaction_trigger` and more."
            )
        ),
        role=or_null(text("Of a message: `user`, `assistant`, `system` or `developer`.")),
        content=either(
            text(),
            several(anything()),
            {"type": "null"},
            about="Of a message: a text, or parts such as `input_text`, `input_image`, `input_file`.",
        ),
        call_id=or_null(text("Of a call and of its result: the id that connects them.")),
        name=or_null(text("Of a call: the tool.")),
        namespace=or_null(text("Of a call: the namespace of the tool, if it has one.")),
        arguments=or_null(text("Of a function call: JSON as text.")),
        input=or_null(text("Of a custom tool call: its text.")),
        output=either(text(), several(anything()), {"type": "null"}, about="Of a result: a text, or parts."),
        id=or_null(text("Of an `item_reference`: a stored output item.")),
        encrypted_content=or_null(text("Of reasoning and of a compaction: what this service sealed.")),
    ),
}
