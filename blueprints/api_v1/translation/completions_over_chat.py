"""Classic completions on an upstream that has only chat: one chat request for each prompt. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ..errors import InvalidRequest
from .chat_answer import chat_completion
from .completions_fence import without_fence
from .completions_logprobs import LogprobArrays
from .completions_merged import summed_usage

MOST_CALLS = 16
_MOST_LOGPROBS = 5
_CONTINUE = "Continue the text. Answer with the continuation only."
_FILL = (
    "The user's message holds the beginning of a text between <prefix> and </prefix> and its end between "
    "<suffix> and </suffix>. Answer with the missing middle only: without the tags, without repeating the "
    "beginning or the end, without a code fence."
)
_OWN_FIELDS = frozenset({"prompt", "suffix", "echo", "best_of", "logprobs", "n"})


class PlannedCall(Struct, frozen=True):
    """One upstream call: the chat request's ``body``, and the place of its choices in the answer."""

    body: dict[str, Any]
    first_index: int
    n: int
    echo: str


class CompletionPlan(Struct, frozen=True):
    """All calls of one request, in the order of their choices."""

    calls: tuple[PlannedCall, ...]
    strips_fence: bool

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The chat request bodies; model and stream are still the client's."""
        return [call.body for call in self.calls]


def plan_completion(body: dict[str, Any], *, emulate_n: bool = False) -> CompletionPlan:
    """Return the chat requests that answer a completion request.

    ``emulate_n`` makes a call for each of the ``n`` choices, for upstreams that give one only.

    Raises:
        InvalidRequest: a field is wrong, or the calls would be too many.
    """
    prompts = _prompts(body)
    n = _integer(body, "n", 1, 128)
    n = 1 if n is None else n
    _check_best_of(body, n)
    calls_each = n if emulate_n else 1
    if len(prompts) * n > MOST_CALLS:
        param = "prompt" if len(prompts) > MOST_CALLS else "n"
        raise InvalidRequest(
            f"{param}: this request asks for {len(prompts) * n} answers of a model, at most {MOST_CALLS} are "
            "given at once.",
            code="array_above_max_length",
            param=param,
        )
    suffix = body.get("suffix")
    if suffix is not None and not isinstance(suffix, str):
        raise InvalidRequest("suffix: expected a string.", code="invalid_type", param="suffix")
    echo = body.get("echo")
    if echo is not None and not isinstance(echo, bool):
        raise InvalidRequest("echo: expected true or false.", code="invalid_type", param="echo")
    common = {key: value for key, value in body.items() if value is not None and key not in _OWN_FIELDS}
    logprobs = _integer(body, "logprobs", 0, _MOST_LOGPROBS)
    if logprobs is not None:
        common |= {"logprobs": True, "top_logprobs": logprobs}
    if n > 1 and not emulate_n:
        common["n"] = n
    calls = tuple(
        PlannedCall(
            {**common, "messages": _messages(prompt, suffix)},
            first_index=number * n + turn,
            n=n // calls_each,
            echo=prompt if echo else "",
        )
        for number, prompt in enumerate(prompts)
        for turn in range(calls_each)
    )
    return CompletionPlan(calls, strips_fence=bool(suffix))


def completion_answer(
    plan: CompletionPlan, chat_answers: Sequence[object], *, alias: str, answer_id: str, created: int
) -> dict[str, Any]:
    """Return the completion that whole chat answers, one for each planned call, amount to.

    ``usage`` is their sum, left out where one of them tells none.

    Raises:
        UpstreamError: one of them is no chat completion.
    """
    answers = [
        chat_completion(told, alias=alias, answer_id=answer_id, created=created, new_call_id=str)
        for told in chat_answers
    ]
    choices = [
        _choice(choice, call, strips_fence=plan.strips_fence)
        for call, answer in zip(plan.calls, answers, strict=True)
        for choice in answer["choices"]
        if choice["index"] < call.n
    ]
    answer = {
        "id": answer_id,
        "object": "text_completion",
        "created": created,
        "model": alias,
        "choices": sorted(choices, key=lambda choice: int(choice["index"])),
    }
    usage = summed_usage([one.get("usage") for one in answers])
    return answer if usage is None else {**answer, "usage": usage}


def completion_finish(reason: str) -> str:
    """Return a chat finish reason in the words of classic completions, which know no calls."""
    return "stop" if reason in ("tool_calls", "function_call") else reason


def _choice(told: dict[str, Any], call: PlannedCall, *, strips_fence: bool) -> dict[str, Any]:
    message = told["message"]
    text = message["content"] or message["refusal"] or ""
    return {
        "text": call.echo + (without_fence(text) if strips_fence else text),
        "index": call.first_index + told["index"],
        "logprobs": LogprobArrays(len(call.echo)).convert(told["logprobs"]),
        "finish_reason": completion_finish(told["finish_reason"]),
    }


def _prompts(body: dict[str, Any]) -> list[str]:
    if "prompt" not in body:
        raise InvalidRequest("prompt: this field is required.", code="missing_required_parameter", param="prompt")
    told = body["prompt"]
    if told is None:
        return [""]  # the beginning of a new document
    if isinstance(told, str):
        return [told]
    if not isinstance(told, list):
        raise InvalidRequest("prompt: expected a string or a list of strings.", code="invalid_type", param="prompt")
    if not told:
        raise InvalidRequest("prompt: expected at least one prompt.", code="invalid_value", param="prompt")
    for place, prompt in enumerate(told):
        if isinstance(prompt, int | list) and not isinstance(prompt, bool):
            raise InvalidRequest(
                "prompt: lists of tokens are not supported; send text.", code="unsupported_value", param="prompt"
            )
        if not isinstance(prompt, str):
            path = f"prompt[{place}]"
            raise InvalidRequest(f"{path}: expected a string.", code="invalid_type", param=path)
    return told


def _check_best_of(body: dict[str, Any], n: int) -> None:
    best_of = _integer(body, "best_of", 1, 128)
    if best_of is None or best_of == n:
        return
    if best_of > n:
        raise InvalidRequest(
            "best_of: choosing among more answers than n is not supported.", code="unsupported_value", param="best_of"
        )
    raise InvalidRequest("best_of: expected at least n.", param="best_of")


def _integer(body: dict[str, Any], name: str, least: int, most: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequest(f"{name}: expected an integer.", code="invalid_type", param=name)
    if not least <= value <= most:
        raise InvalidRequest(f"{name}: expected {least} to {most}, got {value}.", param=name)
    return value


def _messages(prompt: str, suffix: str | None) -> list[dict[str, str]]:
    if not suffix:
        return [{"role": "system", "content": _CONTINUE}, {"role": "user", "content": prompt}]
    blocks = f"<prefix>{prompt}</prefix>\n<suffix>{suffix}</suffix>"
    return [{"role": "system", "content": _FILL}, {"role": "user", "content": blocks}]
