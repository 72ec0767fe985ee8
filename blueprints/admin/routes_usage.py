"""Usage and cost of the whole house as pictures."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints.admin.blueprint import bp
from blueprints.admin.usage_chart import chart_of
from blueprints.admin.usage_figures import FIGURES, money
from lines import line_colours, line_letters
from models.usage_sums import DAY
from readable import duration, long_date, rounded, short_date
from service.reports.house_report import SPANS, By, errors, house_report
from service.services import services

BYS: dict[By, str] = {"alias": "Alias", "upstream": "Upstream", "account": "Account"}


@bp.get("/usage")
def usage_page() -> ResponseReturnValue:
    """Show what everybody used of the last days or months. What the address asks wrongly is shown as usual."""
    span = SPANS.get(request.args.get("span", ""), SPANS["30d"])
    by: By = next((each for each in BYS if each == request.args.get("by")), "alias")
    figure = FIGURES.get(request.args.get("figure", ""), FIGURES["requests"])
    report = house_report(span, by, figure.of)
    house = services()
    now = [profile.alias for profile in house.catalog.profiles]
    aliases = tuple(dict.fromkeys([*now, *(report.by_key if by == "alias" else ())]))
    most = max(map(figure.of, report.by_key.values()), default=0)
    return render_template(
        "admin/usage.html",
        report=report,
        span=span,
        by=by,
        figure=figure,
        spans=SPANS,
        bys=BYS,
        figures=FIGURES,
        chart=None if by == "account" else chart_of(report, figure),
        most=most,
        lines={
            "colours": line_colours(aliases),
            "letters": line_letters(aliases),
            "names": {profile.alias: profile.name for profile in house.catalog.profiles},
        },
        is_by_day=span.length == DAY,
        zone=house.calendar.zone,
        errors=errors,
        money=money,
        duration=duration,
        rounded=rounded,
        short_date=short_date,
        long_date=long_date,
    )
