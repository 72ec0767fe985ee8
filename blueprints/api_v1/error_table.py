"""What each error of the API means to whoever gets it, for the documentation page, the reference and docs/errors.md.

Status, type and code are read from the classes of ``errors``; only the words stand here. A class or a code
without words raises ``KeyError`` when the table is made, and fails the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from . import errors
from .errors import GatewayError, InvalidRequest

EXTENSION = "smartroute_error_table"  # where the application keeps the rows, for other blueprints' pages

NEVER = "no"
BEFORE_OUTPUT = "no, unless after output"


class ErrorRow(Struct, frozen=True):
    """One status and code that a client may be answered; texts are clauses without a full stop.

    ``counted`` tells whether the prompt is counted; ``anchor`` is the id of the row in a page.
    """

    status: int
    code: str
    type: str
    meaning: str
    remedy: str
    counted: str
    anchor: str


class Words(NamedTuple):
    """When an error comes, what to do then, and whether the prompt counts."""

    meaning: str
    remedy: str
    counted: str = NEVER


CLASS_WORDS: dict[type[GatewayError], Words] = {
    errors.InvalidRequest: Words(
        "a field holds a value that is out of range or not among the allowed ones",
        "change the field that param names, if it names one",
    ),
    errors.Unauthenticated: Words(
        "the token is missing, misspelt, unknown, revoked or replaced, or the account is suspended",
        "copy the token from the documentation page; the message says why",
    ),
    errors.UnknownModel: Words("model is no public alias", "use one that the message lists, or leave model out"),
    errors.UnknownUrl: Words("nothing is served at this address", "look the endpoint up in the reference"),
    errors.UnknownResponse: Words(
        "no response of this account is stored under this id",
        "responses are kept for a limited time, and not with store false",
    ),
    errors.MethodNotAllowed: Words("the address exists for other methods", "use one that the header Allow names"),
    errors.BodyTooLate: Words("the body did not arrive within two minutes", "send it again"),
    errors.BodyTooLarge: Words(
        "the body is over the limit (32 MB unless configured), as sent or decompressed",
        "send less; the same body is refused again",
    ),
    errors.UnsupportedMediaType: Words(
        "the content type is not JSON, the charset not UTF-8, or the encoding neither gzip nor zstd",
        "send Content-Type: application/json",
    ),
    errors.UpgradeRequired: Words("a client tried to open a WebSocket", "send a POST request over HTTP"),
    errors.QuotaExceeded: Words(
        "the prompts of the day or of the month are used up; resets_at (Unix seconds) and Retry-After say until when",
        "wait for the end of the window, or choose a larger plan",
    ),
    errors.TooManyRequests: Words(
        "as many requests of yours as the plan allows at once are under way", "wait as Retry-After says"
    ),
    errors.TooManyWaiting: Words("thousands of your requests wait for their turn", "wait as Retry-After says"),
    errors.TooManyWrongTokens: Words(
        "the token is wrong, and so were more than 60 others of the last minute from the same address",
        "send the right token, which is taken at once, or wait as Retry-After says",
    ),
    errors.GatewayError: Words(
        "a fault of the gateway", "try again; if it stays, tell the operator the request id", BEFORE_OUTPUT
    ),
    errors.StorageTrouble: Words(
        "the gateway's own database is out of reach; your token is not wrong", "try again after Retry-After"
    ),
    errors.UpstreamRefused: Words(
        "the model does not take this request", "change the field that param names, if it names one", BEFORE_OUTPUT
    ),
    errors.ContextTooLong: Words(
        "the prompt does not fit into the context window", "shorten it, or start anew", BEFORE_OUTPUT
    ),
    errors.ContentRefused: Words("the model's rules forbid the content", "change it", BEFORE_OUTPUT),
    errors.UpstreamBusy: Words(
        "the model is rate limited and said for how long", "wait as Retry-After says", BEFORE_OUTPUT
    ),
    errors.UpstreamOverloaded: Words(
        "the model has too much to do and did not say for how long", "try again later", BEFORE_OUTPUT
    ),
    errors.UpstreamUnreachable: Words(
        "no connection to the model could be made", "try again after Retry-After", BEFORE_OUTPUT
    ),
    errors.UpstreamError: Words(
        "the model failed, answered with nonsense, or does not let the gateway in",
        "try again after Retry-After",
        BEFORE_OUTPUT,
    ),
    errors.UpstreamIncomplete: Words(
        "the answer was cut off before its end", "try again; what came before it is yours", BEFORE_OUTPUT
    ),
    errors.UpstreamTimeout: Words("the model did not answer in time", "try again after Retry-After", BEFORE_OUTPUT),
}

# Codes that a request is refused with beside the one of its class; all of them are an InvalidRequest.
FURTHER_CODES: dict[str, Words] = {
    "invalid_json": Words("the body is empty, cut off or no JSON in UTF-8", "send one JSON object"),
    "invalid_type": Words("a field is of another type than expected", "change the field that param names"),
    "missing_required_parameter": Words("a field that is needed is missing", "add the field that param names"),
    "string_above_max_length": Words("a text is longer than allowed", "shorten the field that param names"),
    "array_above_max_length": Words(
        "a list has too many entries, or the request would need more than 16 answers", "send less at once"
    ),
    "unsupported_parameter": Words("a field asks for what this service does not have", "leave the field out"),
    "unsupported_value": Words(
        "a value asks for what this service or this alias cannot do", "change the field that param names"
    ),
    "previous_response_not_found": Words(
        "previous_response_id names no stored response of this account", "send the whole conversation as input"
    ),
    "invalid_encrypted_content": Words(
        "a compaction is not from this service, or belongs to another account", "leave the item out"
    ),
}


def rows() -> tuple[ErrorRow, ...]:
    """Return one row for each status and code, by status; the classes that share them share a row."""
    found: dict[tuple[int, str], list[Words]] = {}
    types: dict[tuple[int, str], str] = {}
    for status, code, type_, words in _entries():
        found.setdefault((status, code), []).append(words)
        types.setdefault((status, code), type_)
    codes = [code for _, code in found]
    return tuple(
        ErrorRow(
            status=status,
            code=code,
            type=types[status, code],
            meaning="; or ".join(_distinct([words.meaning for words in several])),
            remedy="; ".join(_distinct([words.remedy for words in several])),
            counted=next((words.counted for words in several if words.counted != NEVER), NEVER),
            anchor=f"error-{code}" if codes.count(code) == 1 else f"error-{code}-{status}",
        )
        for (status, code), several in sorted(found.items(), key=lambda entry: entry[0][0])
    )


def error_classes(parent: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Give every error class of the API, parents first."""
    yield parent
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from error_classes(child)


def _entries() -> Iterator[tuple[int, str, str, Words]]:
    for code, words in FURTHER_CODES.items():
        yield InvalidRequest.status, code, InvalidRequest.type, words
    for kind in error_classes():
        yield kind.status, kind.code, kind.type, CLASS_WORDS[kind]


def _distinct(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))
