"""The sections of the documentation page: every fact that a newcomer needs, and none that leads nowhere."""

from __future__ import annotations

import html
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask

from service.accounts import holdings, membership
from service.services import EXTENSION
from tests.accounts.house import BOSS, Visitor, open_house
from tests.harness.processes import ROOT

EMAIL = "member@example.org"
API = "http://127.0.0.1:8000/api/smart-routing-ai-model/v1"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page as a member on Free sees it."""
    with open_house(f"sqlite:///{tmp_path_factory.mktemp('page') / 'smartroute.db'}") as app:
        visitor = Visitor(app)
        visitor.sign_up(EMAIL)
        return visitor.get("/docs").text


def section(page: str, name: str) -> str:
    """One section of the page, as it is written in HTML."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found, f"the page has no section {name}"
    return found[0]


def words_of(part: str) -> str:
    """What a reader reads, without line breaks."""
    apart = re.sub(r'</t[dhr]>|</d[td]>|<span class="under">', " ", part)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", apart)).split())


def block(page: str, name: str) -> str:
    """The text that the copy button of a block copies."""
    found = re.search(rf'<code id="{name}">(.*?)</code>', page, re.DOTALL)
    assert found, f"the page has no block {name}"
    return html.unescape(found[1])


def test_every_name_on_the_page_is_given_once_and_every_link_within_it_leads_somewhere(page: str) -> None:
    names = re.findall(r'\sid="([^"]+)"', page)
    assert not [name for name, times in Counter(names).items() if times > 1]
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(names)


def test_section_list_leads_to_every_section(page: str) -> None:
    sections = re.findall(r'<section id="([\w-]+)"', page)
    listed = re.findall(r'<nav class="section-list".*?</nav>', page, re.DOTALL)[0]
    assert set(sections) - {"token"} <= set(re.findall(r'href="#([\w-]+)"', listed))


def test_every_endpoint_of_the_api_stands_in_the_table(app: Flask, page: str) -> None:
    told = words_of(section(page, "endpoints"))
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/v1/") or rule.endpoint.rpartition(".")[2].startswith("unknown"):
            continue
        path = re.sub(
            r"<(?:path:)?(\w+)>",
            lambda name: "{alias}" if "model" in name[1] or "alias" in name[1] else "{id}",
            rule.rule,
        )
        methods = rule.methods or set()
        for method in methods & {"GET", "POST"}:
            assert f"{method} {path.removeprefix('/v1')}" in told, (method, path)
    assert "DELETE deletes it" in told


def test_models_and_plans_come_from_the_catalog(app: Flask, page: str) -> None:
    catalog = app.extensions[EXTENSION].catalog
    models, plans = words_of(section(page, "models")), words_of(section(page, "plans"))
    for profile in catalog.profiles:
        assert f"{profile.alias} {profile.name}" in models
        assert profile.description in models
    for plan in catalog.plans:
        assert plan.name in plans
        assert plan.profile.alias in plans
    for figures in ("EUR 1,599.99", "on request", "1,000", "70,000", "100,000", "unlimited", "Fast"):
        assert figures in plans


def test_codex_block_is_the_one_that_the_real_client_is_tried_with(page: str) -> None:
    config = tomllib.loads(block(page, "codex-config"))
    document = Path(ROOT, "docs", "clients.md").read_text(encoding="utf-8")
    fence = re.search(r"^```toml\n(.*?)^```$", document, re.M | re.S)
    assert fence
    assert config == tomllib.loads(fence[1].replace("http://127.0.0.1:8000/v1", API))
    provider = config["model_providers"]["ai_tools_router"]
    assert (config["model"], config["model_provider"]) == ("smart-route-mini", "ai_tools_router")
    assert provider["env_key"] == "AI_TOOLS_ROUTER_API_KEY"
    assert provider["wire_api"] == "responses"
    assert block(page, "codex-config") in block(page, "codex-test-home")


CODEX_FACTS = [
    "CODEX_HOME", "~/codex-ai-tools-test-home", "~/codex-ai-tools-test-project", "-s read-only",
    "-s workspace-write", "-s danger-full-access", "--dangerously-bypass-approvals-and-sandbox",
    "--dangerously-bypass-hook-trust", "--add-dir", "--cd", "-a untrusted", "-a on-request", "-a never",
    "-a on-failure", "--skip-git-repo-check", "--ephemeral", "--ignore-user-config", "--ignore-rules", "--search",
    """-c 'sandbox_permissions=["disk-full-read-access"]'""", "-c shell_environment_policy.inherit=all",
    "codex sandbox linux", "--permissions-profile", "hello.txt", "run pwd with the shell tool",
    "the token only authenticates", "model metadata", "missing environment variable", "bwrap: loopback",
    "RTM_NEWADDR", "no file changes", "scaffolding", "stale session", "never the token",
]  # fmt: skip


def test_codex_section_speaks_of_every_switch_and_every_trouble(page: str) -> None:
    told = words_of(section(page, "codex")).lower()
    assert not [fact for fact in CODEX_FACTS if fact.lower() not in told]


def test_kilo_file_is_json_with_address_alias_and_limits(page: str) -> None:
    provider = json.loads(block(page, "kilo-config"))["provider"]["smart-route"]
    assert provider["options"] == {"baseURL": API, "apiKey": "{env:AI_TOOLS_ROUTER_API_KEY}"}
    assert set(provider["models"]["smart-route-mini"]["limit"]) == {"context", "output"}
    assert "OpenAI Compatible" in section(page, "kilo")
    assert block(page, "kilo-base") == API


