"""What the usage log tells an operator of one request, and the words of routing in sentences."""

from __future__ import annotations

import re

from models import usage_log as log
from models.usage_lookup import FoundRequest, LoggedRequest, find_request
from service.services import services

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)

WHY_FIRST = {
    "same_conversation": "this conversation was answered there last",
    "order": "it comes first in the file",
    "weight": "drawn by weight among routes of the same order",
    "fastest": "it has the lowest measured time to first output",
    "measuring": "its time to first output was to be measured anew",
}
"""``reason`` of a receipt: why the first route came first."""

WHY_NOT = {
    "context_length": "its context window is too small for the prompt",
    "modality": "its input does not have the images, audio or files of the request",
    "tools": "it has tools = false, and the request brings tools",
    "structured_output": "it has structured_output = false, and the request asks for JSON",
    "breaker_open": "left out: it kept failing",
    "trial_under_way": "left out: it kept failing, and one request is trying it",
    "rate_limited": "left alone: it asked for a pause",
}
"""Why a route was passed over; another word is the code of what the translation refused."""

HOW_ENDED = {
    "completed": "completed",
    "left": "the client left",
    "upstream_error": "failed, or answered with nonsense",
    "upstream_timeout": "no answer in time",
    "upstream_unavailable": "no connection",
    "upstream_incomplete": "the answer was cut off",
    "rate_limit_exceeded": "rate limited, with a time to wait",
    "server_is_overloaded": "overloaded",
    "invalid_value": "called the request wrong",
    "context_length_exceeded": "the prompt was too long for it",
    "invalid_prompt": "refused the content",
}
"""How an attempt ended: the two ways that are no error, and the codes of the others."""


def find(request_id: str) -> FoundRequest | None:
    """Return what is known of a request id; None also for what cannot be one.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    return find_request(services().storage, request_id) if _REQUEST_ID.fullmatch(request_id) else None


def why_not(word: str) -> str:
    """Return why a route was passed over, as a clause."""
    return WHY_NOT.get(word, f"it cannot take this request: {word}")


def how_ended(word: str | None) -> str:
    """Return how an attempt ended, as a clause; None is one under way."""
    return "under way" if word is None else HOW_ENDED.get(word, word)


def counted(row: LoggedRequest) -> str:
    """Return whether a request counts, and why."""
    if row.reason == log.GIVEN_BACK:
        return "not counted: there was no output"
    if row.reason == log.CONTINUED:
        return "not counted: it continues a counted prompt"
    if row.status in (log.OPEN, log.STARTED):
        return "counted for now: it is under way"
    if not row.counted:
        return "not counted"  # another program put the row in, for a reason of its own
    return "counted: output was sent"
