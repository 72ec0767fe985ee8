"""One reading of the catalog: the operator's file, or the short way by environment, over what is shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from catalog import keys
from catalog.backends import Backends, read_backends
from catalog.entries import read_plan, read_profile, read_route, read_service, refuse_repeated
from catalog.lines import KeyPath
from catalog.mail_server import mail_notices, read_mail_server
from catalog.metrics_access import metrics_notices, read_metrics_readers
from catalog.model import Catalog, Plan, Profile, Route
from catalog.notices import idle_parts, lost_quotas, plans_left_out, secure_cookies, unreachable_quotas
from catalog.reading import Reading
from catalog.retention import read_retention
from catalog.source import Source, dotted, read_source
from catalog.tables import Table

SHIPPED = Path(__file__).with_name("shipped.toml")


def read_catalog(path: Path | None, *, port: int, env: Mapping[str, str], demo_base_url: str | None) -> Catalog:
    """The catalog of one file, or without a file (``path`` None) of UPSTREAM_* or of the demo upstream.

    ``port`` makes the public address when none is configured. ``demo_base_url`` is where the demo upstream
    answers; None when none runs (``config check``). Raises CatalogError.
    """
    source = read_source(path) if path else Source()
    shipped = read_source(SHIPPED)
    root = Table(source, (), source.data, keys.TOP)
    service = read_service(root.table("service", keys.SERVICE), port)
    mail_server = read_mail_server(root)
    metrics = read_metrics_readers(root)
    backends = read_backends(root, env, demo_base_url)
    profiles = _read_profiles(root, shipped, backends)
    plans, plan_notices = _read_plans(root, shipped, profiles)
    notices = [
        *backends.notices,
        *secure_cookies(service),
        *mail_notices(mail_server, env),
        *metrics_notices(metrics, env),
        *plan_notices,
        *idle_parts(backends.upstreams, profiles, plans),
    ]
    prefix = f"{source.file}: " if source.file else ""
    return Catalog(
        service=service,
        upstreams=backends.upstreams,
        profiles=profiles,
        plans=plans,
        notices=tuple(prefix + notice for notice in notices),
        uses_demo=backends.is_demo,
        mail_server=mail_server,
        retention=read_retention(root),
        metrics=metrics,
        reading=Reading(source.file, source.digest, {dotted(key): line for key, line in source.lines.items()}),
    )


def _read_profiles(root: Table, shipped: Source, backends: Backends) -> tuple[Profile, ...]:
    given = root.tables("profiles")
    if not given:
        if backends.route is None:
            example = '[[profiles]] with alias = "smart-route-mini" and [[profiles.routes]] below it'
            root.refuse("upstreams", f"[[profiles]] tables that name the routes to it, for example {example}")
        root = Table(shipped, (), shipped.data, keys.TOP)
        given = root.tables("profiles")
    inherited = _by_name(shipped, "profiles", "alias")
    seen: dict[str, KeyPath] = {}
    profiles = []
    for strength, (path, value) in enumerate(given):
        table = Table(root.source, path, value, keys.PROFILE, _shipped_values(inherited, value, "alias"))
        routes = _read_routes(table, backends)
        profiles.append(read_profile(table, routes, strength))
        refuse_repeated(table, "alias", seen)
    return tuple(profiles)


def _read_routes(table: Table, backends: Backends) -> list[Route]:
    if "routes" not in table:
        if backends.route is None:
            table.refuse("routes", "at least one [[profiles.routes]] table")
        return [backends.route]
    by_name = {upstream.name: upstream for upstream in backends.upstreams if not backends.is_demo}
    routes: list[Route] = []
    for place, (path, value) in enumerate(table.tables("routes"), 1):
        route_table = Table(table.source, path, value, keys.ROUTE)
        route = read_route(route_table, by_name, place)
        for number, earlier in enumerate(routes):
            if _does(route) == _does(earlier):
                route_table.source.refuse(
                    path, f"a route that differs from routes[{number}], else it can never serve a request"
                )
        routes.append(route)
    return routes


def _does(route: Route) -> tuple[object, ...]:
    """What a route can do: with an equal earlier one healthy or not, a second such route changes nothing."""
    return (
        route.upstream.name,
        route.model,
        route.context_length,
        route.input,
        route.tools,
        route.reasoning_efforts,
    )


def _read_plans(root: Table, shipped: Source, profiles: tuple[Profile, ...]) -> tuple[tuple[Plan, ...], list[str]]:
    """The plans, and notices of those that are left out or lose a quota."""
    by_alias = {profile.alias: profile for profile in profiles}
    inherited = _by_name(shipped, "plans", "slug")
    given = root.tables("plans")
    if not given:
        plans, left_out = _shipped_plans(shipped, by_alias)
        if not plans:
            root.refuse("profiles", "[[plans]] tables beside them: no shipped plan has one of these aliases")
        return tuple(plans), [*plans_left_out(left_out)]
    seen: dict[str, KeyPath] = {}
    plans = []
    for position, (path, value) in enumerate(given):
        kept = {
            key: shipped_value
            for key, shipped_value in _shipped_values(inherited, value, "slug").items()
            if key not in keys.MEANINGFUL_WHEN_ABSENT
        }
        table = Table(root.source, path, value, keys.PLAN, kept)
        plans.append(read_plan(table, by_alias, position))
        refuse_repeated(table, "slug", seen)
    return tuple(plans), [*lost_quotas(plans, inherited), *unreachable_quotas(plans)]


def _shipped_plans(shipped: Source, by_alias: Mapping[str, Profile]) -> tuple[list[Plan], list[tuple[str, str]]]:
    """The shipped plans whose alias is there, and slug and alias of each other one."""
    plans: list[Plan] = []
    left_out: list[tuple[str, str]] = []
    for path, value in Table(shipped, (), shipped.data, keys.TOP).tables("plans"):
        table = Table(shipped, path, value, keys.PLAN)
        slug, alias = table.raw("slug"), table.raw("profile")
        if alias in by_alias:
            plans.append(read_plan(table, by_alias, len(plans)))
        else:
            left_out.append((str(slug), str(alias)))
    return plans, left_out


def _by_name(shipped: Source, kind: str, name: str) -> dict[str, dict[str, object]]:
    """The shipped tables of one kind by alias or slug."""
    tables = Table(shipped, (), shipped.data, keys.TOP).tables(kind)
    return {str(value[name]): value for _, value in tables if isinstance(value, dict)}


def _shipped_values(by_name: Mapping[str, dict[str, object]], value: object, name: str) -> dict[str, object]:
    """What a table of the file keeps where it says nothing: the shipped table of its name, if any."""
    own_name = value.get(name) if isinstance(value, dict) else None
    return by_name.get(own_name, {}) if isinstance(own_name, str) else {}
