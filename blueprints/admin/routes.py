"""The first operator page: today at a glance, the tools, and what waits for a decision."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.admin.blueprint import bp
from blueprints.admin.routes_health import troubled_routes
from blueprints.admin.usage_figures import money
from service.accounts import upgrades
from service.mail import queue as mail_queue
from service.reports.house_report import errors
from service.reports.house_today import house_today
from service.services import services


@bp.get("", endpoint="page")
def page() -> ResponseReturnValue:
    """Show today's figures, the tools and the upgrade requests that wait."""
    return overview()


@bp.get("/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    return redirect(url_for("admin.page"), 308)


def overview(**shown: object) -> str:
    """Return the page, with the faults and what else a form of it leaves behind."""
    shown["mails_in_trouble"] = mail_queue.how_many_in_trouble()
    zone = services().calendar.zone
    today = house_today()
    return render_template(
        "admin/page.html",
        catalog=services().catalog,
        pending=upgrades.listing(),
        today=today,
        since_midnight=f"{today.day_start.astimezone(zone):%Y-%m-%dT%H:%M}",
        zone=zone,
        money=money,
        errors=errors,
        troubled=troubled_routes(),
        **shown,
    )
