"""From what the check of a route found to what to change in the file, in sentences that name the key."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from .upstream_check_calls import Outcome
from .upstream_check_findings import Findings

Verdict = Literal["ok", "change", "fails"]


def verdict(found: Findings) -> tuple[Verdict, list[str]]:
    """Return the verdict and its sentences.

    ``ok``: it does what the file says, sentences are hints. ``change``: it serves, and what the first sentences name
    fails or is given away. ``fails``: it cannot serve as the file stands.
    """
    if not found.main.is_good:
        return "fails", [_why_it_fails(found)]
    changes = _changes(found)
    return ("change" if changes else "ok"), [*changes, *_hints(found)]


def _why_it_fails(found: Findings) -> str:
    outcome, upstream = found.main, found.upstream
    address = urlsplit(upstream.base_url).netloc
    match outcome.fault:
        case "refused":
            return f"connection refused: nothing listens at {address}. Is it running, and is base_url right?"
        case "name":
            return f"base_url: the host name in {address} cannot be resolved."
        case "tls":
            return f"base_url: TLS with {address} failed ({outcome.said}). Is the certificate trusted on this machine?"
        case "connect_timeout":
            return f"no connection to {address} within connect_timeout = {upstream.connect_timeout:g} seconds."
        case "timeout":
            return (
                "timeout: the answer did not come in time. A local model may have to be loaded first: try a longer "
                f"--timeout. Clients wait first_byte_timeout = {upstream.first_byte_timeout:g} seconds."
            )
        case "no_stream":
            return f"no events when a stream is asked for ({outcome.said}). Is base_url the address of the API?"
        case "broken":
            return f"no usable answer: {outcome.said}"
        case None:
            return _why_it_refuses(found)


def _why_it_refuses(found: Findings) -> str:
    outcome, variable = found.main, found.upstream.api_key_env
    status = f"HTTP {outcome.status}"
    if outcome.status in (401, 403):
        if variable is None:
            return f'a key is asked for ({status}): name the variable that holds it, as api_key_env = "EAST_API_KEY".'
        if not found.key_is_set:
            return f"{variable}, which api_key_env names, is not set ({status})."
        return f"the key in {variable} is refused ({_said(outcome)})."
    if found.other is not None and found.other.is_good:
        return (
            f'dialect = "{found.other_dialect}": it answers there, and in {found.main_dialect} with {_said(outcome)}.'
        )
    if found.models.lacks(found.model) and outcome.status in (400, 404, 422):
        alike = " or ".join(f'"{name}"' for name in found.models.alike(found.model))
        return f'model = "{found.model}" is not in its list of models' + (f": did you mean {alike}?" if alike else ".")
    if outcome.status == 404 and found.models.outcome.status == 404:
        if found.is_below_v1:
            return f'base_url lacks /v1: base_url = "{found.upstream.base_url}/v1".'
        return "base_url: HTTP 404 for its list of models and for both dialects. Is it the address of the API?"
    if outcome.status == 429:
        return f"rate limited ({_said(outcome)}): check again later."
    return f"it refuses the request ({_said(outcome)})."


def _changes(found: Findings) -> list[str]:
    said = []
    if found.upstream.dialect == "both" and found.other is not None and found.other.is_verdict:
        said.append(f'dialect = "chat": no answer in the Responses API ({_said(found.other)}).')
    if found.configured_tools and found.takes_tools is False and found.tool is not None:
        why = _said(found.tool) if not found.tool.is_good else "a tool that had to be called was not"
        said.append(f"tools = false: {why}.")
    if found.takes_effort is False and found.structured is not None:
        said.append(f'reasoning_efforts = []: "{found.effort}" is refused ({_said(found.structured)}).')
    if found.configured_structured_output and found.takes_structured_output is False:
        asked = found.effortless or found.structured
        why = _said(asked) if asked is not None and not asked.is_good else "the answer to a JSON schema is no JSON"
        said.append(f"structured_output = false: {why}.")
    window = found.models.context_length(found.model)
    if window is not None and found.configured_context is not None and found.configured_context > window:
        said.append(f"context_length = {window}: its list of models says so, and the file {found.configured_context}.")
    return said


def _hints(found: Findings) -> list[str]:
    said = []
    variable = found.upstream.api_key_env
    if variable is not None and not found.key_is_set:
        said.append(f"{variable}, which api_key_env names, is not set; it answers without a key.")
    if found.upstream.dialect == "chat" and "responses" in found.answers:
        said.append('dialect = "both" would do, too: it answers in the Responses API.')
    if found.upstream.dialect == "responses" and "chat" in found.answers:
        said.append('dialect = "both" would do, too: it answers in chat completions.')
    if not found.configured_tools and found.takes_tools:
        said.append("tools = true would do: a tool was called.")
    if not found.configured_structured_output and found.takes_structured_output:
        said.append("structured_output = true would do: JSON came when a schema asked for it.")
    window = found.models.context_length(found.model)
    if window is not None and found.configured_context is None:
        said.append(f"context_length = {window} would keep longer prompts away: its list of models says so.")
    for name, outcome in (("tools", found.tool), ("JSON", found.structured), ("the other dialect", found.other)):
        if outcome is not None and not outcome.is_good and not outcome.is_verdict:
            said.append(f"{name}: not found out ({_said(outcome)}).")
    return said


def _said(outcome: Outcome) -> str:
    if outcome.fault is not None:
        return f"{outcome.fault.replace('_', ' ')}: {outcome.said}" if outcome.said else outcome.fault.replace("_", " ")
    return f"HTTP {outcome.status}: {outcome.said}" if outcome.said else f"HTTP {outcome.status}"
