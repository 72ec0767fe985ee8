"""The balance: what clients saw against the rows that the gateway wrote. Pure; docs/quotas.md has the rules.

A request finds its row by its name, which the client sent as ``User-Agent``. ``had_kills`` tells that workers were
killed in the run: then connections may end anywhere, and what clients saw no output of may have had its mark.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from endurance import seen
from endurance.expectations import Expectation, none_of
from endurance.ledger import Row
from endurance.seen import Seen

# Refused before admission: no row at all.
BEFORE_ADMISSION = {
    "invalid_api_key",
    "too_many_wrong_tokens",
    "invalid_json",
    "invalid_type",
    "missing_required_parameter",
    "request_too_large",
    "model_not_found",
    "insufficient_quota",
}
CLOSED_AFTER_OUTPUT = ("completed", "interrupted", "cancelled")


@dataclass(frozen=True, slots=True)
class Used:
    """What ``GET /v1/usage`` tells of an account at the end, and when its windows began."""

    day: int
    month: int
    day_start: datetime
    month_start: datetime


def balance(
    requests: Sequence[Seen],
    rows: Sequence[Row],
    used: Mapping[str, Used],
    *,
    had_kills: bool = False,
    limits: Mapping[str, int] | None = None,
) -> list[Expectation]:
    """Hold everything that was sent against everything that was written.

    ``limits``: accounts whose quota of the day was used up to its last prompt, and how many it has.
    """
    asked = [each for each in requests if each.kind != seen.UNCOUNTED]
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row.client_name].append(row)
    complete = [each for each in asked if each.how == seen.COMPLETE]
    begun = [each for each in asked if each.has_output and each.how != seen.COMPLETE]
    silent = [each for each in asked if not each.has_output and each.how != seen.COMPLETE]
    early = [each for each in asked if each.how == seen.REFUSED and each.code in BEFORE_ADMISSION]
    return [
        none_of("No row is a reservation still", (str(row) for row in rows if row.is_open), f"{len(rows)} rows"),
        none_of(
            "Each complete answer has one completed row, with its account, alias and tokens",
            (fault for each in complete for fault in _not_as_answered(each, by_name[each.name])),
            f"{len(complete)} answers",
        ),
        none_of(
            "Each prompt with output counts once, each continuation does not",
            (fault for each in [*complete, *begun] for fault in _not_counted_once(each, by_name[each.name])),
            f"{len(complete)} whole answers, {len(begun)} that broke off after output",
        ),
        none_of(
            "What had no output does not count",
            (fault for each in silent for fault in _counted_in_vain(each, by_name[each.name], had_kills)),
            f"{len(silent)} requests without output"
            + (f", of {_marked(silent, by_name)} the mark was written and the output not seen" if had_kills else ""),
        ),
        none_of(
            "What is refused before admission leaves no row",
            (f"{each}; {row}" for each in early for row in by_name[each.name]),
            f"{len(early)} refused",
        ),
        none_of(
            "Each row belongs to one request that was sent",
            _strangers(asked, by_name),
            f"{len(rows)} rows, {len(asked)} requests",
        ),
        none_of("Each row is counted as its status says", _contradictions(rows), f"{len(rows)} rows"),
        none_of("The quota that is told is the rows that count", _misjudged(rows, used), _told_used(used)),
        none_of(
            "A quota that ends ends at its last prompt",
            _off_limit(requests, rows, limits or {}),
            ", ".join(f"{account}: {limit} a day" for account, limit in (limits or {}).items()) or "none ended",
        ),
        none_of(
            "Every client saw what it was to see",
            (str(each) for each in requests if not _as_expected(each, had_kills)),
            _tally_of(requests),
        ),
    ]


def _not_as_answered(each: Seen, rows: Sequence[Row]) -> Iterator[str]:
    if len(rows) != 1:
        yield f"{each}: {len(rows)} rows"
        return
    [row] = rows
    if row.status != "completed":
        yield f"{each}; {row}"
    for what, told, written in (
        ("request id", each.request_id, row.request_id),
        ("account", each.account, row.account),
        ("alias", each.model, row.alias_served),
        ("prompt tokens", each.prompt_tokens, row.prompt_tokens),
        ("completion tokens", each.completion_tokens, row.completion_tokens),
    ):
        if told is not None and told != written:
            yield f"{each}: {what} {told!r}, in the row {written!r}"


def _not_counted_once(each: Seen, rows: Sequence[Row]) -> Iterator[str]:
    if [row.counted for row in rows] != [each.kind == seen.PROMPT] or rows[0].status not in CLOSED_AFTER_OUTPUT:
        yield f"{each}; {'; '.join(map(str, rows)) or 'no row'}"
    elif rows[0].kind != each.kind:
        yield f"{each}: sent as {each.kind}; {rows[0]}"


def _counted_in_vain(each: Seen, rows: Sequence[Row], had_kills: bool) -> Iterator[str]:
    for row in rows:
        # Whoever left, or lost the connection, cannot know whether the first output was on its way.
        may_have_left = each.how == seen.LEFT or (had_kills and each.how in (seen.CUT, seen.UNANSWERED))
        if row.counted and (each.had_no_chance or not may_have_left):
            yield f"{each}; {row}"


def _marked(silent: Iterable[Seen], by_name: Mapping[str, Sequence[Row]]) -> int:
    return sum(row.counted for each in silent for row in by_name.get(each.name, ()))


def _strangers(asked: Sequence[Seen], by_name: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    names = Counter(each.name for each in asked)
    for name, rows in by_name.items():
        if rows and (names[name] != 1 or len(rows) != 1):
            yield f"{name!r}: sent {names[name]} times, {len(rows)} rows; {rows[0]}"


def _contradictions(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        may_count = row.kind == seen.PROMPT and row.status in CLOSED_AFTER_OUTPUT
        must_count = row.kind == seen.PROMPT and row.status in ("completed", "interrupted")
        if not row.is_open and ((row.counted and not may_count) or (must_count and not row.counted)):
            yield str(row)


def _misjudged(rows: Iterable[Row], used: Mapping[str, Used]) -> Iterator[str]:
    by_account: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_account[row.account].append(row)
    for account, told in used.items():
        own = by_account[account]
        day = sum(row.counted for row in own if row.day_start == told.day_start)
        month = sum(row.counted for row in own if row.month_start == told.month_start)
        if (told.day, told.month) != (day, month):
            yield f"{account}: told {told.day} of the day and {told.month} of the month, rows {day} and {month}"
        if sorted(row.seq for row in own) != list(range(1, len(own) + 1)):
            yield f"{account}: its rows are not numbered without gaps"


def _off_limit(requests: Iterable[Seen], rows: Sequence[Row], limits: Mapping[str, int]) -> Iterator[str]:
    refused = Counter(each.account for each in requests if each.code == "insufficient_quota")
    for account, limit in limits.items():
        days = Counter(row.day_start for row in rows if row.account == account and row.counted)
        last_day = days[max(days)] if days else 0
        if not refused[account] or any(count > limit for count in days.values()) or last_day != limit:
            yield f"{account}: {dict(days)} counted of {limit}, {refused[account]} refused"
    for account in refused.keys() - limits.keys():
        yield f"{account}: refused {refused[account]} times with quota left"


def _as_expected(each: Seen, had_kills: bool) -> bool:
    # The system ends the connections of whoever is killed at once: silence comes from elsewhere.
    was_cut = had_kills and each.how in (seen.CUT, seen.UNANSWERED) and each.code != seen.SILENT
    return each.is_expected or was_cut


def _told_used(used: Mapping[str, Used]) -> str:
    return f"{len(used)} accounts, {sum(each.day for each in used.values())} prompts today"


def _tally_of(requests: Iterable[Seen]) -> str:
    return ", ".join(f"{count} {how}" for how, count in Counter(each.how for each in requests).most_common())
