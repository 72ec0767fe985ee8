"""Which upstreams there are: those of the file, the one of the environment, or the built-in demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog import keys
from catalog.entries import USUAL_EFFORTS, USUAL_INPUT, read_base_url, read_upstream, refuse_repeated
from catalog.lines import KeyPath
from catalog.model import MODALITIES, REASONING_EFFORTS, Route, Upstream
from catalog.source import Source
from catalog.tables import Table

SHORT_WAY = ("UPSTREAM_BASE_URL", "UPSTREAM_MODEL", "UPSTREAM_API_KEY")


@dataclass(frozen=True, slots=True)
class Backends:
    """The upstreams, and the one route that every profile has unless the file names routes itself."""

    upstreams: tuple[Upstream, ...]
    route: Route | None
    is_demo: bool
    notices: tuple[str, ...] = ()


def read_backends(root: Table, env: Mapping[str, str], demo_base_url: str | None) -> Backends:
    """The upstreams of ``root``; without any, and without a file, those of UPSTREAM_*; else the demo."""
    if "upstreams" in root:
        return _of_file(root, env)
    if root.source.file is None and env.get("UPSTREAM_BASE_URL", "").strip():
        return _of_environment(env)
    return _demo(root, env, demo_base_url)


def ignored_variables(env: Mapping[str, str], used: frozenset[str]) -> tuple[str, ...]:
    """A notice for each variable of the short way that is set and, with a file there, not used."""
    return tuple(
        f"{name} is ignored: a catalog file is there, its [[upstreams]] and routes take the place"
        for name in SHORT_WAY
        if env.get(name, "").strip() and name not in used
    )


def _of_file(root: Table, env: Mapping[str, str]) -> Backends:
    seen: dict[str, KeyPath] = {}
    upstreams, notices = [], []
    for path, value in root.tables("upstreams"):
        table = Table(root.source, path, value, keys.UPSTREAM)
        upstream = read_upstream(table)
        refuse_repeated(table, "name", seen)
        upstreams.append(upstream)
        notices += _check_key(table, "api_key_env", upstream.api_key_env, env)
    used = frozenset(upstream.api_key_env for upstream in upstreams if upstream.api_key_env)
    return Backends(tuple(upstreams), None, False, (*ignored_variables(env, used), *notices))


def _of_environment(env: Mapping[str, str]) -> Backends:
    given = {name: env[name].strip() for name in SHORT_WAY if env.get(name, "").strip()}
    table = Table(Source(), (), given, SHORT_WAY)
    if "UPSTREAM_MODEL" not in table:
        table.refuse("UPSTREAM_MODEL", "the model to ask for at UPSTREAM_BASE_URL, it is not set")
    has_key = "UPSTREAM_API_KEY" in table
    if has_key:
        _check_key(table, "UPSTREAM_API_KEY", "UPSTREAM_API_KEY", env)
    upstream = Upstream(
        name="upstream",
        base_url=read_base_url(table, "UPSTREAM_BASE_URL"),
        api_key_env="UPSTREAM_API_KEY" if has_key else None,
        dialect="chat",
        connect_timeout=5.0,
        first_byte_timeout=60.0,
        answer_timeout=600.0,
        idle_timeout=120.0,
    )
    route = Route(
        upstream=upstream,
        model=table.text("UPSTREAM_MODEL", ""),
        order=1,
        weight=1,
        context_length=None,
        input=USUAL_INPUT,
        tools=True,
        structured_output=True,
        price=None,
        reasoning_efforts=USUAL_EFFORTS,
    )
    return Backends((upstream,), route, False)


def _demo(root: Table, env: Mapping[str, str], base_url: str | None) -> Backends:
    upstream = Upstream(
        name="demo",
        base_url=(base_url or "").rstrip("/"),
        api_key_env=None,
        dialect="both",
        connect_timeout=5.0,
        first_byte_timeout=60.0,
        answer_timeout=600.0,
        idle_timeout=120.0,
    )
    route = Route(
        upstream=upstream,
        model="demo-model",
        order=1,
        weight=1,
        context_length=None,
        input=MODALITIES,
        tools=True,
        structured_output=True,
        price=None,
        reasoning_efforts=REASONING_EFFORTS,
    )
    if root.source.file:
        return Backends((upstream,), route, True, ignored_variables(env, frozenset()))
    notices = tuple(
        f"{name} is ignored: UPSTREAM_BASE_URL is not set" for name in SHORT_WAY if env.get(name, "").strip()
    )
    return Backends((upstream,), route, True, notices)


def _check_key(table: Table, key: str, variable: str | None, env: Mapping[str, str]) -> list[str]:
    """Refuse a key that no HTTP header can carry; a notice when there is none. The key is never shown."""
    if variable is None:
        return []
    value = env.get(variable, "").strip()
    if not value:
        return [f"upstream {table.raw('name')} is called without a key: {variable} is not set"]
    if not value.isascii() or not value.isprintable() or " " in value:
        table.refuse(key, f"{variable} to hold one word of printable ASCII characters")
    return []
