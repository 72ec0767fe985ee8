"""What ``flask upstreams dry-run`` reads, and how it tells what it found."""

from __future__ import annotations

import sys
from typing import Any, BinaryIO

from commands.output import Refusal, table
from commands.terminal import one_line, piped_input


def read_body(file: str | None, limit_mb: int) -> object:
    """Return the JSON of a file, or of standard input for ``-`` and None.

    Raises:
        Refusal: there is nothing, too much, no JSON, or no UTF-8.
    """
    if file in (None, "-"):
        source = sys.stdin.buffer if file == "-" and sys.stdin is not None else piped_input()
        if source is None:
            raise Refusal("Give the request's JSON body as FILE, or pipe it in.")
        return _parsed(_read(source, limit_mb), "standard input")
    try:
        with open(str(file), "rb") as source:
            return _parsed(_read(source, limit_mb), one_line(str(file)))
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Refusal(f"{one_line(str(file))} cannot be read: {reason}") from error


def _read(source: BinaryIO, limit_mb: int) -> bytes:
    limit = limit_mb * 1024 * 1024
    raw = source.read(limit + 1)
    if len(raw) > limit:
        raise Refusal(f"The body is larger than max_body_mb = {limit_mb}: a client would get 413 request_too_large.")
    return raw


def _parsed(raw: bytes, name: str) -> object:
    from service.json_text import NoJson, read_json

    try:
        return read_json(raw)
    except NoJson as error:
        raise Refusal(f"The body in {name} cannot be read. {error}") from error


def text(told: dict[str, Any]) -> str:
    """Return an explanation as tables."""
    from service.reports.receipts import WHY_FIRST

    error = told["error"]
    parts = []
    if error is not None:
        param = f" ({one_line(str(error['param']))})" if error.get("param") else ""
        parts.append(
            f"The client would get {error['status']} {error['code']}{param}: {one_line(error['message'], 600)}"
        )
    if "alias" in told:
        reason = told["reason"]
        parts.append(_features(told))
        if reason is not None:
            parts.append(
                f"First: {WHY_FIRST.get(reason, reason)}. At most {told['attempts_at_most']} routes are tried."
            )
        parts.append(table(["ORDER", "ROUTE", "EFFORT", "WHY NOT"], [_route(each) for each in told["routes"]]))
        parts += [_changes(each) for each in told["routes"] if each.get("changes")]
        parts += [f"note: {one_line(note, 400)}" for note in told["notes"]]
    return "\n\n".join(parts)


def _features(told: dict[str, Any]) -> str:
    features = told["features"]
    named = "named by the client" if features["is_named"] else "known by its opening"
    known = "not known" if features["conversation"] is None else f"{features['conversation']}, {named}"
    rows = [
        ["endpoint", features["endpoint"] + (", stream" if features["stream"] else "")],
        ["speed", features["speed"]],
        ["prompt", f"about {features['prompt_tokens']:,} tokens (estimate)"],
        ["input", ", ".join(["text", *(each for each in features["modalities"] if each != "text")])],
        ["tools", "yes" if features["tools"] else "no"],
        ["structured output", "yes" if features["structured_output"] else "no"],
        ["conversation", known + (", first turn" if features["is_first_turn"] else "")],
    ]
    return table(["ALIAS", told["alias"]], rows)


def _route(route: dict[str, Any]) -> list[str]:
    from service.reports.receipts import why_not

    place = "-" if route["position"] is None else str(route["position"])
    reason = "" if route["why_not"] is None else why_not(route["why_not"])
    if "error" in route:
        reason = f"{reason}: {one_line(route['error']['message'], 200)}"
    return [place, route["route"], route.get("effort") or "-", reason or "-"]


def _changes(route: dict[str, Any]) -> str:
    calls = route["upstream_calls"]
    head = f"To {route['route']}, {route['path']}" + (f", {calls} calls" if calls > 1 else "") + ":"
    rows = [[one_line(each["field"], 60), each["what"], each["why"]] for each in route["changes"]]
    return f"{head}\n{table(['FIELD', 'BECOMES', 'WHY'], rows)}"
