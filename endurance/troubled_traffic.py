"""Scenarios of what goes wrong: clients that leave or dawdle, upstreams that fail, quotas that end."""

from __future__ import annotations

import random
import re

import gevent

from endurance.api_traffic import CUT_UPSTREAM, chat, respond
from endurance.clients import Clients, Manner, Member
from endurance.seen import BROKEN, COMPLETE, LEFT, PROMPT, REFUSED

SILENT_S = 3.0
RESPONSE_ID = re.compile(rb'"id":"(resp_[^"]+)"')
LONG = "[[tokens 60]] [[pace 40]] go on"
NO_MORE_QUOTA = f"{REFUSED}:insufficient_quota"
TOO_MANY_AT_ONCE = f"{REFUSED}:rate_limit_exceeded"

# Hidden by the next route: the words hold for the model of the first route alone.
HIDDEN = (
    "[[status 500]]",
    "[[status 503]]",
    "[[status 429]] [[retry-after 1]]",
    "[[reset before]]",
    "[[reset headers]]",
    "[[status 200]] [[body garbage]]",
    "[[status 401]]",
    "[[content-type text/html]]",
    "[[delay 0.5]] [[status 502]]",
)
# Where no route is left: words, and how a stream and a whole answer may end.
_UPSTREAM_ERRORS = [
    f"{REFUSED}:{code}"
    for code in ("upstream_error", "upstream_incomplete", "server_is_overloaded", "rate_limit_exceeded")
]
# An error that comes together with the first output, as it does where the machine is busy, is a status still.
_CUT = [f"{BROKEN}:upstream_incomplete", f"{BROKEN}:upstream_error", *_UPSTREAM_ERRORS]
PLAIN_FAULTS: dict[str, list[str]] = {
    "[[status 500]]": _UPSTREAM_ERRORS,
    "[[status 503]]": _UPSTREAM_ERRORS,
    "[[status 429]] [[retry-after 1]]": _UPSTREAM_ERRORS,
    "[[reset before]]": [*_UPSTREAM_ERRORS, f"{REFUSED}:upstream_unavailable"],
    "[[status 200]] [[body garbage]]": _UPSTREAM_ERRORS,
    "[[status 400]] [[body context]]": [f"{REFUSED}:context_length_exceeded"],
    "[[wait 2]] [[tokens 5]]": [COMPLETE],
    "[[delay 1]] [[tokens 5]]": [COMPLETE],
}
STREAM_FAULTS: dict[str, list[str]] = {
    "[[tokens 9]] [[pace 40]] [[drop 5]]": _CUT,
    "[[tokens 9]] [[pace 40]] [[cut 5]]": _CUT,
    "[[tokens 9]] [[pace 40]] [[reset 5]]": _CUT,
    "[[tokens 9]] [[pace 40]] [[stream-error object@5]]": [*_CUT, f"{BROKEN}:server_is_overloaded", BROKEN],
    "[[tokens 9]] [[pace 40]] [[bad-json 5]]": [*_CUT, COMPLETE],
    "[[tokens 9]] [[write halves]] [[frame crlf]]": [COMPLETE],
    "[[tokens 9]] [[silence 1@4]]": [COMPLETE],
}
FAULTY, DOUBLED = "grim", "doubled"


def fault_hidden(clients: Clients, member: Member) -> None:
    """The first route fails; the client sees nothing of it."""
    text = f"[[only demo-south]] {random.choice(HIDDEN)} [[only *]] [[tokens 4]]"
    chat(clients, member, "fault hidden", text, stream=random.random() < 0.5, model=DOUBLED)


def fault_seen(clients: Clients, member: Member) -> None:
    """The only route fails: a clean error, or a stream that says that it broke off."""
    stream = random.random() < 0.6
    faults = {**PLAIN_FAULTS, **STREAM_FAULTS} if stream else PLAIN_FAULTS
    text, expected = random.choice(list(faults.items()))
    chat(clients, member, "fault seen", text, stream=stream, model=FAULTY, expected=expected)


