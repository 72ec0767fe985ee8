"""The shapes of the Responses API: the response object, its output items, lists, counts and compactions."""

from __future__ import annotations

from .chat_shapes import CREATED, MODEL
from .shapes import (
    Shape,
    anything,
    const,
    either,
    flag,
    number,
    one_of,
    or_null,
    record,
    ref,
    several,
    text,
    whole,
    with_about,
)

_ITEM_STATUS = one_of("in_progress", "completed", "incomplete", "failed")
_ECHO = "As the request said it."
_CALL_ID = text("`call_…`: bring it back with the result.")
_NAMESPACE = text("There where the tool is in a namespace.")

# Kinds that only models with tools of their own give; their keys are as in the Responses API.
_HOSTED = (
    "web_search_call", "file_search_call", "image_generation_call", "code_interpreter_call", "computer_call",
    "local_shell_call", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output",
    "tool_search_call", "tool_search_output", "mcp_call", "mcp_list_tools", "mcp_approval_request",
)  # fmt: skip

RESPONSE_SHAPES: dict[str, Shape] = {
    "Response": record(
        "A response: every key is always there.",
        id=text("`resp_…`"),
        object=const("response"),
        created_at=whole(CREATED),
        completed_at=or_null(whole("When it was complete, in Unix seconds.")),
        status=one_of("in_progress", "completed", "incomplete", "failed", "cancelled"),
        background=flag("Always false."),
        error=either(
            record(
                "Why it failed.",
                code=text("One of the codes that agents act on, else `server_error`."),
                message=text("For people."),
            ),
            {"type": "null"},
        ),
        incomplete_details=either(
            record("Why it is incomplete.", reason=one_of("max_output_tokens", "content_filter")), {"type": "null"}
        ),
        instructions=or_null(text(_ECHO)),
        max_output_tokens=or_null(whole(_ECHO)),
        max_tool_calls=or_null(whole(_ECHO)),
        metadata={**anything(_ECHO), "additionalProperties": text()},
        model=text(MODEL),
        output=several(ref("OutputItem"), "What the model gave, in order; empty while it runs."),
        parallel_tool_calls=flag(_ECHO),
        previous_response_id=or_null(text(_ECHO)),
        prompt_cache_key=or_null(text(_ECHO)),
        reasoning=record(_ECHO, effort=or_null(text()), summary=or_null(text())),
        safety_identifier=or_null(text(_ECHO)),
        service_tier=const("default"),
        store=flag(_ECHO),
        temperature=number(_ECHO),
        top_p=number(_ECHO),
        presence_penalty=number(_ECHO),
        frequency_penalty=number(_ECHO),
        top_logprobs=whole(_ECHO),
        text=anything(f"{_ECHO} `format` is always there."),
        tool_choice=either(text(), anything(), about=_ECHO),
        tools=several(anything(), _ECHO),
        truncation=const("disabled"),
        usage=either(ref("ResponseUsage"), {"type": "null"}, about="null while it runs."),
    ),
    "ResponseUsage": record(
        "Token counts of a response; estimated where nobody told them.",
        input_tokens=whole(),
        input_tokens_details=record(
            "", cached_tokens=whole("Taken from the model's cache."), cache_write_tokens=whole()
        ),
        output_tokens=whole("Reasoning included."),
        output_tokens_details=record("", reasoning_tokens=whole("Spent on thinking.")),
        total_tokens=whole(),
    ),
    "OutputItem": either(
        ref("OutputMessage"),
        ref("ReasoningItem"),
        ref("FunctionCall"),
        ref("CustomToolCall"),
        ref("CompactionItem"),
        ref("HostedItem"),
        about="One thing that the model gave. `type` tells which.",
    ),
    "OutputMessage": record(
        "Words for the reader.",
        may_miss=("phase",),
        id=text("`msg_…`"),
        type=const("message"),
        status=_ITEM_STATUS,
        role=const("assistant"),
        content=several(ref("MessagePart")),
        phase=one_of("commentary", "final_answer", about="Told by some models."),
    ),
    "MessagePart": either(ref("OutputText"), ref("Refusal"), about="A part of a message."),
    "OutputText": record(
        "Text.",
        type=const("output_text"),
        text=text(),
        annotations=several(anything(), "Sources that the text names."),
        logprobs=several(ref("ResponseLogprob"), "There where they were asked for."),
    ),
    "Refusal": record("The model declines.", type=const("refusal"), refusal=text("Why.")),
    "ResponseLogprob": record(
        "How likely a token was.",
        token=text(),
        logprob=number(),
        bytes=several(whole()),
        top_logprobs=several(record("", token=text(), logprob=number(), bytes=several(whole()))),
    ),
    "ReasoningItem": record(
        "What the model thought: as a summary where the request asked for one, else as content.",
        may_miss=("status", "content", "encrypted_content"),
        id=text("`rs_…`"),
        type=const("reasoning"),
        status=_ITEM_STATUS,
        summary=several(ref("SummaryText")),
        content=several(ref("ReasoningText")),
        encrypted_content=text("Sealed, where asked for; send it back with the item."),
    ),
    "SummaryText": record("", type=const("summary_text"), text=text()),
    "ReasoningText": record("", type=const("reasoning_text"), text=text()),
    "FunctionCall": record(
        "A function that you are to run. Send its result as a `function_call_output`.",
        may_miss=("namespace",),
        id=text("`fc_…`"),
        type=const("function_call"),
        status=_ITEM_STATUS,
        call_id=_CALL_ID,
        name=text("The function."),
        arguments=text("JSON as text; check it before you use it."),
        namespace=_NAMESPACE,
    ),
    "CustomToolCall": record(
        "A custom tool that you are to run. Send its result as a `custom_tool_call_output`.",
        may_miss=("namespace",),
        id=text("`ctc_…`"),
        type=const("custom_tool_call"),
        status=_ITEM_STATUS,
        call_id=_CALL_ID,
        name=text("The tool."),
        input=text("Free text."),
        namespace=_NAMESPACE,
    ),
    "CompactionItem": record(
        "Stands for a whole conversation. Put it at the head of the next input.",
        may_miss=("encrypted_content",),
        id=text("`cmp_…`"),
        type=const("compaction"),
        encrypted_content=text("Sealed: only this service opens it, for this account; left out while it is made."),
    ),
    "HostedItem": {
        **record(
            "A tool that runs behind the alias, where there is one. Its other keys are those of the Responses API.",
            may_miss=("status",),
            id=text(),
            type=one_of(*_HOSTED),
            status=text(),
        ),
        "additionalProperties": True,
    },
    "InputItemList": record(
        "One page of what a response was asked.",
        object=const("list"),
        data=several({**record("An item as it was sent.", id=text()), "additionalProperties": True}),
        first_id=or_null(text()),
        last_id=or_null(text("Send it as `after` for the next page.")),
        has_more=flag("Whether there is a next page."),
    ),
    "DeletedResponse": record("", id=text(), object=const("response.deleted"), deleted={"const": True}),
    "InputTokens": record(
        "", object=const("response.input_tokens"), input_tokens=whole("Four bytes a token; no model is asked.")
    ),
    "Compaction": record(
        "A conversation made short.",
        id=text("`resp_…`"),
        object=const("response.compaction"),
        created_at=whole(CREATED),
        output=several(ref("CompactionItem"), "One item."),
        usage=with_about(ref("ResponseUsage"), "What writing it took."),
    ),
}
