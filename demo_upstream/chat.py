"""Chat completions: an Answer as one object, or as the payloads of a stream, without its ``[DONE]``."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from demo_upstream.answer import Answer
from demo_upstream.chat_calls import call_deltas, whole_calls
from demo_upstream.conversation import Conversation
from demo_upstream.script import Script

Item = dict[str, Any]
_SPLIT_MARK = "\ue000"  # stands for the text while the bytes around it are prepared


def whole(conversation: Conversation, script: Script, answer: Answer) -> Item:
    """The ``chat.completion`` object."""
    choices = [_choice(conversation, script, answer, n) for n in range(copies(conversation))]
    reply = {**_frame(conversation, "chat.completion"), "choices": choices}
    if script.usage != "missing":
        reply["usage"] = _usage(conversation, script, answer)
    return {**reply, "x_demo": {"id": "demo-backend-7", "queue_time": 0.001}}


def chunks(conversation: Conversation, script: Script, answer: Answer) -> Iterator[bytes]:
    """The payloads of a stream, in order."""
    frame = _frame(conversation, "chat.completion.chunk")
    options = conversation.body.get("stream_options")
    asked = isinstance(options, dict) and options.get("include_usage") is True
    mode = script.usage if asked or script.usage in ("always", "every", "finish", "double") else "missing"
    usage = _usage(conversation, script, answer)

    def chunk(choices: list[Item], chunk_usage: Item | None = None) -> bytes:
        payload = {**frame, "choices": choices}
        if asked or mode == "every" or chunk_usage is not None:
            payload["usage"] = usage if mode == "every" else chunk_usage
        return orjson.dumps(payload)

    numbers = range(copies(conversation))
    odd = frozenset(script.odd)
    if "empty-choices" in odd:
        yield chunk([])
    if "no-role" not in odd:
        for n in numbers:
            yield chunk([_delta(n, {"role": "assistant", "content": ""})])
    for delta in _reasoning_deltas(script, answer):
        for n in numbers:
            yield chunk([_delta(n, delta)])
    yield from _text_chunks(conversation, answer, odd, chunk)
    for piece in answer.refusal:
        for n in numbers:
            yield chunk([_delta(n, {"refusal": piece})])
    legacy = is_legacy(conversation)
    for delta in call_deltas(conversation.digest, answer, script, legacy):
        for n in numbers:
            yield chunk([_delta(n, delta)])
    for n in numbers:
        yield chunk([_ending(n, _finish(script, answer, legacy))], usage if mode == "finish" else None)
    if mode == "double":
        yield chunk([], {"prompt_tokens": usage["prompt_tokens"], "completion_tokens": 0, "total_tokens": 0})
    if mode in (None, "double", "always", "float", "bare"):
        yield chunk([], usage)


def copies(conversation: Conversation) -> int:
    """How many choices were asked for (``n``, at most 16)."""
    n = conversation.body.get("n")
    return min(n, 16) if isinstance(n, int) and n > 0 else 1


def is_legacy(conversation: Conversation) -> bool:
    """Whether the client speaks the deprecated ``functions`` form."""
    return bool(conversation.body.get("functions")) and not conversation.body.get("tools")


def _text_chunks(conversation: Conversation, answer: Answer, odd: frozenset[str], chunk: Any) -> Iterator[bytes]:
    """Content, piece by piece: the bytes around the text are made once per choice, not once per event."""
    number = copies(conversation)
    scored = conversation.body.get("logprobs") is True
    extra = {"role": "assistant"} if "role-every" in odd else {}
    borders = []
    for n in range(number):
        around = chunk([_delta(n, {**extra, "content": _SPLIT_MARK})])
        before, _, after = around.partition(orjson.dumps(_SPLIT_MARK))
        borders.append((before, after))
    for piece in answer.text:
        if scored:
            logprobs = {"content": [_score(conversation, piece)], "refusal": None}
            for n in range(number):
                yield chunk([{**_delta(n, {**extra, "content": piece}), "logprobs": logprobs}])
            continue
        encoded = orjson.dumps(piece)
        for before, after in borders:
            yield before + encoded + after
    for n in range(1, number):
        yield chunk([_delta(n, {**extra, "content": f" [{n + 1}]"})])


def _frame(conversation: Conversation, kind: str) -> Item:
    return {
        "id": f"chatcmpl-demo{conversation.digest}",
        "object": kind,
        "created": int(time.time()),
        "model": f"{conversation.model}-demo-backend",
        "system_fingerprint": "fp_demo-backend",
        "provider": "demo-backend",
        "service_tier": "default",
    }


def _delta(n: int, delta: Item) -> Item:
    return {"index": n, "delta": delta, "logprobs": None, "finish_reason": None}


def _ending(n: int, finish: Item) -> Item:
    return {"index": n, "delta": {}, "logprobs": None, **finish}


def _finish(script: Script, answer: Answer, legacy: bool) -> Item:
    if answer.finish == "missing":
        return {}
    natural_call = legacy and answer.finish == "tool_calls" and script.finish is None
    reason = None if answer.finish == "null" else "function_call" if natural_call else answer.finish
    return {"finish_reason": reason, "native_finish_reason": "demo-backend-stop"}


def _choice(conversation: Conversation, script: Script, answer: Answer, n: int) -> Item:
    text = "".join(answer.text) if answer.text.count else ""
    suffix = f" [{n + 1}]" if n else ""
    message: Item = {
        "role": "assistant",
        "content": text + suffix or None,
        "refusal": None,
        "annotations": [],
    }
    if answer.refusal:
        message["refusal"] = "".join(answer.refusal)
    reasoning = "".join(answer.reasoning)
    if reasoning:
        message.update(_whole_reasoning(script, reasoning, text + suffix))
    message.update(whole_calls(conversation.digest, answer, script, is_legacy(conversation)))
    logprobs = None
    if conversation.body.get("logprobs") is True:
        logprobs = {"content": [_score(conversation, piece) for piece in answer.text], "refusal": None}
    finish = _finish(script, answer, is_legacy(conversation))
    return {"index": n, "message": message, "logprobs": logprobs, **finish}


def _whole_reasoning(script: Script, reasoning: str, text: str) -> Item:
    match script.reasoning_as:
        case "reasoning":
            return {"reasoning": reasoning}
        case "details":
            return {"reasoning": reasoning, "reasoning_details": [_detail(reasoning)]}
        case "think":
            return {"content": f"<think>{reasoning}</think>{text}"}
        case "parts":
            return {"content": [_thinking(reasoning), {"type": "text", "text": text}]}
    return {"reasoning_content": reasoning}


def _reasoning_deltas(script: Script, answer: Answer) -> Iterator[Item]:
    if script.reasoning_as == "think" and answer.reasoning:
        tags = ("<thi", "nk>", *answer.reasoning, "</", "think>")  # cut on purpose: backends cut anywhere
        yield from ({"content": piece} for piece in tags)
        return
    for piece in answer.reasoning:
        match script.reasoning_as:
            case "reasoning":
                yield {"reasoning": piece}
            case "details":
                yield {"reasoning": piece, "reasoning_details": [_detail(piece)]}
            case "parts":
                yield {"content": [_thinking(piece)]}
            case _:
                yield {"reasoning_content": piece}


def _detail(text: str) -> Item:
    return {
        "type": "reasoning.text",
        "text": text,
        "format": "demo-backend-v1",
        "index": 0,
        "signature": "demo-backend-signature",
    }


def _thinking(text: str) -> Item:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _score(conversation: Conversation, piece: str) -> Item:
    top = conversation.body.get("top_logprobs")
    one = {"token": piece, "logprob": -0.125, "bytes": list(piece.encode())}
    others = [
        {**one, "token": piece if not k else f"{piece}~{k}", "logprob": -0.125 - k}
        for k in range(top if isinstance(top, int) else 0)
    ]
    return {**one, "top_logprobs": others}


def _usage(conversation: Conversation, script: Script, answer: Answer) -> Item:
    usage, number = answer.usage, copies(conversation)
    written = usage.completion * number
    counts: Item = {"prompt_tokens": usage.prompt, "completion_tokens": written}
    if script.usage == "bare":
        return counts
    counts["total_tokens"] = usage.prompt + written
    if script.usage == "float":
        return {name: float(count) for name, count in counts.items()}
    return {
        **counts,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning * number, "audio_tokens": 0},
        "cost": 0.0000125,
        "provider_name": "demo-backend",
    }
