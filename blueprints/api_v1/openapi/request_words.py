"""What each field of a request means, by the schema that checks it. A field without words fails the tests."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema

from ..schemas import ChatRequest, CompletionRequest
from ..schemas_responses import ResponsesRequest

_MODEL = "The alias that is to answer. Left out: your plan's own, which also serves an alias above your plan."
_STREAM = "Send the answer as server-sent events while it is made."
_STREAM_OPTIONS = "For streams: `include_usage` (true or false) asks for a last chunk with the token counts."
_MOST_TOKENS = "The most tokens of the answer, reasoning included. The alias may allow less."
_SAMPLING = {
    "temperature": "How freely words are chosen; low is predictable.",
    "top_p": "Choose among the likeliest words that together have this probability.",
    "presence_penalty": "Above 0: words that have come at all become less likely.",
    "frequency_penalty": "Above 0: words become less likely the more often they have come.",
}
_CHAT_SAMPLING = {
    "stop": "Texts that end the answer; they are not part of it.",
    "seed": "Ask for the same answer to the same request, as far as the model can.",
    "logit_bias": "Token ids, each with a number from -100 (never) to 100 (always).",
}
_TOP_LOGPROBS = "How many alternatives to tell for each token"
_PARALLEL = "Let the model call several tools in one answer."
_USER = "A name of your own for the person behind the request; passed on."

WORDS: Mapping[type[Schema], Mapping[str, str]] = {
    ChatRequest: {
        "model": _MODEL,
        "messages": "The conversation so far, oldest first.",
        "stream": _STREAM,
        "stream_options": _STREAM_OPTIONS,
        "max_completion_tokens": _MOST_TOKENS,
        "max_tokens": "The older name of `max_completion_tokens`, which wins where both are sent.",
        **_SAMPLING,
        **_CHAT_SAMPLING,
        "n": "How many answers to give. Some aliases give 16 at most.",
        "logprobs": "Tell how likely each token of the answer was.",
        "top_logprobs": f"{_TOP_LOGPROBS}; needs `logprobs`.",
        "tools": "What the model may call: functions and custom tools. They run on your side.",
        "tool_choice": "`auto`, `none`, `required`, or an object that names one tool or the allowed ones.",
        "parallel_tool_calls": _PARALLEL,
        "response_format": 'For an answer in JSON: `{"type": "json_object"}` or `{"type": "json_schema", …}`.',
        "reasoning_effort": "How long to think. The alias sets the most; you may ask for less.",
        "metadata": "Pairs of your own; passed on.",
        "user": _USER,
    },
    CompletionRequest: {
        "model": _MODEL,
        "prompt": "The text to continue, or a list of texts. null begins a new text. Lists of tokens are refused.",
        "suffix": "The text after the gap: the answer is what belongs between prompt and suffix.",
        "stream": _STREAM,
        "stream_options": _STREAM_OPTIONS,
        "max_tokens": _MOST_TOKENS,
        **_SAMPLING,
        **_CHAT_SAMPLING,
        "n": "How many answers to each prompt. Prompts times `n` may be 16 at most.",
        "best_of": "Taken only where it equals `n`.",
        "logprobs": f"{_TOP_LOGPROBS}.",
        "echo": "Put the prompt in front of the answer.",
        "user": _USER,
    },
    ResponsesRequest: {
        "model": _MODEL,
        "input": "What to answer: a text, or a list of items, oldest first. Needed unless the request goes on "
        "from an earlier response.",
        "instructions": "What to keep to, before everything else. Not taken over from an earlier response.",
        "previous_response_id": "A stored response of this account to go on from.",
        "store": "Keep the response, so that it can be read and built upon.",
        "stream": _STREAM,
        "stream_options": "Taken, without effect.",
        "background": "Only false: nothing is made in the background here.",
        "include": "More to tell: `reasoning.encrypted_content`, `message.output_text.logprobs`. The other names of "
        "the Responses API are taken, without effect.",
        "max_output_tokens": _MOST_TOKENS,
        "max_tool_calls": "Told back in the response, without effect.",
        **_SAMPLING,
        "top_logprobs": f"{_TOP_LOGPROBS}.",
        "reasoning": "`effort`: how long to think; the alias sets the most. `summary`: show the thoughts as a summary.",
        "text": "`format`: `text`, `json_object` or `json_schema`. `verbosity`: how long the answer is to be.",
        "tools": "What the model may call: functions, custom tools, namespaces of both. They run on your side.",
        "tool_choice": "`auto`, `none`, `required`, or an object that names one tool or the allowed ones.",
        "parallel_tool_calls": _PARALLEL,
        "truncation": "Taken, without effect: nothing is cut from the input.",
        "metadata": "Pairs of your own; kept with the response and told back.",
        "prompt_cache_key": "A name for requests that begin alike; helps the model's cache.",
        "safety_identifier": "A lasting name for the person behind the request; told back.",
        "user": _USER,
        "service_tier": "Passed on; the response says `default`.",
    },
}

# What a field is where it is left out; the others are as the model has them.
_ALL = {"stream": False}
DEFAULTS: Mapping[type[Schema], Mapping[str, object]] = {
    ChatRequest: {**_ALL, "n": 1, "logprobs": False},
    CompletionRequest: {**_ALL, "n": 1, "echo": False},
    ResponsesRequest: {
        **_ALL,
        "store": True,
        "background": False,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "truncation": "disabled",
        "top_logprobs": 0,
    },
}
