"""From the checked [metrics] table: who may read /metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from catalog import keys
from catalog.entries import VARIABLE
from catalog.model import MetricsAccess, MetricsReaders
from catalog.tables import Table


def read_metrics_readers(root: Table) -> MetricsReaders:
    """The [metrics] table of the file; without one, its defaults."""
    table = root.table("metrics", keys.METRICS)
    access: MetricsAccess = table.choice("access", get_args(MetricsAccess), "local")
    if "token_env" not in table:
        return MetricsReaders(access)
    variable = "the name of an environment variable in capitals; the token itself is never in the file"
    token_env = table.name("token_env", VARIABLE, variable, show=False)
    if access != "local":
        table.refuse("token_env", f'access = "local" beside it: with "{access}" no token is asked for')
    return MetricsReaders(access, token_env)


def metrics_notices(readers: MetricsReaders, env: Mapping[str, str]) -> Iterator[str]:
    """A token that is named and not set: then nobody gets in by it."""
    if readers.token_env is not None and not env.get(readers.token_env, "").strip():
        yield f"{readers.token_env} is not set: /metrics answers on this machine alone"
