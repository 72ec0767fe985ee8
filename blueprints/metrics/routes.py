"""``/metrics``: the counts of all workers of this machine, for Prometheus."""

from __future__ import annotations

import os

from flask import Blueprint, Response, abort, request

from blueprints.metrics.readers import may_read
from service.services import services

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """Show the metrics to those who may read them; for others there is no such page."""
    house = services()
    if not may_read(house.catalog.metrics, request.environ, os.environ):
        abort(404)
    from service.metrics.text import metrics_text  # only workers that are asked load prometheus_client

    text, content_type = metrics_text(*house.watch.machine(), house.catalog, request.headers.get("Accept", ""))
    return Response(text, content_type=content_type)
