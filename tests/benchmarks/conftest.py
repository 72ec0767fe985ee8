"""The benchmarks' own upstream, and answers that have come in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.house import Upstream
from benchmarks.targets import Target
from tests.harness.processes import Processes


@pytest.fixture(scope="package")
def direct(processes: Processes) -> Iterator[Target]:
    """The running upstream as a target."""
    upstream = Upstream(processes)
    yield upstream.target()
    upstream.stop()