def leave_before_output(clients: Clients, member: Member) -> None:
    """Hang up while the upstream is silent: the prompt is given back."""
    manner = Manner(leave_after_s=random.uniform(0.01, 1.5))
    more = {"manner": manner, "expected": [LEFT], "no_output_before_s": SILENT_S}
    text = f"[[delay {SILENT_S:g}]] [[tokens 3]]"
    stream = random.random() < 0.5
    if random.random() < 0.3:
        respond(clients, member, "left before output", text, stream=stream, **more)
    else:
        chat(clients, member, "left before output", text, stream=stream, model="smart-route-mini", **more)


def leave_in_the_middle(clients: Clients, member: Member) -> None:
    """Hang up after some words: the prompt counts."""
    manner = Manner(leave_after_events=random.randrange(3, 30))
    expected = [LEFT, COMPLETE, *CUT_UPSTREAM]
    if random.random() < 0.3:
        respond(clients, member, "left in the middle", LONG, stream=True, manner=manner, expected=expected)
    else:
        chat(clients, member, "left in the middle", LONG, stream=True, manner=manner, expected=expected)


def leave_just_before_the_end(clients: Clients, member: Member) -> None:
    """Hang up on the finish reason, before ``[DONE]``."""
    manner = Manner(leave_at=b'"finish_reason":"stop"')
    expected = [LEFT, *CUT_UPSTREAM]
    chat(clients, member, "left at the end", "[[tokens 9]] [[pace 5]]", stream=True, manner=manner, expected=expected)


def leave_at_once(clients: Clients, member: Member) -> None:
    """Send and hang up: whatever the gateway had time for, its books are right."""
    manner = Manner(leave_after_s=random.uniform(0.0, 0.02))
    expected = [LEFT, COMPLETE]
    chat(clients, member, "left at once", "[[tokens 5]]", model="smart-route-mini", manner=manner, expected=expected)


def dawdle(clients: Clients, member: Member, at_most_s: float) -> None:
    """Read a byte a second for a while, then the rest: the gateway waits and nobody else does."""
    manner = Manner(dawdle_s=random.uniform(0.2, 1) * at_most_s)
    text = random.choice(("[[bytes 400000]]", "[[tokens 300]] [[burst]]", "[[tokens 40]] [[pace 100]]"))
    chat(clients, member, "slow reader", text, stream=random.random() < 0.7, model="smart-route-mini", manner=manner)


def spend(clients: Clients, spender: Member) -> None:
    """One prompt of the account whose quota ends."""
    chat(clients, spender, "quota that ends", "[[tokens 2]]", expected=[COMPLETE, NO_MORE_QUOTA])


def spend_the_rest(clients: Clients, spender: Member, at_most: int) -> None:
    """Ask until the quota is used up, so that the books can name its last prompt."""
    for _ in range(at_most + 1):
        answer = chat(clients, spender, "quota that ends", "[[tokens 1]]", expected=[COMPLETE, NO_MORE_QUOTA])
        if not answer.is_complete:
            return


def crowd(clients: Clients, crowded: Member) -> None:
    """More requests at once than the plan allows."""
    expected = [COMPLETE, TOO_MANY_AT_ONCE]
    both = [
        gevent.spawn(
            chat, clients, crowded, "too many at once", "[[delay 0.5]] [[tokens 2]]", kind=PROMPT, expected=expected
        )
        for _ in range(4)
    ]
    gevent.joinall(both)


def cancel(clients: Clients, member: Member) -> None:
    """Cancel a stored stream from another connection while it runs."""
    cancelling: list[gevent.Greenlet] = []

    def watch(piece: bytes) -> None:
        found = RESPONSE_ID.search(piece)
        if found and not cancelling:
            path = f"/v1/responses/{found[1].decode()}/cancel"
            expected = [COMPLETE, f"{REFUSED}:invalid_value", f"{REFUSED}:response_not_found"]
            cancelling.append(
                gevent.spawn_later(
                    random.uniform(0.1, 1), clients.ask, "cancel", "POST", path, member=member, expected=expected
                )
            )

    ends = [f"{BROKEN}:cancelled", *CUT_UPSTREAM, COMPLETE]
    respond(clients, member, "cancelled response", LONG, stream=True, manner=Manner(watch=watch), expected=ends)
    gevent.joinall(cancelling)
