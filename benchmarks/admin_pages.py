"""``python -m benchmarks.admin_pages DATABASE_URL``: how long each operator page takes; exit 1 above 200 ms.

A member's documentation page is timed beside them, and may take 20 ms at the median.

The database is one that ``benchmarks.fill_usage`` filled. Pages are made in this process, as a worker makes them: the
times are those of the queries and the templates. Each address is opened several times: the least counts, since what
neighbours on the machine take is not the page's; the median, and the first time on cold caches, are shown beside it.
"""

# ruff: noqa: E402  (patched first, as wsgi.py does: what a worker yields to other greenlets is no wait here)

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from urllib.parse import urlencode

from flask.testing import FlaskClient

from app import ROOT, create_app
from config import Settings
from service.services import services

BOUND_MS = 200.0
DOCUMENTATION, DOCUMENTATION_BOUND_MS = "/docs", 20.0
ROUNDS, DOCUMENTATION_ROUNDS = 5, 25

NOBODY = "an-upstream-that-nobody-used"
FILTERS = {
    "account": ["", "filled-1@example.org", "filled-150@example.org"],
    "alias": ["", "smart-route", "smart-route-infinite"],
    "upstream": ["", "east", NOBODY],
    "outcome": ["", "counted", "given_back", "interrupted", "error", "running"],
    "error": ["", "upstream_timeout", "invalid_prompt"],
    "kind": ["", "continuation"],
}
SPANS = ["", "last month", "a day"]
PAGES = ["/admin", "/admin/usage", "/admin/usage?span=90d", "/admin/usage?span=12m", "/admin/catalog"]


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin_pages", description="Time the operator pages.")
    parser.add_argument("database_url")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of the filters, each N-th combination alone")
    parser.add_argument("--password", default="correct horse battery", help="of operator@example.org")
    parser.add_argument("--show", type=int, default=12, help="how many of the slowest to print")
    asked = parser.parse_args()
    settings = replace(Settings.from_environment(os.environ, Path(ROOT)), database_url=asked.database_url)
    app = create_app(settings)
    with app.app_context():
        zone = services().calendar.zone
        now = services().storage.read(services().storage.now).astimezone(zone)
    client = app.test_client()
    _sign_in(client, asked.password)
    spans = {"": {}, "last month": {"from": f"{now:%Y-%m}-01"}, "a day": {"from": "", "to": ""}}
    spans["a day"] = {"from": f"{now.year - 1}-12-24", "to": f"{now.year - 1}-12-24"}
    addresses = [*PAGES, *list(_lists(spans))[:: asked.every]]
    first, least, medians = {}, {}, {}
    for address in addresses:
        times = [_time(client, address) for _ in range(ROUNDS)]
        first[address], least[address], medians[address] = times[0], min(times), statistics.median(times)
    read = [_time(client, DOCUMENTATION) for _ in range(DOCUMENTATION_ROUNDS)]
    first[DOCUMENTATION], least[DOCUMENTATION], medians[DOCUMENTATION] = read[0], min(read), statistics.median(read)
    late = _follow(client, "/admin/requests?" + urlencode({"upstream": NOBODY, "outcome": "running"}))
    print(f"{len(addresses)} addresses, {ROUNDS} rounds each; {late} pages followed")
    print(f"{'least ms':>9}  {'median ms':>9}  {'first ms':>9}  address")
    for address in [DOCUMENTATION, *PAGES, *sorted(addresses, key=lambda one: -least[one])[: asked.show]]:
        print(f"{least[address]:9.1f}  {medians[address]:9.1f}  {first[address]:9.1f}  {address}")
    over = [address for address in addresses if least[address] > BOUND_MS]
    print(f"{len(over)} addresses take longer than {BOUND_MS:.0f} ms")
    is_slow = medians[DOCUMENTATION] > DOCUMENTATION_BOUND_MS
    if is_slow:
        print(f"{DOCUMENTATION} takes longer than {DOCUMENTATION_BOUND_MS:.0f} ms at the median")
    return 1 if over or is_slow else 0


def _lists(spans: dict[str, dict[str, str]]) -> Iterator[str]:
    for span in SPANS:
        for values in product(*FILTERS.values()):
            asked = {name: value for name, value in zip(FILTERS, values, strict=True) if value}
            yield "/admin/requests?" + urlencode(asked | spans[span])


def _sign_in(client: FlaskClient, password: str) -> None:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/sign-in").text)
    token = found[1] if found else ""
    form = {"csrf_token": token, "email": "operator@example.org", "password": password}
    assert client.post("/sign-in", data=form).status_code == 303, "the operator could not sign in"


def _time(client: FlaskClient, address: str) -> float:
    started = time.perf_counter()
    answer = client.get(address)
    taken = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return taken


def _follow(client: FlaskClient, address: str, at_most: int = 50) -> int:
    """Go on by the links to older requests; return how many pages there were."""
    for number in range(at_most):
        found = re.search(r'rel="next" href="([^"]+)"', client.get(address).text)
        if not found:
            return number + 1
        address = found[1].replace("&amp;", "&")
    return at_most


if __name__ == "__main__":
    sys.exit(main())
