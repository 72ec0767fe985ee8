"""Stylesheets, scripts and the icon: names, how long they are kept, what is in them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask

from assets import made_from, register_assets
from tests.accounts.house import Visitor
from tests.harness.processes import ROOT

STATIC = ROOT / "static"
PAGES = ("/", "/docs", "/plans", "/sign-up", "/sign-in", "/nothing-here")


def asset_addresses(page: str) -> list[str]:
    """Addresses of everything that a page loads."""
    return re.findall(r'"(/static/[^"]+)"', page)


@pytest.mark.parametrize("path", PAGES)
def test_page_loads_one_stylesheet_one_script_and_the_icon(visitor: Visitor, path: str) -> None:
    addresses = asset_addresses(visitor.get(path).text)
    assert sorted(address.rpartition(".")[2] for address in addresses) == ["css", "js", "svg"]
    for address in addresses:
        answer = visitor.get(address)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_types_are_those_that_browsers_accept_without_sniffing(visitor: Visitor) -> None:
    types = {visitor.get(address).mimetype for address in asset_addresses(visitor.get("/").text)}
    assert types == {"text/css", "text/javascript", "image/svg+xml"}


@pytest.mark.parametrize("name", ["app.css", "app-000000000000.css"])
def test_name_with_another_fingerprint_gets_what_is_there_now_and_is_not_kept(visitor: Visitor, name: str) -> None:
    [present] = [address for address in asset_addresses(visitor.get("/").text) if address.endswith(".css")]
    answer = visitor.get(f"/static/{name}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert answer.data == visitor.get(present).data


@pytest.mark.parametrize(
    "name", ["nothing.css", "app-zzz.css", "styles/00-tokens.css", "..%2fapp.py", "app.css/", "-.css"]
)
def test_name_of_no_asset_is_not_found(visitor: Visitor, name: str) -> None:
    assert visitor.get(f"/static/{name}").status_code == 404


def test_browser_that_has_the_content_is_sent_none(visitor: Visitor) -> None:
    first = visitor.get("/static/app.css")
    again = visitor.get("/static/app.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_asset_travels_packed_to_those_who_unpack(visitor: Visitor) -> None:
    plain = visitor.get("/static/app.css")
    packed = visitor.get("/static/app.css", headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_scripts_of_a_page_follow_the_shared_ones_in_name_order(tmp_path: Path) -> None:
    for name, text in (
        ("scripts/shared/20-b.js", "{ shared_b }"),
        ("scripts/shared/10-a.js", "{ shared_a }\n\n"),
        ("scripts/usage/10-chart.js", "{ chart }"),
        ("styles/10-b.css", "b {}"),
        ("styles/00-a.css", "a {}"),
        ("icon.svg", "<svg/>"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = {asset.name: asset.content.decode() for asset in made_from(tmp_path)}
    shared = '"use strict";\n{ shared_a }\n{ shared_b }\n'
    assert made == {
        "icon.svg": "<svg/>",
        "app.css": "a {}\nb {}\n",
        "page.js": shared,
        "usage.js": shared + "{ chart }\n",
    }


def test_template_that_asks_for_an_asset_that_is_none_fails_at_once() -> None:
    app = Flask(__name__, static_folder=None)
    register_assets(app, STATIC)
    with pytest.raises(KeyError, match=r"mistyped\.css"):
        app.jinja_env.from_string("{{ asset('mistyped.css') }}").render()


def test_assets_name_no_other_site() -> None:
    for asset in made_from(STATIC):
        code = re.sub(r"^\s*//.*$", "", asset.content.decode(), flags=re.MULTILINE)  # a comment may give its source
        assert set(re.findall(r"https?://[\w.]+", code)) <= {"http://www.w3.org"}, asset.name


def test_each_script_is_a_block_of_its_own() -> None:
    for path in (STATIC / "scripts").rglob("*.js"):
        code = re.sub(r"^(//.*\n|\s*\n)*", "", path.read_text()).rstrip()
        assert code.startswith(("{", "(() =>", "(function")), path
        assert code.endswith(("}", "();")), path
