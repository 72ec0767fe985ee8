"""What the operator's pictures and the overview show is what the requests were."""

from __future__ import annotations

import re
from datetime import date

import pytest

from blueprints.admin.usage_chart import BASELINE, TOP, chart_of
from blueprints.admin.usage_figures import FIGURES
from models.usage_tally import Tally
from service.reports.house_report import SPANS, HouseReport
from tests.admin.conftest import Person, text_of


@pytest.fixture(scope="module")
def used(operator: Person) -> None:
    """Two answered requests and a failed one of the operator's own."""
    for prompt in ("[[tokens 4]]", "[[tokens 6]]", "[[status 500]]"):
        operator.closed_row(operator.chat(prompt, model="smart-route-mini").headers["x-request-id"])


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("span", ["30d", "90d", "12m"])
@pytest.mark.parametrize("by", ["alias", "upstream", "account"])
def test_requests_of_a_moment_ago_are_in_every_picture(operator: Person, span: str, by: str) -> None:
    page = operator.get(f"/admin/usage?span={span}&by={by}&figure=requests").text
    told = text_of(page)
    whole = re.search(r"Requests ([\d,]+) [\d,]+ of them continuations", told)
    assert whole
    listed = re.search(r"<tr><th scope=\"row\">All(?: accounts)?</th><td class=\"number\">([\d,]+)</td>", page)
    assert listed
    assert listed[1] == whole[1]
    assert int(whole[1].replace(",", "")) >= 3
    assert {"alias": "Smart-Route Mini", "upstream": "east", "account": "operator@example.org"}[by] in page
    assert "style=" not in page


@pytest.mark.usefixtures("used")
def test_every_figure_can_be_drawn_and_the_cost_says_its_unit(operator: Person) -> None:
    for figure in set(FIGURES) - {"cached", "cost"}:  # the demo upstream has no cache, its first route no price
        answer = operator.get(f"/admin/usage?figure={figure}&by=upstream")
        assert answer.status_code == 200
        assert 'class="part shade-' in answer.text
    assert "in whatever currency the file means" in text_of(answer.text)


def test_unknown_choices_fall_back_to_the_usual_picture(operator: Person) -> None:
    answer = operator.get("/admin/usage?span=1000y&by=<script>&figure=%00")
    assert answer.status_code == 200
    assert "The last 30 days" in text_of(answer.text) or "the last 30 days" in text_of(answer.text)


@pytest.mark.usefixtures("used")
def test_overview_tells_todays_figures_and_leads_to_the_rooms(operator: Person) -> None:
    page = operator.get("/admin").text
    told = text_of(page)
    admitted = re.search(r"Requests admitted ([\d,]+)", told)
    assert admitted
    assert int(admitted[1].replace(",", "")) >= 3
    assert "Running now 0" in told
    for path in ("/admin/requests?outcome=fault", "/admin/usage?figure=cost", "/admin/accounts"):
        assert f'href="{path}' in page.replace("&amp;", "&")


def test_small_costs_are_drawn_to_scale() -> None:
    span = SPANS["12m"]
    dates = [date(2026, month, 1) for month in range(1, 13)]
    report = HouseReport(span, "upstream", dates)
    report.by_date = {
        dates[0]: {"east": Tally(requests=1, cost=0.03)},
        dates[1]: {"east": Tally(requests=1, cost=0.015)},
    }
    report.by_key = {"east": Tally(requests=2, cost=0.045)}
    chart = chart_of(report, FIGURES["cost"])
    heights = [bar.parts[0].height for bar in chart.bars if bar.parts]
    assert heights[0] == pytest.approx(BASELINE - TOP, abs=25)
    assert heights[1] == pytest.approx(heights[0] / 2, rel=0.05)
    assert all(float(text) <= 0.04 for _, text in chart.lines)
