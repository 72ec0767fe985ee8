"""Requests of all accounts as CSV, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from csv_document import Cell, csv_document
from models.usage_search import ListedRequest
from service.reports import receipts

COLUMNS = (
    "time", "request_id", "account_id", "account", "endpoint", "client", "alias_asked", "alias_served", "kind",
    "status", "error_code", "counted", "why", "upstream", "upstream_model", "attempts", "input_tokens",
    "cached_tokens", "output_tokens", "reasoning_tokens", "tokens_estimated", "first_output_ms", "duration_ms", "cost",
)  # fmt: skip


def requests_csv(requests: Iterable[ListedRequest], zone: ZoneInfo) -> Iterator[bytes]:
    """Yield the document in pieces."""
    return csv_document(COLUMNS, (_cells(each, zone) for each in requests))


def _cells(listed: ListedRequest, zone: ZoneInfo) -> Sequence[Cell]:
    row = listed.row
    return (
        row.started_at.astimezone(zone).isoformat(timespec="milliseconds"),
        row.request_id,
        row.account_id,
        listed.account_email,
        row.endpoint,
        row.client_name,
        row.alias_asked,
        row.alias_served,
        row.kind,
        row.status,
        row.error_code,
        "yes" if row.counted else "no",
        receipts.counted(row),
        row.upstream,
        row.upstream_model,
        row.attempts,
        row.prompt_tokens,
        row.cached_tokens,
        row.completion_tokens,
        row.reasoning_tokens,
        "yes" if row.tokens_estimated else "no",
        row.first_output_ms,
        row.duration_ms,
        row.cost,
    )
