"""The usage page, and the same as CSV."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from blueprints.usage import words
from blueprints.usage.asked import USUAL_DAYS, NotUnderstood, first_day_of, page_of
from blueprints.usage.chart import chart_of
from blueprints.usage.export import days_csv, requests_csv
from blueprints.usage.first_output import times_of
from lines import line_colours, line_letters
from models.token_format import masked
from models.usage_rows import Page, page_after, page_before, requests_since
from pages import api_address
from service.accounts import holdings
from service.accounts.standing import standing_of
from service.reports import usage_report
from service.services import services

bp = Blueprint("usage", __name__)

REQUESTS_ON_A_PAGE = 25


@bp.get("/usage")
@login_required
def page() -> ResponseReturnValue:
    """Show what the member used of the last 30 days, and the last requests."""
    asked = page_of(request.args)
    house = services()
    account_id = current_user.member.id
    held = holdings.holding(account_id)
    plan = None if held.plan_slug is None else house.catalog.plan(held.plan_slug)
    report = usage_report.report(account_id, usage_report.first_day(USUAL_DAYS))
    if asked.after is not None:
        listed = page_after(house.storage, account_id, asked.wanted, asked.after, REQUESTS_ON_A_PAGE)
    else:
        listed = page_before(house.storage, account_id, asked.wanted, asked.before, REQUESTS_ON_A_PAGE)
    aliases = _all_aliases(report, listed)
    return render_template(
        "usage/page.html",
        plan=plan,
        held_slug=held.plan_slug,
        standing=None if plan is None else standing_of(account_id, plan),
        masked_token=None if held.token is None else masked(held.token),
        api_address=api_address(house.catalog),
        report=report,
        chart=chart_of(report),
        times=times_of(report),
        listed=listed,
        asked=asked,
        colours=line_colours(aliases),
        letters=line_letters(aliases),
        names={profile.alias: profile.name for profile in house.catalog.profiles},
        zone=house.calendar.zone,
        words=words,
    )


@bp.get("/usage/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    query = request.query_string.decode("latin-1")
    return redirect(f"/usage?{query}" if query else "/usage", 308)


@bp.get("/usage.csv")
@login_required
def requests_as_csv() -> ResponseReturnValue:
    """Send the member's requests since a day, a row each."""
    house = services()
    today = usage_report.today()
    since = first_day_of(request.args.get("since"), today)
    zone = house.calendar.zone
    read = requests_since(house.storage, current_user.member.id, usage_report.midnight(since, zone))
    return _download(Response(requests_csv(read(), zone)), "requests", since, today)


@bp.get("/usage/days.csv")
@login_required
def days_as_csv() -> ResponseReturnValue:
    """Send what the member used since a day, a row for each day and alias."""
    today = usage_report.today()
    since = first_day_of(request.args.get("since"), today)
    report = usage_report.report(current_user.member.id, since)
    return _download(Response(days_csv(report)), "days", since, today)


@bp.errorhandler(NotUnderstood)
def say_what_would_do(error: NotUnderstood) -> ResponseReturnValue:
    """Answer an address that asks for something that there is not."""
    title = "That address cannot be understood"
    return render_template("error.html", status=400, title=title, text=str(error)), 400


def _download(response: Response, what: str, since: date, today: date) -> Response:
    response.mimetype = "text/csv"
    name = f"{services().catalog.service.slug}-{what}-{since}-to-{today}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _all_aliases(report: usage_report.Report, listed: Page) -> tuple[str, ...]:
    """Return the catalog's aliases, and after them those that were used when it still had them."""
    now = [profile.alias for profile in services().catalog.profiles]
    used = {*report.by_alias, *(each.alias_served for each in listed.requests)}
    return (*now, *sorted(used - set(now)))
