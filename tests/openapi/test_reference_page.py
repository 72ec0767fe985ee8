"""The reference pages: all of the document, every link leads somewhere, nothing of one visitor shown to another."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from blueprints.api_v1.error_table import rows
from tests.accounts.house import Visitor, open_house

CHAPTERS = (
    "chat",
    "completions",
    "responses",
    "stored-responses",
    "models",
    "usage",
    "objects",
    "response-objects",
)
PATHS = ("/docs/reference", *(f"/docs/reference/{name}" for name in CHAPTERS))
MOST_BYTES = 42_000  # of one page without its style and script


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application with the shipped catalog."""
    with open_house(f"sqlite:///{tmp_path_factory.mktemp('reference') / 'smartroute.db'}") as app:
        yield app


@pytest.fixture(scope="module")
def pages(app: Flask) -> dict[str, str]:
    """Every page as a guest sees it."""
    guest = Visitor(app)
    return {path: guest.get(path).text for path in PATHS}


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """What they are made of."""
    found: dict[str, Any] = json.loads(Visitor(app).get("/openapi.json").data)
    return found


def ids(page: str) -> list[str]:
    """Every id of a page."""
    return re.findall(r' id="([^"]+)"', page)


def words(page: str) -> str:
    """A page's text, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def test_overview_leads_to_every_endpoint(pages: dict[str, str], document: dict[str, Any]) -> None:
    links = re.findall(r'href="(/docs/reference/[\w-]+)#(\w+)"', pages["/docs/reference"])
    places = {anchor: path for path, anchor in links}
    operations = [told for methods in document["paths"].values() for told in methods.values()]
    for told in operations:
        page = pages[places[told["operationId"]]]
        assert f'id="{told["operationId"]}"' in page
        assert told["summary"] in words(page)


def test_every_link_between_the_pages_leads_to_an_anchor_that_is_there(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        for target, anchor in re.findall(r'href="(/docs/reference[\w/-]*)?#(\w+)"', page):
            if anchor != "content":
                assert anchor in ids(pages[target or path]), (path, target, anchor)


def test_every_error_code_of_an_endpoint_leads_to_its_row_of_the_table(pages: dict[str, str]) -> None:
    anchors = {row.anchor for row in rows()}
    linked = set(re.findall(r'href="/docs#(error-\w+)"', "".join(pages.values())))
    assert linked <= anchors
    assert len(linked) > 20


def test_every_field_of_a_body_is_shown_with_what_it_means(pages: dict[str, str], document: dict[str, Any]) -> None:
    for name, path in (
        ("ChatCompletionRequest", "/docs/reference/chat"),
        ("CompletionRequest", "/docs/reference/completions"),
        ("ResponsesRequest", "/docs/reference/responses"),
    ):
        text = words(pages[path])
        for field, shape in document["components"]["schemas"][name]["properties"].items():
            assert f"<th><code>{field}</code>" in pages[path].replace("<wbr>", ""), (name, field)
            assert " ".join(shape["description"].replace("`", "").split()) in text, (name, field)


def test_required_fields_defaults_and_limits_are_told(pages: dict[str, str]) -> None:
    chat = pages["/docs/reference/chat"]
    assert "<th><code>messages</code> <b>required</b></th><td>list of object</td>" in chat
    assert re.search(r"<code>n</code></th><td>integer</td><td class=\"default\"><code>1</code></td>.*?1 to 128\.", chat)
    assert re.search(r'<tr class="depth-1"><th><code>role</code>', chat)
    assert re.search(r"<code>temperature</code></th><td>number</td>.*?0 to 2\.", chat)


def test_every_example_of_the_document_is_shown_with_its_answer(
    pages: dict[str, str], document: dict[str, Any]
) -> None:
    shown = html.unescape("".join(pages.values()))
    for methods in document["paths"].values():
        for told in methods.values():
            for example in told["responses"]["200"]["content"]["application/json"]["examples"].values():
                assert json.dumps(example["value"], indent=2, ensure_ascii=False) in shown


@pytest.mark.parametrize("path", PATHS)
def test_page_is_light_has_no_inline_code_and_no_id_twice(pages: dict[str, str], path: str) -> None:
    page = pages[path]
    assert len(page.encode()) < MOST_BYTES
    assert not re.search(r"<style|<script(?! src=\"/static/)| style=| on\w+=", page)
    assert [name for name, times in Counter(ids(page)).items() if times > 1] == []
    for target in re.findall(r'data-copy="([^"]+)"', page):
        assert target in ids(page)
    assert page.count("<h1") == 1


def test_page_that_was_rendered_for_a_member_shows_nothing_of_them_to_a_guest(tmp_path: Path) -> None:
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as fresh:
        member, guest = Visitor(fresh), Visitor(fresh)
        member.sign_up("member@example.org")
        assert "member@example.org" in member.get("/docs/reference/chat").text
        page = guest.get("/docs/reference/chat").text
    assert "member@example.org" not in page
    assert "Sign in" in page


def test_variable_of_the_examples_is_set_at_the_head_of_their_chapter(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        used = set(re.findall(r"Bearer \$(\w+)", html.unescape(page)))
        assert used == ({"AI_TOOLS_ROUTER_API_KEY"} if "curl -sS" in page else set())
        for name in used:
            assert f"export {name}='YOUR_TOKEN'" in html.unescape(page), path


def test_member_has_the_token_masked_in_the_variable_and_filled_in_by_the_copy_button(tmp_path: Path) -> None:
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as fresh:
        member = Visitor(fresh)
        member.sign_up("member@example.org")
        member.get("/docs")
        page = html.unescape(member.get("/docs/reference/chat").text)
        assert re.search(r"export AI_TOOLS_ROUTER_API_KEY='sr_\w{4}•+\w{4}'", page)
        assert 'action="/docs/token/reveal"' in page
        assert "YOUR_TOKEN" in Visitor(fresh).get("/docs/reference/chat").text


def test_chapter_that_does_not_exist_is_a_404_page(app: Flask) -> None:
    answer = Visitor(app).get("/docs/reference/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_address_with_a_slash_at_its_end_leads_to_the_page(app: Flask) -> None:
    answer = Visitor(app).get("/docs/reference/")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/docs/reference")
