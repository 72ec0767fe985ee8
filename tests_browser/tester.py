"""The live tester as browser tests use it: open it, fill it in, send, and read what it shows."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests_browser.people import Member
from tests_browser.visits import Visits


def open_tester(visit: Visits, member: Member, *, width: int = 1280, scheme: str = "light") -> Page:
    """Open the documentation page, at the tester."""
    page = visit("/docs", member=member, width=width, scheme=scheme)
    page.locator("#try").scroll_into_view_if_needed()
    return page


def send(page: Page, prompt: str, *, route: str = "chat/completions", stream: bool = True) -> None:
    """Fill in the simple form and send it."""
    page.get_by_label("Endpoint", exact=True).select_option(route)
    page.get_by_label("Prompt", exact=True).nth(1).fill(prompt)
    page.get_by_label("Stream the answer").set_checked(stream)
    page.get_by_role("button", name="Send", exact=True).click()


def write_json(page: Page, text: str) -> None:
    """Go over to the JSON and write it anew."""
    choose(page, "JSON")
    page.get_by_label("Body, as JSON").fill(text)


def choose(page: Page, name: str) -> None:
    """Press one of the switches; the one from the JSON to the form may ask first."""
    page.locator("#try").get_by_role("radio", name=name, exact=True).click()


def ended(page: Page) -> None:
    """Wait until the run is over and its cost is known."""
    expect(page.locator("#try-stop")).to_be_disabled()
    expect(fact(page, "Quota")).to_be_visible()


def fact(page: Page, name: str) -> Locator:
    """The figure of that name beside the answer."""
    return (
        page.locator("#try-facts > div").filter(has=page.locator("dt", has_text=re.compile(f"^{name}$"))).locator("dd")
    )


def copied(page: Page, language: str) -> str:
    """What the copy button of a language puts on the clipboard."""
    heading = page.get_by_text("This request as code")
    if page.locator("#try-code").evaluate("each => each.open"):
        heading.click()
    # Opening writes the lines anew, a moment later: emptied before, they tell when that has happened.
    page.locator(f"#try-{language}-lines").evaluate("each => each.replaceChildren()")
    heading.click()
    page.locator(f"label[for='try-{language}-tab']").click()
    expect(page.locator(f"#try-{language}-lines")).not_to_be_empty()
    page.locator(f"[data-copy='try-{language}-lines']").click()
    expect(page.locator(f"[data-copy='try-{language}-lines']")).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text
