"""Every page of the product that anybody may open, by the name that its screenshots bear."""

from __future__ import annotations

from itertools import product

from tests_browser.people import Member

GUEST_PAGES = {
    "product": "/",
    "documentation": "/docs",
    "reference": "/docs/reference",
    "reference-chat": "/docs/reference/chat",
    "reference-completions": "/docs/reference/completions",
    "reference-responses": "/docs/reference/responses",
    "reference-stored-responses": "/docs/reference/stored-responses",
    "reference-response-objects": "/docs/reference/response-objects",
    "reference-models": "/docs/reference/models",
    "reference-usage": "/docs/reference/usage",
    "reference-objects": "/docs/reference/objects",
    "plans": "/plans",
    "sign-in": "/sign-in",
    "sign-up": "/sign-up",
    "forgot-password": "/forgot-password",
}
MEMBER_PAGES = {
    "product": "/",
    "documentation": "/docs",
    "reference": "/docs/reference",
    "plans": "/plans",
    "upgrade": "/plans?to=ultimate",
    "usage": "/usage",
    "account": "/account",
    "change-password": "/account/password",
    "delete-account": "/account/delete",
}
ALL_PATHS = sorted({*GUEST_PAGES.values(), *MEMBER_PAGES.values()})

PHONE, DESK, WIDE = 360, 1280, 1600
SCHEMES = ("light", "dark")
SHOWN_WIDE = ("product", "documentation")


def looks() -> list[tuple[str, bool, int, str]]:
    """Page, whether a member looks, width in px, colour scheme: all that has to look right."""
    return [
        (name, member, width, scheme)
        for name, member in [*((name, False) for name in GUEST_PAGES), *((name, True) for name in MEMBER_PAGES)]
        for width, scheme in views_of(name)
    ]


def views_of(name: str) -> list[tuple[int, str]]:
    """Widths and schemes that a page is looked at in; the chapters of the reference are drawn alike."""
    if name.startswith("reference-"):
        return [(PHONE, "light"), (DESK, "dark")]
    return list(product((PHONE, DESK, WIDE) if name in SHOWN_WIDE else (PHONE, DESK), SCHEMES))


def member_for(path: str, member: Member) -> Member | None:
    """Who looks at a page: a member wherever members have more to see."""
    return None if path in GUEST_PAGES.values() and path not in MEMBER_PAGES.values() else member
