"""The cells of the matrix, and the catalog in which each has an alias and a faulty upstream of its own.

So a circuit that one cell opens, or a pause that it earns, is met by no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.answers import APIS
from tests.faults.server import FaultServer
from tests.faults.table import FAULTS, NATIVE, PATIENT, Fault, Limits
from tests.faults.verdicts import Answered, Cut, Refused, Verdict

SECOND = "leak-second"
"""The upstream of every second route. It speaks Chat Completions, also behind one that speaks Responses."""
KEY = "leak-key-4711"
SLACK_S = 10.0
"""For a busy machine, on top of a deadline. Less than a patient upstream's deadlines."""


@dataclass(frozen=True)
class Cell:
    """One request: which fault its first route has, how it is sent, and whether there is another route."""

    number: int
    fault: Fault
    api: str
    stream: bool
    second: bool
    dialect: str

    def __str__(self) -> str:
        form = "stream" if self.stream else "whole"
        routes = "two-routes" if self.second else "one-route"
        dialect = "native." if self.dialect == "responses" else ""
        return f"{dialect}{self.fault.name}.{self.api.partition('/')[0]}.{form}.{routes}"

    @property
    def alias(self) -> str:
        """Its alias, unlike any other."""
        return str(self)

    @property
    def first(self) -> str:
        """The upstream of its first route."""
        return f"leak-{self.number}"

    @property
    def verdict(self) -> Verdict:
        """What the table says for its form."""
        return self.fault.verdict(stream=self.stream)

    @property
    def is_rescued(self) -> bool:
        """Whether the second route answers."""
        verdict = self.verdict
        return self.second and isinstance(verdict, Refused) and verdict.elsewhere

    @property
    def deadline_s(self) -> float:
        """Until when the answer has to have ended: the deadline that the fault runs into, and the machine's slack."""
        limits = self.fault.limits
        if limits is PATIENT:
            return SLACK_S
        if not self.stream:
            return limits.answer + SLACK_S
        return (limits.idle if isinstance(self.verdict, Cut) else limits.first_output) + SLACK_S

    @property
    def row(self) -> dict[str, object]:
        """What the usage log holds of it."""
        verdict, second = self.verdict, self.is_rescued
        row: dict[str, object] = {"attempts": 2 if second else 1, "upstream": SECOND if second else self.first}
        if second or isinstance(verdict, Answered):
            return {**row, "status": "completed", "counted": 1, "reason": "output", "error_code": None}
        if isinstance(verdict, Cut):
            return {**row, "status": "interrupted", "counted": 1, "reason": "output", "error_code": verdict.code}
        return {**row, "status": "failed", "counted": 0, "reason": "no_output", "error_code": verdict.codes[0]}


CELLS = [
    Cell(number, *kind)
    for number, kind in enumerate(
        (fault, api, stream, second, dialect)
        for dialect in ("chat", "responses")
        for fault in FAULTS
        if dialect == "chat" or fault.name in NATIVE
        for api in APIS
        for stream in (False, True)
        for second in (False, True)
    )
]


def catalog(server: FaultServer, places: Mapping[str, str]) -> str:
    """The TOML file of all cells; ``places`` are the base addresses of faults that need no request to go wrong."""
    second = server.base_url("good", "second")
    parts = [_upstream(SECOND, second, PATIENT, "chat")]
    for cell in CELLS:
        url = places.get(cell.fault.name) or server.base_url(cell.fault.name, str(cell))
        parts.append(_upstream(cell.first, url, cell.fault.limits, cell.dialect))
    for cell in CELLS:
        routes = [f'{{ upstream = "{cell.first}", model = "leak-{cell.fault.name}" }}']
        if cell.second:
            routes.append(f'{{ upstream = "{SECOND}", model = "leak-good" }}')
        parts.append(f'[[profiles]]\nalias = "{cell.alias}"\nroutes = [{", ".join(routes)}]\n')
    parts.append(f'[[plans]]\nslug = "all"\nname = "All"\nprofile = "{CELLS[-1].alias}"\n')
    return "\n".join(parts)


def _upstream(name: str, url: str, limits: Limits, dialect: str) -> str:
    return (
        f'[[upstreams]]\nname = "{name}"\nbase_url = "{url}"\ndialect = "{dialect}"\napi_key_env = "LEAK_KEY"\n'
        f"connect_timeout = {limits.connect}\nfirst_byte_timeout = {limits.first_output}\n"
        f"answer_timeout = {limits.answer}\nidle_timeout = {limits.idle}\n"
    )
