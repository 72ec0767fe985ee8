"""Reading what /metrics tells."""

from __future__ import annotations

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.gateway import Gateway

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(gateway: Gateway) -> Samples:
    """Ask for the metrics over a connection of its own, so that any of the workers may answer."""
    answer = requests.get(f"{gateway.url}/metrics", timeout=10)
    assert answer.status_code == 200, answer.text
    return samples_of(answer.text)


def samples_of(text: str) -> Samples:
    """Every sample of the text format by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of the samples of one name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (found, has), value in samples.items() if found == name and wanted <= has)
