"""Opening pages: each visit is a browser profile of its own, with the width, scheme and person that it names."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests_browser.people import Member, sign_in
from tests_browser.watch import Watch

HEIGHTS = {320: 640, 360: 800, 640: 800, 1280: 900, 1600: 1000}
ACTION_MS = 10_000


class Visits:
    """``visit("/docs", width=360, scheme="dark", member=member)`` gives the open page.

    All that browsers complain about on the way is a fault of the test, unless ``visit.expect(pattern)`` names it.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self._browser = browser
        self._watch = Watch(url)
        self._contexts: list[BrowserContext] = []
        self.expect = self._watch.expect

    def __call__(self, path: str, *, status: int = 200, **who: Any) -> Page:
        """Open ``path`` as whom ``who`` describes (see ``blank``), and hold the answer's status against ``status``."""
        page = self.blank(**who)
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == status, f"{path} was answered with {answer.status}, expected {status}"
        return page

    def blank(
        self,
        *,
        width: int = 1280,
        scheme: str = "light",
        member: Member | None = None,
        script: bool = True,
        **options: Any,
    ) -> Page:
        """A page that has not gone anywhere yet, in a profile that is signed in as ``member`` if there is one.

        ``script=False`` is a browser without JavaScript. ``options`` go to Playwright's ``new_context``.
        """
        if member is not None and member.cookies is None:
            self._sign_in_once(member)
        context = self.profile(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme=scheme,
            java_script_enabled=script,
            storage_state=member.cookies if member else None,
            **options,
        )
        return context.new_page()

    def profile(self, **options: Any) -> BrowserContext:
        """An empty browser profile that is watched and ends with the test."""
        context = self._browser.new_context(
            base_url=self.url, locale="en-GB", timezone_id="UTC", service_workers="block", **options
        )
        context.set_default_timeout(ACTION_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        self._contexts.append(context)
        self._watch.look_at(context)
        return context

    def close(self) -> list[str]:
        """End all profiles; gives what browsers complained about."""
        for context in self._contexts:
            context.close()
        return self._watch.faults()

    def _sign_in_once(self, member: Member) -> None:
        """Sign in by the form, and keep the cookies for the visits that follow."""
        context = self.profile(java_script_enabled=False)
        page = context.new_page()
        page.goto("/sign-in")
        sign_in(page, member)
        member.cookies = context.storage_state()
        context.close()
        self._contexts.remove(context)
