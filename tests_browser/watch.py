"""What a browser complains about while a test looks at a page."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

INLINE = ("data:", "blob:", "about:")


class Watch:
    """Collects console errors and warnings (refusals of the Content-Security-Policy are such), errors of scripts,
    requests that fail, and requests to any origin but ``origin``.

    A test that means to cause one says so by ``expect``; ``faults`` gives all that it did not name, and every
    expectation that nothing met.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin + "/"
        self._seen: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    def look_at(self, context: BrowserContext) -> None:
        """Watch every page of ``context``, those that a page opens too."""
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._seen.append(f"script error: {error.error}"))
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failed)

    def expect(self, pattern: str) -> None:
        """Let pass what ``pattern`` (a regular expression) is found in; it must come at least once."""
        self._expected.append(re.compile(pattern))

    def faults(self) -> list[str]:
        """One line for each fault, as ``kind: what``."""
        unexpected = [seen for seen in self._seen if not any(each.search(seen) for each in self._expected)]
        missed = [each for each in self._expected if not any(each.search(seen) for seen in self._seen)]
        return [*unexpected, *(f"expected, but never came: {each.pattern}" for each in missed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            place = message.location.get("url", "")
            self._seen.append(f"console {message.type}: {message.text} ({place})")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, *INLINE)):
            self._seen.append(f"foreign request: {request.url}")

    def _on_failed(self, request: Request) -> None:
        # Whoever leaves a page while its icon is on the way breaks nothing off that anybody misses.
        if request.failure == "net::ERR_ABORTED" and request.resource_type in ("image", "other"):
            return
        self._seen.append(f"failed request: {request.method} {request.url}: {request.failure}")


def inline_code(page: Page) -> list[str]:
    """Inline scripts, inline styles and inline handlers of the page as it was served, one line each."""
    found: list[str] = page.locator("script:not([src]), style, [style]").evaluate_all(
        "all => all.map(each => each.outerHTML.slice(0, 120))"
    )
    handlers: list[str] = page.locator("*").evaluate_all(
        "all => all.filter(each => each.getAttributeNames().some(name => name.startsWith('on')))"
        ".map(each => each.outerHTML.slice(0, 120))"
    )
    return [*found, *handlers]
