"""The shapes of chat completions and classic completions, whole and streamed."""

from __future__ import annotations

from .shapes import (
    Shape,
    anything,
    const,
    either,
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

MODEL = "The alias that served."
CREATED = "When the answer began, in Unix seconds."
_FINISH = ("stop", "length", "tool_calls", "content_filter", "function_call")
_WHY = "Why it ended: `stop` by itself, `length` at the token limit, `tool_calls` to have tools run, `content_filter`"
_SHOWN_USAGE = "The token counts; estimated where nobody told them."
_IN_STREAM = "An error after the header has left; `data: [DONE]` follows."

_TOKEN = {
    "token": text(),
    "logprob": number(),
    "bytes": or_null(several(whole(), "The token in UTF-8.")),
}
_FUNCTION = record("The function.", name=text("Its name."), arguments=text("JSON as text; check it before you use it."))
_AUDIO = or_null(anything("Spoken words, where an alias gives them."))
_CITATIONS = several(anything(), "Sources that the answer names: `url_citation`.")
_LOGPROBS = or_null(ref("Logprobs"))

CHAT_SHAPES: dict[str, Shape] = {
    "ChatCompletion": record(
        "A whole answer.",
        may_miss=("service_tier",),
        id=text("`chatcmpl-…`"),
        object=const("chat.completion"),
        created=whole(CREATED),
        model=text(MODEL),
        choices=several(
            record(
                "One answer.",
                index=whole("Its number, from 0."),
                message=ref("AssistantMessage"),
                logprobs=_LOGPROBS,
                finish_reason=one_of(*_FINISH, about=f"{_WHY}."),
            ),
            "As many as `n` asks for.",
        ),
        usage=with_about(ref("TokenUsage"), _SHOWN_USAGE),
        service_tier=const("default"),
    ),
    "AssistantMessage": record(
        "What the model said.",
        may_miss=("reasoning_content", "tool_calls", "function_call", "audio", "annotations"),
        role=const("assistant"),
        content=or_null(text("The text; null where there are only calls.")),
        refusal=or_null(text("Why the model declines, where it does.")),
        reasoning_content=text("What the model thought, where it shows it."),
        tool_calls=several(ref("ToolCall"), "What you are to run; send the results back as `tool` messages."),
        function_call=with_about(_FUNCTION, "The old form of a call, answered where the request used it."),
        audio=_AUDIO,
        annotations=_CITATIONS,
    ),
    "ToolCall": record(
        "One call. Its `id` is this service's own: bring it back, and the continuation is not counted again.",
        may_miss=("function", "custom"),
        id=text("`call_…`"),
        type=one_of("function", "custom"),
        function=_FUNCTION,
        custom=record("A custom tool.", name=text("Its name."), input=text("Free text.")),
    ),
    "ChatCompletionEvent": either(
        ref("ChatCompletionChunk"),
        with_about(ref("Error"), _IN_STREAM),
        about="The JSON after `data: ` of one event.",
    ),
    "ChatCompletionChunk": record(
        "A piece of an answer. A choice begins with its role; then come reasoning, text and calls; its last chunk "
        "has the finish reason.",
        may_miss=("usage",),
        id=text("The same in all chunks."),
        object=const("chat.completion.chunk"),
        created=whole(CREATED),
        model=text(MODEL),
        choices=several(
            record(
                "",
                may_miss=("logprobs",),
                index=whole("Which answer goes on."),
                delta=ref("ChatDelta"),
                logprobs=_LOGPROBS,
                finish_reason=or_null(one_of(*_FINISH, about=f"{_WHY}; null until the choice ends.")),
            ),
            "Empty in the chunk that tells the usage.",
        ),
        usage=either(
            ref("TokenUsage"), {"type": "null"}, about="There where `include_usage` was asked for: null until the end."
        ),
    ),
    "ChatDelta": record(
        "What is added. Texts of one kind are joined in the order in which they come.",
        may_miss=("role", "content", "refusal", "reasoning_content", "tool_calls", "function_call", "audio",
                  "annotations"),
        role=const("assistant"),
        content=or_null(text("More text.")),
        refusal=or_null(text("More of a refusal.")),
        reasoning_content=text("More reasoning."),
        tool_calls=several(
            record(
                "The first delta of a call has its id, type and whole name; later ones have more arguments.",
                may_miss=("id", "type", "function", "custom"),
                index=whole("Which call goes on, from 0."),
                id=text(),
                type=one_of("function", "custom"),
                function=record("", may_miss=("name", "arguments"), name=text(), arguments=text("More of the JSON.")),
                custom=record("", may_miss=("name", "input"), name=text(), input=text("More of the text.")),
            )
        ),
        function_call=record("", may_miss=("name", "arguments"), name=text(), arguments=text()),
        audio=_AUDIO,
        annotations=_CITATIONS,
    ),
    "Logprobs": record(
        "How likely each token was.",
        content=or_null(several(ref("TokenLogprob"))),
        refusal=or_null(several(ref("TokenLogprob"))),
    ),
    "TokenLogprob": record(
        "One token.",
        may_miss=("token", "logprob", "bytes"),
        **_TOKEN,
        top_logprobs=several(record("", may_miss=tuple(_TOKEN), **_TOKEN), "The likeliest tokens at this place."),
    ),
    "TokenUsage": record(
        "Token counts of a chat or a completion.",
        may_miss=("prompt_tokens_details", "completion_tokens_details"),
        prompt_tokens=whole(),
        completion_tokens=whole("Reasoning included."),
        total_tokens=whole(),
        prompt_tokens_details=record(
            "",
            may_miss=("cached_tokens", "cache_write_tokens", "audio_tokens", "text_tokens", "image_tokens"),
            cached_tokens=whole("Taken from the model's cache."),
            cache_write_tokens=whole(),
            audio_tokens=whole(),
            text_tokens=whole(),
            image_tokens=whole(),
        ),
        completion_tokens_details=record(
            "",
            may_miss=("reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens",
                      "text_tokens"),
            reasoning_tokens=whole("Spent on thinking."),
            audio_tokens=whole(),
            accepted_prediction_tokens=whole(),
            rejected_prediction_tokens=whole(),
            text_tokens=whole(),
        ),
    ),
    "Completion": record(
        "A continued text; in a stream, a piece of it of the same shape.",
        may_miss=("usage",),
        id=text("`cmpl-…`"),
        object=const("text_completion"),
        created=whole(CREATED),
        model=text(MODEL),
        choices=several(
            record(
                "One answer.",
                text=text("The continuation; in a stream, more of it."),
                index=whole("The prompt's number times `n`, plus the number of the answer."),
                logprobs=either(
                    record(
                        "Four lists with one entry for each token.",
                        tokens=several(text()),
                        token_logprobs=several(or_null(number())),
                        top_logprobs=or_null(several(or_null({"type": "object", "additionalProperties": number()}))),
                        text_offset=several(whole()),
                    ),
                    {"type": "null"},
                ),
                finish_reason=or_null(one_of("stop", "length", "content_filter", about="null until a stream's end.")),
            )
        ),
        usage=either(ref("TokenUsage"), {"type": "null"}, about=_SHOWN_USAGE),
    ),
    "CompletionEvent": either(
        ref("Completion"),
        with_about(ref("Error"), _IN_STREAM),
        about="The JSON after `data: ` of one event.",
    ),
}  # fmt: skip