def test_limits_in_the_set_ups_are_the_profiles_own(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text(
        '[[upstreams]]\nname = "east"\nbase_url = "http://127.0.0.1:9/v1"\n'
        '[[profiles]]\nalias = "smart-route-mini"\ncontext_length = 32000\nmax_output_tokens = 2000\n'
        '[[profiles.routes]]\nupstream = "east"\nmodel = "m"\n'
    )
    with open_house(f"sqlite:///{tmp_path / 'limits.db'}", toml) as app:
        page = Visitor(app).get("/docs").text
    limit = json.loads(block(page, "kilo-config"))["provider"]["smart-route"]["models"]["smart-route-mini"]["limit"]
    assert limit == {"context": 32000, "output": 2000}
    assert '"maxInputTokens": 30000' in block(page, "vscode-models")
    assert "32,000" in words_of(section(page, "models"))
    assert "careful guesses" not in page


def test_vs_code_gets_its_key_by_its_dialog_and_its_file_holds_none(page: str) -> None:
    part = section(page, "vscode")
    models = json.loads("{" + block(page, "vscode-models") + "}")["models"]
    assert models[0]["url"] == f"{API}/chat/completions"
    assert models[0]["id"] == "smart-route-mini"
    assert "apiKey" not in part
    assert "into this dialog" in words_of(part)


def test_extension_that_is_not_there_yet_is_not_linked(page: str) -> None:
    part = section(page, "vscode")
    assert "Smart AI Agent" in part
    assert "nothing to install yet" in words_of(part)
    assert "href" not in part


def test_responses_events_and_tool_results_are_explained(page: str) -> None:
    streaming = section(page, "streaming")
    for event in ("created", "output_text.delta", "output_text.done", "completed"):
        assert f"<code>response.{event}</code>" in streaming
    calls = section(page, "tool-calls")
    assert "function_call_output" in calls
    assert "previous_response_id" in calls
    json.loads(block(page, "call-output"))


def test_table_of_errors_is_made_from_the_errors_of_the_api(app: Flask, page: str) -> None:
    part = section(page, "errors")
    rows = app.extensions["smartroute_error_table"]
    assert len(re.findall(r"<tr [^>]*\bid=", part)) == len(rows)
    for row in rows:
        found = re.search(rf'<tr [^>]*id="{row.anchor}">.*?</tr>', part, re.DOTALL)
        assert found, row
        told = words_of(found[0])
        assert f"{row.code} {row.status}" in told
        assert row.meaning[1:] in told
        assert row.remedy[1:] in told


def test_examples_of_answers_name_the_members_model(app: Flask, visitor: Visitor) -> None:
    visitor.sign_up(EMAIL)
    visitor.get("/docs")
    with app.app_context():
        holdings.set_plan(membership.find(EMAIL).id, "pro", by=BOSS)
    page = visitor.get("/docs").text
    for name in ("curl-line", "curl-stream", "python-lines", "javascript-lines", "answer-chat", "codex-config"):
        assert "smart-route-deep" in block(page, name), name
    assert "smart-route-mini" not in block(page, "kilo-config")


@pytest.mark.parametrize(("slug", "words"), [("free", "Plus brings smart-route, 500"), ("pro", "Ultimate brings")])
def test_upgrade_names_the_next_plan(app: Flask, visitor: Visitor, slug: str, words: str) -> None:
    visitor.sign_up(EMAIL)
    visitor.get("/docs")
    with app.app_context():
        holdings.set_plan(membership.find(EMAIL).id, slug, by=BOSS)
    part = section(visitor.get("/docs").text, "upgrade")
    assert words in words_of(part)
    assert 'href="/plans"' in part


def test_largest_plan_has_nothing_to_upgrade_to(app: Flask, visitor: Visitor) -> None:
    visitor.sign_up(EMAIL)
    visitor.get("/docs")
    with app.app_context():
        holdings.set_plan(membership.find(EMAIL).id, "unlimited", by=BOSS)
    assert "the largest plan" in words_of(section(visitor.get("/docs").text, "upgrade"))


def test_each_set_up_of_a_member_can_be_checked_and_says_what_that_counts(page: str) -> None:
    found = re.findall(r'<div class="check" hidden data-client="(\w+)" data-base="([^"]+)"', page)
    assert found == [(name, "/api/smart-routing-ai-model/v1") for name in ("codex", "kilo", "vscode", "sdks", "curl")]
    assert page.count("Counts one prompt.") == 3
    assert page.count("Counts 2 prompts.") == 2


def test_without_a_token_nothing_can_be_checked(visitor: Visitor) -> None:
    assert "data-client" not in visitor.get("/docs").text
    visitor.sign_up(EMAIL)
    visitor.press("revoke", confirm="yes")
    assert "data-client" not in visitor.get("/docs").text


@pytest.mark.parametrize("way", ["", "?confirm=regenerate", "?confirm=revoke"])
def test_scripts_find_the_way_to_the_token_in_every_state_of_the_box(visitor: Visitor, way: str) -> None:
    visitor.sign_up(EMAIL)
    assert visitor.get(f"/docs{way}").text.count('action="/docs/token/reveal"') == 1
    assert visitor.press("reveal").text.count('action="/docs/token/reveal"') == 1
