"""How the upstreams do at the moment, as the workers of this machine know it."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.admin.blueprint import bp
from blueprints.admin.route_health import RouteView, views_of
from service.metrics.routes import routes_of
from service.services import services


@bp.get("/health")
def health() -> ResponseReturnValue:
    """Show the page; its script asks for the tables every few seconds, without one a reload does."""
    return render_template("admin/health.html", **_shown())


@bp.get("/health/tables")
def health_tables() -> ResponseReturnValue:
    """Show the page's tables alone."""
    return render_template("admin/_health_tables.html", **_shown())


def troubled_routes() -> list[RouteView]:
    """Return the routes that a worker of this machine leaves out, lets rest or has on trial."""
    house = services()
    workers, _ = house.watch.machine()
    views = views_of(routes_of(workers, house.catalog), len(workers), time.monotonic())
    return [view for view in views if view.troubles]


def _shown() -> dict[str, Any]:
    house = services()
    workers, _ = house.watch.machine()
    now = time.monotonic()
    return {
        "machine": socket.gethostname(),
        "at": datetime.now(UTC).astimezone(house.catalog.service.timezone),
        "zone": house.catalog.service.timezone,
        "routes": views_of(routes_of(workers, house.catalog), len(workers), now),
        "workers": [
            {
                "pid": worker["pid"],
                "catalog": worker["catalog"],
                "beat_s": None if worker["renewed_at"] is None else max(0, round(now - worker["renewed_at"])),
                "open_streams": sum(route["open_streams"] for route in worker["routes"]),
                "open_answers": sum(route["open_answers"] for route in worker["routes"]),
            }
            for worker in sorted(workers, key=lambda worker: int(worker["pid"]))
        ],
    }
