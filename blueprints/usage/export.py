"""Usage as CSV: a row a request, or a row a day and alias."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from blueprints.usage.words import counted
from csv_document import Cell, csv_document
from models.usage_rows import UsedRequest
from service.reports.usage_report import Report

REQUEST_COLUMNS = (
    "time", "request_id", "endpoint", "alias_asked", "alias_served", "kind", "status", "error_code", "counted", "why",
    "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "tokens_estimated",
    "first_output_ms", "duration_ms", "client",
)  # fmt: skip
DAY_COLUMNS = (
    "date", "alias", "requests", "prompts", "continuations", "counted", "completed", "cut_off", "stopped_by_client",
    "failed", "under_way", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens",
    "first_output_median_ms", "first_output_p95_ms", "duration_ms",
)  # fmt: skip


def requests_csv(requests: Iterable[UsedRequest], zone: ZoneInfo) -> Iterator[bytes]:
    """Yield a document with a row for each request."""
    return csv_document(REQUEST_COLUMNS, (_request_cells(each, zone) for each in requests))


def days_csv(report: Report) -> Iterator[bytes]:
    """Yield a document with a row for each day and each alias that was used on it."""
    return csv_document(DAY_COLUMNS, _day_rows(report))


def _request_cells(request: UsedRequest, zone: ZoneInfo) -> Sequence[Cell]:
    return (
        request.started_at.astimezone(zone).isoformat(timespec="milliseconds"),
        request.request_id,
        request.endpoint,
        request.alias_asked,
        request.alias_served,
        request.kind,
        request.status,
        request.error_code,
        "yes" if request.counted else "no",
        counted(request),
        request.prompt_tokens,
        request.cached_tokens,
        request.completion_tokens,
        request.reasoning_tokens,
        "yes" if request.tokens_estimated else "no",
        request.first_output_ms,
        request.duration_ms,
        request.client_name,
    )


def _day_rows(report: Report) -> Iterator[Sequence[Cell]]:
    for day in report.days:
        for alias in report.by_alias:
            tally = day.by_alias.get(alias)
            if tally is not None:
                yield (
                    day.date.isoformat(),
                    alias,
                    tally.requests,
                    tally.prompts,
                    tally.continuations,
                    tally.counted,
                    tally.completed,
                    tally.interrupted,
                    tally.cancelled,
                    tally.failed,
                    tally.under_way,
                    tally.prompt_tokens,
                    tally.cached_tokens,
                    tally.completion_tokens,
                    tally.reasoning_tokens,
                    tally.first_output_ms(0.5),
                    tally.first_output_ms(0.95),
                    tally.duration_ms,
                )
