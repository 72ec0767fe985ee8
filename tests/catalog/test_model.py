"""What the catalog answers about plans, aliases and profiles."""

from __future__ import annotations

import dataclasses

import pytest

from catalog.accepted import accept, accepted
from catalog.model import Catalog, Plan
from tests.catalog.conftest import Read
from tests.catalog.test_reader import MINI, ROUTE


@pytest.fixture
def catalog(read: Read) -> Catalog:
    return read()


def plan_of(catalog: Catalog, slug: str) -> Plan:
    plan = catalog.plan(slug)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("slug", "asked", "served"),
    [
        ("plus", "smart-route", "smart-route"),
        ("plus", "smart-route-mini", "smart-route-mini"),
        ("plus", "smart-route-infinite", "smart-route"),
        ("plus", None, "smart-route"),
        ("free", "smart-route", "smart-route-mini"),
        ("unlimited", "smart-route-turbo", "smart-route-turbo"),
    ],
)
def test_an_alias_is_served_as_asked_up_to_the_plans_own(
    catalog: Catalog, slug: str, asked: str | None, served: str
) -> None:
    assert catalog.served_profile(plan_of(catalog, slug), asked).alias == served


@pytest.mark.parametrize("asked", ["gpt-5", "", "Smart-Route", "demo-model"])
def test_a_name_that_is_no_public_alias_is_a_key_error(catalog: Catalog, asked: str) -> None:
    with pytest.raises(KeyError):
        catalog.served_profile(catalog.first_plan, asked)


def test_a_plan_may_ask_for_its_own_alias_and_the_weaker_ones(catalog: Catalog) -> None:
    aliases = [profile.alias for profile in catalog.aliases_for(plan_of(catalog, "business"))]
    assert aliases == ["smart-route-mini", "smart-route", "smart-route-focus"]


def test_an_alias_is_open_to_every_plan_at_or_above_it(catalog: Catalog) -> None:
    assert [plan.slug for plan in catalog.plans_for_alias("smart-route-turbo")] == ["max", "unlimited"]
    assert len(catalog.plans_for_alias("smart-route-mini")) == 7
    assert catalog.plans_for_alias("gpt-5") == ()


def test_look_ups_find_by_exact_name_or_nothing(catalog: Catalog) -> None:
    assert catalog.first_plan.slug == "free"
    assert catalog.plan("gold") is None
    assert catalog.profile("Smart-Route-Mini") is None
    assert catalog.upstream("demo") == catalog.upstreams[0]
    assert catalog.upstream("east") is None


def test_a_profile_offers_what_one_of_its_routes_can_do(read: Read) -> None:
    text = (
        MINI
        + "tools = false\ninput = ['text']\ncontext_length = 8000\n"
        + ROUTE.replace('"m"', '"n"')
        + "input = ['text', 'audio']\ncontext_length = 32000\n"
        + ROUTE.replace('"m"', '"o"')
        + "input = ['text']\n"
    )
    profile = read(text).profiles[0]
    assert profile.input_modalities == ("text", "audio")
    assert profile.tools
    assert profile.effective_context_length == 32000


def test_a_profiles_own_context_length_wins_and_none_known_stays_none(read: Read) -> None:
    text = MINI.replace(ROUTE, "context_length = 16000\n" + ROUTE)
    assert read(text + "context_length = 32000\n").profiles[0].effective_context_length == 16000
    profile = read(MINI + "tools = false\n").profiles[0]
    assert profile.effective_context_length is None
    assert not profile.tools


def test_a_catalog_cannot_be_changed(catalog: Catalog) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.first_plan.daily = 1  # type: ignore[misc]


def test_the_accepted_catalog_is_the_one_last_put_in_force(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.accepted._in_force", None)
    assert accepted() is None
    accept(catalog)
    assert accepted() is catalog
