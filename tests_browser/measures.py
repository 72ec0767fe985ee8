"""What a page costs: bytes, requests, movement of what was already drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import Page, Response

# Sum of the layout shifts since the page began to load, without those that follow a press at once.
LAYOUT_SHIFT = """() => new Promise(done => {
  let sum = 0;
  const add = entries => { for (const entry of entries) if (!entry.hadRecentInput) sum += entry.value; };
  const observer = new PerformanceObserver(list => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => { add(observer.takeRecords()); done(sum); }));
})"""


@dataclass(frozen=True)
class Fetched:
    """One answer of the gateway: where from, of which kind, its headers, the bytes of its body."""

    url: str
    kind: str
    headers: Mapping[str, str]
    on_the_wire: int
    unpacked: int


class Journal:
    """All that a page fetched since the journal was opened."""

    def __init__(self, page: Page) -> None:
        self._answers: list[Response] = []
        page.on("response", lambda answer: self._answers.append(answer))

    def read(self) -> list[Fetched]:
        """Everything so far, in the order in which it was answered."""
        return [
            Fetched(
                each.url,
                each.request.resource_type,
                each.all_headers(),
                each.request.sizes()["responseBodySize"],
                len(each.body()),
            )
            for each in self._answers
            if each.url.startswith("http")
        ]


def layout_shift(page: Page) -> float:
    """How much of the page moved by itself after it was first drawn; 0 is nothing, 1 all of it."""
    page.wait_for_load_state("load")
    shift: float = page.evaluate(LAYOUT_SHIFT)
    return shift
