"""Every page of the product that anybody may open, by the name that its screenshots bear."""

from __future__ import annotations

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
    "plans": "/plans",
    "upgrade": "/plans?to=ultimate",
    "usage": "/usage",
    "account": "/account",
    "change-password": "/account/password",
    "two-step": "/account/two-step",
    "delete-account": "/account/delete",
}
OPERATOR_PAGES = {
    "admin-requests": "/admin/requests",
    "admin-usage": "/admin/usage",
    "admin-usage-upstreams": "/admin/usage?span=12m&by=upstream",
    "admin-usage-accounts": "/admin/usage?by=account",
    "admin-catalog": "/admin/catalog",
}
ALL_PATHS = sorted({*GUEST_PAGES.values(), *MEMBER_PAGES.values()})

PHONE, DESK, WIDE = 360, 1280, 1600
SCHEMES = ("light", "dark")
SHOWN_WIDE = (("product", False), ("documentation", True))


def looks() -> list[tuple[str, bool, int, str]]:
    """Page, whether a member looks, width in px, colour scheme: all that has to look right."""
    return [
        (name, member, width, scheme)
        for name, member in [*((name, False) for name in GUEST_PAGES), *((name, True) for name in MEMBER_PAGES)]
        for width, scheme in views_of(name, member)
    ]


def views_of(name: str, member: bool) -> list[tuple[int, str]]:
    """Widths and schemes that a page is looked at in.

    No style asks for both at once, so each width and each scheme comes once; what guests and members see alike, they
    see in turned-round pairs.
    """
    views = [(PHONE, "dark"), (DESK, "light")] if member else [(PHONE, "light"), (DESK, "dark")]
    return [*views, (WIDE, "light")] if (name, member) in SHOWN_WIDE else views


def member_for(path: str, member: Member) -> Member | None:
    """Who looks at a page: a member wherever members have more to see."""
    return None if path in GUEST_PAGES.values() and path not in MEMBER_PAGES.values() else member
