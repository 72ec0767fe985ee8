"""``flask usage ...``: what all accounts used, and deleting old rows of the usage log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

from commands.output import Answer, Refusal, answers, in_service, table
from commands.terminal import one_line

if TYPE_CHECKING:
    from models.usage_tally import Tally

REST_S = 0.02
"""Between two portions: others write meanwhile."""

usage = AppGroup("usage", help="See what was used, and delete old rows of the usage log.")


@usage.command("report", with_appcontext=False)
@click.option("--since", metavar="DAY", help="A date, or a number of days such as 30d (default), today among them.")
@click.option("--by", type=click.Choice(["account", "alias", "upstream"]), default="account", show_default=True)
@answers
@in_service
def report(since: str | None, by: Any) -> Answer:
    """Add up requests, prompts, tokens, errors and cost of all accounts."""
    from service.reports import usage_of_all as house
    from service.services import services

    found = house.usage_of_all(house.first_day(since), by)
    zone = services().catalog.service.timezone_name
    document = {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "time_zone": zone,
        "by": by,
        "rows": [{by: name, **_figures(tally)} for name, tally in found.rows.items()],
        "total": _figures(found.whole),
    }
    heads = [by.upper(), "REQUESTS", "PROMPTS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST"]
    lines = [[one_line(name) or "-", *_cells(tally)] for name, tally in found.rows.items()]
    lines.append(["total", *_cells(found.whole)])
    return Answer(document, f"{found.since} to {found.until} ({zone})\n\n{table(heads, lines)}")


@usage.command("prune", with_appcontext=False)
@click.option("--keep", metavar="DAYS", help="Keep so many days, such as 400d (default: usage_log_days).")
@click.option("--before", metavar="DATE", help="Delete what is older than this day.")
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@click.option("--vacuum", is_flag=True, help="Give the room back to the disk (SQLite; the service must be stopped).")
@answers
@in_service
def prune(keep: str | None, before: str | None, dry_run: bool, vacuum: bool) -> Answer:
    """Delete old rows of the usage log; the totals of each day stay. The running month always stays."""
    from models import usage_pruning
    from service.database import retention
    from service.services import services

    house = services()
    upkeep = retention.Upkeep(house.storage, house.calendar, house.catalog.retention)
    cutoff = upkeep.cutoff(_first_kept(keep, before, upkeep))
    if not dry_run:
        _done(upkeep.add_up())
    may_go = usage_pruning.prunable(house.storage, cutoff)
    deleted = 0 if dry_run else sum(_done(usage_pruning.prune_log(house.storage, cutoff)))
    freed = _vacuum() if vacuum and not dry_run else None
    document = {
        "before": cutoff.isoformat(timespec="seconds"),
        "rows": may_go if dry_run else deleted,
        "dry_run": dry_run,
        "freed_bytes": freed,
    }
    said = f"{may_go:,} rows would be deleted" if dry_run else f"{deleted:,} rows were deleted"
    text = f"{said}: requests from before {cutoff:%Y-%m-%d %H:%M} UTC. The totals of their days stay."
    if freed is not None:
        text += f" The file is {freed / 1e6:,.1f} MB smaller."
    elif not dry_run and house.storage.is_sqlite and deleted:
        text += " The file keeps its size and fills that room again; --vacuum, on a stopped service, makes it smaller."
    return Answer(document, text)


def _first_kept(keep: str | None, before: str | None, upkeep: Any) -> date:
    from service.reports.usage_of_all import day_of

    if keep is not None and before is not None:
        raise Refusal("--keep and --before say the same in two ways: give one of them.")
    if before is not None:
        return day_of(before, upkeep.days_ago(0))
    if keep is not None:
        return day_of(keep, upkeep.days_ago(0))
    days = upkeep.retention.usage_log_days
    if not days:
        raise Refusal("usage_log_days = 0 keeps every row: say --keep 400d or --before 2026-01-01.")
    kept: date = upkeep.days_ago(days)
    return kept


def _done(portions: Iterator[int]) -> list[int]:
    done = []
    for portion in portions:
        done.append(portion)
        time.sleep(REST_S)
    return done


def _vacuum() -> int:
    from service.database import backup_room

    return backup_room.give_back()


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.requests,
        "prompts": tally.prompts,
        "prompts_counted": tally.counted,
        "continuations": tally.continuations,
        "completed": tally.completed,
        "interrupted": tally.interrupted,
        "cancelled": tally.cancelled,
        "failed": tally.failed,
        "under_way": tally.under_way,
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
        "cached_tokens": tally.cached_tokens,
        "reasoning_tokens": tally.reasoning_tokens,
        "cost": tally.cost,
        "errors": dict(sorted(tally.error_codes.items(), key=lambda each: (-each[1], each[0]))),
    }


def _cells(tally: Tally) -> list[str]:
    counts = [tally.requests, tally.counted, tally.failed + tally.interrupted]
    tokens = [tally.prompt_tokens, tally.cached_tokens, tally.completion_tokens]
    cost = "-" if tally.cost is None else f"{tally.cost:,.4f}"
    return [*(f"{number:,}" for number in counts + tokens), cost]
