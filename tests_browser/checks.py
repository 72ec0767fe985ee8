"""What every page must pass, at every width and in both colour schemes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = HERE / "screenshots"

Check = Callable[[Page, str], None]

WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN_AXE = """async tags => {
  const options = {
    runOnly: { type: "tag", values: tags },
    rules: { "target-size": { enabled: true } },  // of WCAG 2.2, and off unless it is asked for
    resultTypes: ["violations"],
  };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(rule => rule.nodes.map(
    node => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\\s+/g, " ")}`));
}"""
# Text that is cut off where nobody can scroll to it; what is meant for screen readers alone is one pixel wide.
CUT_OFF = """() => [...document.querySelectorAll("body *")].filter(each => {
  const style = getComputedStyle(each);
  const hidden = axis => ["hidden", "clip"].includes(style[axis]);
  return each.textContent.trim() && each.clientWidth > 1 && each.clientHeight > 1 && style.textOverflow !== "ellipsis"
    && (hidden("overflowX") && each.scrollWidth > each.clientWidth + 1
        || hidden("overflowY") && each.scrollHeight > each.clientHeight + 1);
}).map(each => each.outerHTML.slice(0, 100))"""
TOO_WIDE = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return [];
  const wide = [...document.body.querySelectorAll("*")]
    .filter(each => each.getBoundingClientRect().right > page.clientWidth + 0.5)
    .map(each => `${each.tagName.toLowerCase()}#${each.id}.${each.className}`);
  return [`${page.scrollWidth} px in a window of ${page.clientWidth} px`, ...wide.slice(0, 8)];
}"""


def check(page: Page, name: str) -> None:
    """Leave a screenshot of the whole page, then fail on what axe-core finds and on a page that scrolls sideways.

    The screenshot is ``screenshots/<name>-<width>-<scheme>.png``.
    """
    page.wait_for_load_state("load")
    faults = [f"wider than its window: {line}" for line in too_wide(page)]
    take_screenshot(page, name)
    faults += accessibility_faults(page)
    assert not faults, f"{name}:\n" + "\n".join(faults)


def take_screenshot(page: Page, name: str) -> None:
    """Leave a picture of the whole page; its name tells width and colour scheme."""
    assert page.viewport_size is not None
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(
        path=SCREENSHOTS / f"{name}-{page.viewport_size['width']}-{scheme}.png",
        full_page=True,
        animations="disabled",
        caret="hide",
    )


def accessibility_faults(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA, one line a place: rule, selector, what to do."""
    # Handed over by the browser's own debugger, which the page's Content-Security-Policy does not bind.
    page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    found: list[str] = page.evaluate(RUN_AXE, WCAG_22_AA)
    return found


def too_wide(page: Page) -> list[str]:
    """How far the page scrolls sideways, and which elements reach out of the window; nothing if it does not."""
    found: list[Any] = page.evaluate(TOO_WIDE)
    return [str(each) for each in found]


def cut_off(page: Page) -> list[str]:
    """Elements whose text reaches out of a box that hides what does."""
    found: list[str] = page.evaluate(CUT_OFF)
    return found
