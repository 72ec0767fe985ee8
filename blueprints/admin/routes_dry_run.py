"""What would become of a request that is not sent, as this worker knows the routes at the moment."""

from __future__ import annotations

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.admin.blueprint import bp
from service.json_text import NoJson, read_json
from service.reports import receipts
from service.services import services

DRY_RUN = "smartroute_dry_run"  # made by app.py from the API, which pages must not import
ENDPOINTS = ("chat/completions", "completions", "responses")
EXAMPLE = '{\n  "messages": [{"role": "user", "content": "Good morning"}],\n  "stream": true\n}'
HEALTH = {"closed": "healthy", "open": "left out", "half_open": "on trial"}


@bp.get("/dry-run")
def dry_run() -> ResponseReturnValue:
    """Show the form."""
    return _page(services().catalog.first_plan.slug, ENDPOINTS[0], EXAMPLE)


@bp.post("/dry-run")
def explain() -> ResponseReturnValue:
    """Explain the request of the form. Nothing is kept of it."""
    plan, endpoint = request.form.get("plan", ""), request.form.get("endpoint", "")
    text = request.form.get("body", "")
    if services().catalog.plan(plan) is None or endpoint not in ENDPOINTS:
        return _page(plan, endpoint, text, fault="Choose a plan and an endpoint from the lists."), 422
    try:
        body = read_json(text.encode("utf-8", "surrogatepass"))
    except NoJson as error:
        return _page(plan, endpoint, text, fault=str(error)), 422
    told = current_app.extensions[DRY_RUN](plan, endpoint, body)
    return _page(plan, endpoint, text, told=told)


def _page(plan: str, endpoint: str, text: str, *, told: object = None, fault: str | None = None) -> str:
    return render_template(
        "admin/dry_run.html",
        plans=services().catalog.plans,
        endpoints=ENDPOINTS,
        plan=plan,
        endpoint=endpoint,
        text=text.encode("utf-8", "replace").decode(),
        told=told,
        fault=fault,
        health=HEALTH,
        words=receipts,
    )
