"""``flask upstreams check``: what each route of the catalog really does, found out by a few tiny requests."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gevent
import orjson
from gevent.pool import Pool

from catalog.model import Catalog, Dialect, Profile, Route, Upstream

from .errors import UpstreamError
from .reasoning import effort_for
from .upstream import Upstreams
from .upstream_check_calls import Asker, Outcome, failed, words_of
from .upstream_check_findings import Findings, KnownModels
from .upstream_check_verdict import verdict

EXTENSION = "smartroute_upstream_check"
AT_ONCE = 8

_HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Say: ok"}], "max_tokens": 32}
_TOOL: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Call the tool report with the word ok."}],
    "max_tokens": 256,
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "report",
                "description": "Reports a word.",
                "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
            },
        }
    ],
    "tool_choice": "required",
}
_JSON: dict[str, Any] = {
    "messages": [{"role": "user", "content": 'Answer with the JSON object {"ok": true}.'}],
    "max_tokens": 256,
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"ok": {"type": "boolean"}},
                "required": ["ok"],
                "additionalProperties": False,
            },
        },
    },
}


def upstream_check(catalog: Catalog, upstreams: Upstreams) -> Callable[[float], dict[str, Any]]:
    """Return the function that checks every route, with so many seconds for each answer.

    It returns JSON values: docs/operating.md, "Checking the upstreams".
    """

    def check(timeout_s: float) -> dict[str, Any]:
        if catalog.uses_demo:
            return {"ok": True, "demo": True, "requests": 0, "routes": []}
        pool = Pool(AT_ONCE)
        places = _places(catalog)
        used = list(
            {upstream.name: upstream for (_, route) in _firsts(places) for upstream in [route.upstream]}.values()
        )
        lists = pool.map(lambda upstream: _models(upstreams, upstream, timeout_s), used)
        known = {upstream.name: models for upstream, models in zip(used, lists, strict=True)}
        found = pool.map(lambda place: _route(upstreams, place, known[place[0][1].upstream.name], timeout_s), places)
        return {
            "ok": all(route["verdict"] != "fails" for route in found),
            "demo": False,
            "requests": sum(route["requests"] for route in found),
            "routes": found,
        }

    return check


Place = list[tuple[Profile, Route]]
"""All mentions of one model of one upstream in the catalog, weakest profile first; health is theirs together, too."""


def _places(catalog: Catalog) -> list[Place]:
    places: dict[tuple[str, str], Place] = {}
    for profile in catalog.profiles:
        for route in profile.routes:
            places.setdefault((route.upstream.name, route.model), []).append((profile, route))
    return list(places.values())


def _firsts(places: list[Place]) -> list[tuple[Profile, Route]]:
    return [place[0] for place in places]


def _models(upstreams: Upstreams, upstream: Upstream, timeout_s: float) -> KnownModels:
    """Get the list of models; one that is no list, or none, is no fault by itself."""
    try:
        with gevent.Timeout(timeout_s + upstream.connect_timeout, TimeoutError()):
            told = upstreams.models(upstream, wait_s=timeout_s)
    except UpstreamError as error:
        return KnownModels(failed(error))
    except TimeoutError:
        return KnownModels(Outcome(fault="timeout"))
    if told.status != 200:
        return KnownModels(Outcome(told.status, said=words_of(told.text)))
    try:
        entries = orjson.loads(told.text)["data"]
        models = {each["id"]: each for each in entries if isinstance(each.get("id"), str)}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return KnownModels(Outcome(fault="broken", said="its list of models is none"))
    return KnownModels(Outcome(), models)


def _route(upstreams: Upstreams, place: Place, models: KnownModels, timeout_s: float) -> dict[str, Any]:
    found = _look(upstreams, place, models, timeout_s)
    word, says = verdict(found)
    return {
        "upstream": found.upstream.name,
        "model": found.model,
        "profiles": [profile.alias for profile, _ in place],
        "dialect": found.upstream.dialect,
        "answers": found.answers,
        "first_output_ms": found.main.first_output_ms,
        "streaming": found.streams,
        "tools": found.takes_tools,
        "effort": found.effort,
        "effort_accepted": found.takes_effort,
        "structured_output": found.takes_structured_output,
        "context_length": models.context_length(found.model),
        "requests": found.requests,
        "verdict": word,
        "says": says,
    }


def _look(upstreams: Upstreams, place: Place, models: KnownModels, timeout_s: float) -> Findings:
    profile, route = place[-1]
    asker = Asker(upstreams, profile, route, timeout_s)
    upstream = route.upstream
    main: Dialect = "responses" if upstream.dialect == "responses" else "chat"
    other: Dialect = "chat" if main == "responses" else "responses"
    found = Findings(
        upstream=upstream,
        model=route.model,
        key_is_set=upstream.api_key_env is not None and bool(os.environ.get(upstream.api_key_env, "").strip()),
        models=models,
        configured_tools=any(each.tools for _, each in place),
        configured_structured_output=any(each.structured_output for _, each in place),
        configured_context=max((each.context_length or 0 for _, each in place), default=0) or None,
        effort=next((effort for own, each in reversed(place) if (effort := effort_for(own, each, None))), None),
        main_dialect=main,
        other_dialect=other,
        main=asker.ask(main, _HELLO, stream=True),
    )
    if found.main.is_good:
        found.tool = asker.ask(main, _TOOL)
        found.structured = asker.ask(main, _JSON, effort=found.effort)
        if found.effort is not None and found.structured.is_verdict:
            found.effortless = asker.ask(main, _JSON)
    if found.main.is_good or found.main.is_verdict:
        found.other = asker.ask(other, {**_HELLO, "max_tokens": 16})
    if found.main.status == 404 and models.outcome.status == 404:
        found.is_below_v1 = _is_below_v1(upstreams, upstream, timeout_s)
    found.requests = asker.requests
    return found


def _is_below_v1(upstreams: Upstreams, upstream: Upstream, timeout_s: float) -> bool:
    try:
        with gevent.Timeout(timeout_s + upstream.connect_timeout, TimeoutError()):
            return upstreams.models(upstream, wait_s=timeout_s, below="/v1").status in (200, 401, 403)
    except (UpstreamError, TimeoutError):
        return False
