"""The counts of all workers as Prometheus reads them: text format 0.0.4, or OpenMetrics where it is asked for.

docs/observability.md lists the metrics. Only a worker that is asked for them loads this module and prometheus_client.
"""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from catalog.model import Catalog
from service.metrics.counts import DECISION_SECONDS, OUTPUT_SECONDS, REQUEST_SECONDS
from service.metrics.folder import Sum
from service.metrics.routes import routes_of

STATES = ("closed", "open", "half_open")

_COUNTERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "requests": ("HTTP requests that have ended.", ("endpoint", "status")),
    "refused": ("API requests that were answered with an error before admission.", ("code",)),
    "admitted": ("Requests that were admitted.", ("alias", "plan", "kind")),
    "answers": ("Admitted requests that have ended.", ("alias", "plan", "outcome")),
    "tokens": ("Tokens of answers; cached ones are among the prompt's.", ("alias", "kind")),
    "upstream_attempts": ("Requests to upstreams that have ended.", ("upstream", "model", "outcome")),
    "upstream_pauses": ("Answers 429 with Retry-After, after which a route rests.", ("upstream", "model")),
}
_HISTOGRAMS: Mapping[str, tuple[str, Sequence[str], Sequence[float]]] = {
    "request_seconds": ("Time of HTTP requests until their last byte left.", ("endpoint",), REQUEST_SECONDS),
    "first_output_seconds": (
        "Time from a request to the first output of a stream, or to a whole answer.",
        ("alias", "kind"),
        OUTPUT_SECONDS,
    ),
    "answer_seconds": ("Time of admitted requests until their end.", ("alias", "kind"), REQUEST_SECONDS),
    "quota_decision_seconds": ("Time of the transaction that decides on quotas.", (), DECISION_SECONDS),
}


def metrics_text(
    workers: Sequence[dict[str, Any]], ended: dict[str, Any], catalog: Catalog, accept: str
) -> tuple[bytes, str]:
    """Return the text for what ``WorkerFile.machine`` gave, and its content type, chosen by an Accept header."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry()
    registry.register(_Machine(workers, ended, catalog))
    return encode(registry), content_type


class _Machine(Collector):
    """The metrics of one machine."""

    def __init__(self, workers: Sequence[dict[str, Any]], ended: dict[str, Any], catalog: Catalog) -> None:
        self._workers = workers
        self._ended = ended
        self._catalog = catalog

    def collect(self) -> Iterable[Metric]:
        total = Sum(self._ended)
        for worker in self._workers:
            total.add(worker)
        yield from _counted(total)
        yield from self._of_routes()
        yield from self._of_processes()

    def _of_routes(self) -> Iterator[Metric]:
        labels = ("upstream", "model")
        open_now = GaugeMetricFamily(
            "smartroute_open_attempts", "Requests to upstreams under way.", labels=(*labels, "kind")
        )
        breakers = GaugeMetricFamily(
            "smartroute_breaker_workers",
            "Workers in which a route's breaker has this state.",
            labels=(*labels, "state"),
        )
        pauses = GaugeMetricFamily(
            "smartroute_pause_seconds", "How long a route rests after an answer 429, in any worker.", labels=labels
        )
        for route in routes_of(self._workers, self._catalog):
            name = (route["upstream"], route["model"])
            known = route["workers"]
            open_now.add_metric((*name, "stream"), sum(each["open_streams"] for each in known))
            open_now.add_metric((*name, "whole"), sum(each["open_answers"] for each in known))
            states = Counter(each["state"] for each in known)
            states["closed"] += len(self._workers) - len(known)
            for state in STATES:
                breakers.add_metric((*name, state), states[state])
            pauses.add_metric(name, max((each["pause_s"] for each in known), default=0))
        yield from (open_now, breakers, pauses)

    def _of_processes(self) -> Iterator[Metric]:
        workers = GaugeMetricFamily(
            "smartroute_workers", "Worker processes by the catalog that they work with.", labels=("catalog",)
        )
        for digest, count in Counter(worker["catalog"] for worker in self._workers).items():
            workers.add_metric((digest,), count)
        yield workers
        beats = [worker["renewed_at"] for worker in self._workers if worker["renewed_at"] is not None]
        age = GaugeMetricFamily(
            "smartroute_housekeeping_age_seconds", "Time since the worker that is furthest behind renewed its lease."
        )
        if beats:
            age.add_metric((), max(0.0, time.monotonic() - min(beats)))
        yield age
        lag = GaugeMetricFamily(
            "smartroute_loop_lag_seconds", "How late the busiest worker's event loop woke up at its last beat, of 1 s."
        )
        # A worker of the release before, which drains, does not tell it.
        lag.add_metric((), max((worker.get("late_s", 0.0) for worker in self._workers), default=0.0))
        yield lag
        build = GaugeMetricFamily("smartroute_build_info", "The release that runs.", labels=("version", "python"))
        build.add_metric((metadata.version("smart-route"), platform.python_version()), 1)
        yield build


def _counted(total: Sum) -> Iterator[Metric]:
    for family, (meaning, labels) in _COUNTERS.items():
        counter = CounterMetricFamily(f"smartroute_{family}", meaning, labels=labels)
        for values, (number,) in total.cells.get(family, {}).items():
            counter.add_metric(values, number)
        yield counter
    for family, (meaning, labels, bounds) in _HISTOGRAMS.items():
        histogram = HistogramMetricFamily(f"smartroute_{family}", meaning, labels=labels)
        for values, numbers in total.cells.get(family, {}).items():
            below = [str(float(bound)) for bound in bounds] + ["+Inf"]
            counts = list(accumulate(numbers[:-1]))
            histogram.add_metric(values, list(zip(below, counts, strict=True)), sum_value=numbers[-1])
        yield histogram
