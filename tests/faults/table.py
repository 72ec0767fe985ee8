"""The table of faults: what each does to a request whose first route has it, and what the client and the log see.

How to read it: a ``Refused`` is what the client gets when there is no other route; with one it gets that one's answer,
but for errors of its own (``OWN_FAULT``). ``Cut`` and ``Answered`` are the same with a second route and without.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults import acts
from tests.faults.acts import after_output, before_output, refusing
from tests.faults.backend import GOOD
from tests.faults.server import Act
from tests.faults.verdicts import (
    BROKEN,
    BUSY,
    CUT_SHORT,
    LATE,
    OVERLOADED,
    OWN_FAULT,
    RESET,
    UNREACHABLE,
    Answered,
    Cut,
    Verdict,
)


@dataclass(frozen=True)
class Limits:
    """An upstream's timeouts, in seconds."""

    connect: float = 20
    first_output: float = 20
    answer: float = 20
    idle: float = 20


PATIENT = Limits()
"""For faults that show at once: a deadline that strikes all the same is a hang, and gives another code."""
HASTY = Limits(connect=0.5, first_output=1, answer=1.5)
HASTY_LATER = Limits(answer=1.5, idle=1)
"""The first output may take its time on a busy machine; what comes behind it may not."""


@dataclass(frozen=True)
class Fault:
    """One way to go wrong. ``act`` None: nothing listens as it should; see ``places`` of the matrix."""

    name: str
    act: Act | None
    whole: Verdict
    stream: Verdict
    limits: Limits = PATIENT
    is_heavy: bool = False
    """Sends so much that it is tried when little else is."""

    def verdict(self, *, stream: bool) -> Verdict:
        """What becomes of a request of one form."""
        return self.stream if stream else self.whole


FAULTS = (
    # no connection
    Fault("refused", None, UNREACHABLE, UNREACHABLE),
    Fault("dns", None, UNREACHABLE, UNREACHABLE),
    Fault("tls", None, UNREACHABLE, UNREACHABLE),
    Fault("slow-connect", None, UNREACHABLE, UNREACHABLE, HASTY),
    # a connection that breaks
    Fault("reset-before-headers", acts.reset_before_headers, BROKEN, BROKEN),
    Fault("reset-after-headers", acts.reset_after_headers, RESET, RESET),
    Fault("not-http", acts.not_http, BROKEN, BROKEN),
    Fault("endless-headers", acts.endless_headers, LATE, LATE, HASTY),
    # a status: of the upstream and of the operator
    Fault("status-302", refusing(302, Location="http://127.0.0.1:1/leak"), BROKEN, BROKEN),
    Fault("status-401", refusing(401), BROKEN, BROKEN),
    Fault("status-402", refusing(402), BROKEN, BROKEN),
    Fault("status-403", refusing(403), BROKEN, BROKEN),
    Fault("status-404-model-gone", refusing(404), BROKEN, BROKEN),
    Fault("status-405", refusing(405), BROKEN, BROKEN),
    Fault("status-408", refusing(408), LATE, LATE),
    Fault("status-409", refusing(409), BROKEN, BROKEN),
    Fault("status-429-retry-after", refusing(429, Retry_After="7"), BUSY, BUSY),
    Fault("status-429", refusing(429), OVERLOADED, OVERLOADED),
    Fault("status-500", refusing(500), BROKEN, BROKEN),
    Fault("status-502", refusing(502), BROKEN, BROKEN),
    Fault("status-503", refusing(503), BROKEN, BROKEN),
    Fault("status-504", refusing(504), LATE, LATE),
    Fault("status-529", refusing(529), OVERLOADED, OVERLOADED),
    Fault("status-500-stalled", acts.stalled_refusal, BROKEN, LATE, HASTY),
    # a status: of the client
    Fault("status-400", refusing(400), OWN_FAULT, OWN_FAULT),
    Fault("status-413", refusing(413), OWN_FAULT, OWN_FAULT),
    Fault("status-422", refusing(422), OWN_FAULT, OWN_FAULT),
    # an answer that is none
    Fault("html", acts.html, BROKEN, BROKEN),
    Fault("empty-body", acts.empty_body, BROKEN, BROKEN),
    Fault("wrong-content-type", acts.mislabelled, Answered(GOOD), BROKEN),
    Fault("other-form", acts.other_form, BROKEN, BROKEN),
    Fault("unasked-gzip", acts.compressed, BROKEN, BROKEN),
    Fault("broken-chunks", acts.broken_chunks, BROKEN, RESET),
    Fault("json-cut", acts.json_cut, BROKEN, BROKEN),
    Fault("error-event-before-output", acts.error_before, BROKEN, BROKEN),
    Fault("empty-choices", acts.empty_choices, BROKEN, BROKEN),
    # an answer that ends early
    Fault("cut-before-output", before_output(acts.end_early), BROKEN, CUT_SHORT),
    Fault("clean-end-before-output", before_output(acts.end_cleanly), BROKEN, BROKEN),
    Fault("cut-after-output", after_output(acts.end_early), BROKEN, Cut("upstream_incomplete")),
    Fault("clean-end-after-output", after_output(acts.end_cleanly), BROKEN, Cut("upstream_incomplete")),
    Fault("error-event-after-output", acts.error_after, BROKEN, Cut("upstream_error")),
    # an answer that does not end
    Fault("stall-before-output", before_output(acts.stall), LATE, LATE, HASTY),
    Fault("stall-after-output", after_output(acts.stall), LATE, Cut("upstream_timeout"), HASTY_LATER),
    Fault("endless-comments", before_output(acts.comments_for_ever), LATE, LATE, HASTY),
    Fault("endless-empty-deltas", before_output(acts.empty_deltas_for_ever), LATE, LATE, HASTY),
    Fault(
        "endless-comments-after-output",
        after_output(acts.comments_for_ever),
        LATE,
        Cut("upstream_timeout"),
        HASTY_LATER,
    ),
    Fault(
        "endless-deltas-after-output",
        after_output(acts.empty_deltas_for_ever),
        LATE,
        Cut("upstream_timeout"),
        HASTY_LATER,
    ),
    Fault("line-without-end", acts.line_without_end, BROKEN, BROKEN, is_heavy=True),
    # strange, and still an answer
    Fault("only-reasoning", acts.only_reasoning, Answered(""), Answered("")),
    Fault("line-of-10-mb", acts.long_line, Answered(acts.LONG), Answered(acts.LONG), is_heavy=True),
)

NATIVE = {
    "reset-before-headers",
    "reset-after-headers",
    "status-500",
    "empty-choices",
    "cut-before-output",
    "cut-after-output",
    "error-event-before-output",
    "error-event-after-output",
    "stall-before-output",
    "stall-after-output",
    "endless-empty-deltas",
    "endless-deltas-after-output",
    "only-reasoning",
}
"""Faults that are tried on upstreams of the Responses dialect too."""
