"""The catalog as a page shows it: each value with where it comes from. Keys of upstreams are never among them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from catalog.model import Catalog, Plan, Profile, Route, Upstream

AS_SHIPPED = "as shipped"
BY_ENVIRONMENT = "environment"
DEMO = "built in"


class Value(Struct, frozen=True):
    """One line of the page: what it is called in the file, what it is, and where that comes from."""

    key: str
    text: str
    origin: str


def service_values(catalog: Catalog) -> list[Value]:
    """Return the values of [service]."""
    service = catalog.service
    shown = {
        "name": service.name,
        "slug": service.slug,
        "public_url": without_credentials(service.public_url),
        "trusted_proxies": ", ".join(map(str, service.trusted_proxies)) or "none",
        "timezone": service.timezone_name,
        "registration": service.registration,
        "continuations_per_prompt": f"{service.continuations_per_prompt:,}",
        "max_body_mb": f"{service.max_body_mb:,}",
        "stored_response_days": f"{service.stored_response_days:,}",
        "drain_seconds": f"{service.drain_seconds:,}",
        "deadline_seconds": f"{service.deadline_seconds:g}",
        "operators_need_totp": "yes" if service.operators_need_totp else "no",
    }
    return [Value(key, text, origin(catalog, f"service.{key}")) for key, text in shown.items()]


def further_values(catalog: Catalog, env: Mapping[str, str] = os.environ) -> list[Value]:
    """Return the values of the tables beside [service]: what bounds the disk, who reads figures, how mail goes out."""
    kept, metrics, mail = catalog.retention, catalog.metrics, catalog.mail_server
    shown = {f"retention.{each.name}": _plain(getattr(kept, each.name)) for each in fields(kept)}
    shown["metrics.access"] = metrics.access
    shown["metrics.token_env"] = _variable(metrics.token_env, env)
    if mail is None:
        shown["smtp"] = "not configured: links are handed over by the operator"
    else:
        shown |= {
            "smtp.host": mail.host,
            "smtp.port": str(mail.port),
            "smtp.security": mail.security,
            "smtp.username": mail.username or "none",
            "smtp.password_env": _variable(mail.password_env, env),
        }
    return [Value(key, text, origin(catalog, key)) for key, text in shown.items()]


def origin(catalog: Catalog, path: str) -> str:
    """Return where a value comes from: a line of the file, or what is shipped."""
    line = catalog.reading.line_of(path)
    return AS_SHIPPED if line is None else f"line {line}"


def upstream_origin(catalog: Catalog, number: int) -> str:
    """Return where an upstream comes from."""
    if catalog.uses_demo:
        return DEMO
    line = catalog.reading.line_of(f"upstreams[{number}]")
    return BY_ENVIRONMENT if line is None else f"line {line}"


def profile_origin(catalog: Catalog, profile: Profile) -> str:
    """Return where a profile comes from; the keys that its table leaves out are as shipped."""
    return origin(catalog, f"profiles[{profile.strength}]")


def plan_origin(catalog: Catalog, plan: Plan) -> str:
    """Return where a plan comes from; the keys that its table leaves out are as shipped."""
    return origin(catalog, f"plans[{plan.position}]")


def key_state(upstream: Upstream, env: Mapping[str, str] = os.environ) -> str:
    """Return whether the variable of an upstream's key is set; never the key."""
    return "no key" if upstream.api_key_env is None else _variable(upstream.api_key_env, env)


def price_of(route: Route) -> str:
    """Return a route's price per million tokens, in the file's own currency."""
    return "—" if route.price is None else f"{route.price.input} in, {route.price.output} out"


def without_credentials(url: str) -> str:
    """Return an address without a user, a password or a query: they may be secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _variable(name: str | None, env: Mapping[str, str]) -> str:
    if name is None:
        return "none"
    return f"{name} is set" if env.get(name, "").strip() else f"{name} is not set"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else "not set" if value is None else str(value)
