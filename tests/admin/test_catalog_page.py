"""The catalog in force: what is shown of it, and whether a reload has reached every worker."""

from __future__ import annotations

import hashlib
import time

import pytest

from blueprints.admin.catalog_values import without_credentials
from tests.admin.conftest import CONFIG, Person, text_of
from tests.conftest import GatewayFactory
from tests.harness.demo import Demo

SECRET = "sk-a-key-that-nobody-may-see"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pw@host:1/v1", "http://host:1/v1"),
        ("https://host/v1?key=secret#x", "https://host/v1"),
        ("", ""),
    ],
)
def test_addresses_are_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_page_tells_values_lines_and_variables_but_no_key(operator: Person) -> None:
    page = operator.get("/admin/catalog")
    assert page.status_code == 200
    told = text_of(page.text)
    for words in ("Base URL", "east", "west", "responses", "no key", "smart-route-mini", "1 in, 2 out", "line 2"):
        assert words in told, words
    assert "timezone UTC as shipped" in told.replace("· ", "")
    assert page.headers["Cache-Control"] == "no-store"


def test_reload_shows_in_the_digest_of_every_worker(gateway_factory: GatewayFactory, demo: Demo) -> None:
    config = CONFIG.format(demo=demo.base_url).replace('name = "east"\n', 'name = "east"\napi_key_env = "EAST_KEY"\n')
    gateway = gateway_factory("sqlite", workers=2, config=config, env={"EAST_KEY": SECRET})
    operator = Person(gateway, "operator@example.org", "--admin")
    before = digest_of(config)
    page = wait_for(operator, before, workers=2)
    assert "EAST_KEY is set" in page
    assert SECRET not in page
    gateway.write_config(config + "# changed\n")
    gateway.reload()
    page = wait_for(operator, digest_of(config + "# changed\n"), workers=2)
    assert before[:12] not in page
    assert "have read another file" not in page


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def wait_for(operator: Person, digest: str, workers: int) -> str:
    """Read the page until so many workers have a digest and no other one; housekeeping begins within moments."""
    give_up_at = time.monotonic() + 40
    while True:
        page = operator.get("/admin/catalog").text
        if page.count(f"<code>{digest[:12]}</code>") == workers and "differs" not in page:
            return page
        assert time.monotonic() < give_up_at, text_of(page)[:2000]
        time.sleep(0.2)
