"""What the workers of one machine know of each route, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.model import Catalog


def routes_of(workers: Sequence[dict[str, Any]], catalog: Catalog) -> list[dict[str, Any]]:
    """Return every route of the catalog and, behind them, others that draining workers know, with what workers tell.

    Each is ``{"upstream", "model", "workers"}``; a worker that has not met the route yet is not among its workers.
    """
    found: dict[tuple[str, str], list[dict[str, Any]]] = {
        (route.upstream.name, route.model): [] for profile in catalog.profiles for route in profile.routes
    }
    for worker in workers:
        for told in worker["routes"]:
            found.setdefault((told["upstream"], told["model"]), []).append({**told, "pid": worker["pid"]})
    return [{"upstream": upstream, "model": model, "workers": known} for (upstream, model), known in found.items()]
