"""Lines to print at start about a catalog that is valid and yet may not do what its writer expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from catalog.model import Plan, Profile, Service, Upstream


def idle_parts(upstreams: Sequence[Upstream], profiles: Sequence[Profile], plans: Sequence[Plan]) -> Iterator[str]:
    """Upstreams without a route, profiles above every plan, windows wider than any route behind them."""
    used = {route.upstream.name for profile in profiles for route in profile.routes}
    for upstream in upstreams:
        if upstream.name not in used:
            yield f"upstream {upstream.name} is in no route"
    ceiling = max(plan.profile.strength for plan in plans)
    above = ", ".join(profile.alias for profile in profiles if profile.strength > ceiling)
    if above:
        yield f"no plan reaches {above}"
    for profile in profiles:
        widths = [route.context_length for route in profile.routes]
        widest = max((width for width in widths if width), default=0)
        if profile.context_length and None not in widths and profile.context_length > widest:
            yield (
                f"{profile.alias} offers a context_length of {profile.context_length}, its widest route takes {widest}"
            )


def lost_quotas(plans: Sequence[Plan], shipped: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Plans with a shipped slug that are unlimited because the file leaves a quota out."""
    for plan in plans:
        for key, quota in (("daily", plan.daily), ("monthly", plan.monthly)):
            before = shipped.get(plan.slug, {}).get(key)
            if quota is None and before is not None:
                yield f'the plan "{plan.slug}" has no {key} quota (as shipped: {before})'


def unreachable_quotas(plans: Sequence[Plan]) -> Iterator[str]:
    """Plans whose month is used up before a single day could be; a quota bonus may still make sense of them."""
    for plan in plans:
        if plan.daily is not None and plan.monthly is not None and plan.daily > plan.monthly:
            yield f'the plan "{plan.slug}" allows {plan.daily} prompts a day but {plan.monthly} a month'


def plans_left_out(plans: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Shipped plans, by slug and alias, whose alias the file does not have: one line for all of them."""
    if plans:
        named = ", ".join(f"{slug} ({alias})" for slug, alias in plans)
        yield f"shipped plans whose profile is missing are left out: {named}"


def secure_cookies(service: Service) -> Iterator[str]:
    """A public address by TLS that no proxy is trusted for: sign-in over plain http fails without a word."""
    if service.public_url.startswith("https://") and not service.trusted_proxies:
        yield (
            "public_url is https and no trusted_proxies are set: cookies are Secure, so sign-in works over https only"
        )
