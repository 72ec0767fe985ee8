"""The goals table, the report of runs that were cut short, and what is written into pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.goals import GOALS, Goal, goal_rows
from benchmarks.plan import PARTS
from benchmarks.publish import BEGINS, ENDS, NotForPages, publish, refuse
from benchmarks.readme import readme_table
from benchmarks.report import report
from tests.harness.processes import ROOT

BARE: dict[str, Any] = {
    "begun": "2030-01-01T00:00:00+00:00", "seconds": 1.0, "neighbours_cores": 0.0, "answers": {"Smart Route": 1},
    "machine": {"cores": 2, "memory_gib": 4.0, "python": "3.11"}, "wrong": {}, "versions": {"nginx": "1.22"},
    "absent": {}, "parts": list(PARTS), "is_quick": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "value", "reached"),
    [
        ((6, 10, 18), 5.9, None),
        ((6, 10, 18), 6, "floor"),
        ((6, 10, 18), 40, "stretch"),
        ((70, 45, 30), 71, None),
        ((70, 45, 30), 45, "goal"),
        ((70, 45, 30), 12, "stretch"),
        ((0, 0, 0), 1, None),
        ((0, 0, 0), 0, "stretch"),
    ],
)
def test_a_goal_tells_the_best_bound_that_is_reached(
    bounds: tuple[float, float, float], value: float, reached: str | None
) -> None:
    assert Goal("a figure", bounds, lambda document: None).reached(value) == reached


def test_every_goal_is_shown_measured_or_not() -> None:
    document = {**BARE, "memory": {"Smart Route": {"idle_mb": 60.0}}}
    rows = {row[0]: row[1:] for row in goal_rows(document)}
    assert len(rows) == len(GOALS)
    assert rows["idle memory, 1 worker, MB PSS"] == ["60", "90", "70", "55", "goal"]
    assert rows["installed size x LiteLLM"][-1] == "not measured"


def test_a_void_report_says_so() -> None:
    text = report({**BARE, "wrong": {"Smart Route: status 500": 1}})
    assert "WRONG: Smart Route: status 500: 1" in text
    assert "VOID" in text


def test_a_peer_that_was_not_there_is_named_in_plain_words() -> None:
    text = report({**BARE, "absent": {"LiteLLM": "could not be installed here"}})
    assert "LiteLLM did not take part: it could not be installed here." in text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wrong": {"Smart Route: status 500": 1}}, "void"),
        ({"is_quick": True}, "quick"),
        ({"parts": ["json"]}, "left out held, rate"),
        ({"absent": {"LiteLLM": "…"}}, "LiteLLM did not take part"),
        ({"neighbours_cores": 0.9}, "0.9 cores"),
    ],
)
def test_figures_that_say_nothing_are_not_published(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotForPages, match=reason):
        refuse({**BARE, **change})
    refuse(BARE)


def test_figures_are_written_between_the_markers_of_the_real_pages_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    pages = ["README.md", "docs/benchmarks.md"]
    for page in pages:
        (tmp_path / page).write_text((ROOT / page).read_text(encoding="utf-8"), encoding="utf-8")
    publish(BARE, tmp_path)
    once = [(tmp_path / page).read_text(encoding="utf-8") for page in pages]
    assert "2030-01-01" in once[0]
    assert "| one worker each |" in once[0]
    assert "The goals" in once[1]
    publish(BARE, tmp_path)
    assert [(tmp_path / page).read_text(encoding="utf-8") for page in pages] == once


def test_the_readme_tells_who_names_the_upstream_and_who_gave_no_answer() -> None:
    load = {"title": "SSE", "rounds": 1, "unit": "event", "targets": {}, "left_out": {"Portkey": "status 500"}}
    lacked = {"LiteLLM": {"whole answer: upstream's name let through": 4, "whole answer: answer without usage": 8}}
    answers = {"Smart Route": 10, "nginx": 10, "LiteLLM": 8}
    text = readme_table({**BARE, "answers": answers, "lacked": lacked, "loads": {"burst": load}})
    assert "| answers that name the upstream's model, id or server | 0% | — | 50% | — |" in text
    assert "— in Portkey's column: its callers got no answer under the load *SSE* (status 500)." in text


def test_a_page_without_a_place_for_figures_leaves_both_pages_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "benchmarks.md").write_text(f"{BEGINS}\n{ENDS}\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(f"{BEGINS}\n", encoding="utf-8")
    with pytest.raises(NotForPages, match=r"README\.md lacks"):
        publish(BARE, tmp_path)
    assert (tmp_path / "docs" / "benchmarks.md").read_text(encoding="utf-8") == f"{BEGINS}\n{ENDS}\n"
