"""A chat request for several answers on an upstream that gives one: a call for each, merged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .chat_over_responses import ChatOverResponses
from .completions_merged import MergedStreams, summed_usage


class MergedChat(MergedStreams):
    """The stream of a request with ``n`` above 1; each part is made with its own ``choice_index``."""

    def __init__(
        self, parts: Sequence[ChatOverResponses], *, alias: str, answer_id: str, created: int, include_usage: bool
    ) -> None:
        """Take what the answer is known by, the same as for its ``parts``."""
        skeleton = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": alias}
        super().__init__(parts, skeleton, include_usage=include_usage)


def merged_chat(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the answers of several upstream calls as one with as many choices, usage summed."""
    choices = [choice for answer in answers for choice in answer["choices"]]
    merged = {**answers[0], "choices": [{**choice, "index": index} for index, choice in enumerate(choices)]}
    usage = summed_usage([answer.get("usage") for answer in answers])
    merged.pop("usage", None)
    return merged if usage is None else {**merged, "usage": usage}
