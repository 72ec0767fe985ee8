"""The headers of answers."""

from __future__ import annotations

from .shapes import Shape, number, text, whole


def _header(about: str, shape: Shape) -> Shape:
    return {"description": about, "schema": shape}


_LIMIT, _LEFT = "Prompts of the {}.", "Prompts left of the {}."
_RESET = "When the {} ends, in Unix seconds."

ALWAYS: dict[str, Shape] = {
    "x-request-id": _header("Names the request; tell it to the operator.", text(pattern="^req_")) | {"required": True},
}
# Plans without a limit have none of these.
QUOTA: dict[str, Shape] = {
    "x-ratelimit-limit-requests": _header("Prompts of the window (day or month) with fewer left.", whole()),
    "x-ratelimit-remaining-requests": _header("Prompts left of that window.", whole()),
    "x-ratelimit-reset-requests": _header("Until that window ends: `5h2m1s`.", text()),
} | {
    f"x-smartroute-{window}-{name}": _header(words.format(window), whole())
    for window in ("day", "month")
    for name, words in (("limit", _LIMIT), ("remaining", _LEFT), ("reset", _RESET))
}
# Below `responses`: what Codex CLI shows to its user.
CODEX: dict[str, Shape] = {
    f"x-codex-{name}-{fact}": _header(words.format(window), shape)
    for name, window in (("primary", "day"), ("secondary", "month"))
    for fact, words, shape in (
        ("used-percent", "How much of the {} is used.", number(minimum=0, maximum=100)),
        ("window-minutes", "How long the {} is.", whole()),
        ("reset-at", _RESET, whole()),
    )
}
ETAG: dict[str, Shape] = {"ETag": _header("Names this state of the list.", text())}
RETRY_AFTER: dict[str, Shape] = {"Retry-After": _header("When to try again, in seconds.", whole())}
FINAL: dict[str, Shape] = {
    "x-should-retry": _header("`false`: trying again changes nothing; the SDKs obey.", text(const="false"))
}
ALL = ALWAYS | QUOTA | CODEX | ETAG | RETRY_AFTER | FINAL
