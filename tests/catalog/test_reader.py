"""What a catalog file, or its absence, becomes."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from catalog.model import REASONING_EFFORTS, Upstream
from catalog.reader import SHIPPED
from tests.catalog.conftest import DEMO, Read
from tests.catalog.example import EXAMPLE, switched_on

ROOT = Path(__file__).parents[2]
UPSTREAM = '[[upstreams]]\nname = "east"\nbase_url = "http://127.0.0.1:11434/v1"\n'
ROUTE = '[[profiles.routes]]\nupstream = "east"\nmodel = "m"\n'
PUBLISHED = """\
Free (free) | smart-route-mini | Smart-Route Mini | 0 | standard | Essential | low | 200 | 1000
Plus (plus) | smart-route | Smart-Route | 9.99 | standard | Standard power | medium | 500 | 5000
Business (business) | smart-route-focus | Smart-Route Focus | None | standard | Focused reasoning | high | 1000 | 10000
Pro (pro) | smart-route-deep | Smart-Route Deep | 59.99 | standard | Deep reasoning | xhigh | 3000 | 30000
Ultimate (ultimate) | smart-route-ultra | Smart-Route Ultra | 159.99 | standard | Ultra depth | max | 5000 | 70000
Max (max) | smart-route-turbo | Smart-Route Turbo | 559.99 | fast | Turbo power | max | 10000 | 100000
Unlimited (unlimited) | smart-route-infinite | Smart-Route Infinite | 1599.99 | fast | Infinite scale | max | None | None
"""  # noqa: E501 -- one plan a line, as published
MINI = f'{UPSTREAM}[[profiles]]\nalias = "smart-route-mini"\n{ROUTE}'


def test_the_shipped_catalog_is_the_published_table(read: Read) -> None:
    catalog = read()
    rows = [
        f"{plan.name} ({plan.slug}) | {plan.profile.alias} | {plan.profile.name} | {plan.price} | "
        f"{plan.speed} | {plan.power} | {plan.profile.reasoning_effort} | {plan.daily} | {plan.monthly}"
        for plan in catalog.plans
    ]
    assert rows == PUBLISHED.splitlines()
    assert [profile.alias for profile in catalog.profiles] == [plan.profile.alias for plan in catalog.plans]
    assert {plan.currency for plan in catalog.plans} == {"EUR"}
    assert {plan.open_requests for plan in catalog.plans} == {None}
    assert all(plan.description and plan.profile.description for plan in catalog.plans)


def test_the_shipped_table_names_no_route_and_no_upstream() -> None:
    assert "routes" not in SHIPPED.read_text().split("[[profiles]]", 1)[1]
    assert "upstream" not in SHIPPED.read_text().split("[[profiles]]", 1)[1]


def test_nothing_configured_runs_every_profile_on_the_demo_upstream(read: Read) -> None:
    catalog = read()
    assert catalog.uses_demo
    assert catalog.notices == ()
    assert [upstream.name for upstream in catalog.upstreams] == ["demo"]
    routes = [profile.routes for profile in catalog.profiles]
    assert {(len(r), r[0].model, r[0].upstream.base_url) for r in routes} == {(1, "demo-model", DEMO)}
    assert {r[0].reasoning_efforts for r in routes} == {REASONING_EFFORTS}


def test_service_defaults_are_the_documented_ones(read: Read) -> None:
    service = read().service
    assert (service.name, service.slug) == ("Smart Routing AI Model", "smart-routing-ai-model")
    assert service.public_url == "http://127.0.0.1:8123"
    assert service.trusted_proxies == ()
    assert (service.timezone.key, service.timezone_name) == ("UTC", "UTC")
    assert service.registration == "open"
    assert service.continuations_per_prompt == 100
    assert (service.max_body_mb, service.stored_response_days, service.drain_seconds) == (32, 30, 3600)


def test_the_service_table_is_read(read: Read) -> None:
    service = read(
        '[service]\nname = "Our AI"\nslug = "our-ai"\npublic_url = "https://ai.example.org/"\n'
        'trusted_proxies = ["127.0.0.1", "fd00::/8"]\ntimezone = "Europe/Berlin"\nregistration = "invite"\n'
        "continuations_per_prompt = 0\nmax_body_mb = 8\nstored_response_days = 7\ndrain_seconds = 0\n"
    ).service
    assert (service.name, service.slug, service.public_url) == ("Our AI", "our-ai", "https://ai.example.org")
    assert service.trusted_proxies == (ip_network("127.0.0.1/32"), ip_network("fd00::/8"))
    assert (service.timezone.key, service.timezone_name) == ("Europe/Berlin", "Europe/Berlin")
    assert service.registration == "invite"
    assert service.continuations_per_prompt == 0
    assert (service.max_body_mb, service.stored_response_days, service.drain_seconds) == (8, 7, 0)


def test_upstream_defaults_are_the_documented_ones(read: Read) -> None:
    assert read(MINI).upstreams == (
        Upstream("east", "http://127.0.0.1:11434/v1", None, "chat", 5.0, 60.0, 600.0, 120.0),
    )


def test_timeouts_may_be_fractions_and_a_slash_at_the_end_of_an_address_is_dropped(read: Read) -> None:
    text = MINI.replace('/v1"\n', '/v1/"\nconnect_timeout = 0.25\nidle_timeout = 7\n')
    upstream = read(text).upstreams[0]
    assert (upstream.connect_timeout, upstream.idle_timeout) == (0.25, 7.0)
    assert upstream.base_url == "http://127.0.0.1:11434/v1"


def test_route_defaults_are_the_documented_ones(read: Read) -> None:
    route = read(MINI).profiles[0].routes[0]
    assert (route.order, route.weight, route.context_length, route.price) == (1, 1, None, None)
    assert (route.input, route.tools) == (("text", "image"), True)
    assert route.reasoning_efforts == ("low", "medium", "high")


def test_a_route_is_read_with_its_limits_and_exact_prices(read: Read) -> None:
    text = MINI + (
        "order = 2\nweight = 0\ncontext_length = 32000\ninput = ['image', 'text']\ntools = false\n"
        "price = { input = 0.10, output = 4 }\nreasoning_efforts = []\n"
    )
    route = read(text).profiles[0].routes[0]
    assert (route.order, route.weight, route.context_length) == (2, 0, 32000)
    assert (route.input, route.tools, route.reasoning_efforts) == (("text", "image"), False, ())
    assert route.price is not None
    assert (route.price.input, route.price.output) == (Decimal("0.10"), Decimal(4))


def test_routes_without_an_order_are_tried_as_they_stand_in_the_list(read: Read) -> None:
    second = '[[profiles.routes]]\nupstream = "east"\nmodel = "second"\n'
    first = '[[profiles.routes]]\nupstream = "east"\nmodel = "third"\norder = 1\n'
    routes = read(MINI + second + first).profiles[0].routes
    assert [(route.model, route.order) for route in routes] == [("m", 1), ("third", 1), ("second", 2)]


def test_efforts_are_kept_weakest_first(read: Read) -> None:
    route = read(MINI + 'reasoning_efforts = ["max", "none", "low"]\n').profiles[0].routes[0]
    assert route.reasoning_efforts == ("none", "low", "max")


def test_a_profile_whose_routes_all_have_weight_zero_is_usable(read: Read) -> None:
    assert read(MINI + "weight = 0\n").profiles[0].routes[0].weight == 0


def test_keys_left_out_of_a_shipped_alias_keep_their_shipped_values(read: Read) -> None:
    profile = read(MINI).profiles[0]
    assert (profile.name, profile.reasoning_effort) == ("Smart-Route Mini", "low")
    assert profile.description == read().profiles[0].description


def test_keys_given_for_a_shipped_alias_win_over_the_shipped_values(read: Read) -> None:
    profile = read(MINI.replace(ROUTE, 'name = "Tiny"\nreasoning_effort = "minimal"\n' + ROUTE)).profiles[0]
    assert (profile.name, profile.reasoning_effort) == ("Tiny", "minimal")


def test_a_new_alias_starts_plain(read: Read) -> None:
    text = MINI.replace("smart-route-mini", "house") + '[[plans]]\nslug = "all"\nprofile = "house"\n'
    catalog = read(text)
    profile, plan = catalog.profiles[0], catalog.plans[0]
    assert (profile.name, profile.description, profile.reasoning_effort) == ("house", "", None)
    assert (plan.name, plan.speed, plan.price, plan.currency) == ("all", "standard", None, "EUR")
    assert (plan.daily, plan.monthly, plan.open_requests) == (None, None, None)


def test_a_given_profile_list_replaces_the_shipped_one_and_leaves_out_plans_without_alias(read: Read) -> None:
    catalog = read(MINI)
    assert [profile.alias for profile in catalog.profiles] == ["smart-route-mini"]
    assert [(plan.slug, plan.position) for plan in catalog.plans] == [("free", 0)]
    assert catalog.notices == (
        "smartroute.toml: shipped plans whose profile is missing are left out: plus (smart-route), "
        "business (smart-route-focus), pro (smart-route-deep), ultimate (smart-route-ultra), "
        "max (smart-route-turbo), unlimited (smart-route-infinite)",
    )


@pytest.mark.parametrize(
    ("service", "is_told"),
    [
        ('public_url = "https://ai.example.org"', True),
        ('public_url = "https://ai.example.org"\ntrusted_proxies = ["127.0.0.1"]', False),
        ('public_url = "http://ai.example.org"', False),
        ("", False),
    ],
)
def test_https_without_a_trusted_proxy_is_noticed(read: Read, service: str, is_told: bool) -> None:
    notices = read(f"[service]\n{service}\n").notices
    assert any("sign-in works over https only" in notice for notice in notices) == is_told


def test_the_order_of_profiles_is_the_order_of_strength(read: Read) -> None:
    catalog = read(MINI.replace("mini", "deep") + f'[[profiles]]\nalias = "smart-route-mini"\n{ROUTE}')
    assert [(profile.alias, profile.strength) for profile in catalog.profiles] == [
        ("smart-route-deep", 0),
        ("smart-route-mini", 1),
    ]


def test_a_file_without_upstreams_runs_on_the_demo_upstream(read: Read) -> None:
    catalog = read('[service]\nname = "Our AI"\n[[plans]]\nslug = "free"\ndaily = 3\n')
    assert catalog.uses_demo
    assert len(catalog.profiles) == 7
    assert [(plan.slug, plan.daily) for plan in catalog.plans] == [("free", 3)]


def test_profiles_without_upstreams_run_on_the_demo_upstream(read: Read) -> None:
    catalog = read('[[profiles]]\nalias = "smart-route-mini"\nname = "Tiny"\n')
    assert catalog.uses_demo
    assert catalog.profiles[0].routes[0].model == "demo-model"


def test_a_given_plan_list_replaces_the_shipped_one_and_keeps_shipped_words(read: Read) -> None:
    catalog = read('[[plans]]\nslug = "pro"\nprice = 40\n')
    plan = catalog.first_plan
    assert (plan.slug, plan.name, plan.profile.alias) == ("pro", "Pro", "smart-route-deep")
    assert (plan.power, plan.speed, plan.price) == ("Deep reasoning", "standard", Decimal(40))


def test_quotas_left_out_of_a_shipped_plan_are_unlimited_and_a_notice_says_so(read: Read) -> None:
    catalog = read('[[plans]]\nslug = "free"\ndaily = 50000\n')
    assert (catalog.first_plan.daily, catalog.first_plan.monthly) == (50000, None)
    assert 'smartroute.toml: the plan "free" has no monthly quota (as shipped: 1000)' in catalog.notices
    assert catalog.first_plan.price is None


def test_a_daily_quota_above_the_monthly_one_is_served_with_a_notice(read: Read) -> None:
    catalog = read('[[plans]]\nslug = "free"\ndaily = 11\nmonthly = 10\n')
    assert catalog.first_plan.daily == 11
    assert 'smartroute.toml: the plan "free" allows 11 prompts a day but 10 a month' in catalog.notices


def test_equal_daily_and_monthly_quotas_are_right(read: Read) -> None:
    plan = read('[[plans]]\nslug = "free"\ndaily = 5\nmonthly = 5\n').first_plan
    assert (plan.daily, plan.monthly) == (5, 5)


def test_a_context_length_is_not_questioned_where_a_route_tells_none(read: Read) -> None:
    text = MINI.replace(ROUTE, "context_length = 9000\n" + ROUTE) + "context_length = 8000\n"
    text += ROUTE.replace('"m"', '"n"')
    assert not any("context_length" in notice for notice in read(text).notices)


def test_the_short_way_puts_every_shipped_profile_on_one_upstream(read: Read) -> None:
    env = {
        "UPSTREAM_BASE_URL": "https://llm.example.org/v1/",
        "UPSTREAM_MODEL": "gpt-x",
        "UPSTREAM_API_KEY": " secret\n",
    }
    catalog = read(env=env)
    assert not catalog.uses_demo
    assert len(catalog.profiles) == 7
    (upstream,) = catalog.upstreams
    assert {profile.routes[0].model for profile in catalog.profiles} == {"gpt-x"}
    assert {profile.routes[0].upstream for profile in catalog.profiles} == {upstream}
    assert (upstream.base_url, upstream.dialect) == ("https://llm.example.org/v1", "chat")
    assert catalog.api_key(upstream, env) == "secret"
    assert "secret" not in repr(catalog)


def test_the_short_way_works_without_a_key(read: Read) -> None:
    env = {"UPSTREAM_BASE_URL": "http://127.0.0.1:11434/v1", "UPSTREAM_MODEL": "m", "UPSTREAM_API_KEY": ""}
    catalog = read(env=env)
    assert catalog.api_key(catalog.upstreams[0], env) is None


def test_with_a_file_the_short_way_is_ignored_with_a_notice_each(read: Read) -> None:
    env = {"UPSTREAM_BASE_URL": "http://elsewhere/v1", "UPSTREAM_MODEL": "m", "UPSTREAM_API_KEY": "k"}
    for text in ("[service]\n", MINI):
        catalog = read(text, env)
        assert all(upstream.base_url != "http://elsewhere/v1" for upstream in catalog.upstreams)
        ignored = [notice.split()[1] for notice in catalog.notices if "is ignored" in notice]
        assert ignored == ["UPSTREAM_BASE_URL", "UPSTREAM_MODEL", "UPSTREAM_API_KEY"]


def test_a_key_variable_that_the_file_uses_is_not_called_ignored(read: Read) -> None:
    text = MINI.replace("[[profiles]]", 'api_key_env = "UPSTREAM_API_KEY"\n[[profiles]]', 1)
    catalog = read(text, {"UPSTREAM_API_KEY": "k"})
    assert not any("UPSTREAM_API_KEY" in notice for notice in catalog.notices)
    assert catalog.api_key(catalog.upstreams[0], {"UPSTREAM_API_KEY": "k"}) == "k"


def test_a_model_without_an_address_is_noticed_and_the_demo_serves(read: Read) -> None:
    catalog = read(env={"UPSTREAM_MODEL": "m"})
    assert catalog.uses_demo
    assert catalog.notices == ("UPSTREAM_MODEL is ignored: UPSTREAM_BASE_URL is not set",)


def test_a_missing_key_an_idle_upstream_and_an_unreachable_profile_are_noticed(read: Read) -> None:
    text = (
        MINI.replace("[[profiles]]", 'api_key_env = "EAST_KEY"\n[[profiles]]', 1)
        + f'[[profiles]]\nalias = "house"\ncontext_length = 9000\n{ROUTE}context_length = 8000\n'
        + UPSTREAM.replace("east", "west")
        + '[[plans]]\nslug = "one"\nprofile = "smart-route-mini"\n'
    )
    assert read(text).notices == (
        "smartroute.toml: upstream east is called without a key: EAST_KEY is not set",
        "smartroute.toml: upstream west is in no route",
        "smartroute.toml: no plan reaches house",
        "smartroute.toml: house offers a context_length of 9000, its widest route takes 8000",
    )


def test_the_example_file_works_as_it_stands(read: Read) -> None:
    catalog, plain = read(EXAMPLE), read()
    assert not catalog.uses_demo
    assert {route.upstream.base_url for profile in catalog.profiles for route in profile.routes} == {
        "http://127.0.0.1:11434/v1"
    }
    assert catalog.service == plain.service
    assert [(plan.slug, plan.daily, plan.monthly) for plan in catalog.plans] == [
        (plan.slug, plan.daily, plan.monthly) for plan in plain.plans
    ]
    assert catalog.notices == ()


def test_the_example_file_is_right_with_every_line_switched_on(read: Read) -> None:
    env = {"LOCAL_API_KEY": "a", "REMOTE_API_KEY": "b", "SMTP_PASSWORD": "c", "METRICS_TOKEN": "d"}
    catalog = read(switched_on(), env)
    assert [notice.partition(": ")[2] for notice in catalog.notices] == [
        "no plan reaches smart-route-focus, smart-route-deep, smart-route-ultra, "
        "smart-route-turbo, smart-route-infinite"
    ]
    assert [upstream.name for upstream in catalog.upstreams] == ["local", "remote"]
    assert [route.model for route in catalog.profiles[0].routes] == ["qwen3:8b", "small"]
    assert [plan.slug for plan in catalog.plans] == ["free", "plus"]


@pytest.mark.parametrize("module", ["catalog.reader", "catalog.accepted", "config"])
def test_reading_needs_the_standard_library_alone(module: str) -> None:
    # -S: no site-packages, so an import of anything installed fails.
    subprocess.run([sys.executable, "-S", "-c", f"import {module}"], cwd=ROOT, check=True)
