"""The examples of the document, as a gateway on the demo upstream gave them (tests/openapi/recording.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from catalog.model import Catalog

_FILE = Path(__file__).with_name("examples.json")
RECORDED_ALIAS = "smart-route-mini"


class Examples(Struct, frozen=True):
    """What was asked and answered: a list for each operation, and one error for each recorded code."""

    calls: dict[str, list[dict[str, Any]]]
    failures: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, catalog: Catalog) -> Examples:
        """Return them with the first alias of a catalog in the place of the recorded one."""
        text = _FILE.read_text(encoding="utf-8").replace(f'"{RECORDED_ALIAS}"', _quoted(catalog.profiles[0].alias))
        told = orjson.loads(text)
        return cls(calls=told["calls"], failures=told["errors"])

    def requests(self, operation_id: str) -> dict[str, Any]:
        """Return the bodies that were sent."""
        return {
            call["name"]: {"summary": call["summary"], "value": call["request"]}
            for call in self.calls.get(operation_id, [])
        }

    def answers(self, operation_id: str) -> dict[str, Any]:
        """Return the whole answers."""
        calls = [call for call in self.calls.get(operation_id, []) if "answer" in call]
        return {call["name"]: {"summary": call["summary"], "value": call["answer"]} for call in calls}

    def events(self, operation_id: str) -> dict[str, Any]:
        """Return the first event of each kind of a recorded stream."""
        calls = [call for call in self.calls.get(operation_id, []) if "events" in call]
        return {
            f"{call['name']}_{place}": {"summary": f"Event {place} of: {call['summary']}", "value": _frame(event)}
            for call in calls
            for place, event in enumerate(call["events"])
        }

    def errors(self, codes: list[str]) -> dict[str, Any]:
        """Return the recorded errors among ``codes``."""
        return {code: {"value": self.failures[code]} for code in codes if code in self.failures}


def _frame(event: dict[str, Any]) -> dict[str, str]:
    """Return an event as tools read it: named by its type where it has one, its JSON as text."""
    named = {"event": event["type"]} if "type" in event else {}
    return {**named, "data": orjson.dumps(event).decode()}


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
