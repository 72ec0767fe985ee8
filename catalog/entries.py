"""From checked TOML tables to the catalog's objects: defaults, ranges and patterns, key by key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from ipaddress import ip_network
from typing import get_args
from zoneinfo import ZoneInfo

from catalog import keys
from catalog.lines import KeyPath
from catalog.model import (
    MODALITIES,
    REASONING_EFFORTS,
    Dialect,
    Modality,
    Network,
    Plan,
    Price,
    Profile,
    ReasoningEffort,
    Registration,
    Route,
    Service,
    Speed,
    Upstream,
)
from catalog.tables import Table, got

SLUG = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Upper case only: a key pasted here by mistake ("gsk_...", "sk-...") is then refused instead of shown.
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
CURRENCY = re.compile(r"[A-Z]{3}")

# What most servers of today understand; a model that knows others, or none, says so in its route.
USUAL_EFFORTS: tuple[ReasoningEffort, ...] = ("low", "medium", "high")
# An upstream answers an image it cannot see with an error of its own; hiding a model that can is worse.
USUAL_INPUT: tuple[Modality, ...] = ("text", "image")


def read_service(table: Table, port: int) -> Service:
    """The [service] table; ``port`` makes the public address when none is configured."""
    zone = _timezone(table)
    return Service(
        name=table.text("name", "Smart Routing AI Model", most=80),
        slug=_service_slug(table),
        public_url=_public_url(table, port),
        trusted_proxies=_networks(table, "trusted_proxies"),
        timezone=zone,
        timezone_name=zone.key,
        registration=table.choice("registration", get_args(Registration), "open"),
        continuations_per_prompt=table.integer("continuations_per_prompt", 100, least=0),
        max_body_mb=table.integer("max_body_mb", 32, least=1, most=1024),
        stored_response_days=table.integer("stored_response_days", 30, least=1, most=3650),
        drain_seconds=table.integer("drain_seconds", 3600, least=0, most=7 * 86_400),
        deadline_seconds=table.seconds("deadline_seconds", 900.0),
        operators_need_totp=table.flag("operators_need_totp", False),
    )


def _service_slug(table: Table) -> str:
    if "slug" not in table:
        return "smart-routing-ai-model"
    slug = table.name("slug", SLUG, "small letters, digits and single hyphens, at most 64 characters")
    if slug == "v1":
        table.refuse("slug", 'another word than "v1", which is a part of every address')
    return slug


def _public_url(table: Table, port: int) -> str:
    if "public_url" not in table:
        return f"http://127.0.0.1:{port}"
    meaning = "an http or https address such as https://ai.example.org"
    url, parts = table.url("public_url", meaning)
    if parts.path.strip("/"):
        table.refuse("public_url", f"{meaning}, without a path, got {got(url)}")
    return url


def _timezone(table: Table) -> ZoneInfo:
    name = table.text("timezone", "UTC")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such name, a folder of zones, a path out of the zone folder
        table.refuse("timezone", f'a time zone such as "UTC" or "Europe/Berlin", got {got(name)}')


def _networks(table: Table, key: str) -> tuple[Network, ...]:
    meaning = 'an IP address or network such as "127.0.0.1" or "10.0.0.0/8"'
    networks: list[Network] = []
    for index, value in enumerate(table.elements(key, "a list of IP addresses and networks")):
        try:
            if not isinstance(value, str):  # ip_network() would take 1 for 0.0.0.1
                raise ValueError(value)
            networks.append(ip_network(value))
        except ValueError as exc:
            reason = f" ({exc})" if "host bits" in str(exc) else ""
            table.source.refuse((*table.path, key, index), f"{meaning}, got {got(value)}{reason}")
    return tuple(networks)


def read_upstream(table: Table) -> Upstream:
    """One [[upstreams]] table."""
    has_key = "api_key_env" in table
    variable = "the name of an environment variable in capitals; the key itself is never in the file"
    return Upstream(
        name=table.name("name", NAME, "letters, digits, dots, hyphens and underscores, at most 64"),
        base_url=read_base_url(table, "base_url"),
        api_key_env=table.name("api_key_env", VARIABLE, variable, show=False) if has_key else None,
        dialect=table.choice("dialect", get_args(Dialect), "chat"),
        connect_timeout=table.seconds("connect_timeout", 5.0),
        first_byte_timeout=table.seconds("first_byte_timeout", 60.0),
        answer_timeout=table.seconds("answer_timeout", 600.0),
        idle_timeout=table.seconds("idle_timeout", 120.0),
    )


def read_base_url(table: Table, key: str) -> str:
    """The address that ``/chat/completions`` and the like are added to, without a slash at the end."""
    meaning = "an http or https address such as http://127.0.0.1:11434/v1"
    url, parts = table.url(key, meaning)
    for ending in ("/chat/completions", "/completions", "/responses"):
        if parts.path.rstrip("/").endswith(ending):
            table.refuse(key, f"{meaning}, without {ending} at the end")
    return url


def read_profile(table: Table, routes: Sequence[Route], strength: int) -> Profile:
    """One [[profiles]] table over routes already read."""
    alias = table.name("alias", NAME, "letters, digits, dots, hyphens and underscores, at most 64")
    return Profile(
        alias=alias,
        name=table.text("name", alias, most=80),
        description=table.text("description", "", most=300),
        reasoning_effort=table.choice("reasoning_effort", REASONING_EFFORTS, None),
        context_length=table.integer("context_length", None, least=1),
        max_output_tokens=table.integer("max_output_tokens", None, least=1),
        routes=tuple(sorted(routes, key=lambda route: route.order)),
        strength=strength,
    )


def read_route(table: Table, upstreams: Mapping[str, Upstream], place: int) -> Route:
    """One [[profiles.routes]] table; ``place`` in the list, from 1, is its order unless it says another."""
    table.require("upstream", "model")
    name = table.text("upstream", "")
    if name not in upstreams:
        known = f"one of {', '.join(upstreams)}" if upstreams else "no [[upstreams]] table is there"
        table.refuse("upstream", f"the name of an upstream of this file ({known}), got {got(name)}")
    inputs = table.choices("input", MODALITIES, USUAL_INPUT)
    if "text" not in inputs:  # every request has text, so such a route would never be eligible
        table.refuse("input", '"text" among the modalities: a route without it can never serve a request')
    return Route(
        upstream=upstreams[name],
        model=table.text("model", ""),
        order=table.integer("order", place, least=1),
        weight=table.integer("weight", 1, least=0),
        context_length=table.integer("context_length", None, least=1),
        input=inputs,
        tools=table.flag("tools", True),
        structured_output=table.flag("structured_output", True),
        price=_price(table.table("price", keys.PRICE)) if "price" in table else None,
        reasoning_efforts=table.choices("reasoning_efforts", REASONING_EFFORTS, USUAL_EFFORTS),
    )


def _price(table: Table) -> Price:
    table.require(*keys.PRICE)
    return Price(input=table.amount("input", Decimal(0)), output=table.amount("output", Decimal(0)))


def read_plan(table: Table, profiles: Mapping[str, Profile], position: int) -> Plan:
    """One [[plans]] table over profiles already read."""
    table.require("slug", "profile")
    slug = table.name("slug", SLUG, "small letters, digits and single hyphens, at most 64 characters")
    alias = table.text("profile", "")
    if alias not in profiles:
        table.refuse("profile", f"the alias of a profile (one of {', '.join(profiles)}), got {got(alias)}")
    leave_out = " (leave the key out for unlimited)"
    return Plan(
        slug=slug,
        name=table.text("name", slug, most=80),
        profile=profiles[alias],
        speed=table.choice("speed", get_args(Speed), "standard"),
        price=table.amount("price", None),
        currency=_currency(table),
        daily=table.integer("daily", None, least=1, hint=leave_out),
        monthly=table.integer("monthly", None, least=1, hint=leave_out),
        open_requests=table.integer("open_requests", None, least=1, hint=" (leave the key out for no limit)"),
        power=table.text("power", "", most=80),
        description=table.text("description", "", most=300),
        position=position,
    )


def _currency(table: Table) -> str:
    if "currency" not in table:
        return "EUR"
    return table.name("currency", CURRENCY, 'a currency of three capitals such as "EUR"')


def refuse_repeated(table: Table, key: str, seen: dict[str, KeyPath]) -> None:
    """Refuse a name that an earlier table of the list has; small and capital letters make no difference."""
    value = str(table.raw(key))
    first = seen.setdefault(value.lower(), (*table.path, key))
    if first[:-1] != table.path:
        line = table.source.line_of(first)
        table.refuse(key, f"a name of its own, {got(value)} is on line {line} too")
