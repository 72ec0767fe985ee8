"""``flask receipts ...``: what the usage log tells an operator of one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

from commands.output import Answer, Refusal, answers, in_service, table
from commands.terminal import one_line

if TYPE_CHECKING:
    from models.usage_lookup import FoundRequest, LoggedRequest, ReceiptTold

receipts = AppGroup("receipts", help="Look at what became of a request.")


@receipts.command("show", with_appcontext=False)
@click.argument("request_id")
@answers
@in_service
def show(request_id: str) -> Answer:
    """Show what became of a request: who asked, what was counted, where it went, what it cost."""
    from service.reports import receipts as house

    found = house.find(request_id)
    if found is None:
        raise Refusal(
            f"No request {one_line(request_id)!r} in the usage log. "
            "Its id is in the header x-request-id of its answer; requests refused before admission have no row."
        )
    return Answer(_document(found), _text(found))


def _document(found: FoundRequest) -> dict[str, Any]:
    from service.reports.receipts import counted

    row = found.row._asdict()
    row["started_at"] = found.row.started_at.isoformat(timespec="milliseconds")
    return {
        **row,
        "account": found.account_email,
        "counted_why": counted(found.row),
        "routing": found.routing,
    }


def _text(found: FoundRequest) -> str:
    row = found.row
    parts = [table(["REQUEST", row.request_id], _rows(found))]
    if found.routing is None:
        parts.append("No routing receipt: nothing was routed yet, or an older release wrote the row.")
        return "\n\n".join(parts)
    parts += _routing(found.routing)
    return "\n\n".join(part for part in parts if part)


def _rows(found: FoundRequest) -> list[list[str]]:
    from service.reports.receipts import counted

    row = found.row
    answered = "-" if row.upstream is None else f"{row.upstream}/{row.upstream_model}"
    return [
        ["account", found.account_email or f"deleted (number {row.account_id})"],
        ["time", f"{row.started_at:%Y-%m-%d %H:%M:%S} UTC"],
        ["endpoint", row.endpoint],
        ["client", one_line(row.client_name or "-")],
        ["alias asked", one_line(row.alias_asked or "-")],
        ["alias served", row.alias_served],
        ["kind", f"{row.kind}, {counted(row)}"],
        ["status", row.status + (f" ({row.error_code})" if row.error_code else "")],
        ["last route", answered],
        ["tokens", _tokens(found)],
        ["first output", _ms(row.first_output_ms)],
        ["duration", _ms(row.duration_ms)],
        ["cost", "no estimate: the route has no price" if row.cost is None else f"{row.cost:.6f} (estimate)"],
    ]


def _tokens(found: FoundRequest) -> str:
    row: LoggedRequest = found.row
    said = [f"prompt estimated at {found.routing['tokens']:,}"] if found.routing else []
    if row.prompt_tokens is None and row.completion_tokens is None:
        return ", ".join(said) or "-"
    of = "estimated: the upstream gave no count" if row.tokens_estimated else "as the upstream counted"
    said.append(f"{row.prompt_tokens or 0:,} in ({row.cached_tokens or 0:,} cached)")
    said.append(f"{row.completion_tokens or 0:,} out ({row.reasoning_tokens or 0:,} reasoning), {of}")
    return ", ".join(said)


def _routing(routing: ReceiptTold) -> list[str]:
    from service.reports.receipts import WHY_FIRST, how_ended, why_not

    reason = routing["reason"]
    order = [[str(place), route] for place, route in enumerate(routing["routes"], start=1)]
    passed = [[route, why_not(why)] for route, why in routing["passed_over"]]
    attempts = [
        [
            str(number),
            each["route"],
            each.get("effort") or "-",
            _ms(each["at"]),
            _ms(each.get("output")),
            _ms(each.get("end")),
            how_ended(each.get("how")) + (f" ({each['how']})" if each.get("how") not in (None, "completed") else ""),
        ]
        for number, each in enumerate(routing["attempts"], start=1)
    ]
    why = "No route could take the request." if reason is None else f"First: {WHY_FIRST.get(reason, reason)}."
    return [
        f"Speed of the plan: {routing['speed']}. {why}",
        table(["ORDER", "ROUTE"], order) if order else "",
        table(["PASSED OVER", "WHY"], passed) if passed else "",
        table(["ATTEMPT", "ROUTE", "EFFORT", "SENT", "OUTPUT", "END", "HOW"], attempts) if attempts else "No attempt.",
    ]


def _ms(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:,} ms"
