"""``flask config check``: is the configuration right? Needs neither the application nor the database.

``flask config mail-test``: does the mail server take a mail?
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from catalog.model import Catalog
from catalog.reader import read_catalog
from commands.output import Answer, Refusal, answers, in_service, table
from commands.public_address import port_note, port_of_running_service
from config import Settings

ROOT = Path(__file__).resolve().parent.parent


@click.group("config", help="Look at the configuration.")
def config() -> None:
    """Hold the commands below."""


@config.command("check")
@answers
def check() -> Answer:
    """Read settings and catalog as a start would, and show what they say."""
    with port_of_running_service():
        settings = Settings.from_environment(os.environ, ROOT)
        catalog = read_catalog(settings.config_path, port=settings.port, env=os.environ, demo_base_url=None)
        return Answer(_document(settings, catalog), _text(settings, catalog))


@config.command("mail-test")
@click.argument("address")
@answers
@in_service
def mail_test(address: str) -> Answer:
    """Send one mail to ADDRESS, and say what the mail server said."""
    from service.accounts.addresses import usable_email
    from service.mail import smtp
    from service.mail import texts as mail_texts
    from service.mail.mail import MailTrouble

    to = usable_email(address)
    try:
        smtp.send(mail_texts.test(to))
    except MailTrouble as trouble:
        raise Refusal(trouble.in_full) from trouble
    return Answer({"email": to, "sent": True}, f"The mail server took a mail to {to}. Look whether it arrives.")


def _document(settings: Settings, catalog: Catalog) -> dict[str, object]:
    return {
        "ok": True,
        "file": None if settings.config_path is None else str(settings.config_path),
        "service": {
            "name": catalog.service.name,
            "slug": catalog.service.slug,
            "public_url": catalog.service.public_url,
            "timezone": catalog.service.timezone_name,
            "registration": catalog.service.registration,
        },
        "mail": _mail_document(catalog),
        "demo": catalog.uses_demo,
        "upstreams": [
            {
                "name": upstream.name,
                "base_url": upstream.base_url or None,
                "dialect": upstream.dialect,
                "api_key_env": upstream.api_key_env,
                "has_key": catalog.api_key(upstream, os.environ) is not None,
            }
            for upstream in catalog.upstreams
        ],
        "profiles": [
            {
                "alias": profile.alias,
                "name": profile.name,
                "reasoning_effort": profile.reasoning_effort,
                "context_length": profile.effective_context_length,
                "routes": [
                    {
                        "upstream": route.upstream.name,
                        "model": route.model,
                        "order": route.order,
                        "weight": route.weight,
                    }
                    for route in profile.routes
                ],
            }
            for profile in catalog.profiles
        ],
        "plans": [
            {
                "slug": plan.slug,
                "name": plan.name,
                "profile": plan.profile.alias,
                "speed": plan.speed,
                "price": None if plan.price is None else str(plan.price),
                "currency": plan.currency,
                "daily": plan.daily,
                "monthly": plan.monthly,
                "open_requests": plan.open_requests,
            }
            for plan in catalog.plans
        ],
        "notices": list(catalog.notices),
    }


def _text(settings: Settings, catalog: Catalog) -> str:
    service = catalog.service
    upstreams = [
        [upstream.name, upstream.base_url or "(built-in demo)", upstream.dialect, _key_state(catalog, place)]
        for place, upstream in enumerate(catalog.upstreams)
    ]
    profiles = [
        [
            profile.alias,
            profile.reasoning_effort or "-",
            ", ".join(f"{route.upstream.name}/{route.model}" for route in profile.routes),
        ]
        for profile in catalog.profiles
    ]
    plans = [
        [
            plan.slug,
            plan.profile.alias,
            plan.speed,
            "on request" if plan.price is None else f"{plan.currency} {plan.price:,}",
            "unlimited" if plan.daily is None else f"{plan.daily:,}",
            "unlimited" if plan.monthly is None else f"{plan.monthly:,}",
        ]
        for plan in catalog.plans
    ]
    note = port_note(settings)
    parts = [
        f"The configuration is right: {settings.config_path or 'no file, the shipped catalog'}",
        f"{service.name} at {service.public_url}, times in {service.timezone_name}, "
        f"registration {service.registration}" + (f"\n{note}" if note else ""),
        _mail_text(settings, catalog),
        table(["UPSTREAM", "ADDRESS", "DIALECT", "KEY"], upstreams),
        table(["PROFILE", "REASONING", "ROUTES"], profiles),
        table(["PLAN", "PROFILE", "SPEED", "PRICE", "A DAY", "A MONTH"], plans),
        "\n".join(f"notice: {notice}" for notice in catalog.notices),
    ]
    return "\n\n".join(part for part in parts if part)


def _mail_document(catalog: Catalog) -> dict[str, object] | None:
    server = catalog.mail_server
    if server is None:
        return None
    return {
        "host": server.host,
        "port": server.port,
        "security": server.security,
        "username": server.username,
        "password_env": server.password_env,
        "has_password": server.password(os.environ) is not None,
        "from": server.sender,
        "timeout": server.timeout,
    }


def _mail_text(settings: Settings, catalog: Catalog) -> str:
    server = catalog.mail_server
    if server is None:
        return "No mail is sent: there is no [smtp]. Links are handed over by the operator."
    signs_in = "without signing in"
    if server.username is not None:
        is_set = server.password(os.environ) is not None
        signs_in = f"as {server.username} ({server.password_env} is {'set' if is_set else 'NOT set'})"
    where = f"{server.host}:{server.port}, security {server.security}, {signs_in}"
    return f"Mail by {where}, from {server.sender}. {settings.command} config mail-test ADDRESS sends one."


def _key_state(catalog: Catalog, place: int) -> str:
    upstream = catalog.upstreams[place]
    if upstream.api_key_env is None:
        return "none needed"
    is_set = catalog.api_key(upstream, os.environ) is not None
    return f"{upstream.api_key_env} is {'set' if is_set else 'NOT set'}"
