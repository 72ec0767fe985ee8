"""Which routes are tried for a call, in which order, and what is sent to them; without a network."""

from __future__ import annotations

import gc
import time
import weakref
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest

from blueprints.api_v1.attempts import Attempts
from blueprints.api_v1.calls import Call
from blueprints.api_v1.errors import (
    ContentRefused,
    ContextTooLong,
    GatewayError,
    InvalidRequest,
    UpstreamBusy,
    UpstreamError,
    UpstreamRefused,
)
from catalog.model import Dialect, Profile, Route, Upstream
from routing.features import Features
from routing.health import Health
from routing.router import Router
from tests.routing.clock import Clock


def route(
    name: str, *, order: int = 0, context_length: int | None = None, weight: int = 1, dialect: Dialect = "chat"
) -> Route:
    return Route(
        upstream=Upstream(name, "http://127.0.0.1:9/v1", None, dialect, 1, 1, 1, 1),
        model=name,
        order=order,
        weight=weight,
        context_length=context_length,
        input=("text",),
        tools=True,
        structured_output=True,
        price=None,
        reasoning_efforts=("low", "high"),
    )


def features(**others: Any) -> Features:
    """Of the plainest request, but for what is given."""
    plain: dict[str, Any] = {
        "endpoint": "chat/completions",
        "stream": False,
        "speed": "standard",
        "prompt_tokens": 1,
        "modalities": frozenset(),
        "tools": False,
        "structured_output": False,
        "conversation": None,
        "is_first_turn": True,
        "is_named": False,
    }
    return Features(**plain | others)


@dataclass
class Exchange:
    """Sends what tells the effort; cannot be said to the routes named in ``unable``."""

    unable: set[str] = field(default_factory=set)
    asked_effort: object = "high"
    parts: int = 1

    def for_route(self, _route: Route) -> Exchange:
        return self

    def request(self, to: Route, effort: str | None, part: int) -> dict[str, Any]:
        if to.model in self.unable:
            raise InvalidRequest(f"{to.model} takes no images", param="messages")
        return {"model": to.model, "effort": effort, "part": part}


class Tried:
    """The attempts of one call, and what they sent."""

    def __init__(self, *routes: Route, unable: set[str] | None = None, router: Router | None = None) -> None:
        self.router = router or Router()
        profile = Profile("a", "A", "", "high", None, None, routes, 0)
        self.routes = routes
        self.call = Call(
            request_id="req_1",
            endpoint="chat/completions",
            body={"messages": []},
            profile=profile,
            features=features(),
            alias_asked=None,
            stream=False,
            include_usage=False,
            started=time.monotonic(),
            deadline_s=60,
            created=0,
            answer_id="chatcmpl-1",
        )
        self.exchange = Exchange(unable or set())
        self.attempts = Attempts(self.call, cast(Any, self.exchange), self.router)

    @property
    def known(self) -> set[str]:
        """The models that are known to take no effort."""
        return {one.model for one in self.routes if self.router.health.of(one).takes_no_effort}

    def send(self) -> tuple[str, str | None]:
        """The model and the effort of the next attempt."""
        body = orjson.loads(self.attempts.next()[2])
        return body["model"], body["effort"]

    def verdict(self, error: GatewayError) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            self.attempts.failed(error)
        return caught.value


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRefused(detail="HTTP 400: your thinking about the effort of reasoning is no JSON"),
        UpstreamRefused(param="temperature", detail="HTTP 400: temperature is fixed with reasoning_effort"),
        ContextTooLong(None, "messages", detail="HTTP 400: too long, also with reasoning_effort"),
        ContentRefused(detail="HTTP 400: refused: how to use reasoning_effort"),
    ],
    ids=["words", "another-field", "context", "content"],
)
def test_refusal_of_something_else_leaves_the_effort_alone(error: UpstreamRefused) -> None:
    tried = Tried(route("one"))
    assert tried.send() == ("one", "high")
    tried.verdict(error)
    assert not tried.known


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRefused(param="reasoning_effort", detail="HTTP 400: not here"),
        UpstreamRefused(param="reasoning.effort", detail="HTTP 400: not here"),
        UpstreamRefused(param="reasoning", detail="HTTP 400: not here"),
        UpstreamRefused(detail='HTTP 422: {"loc": ["body", "reasoning_effort"]}'),
        UpstreamRefused(detail="HTTP 400: unknown field reasoning.effort"),
    ],
    ids=["chat", "responses", "object", "loc", "message"],
)
def test_refused_effort_is_left_out_and_that_is_remembered_once_it_helped(error: UpstreamRefused) -> None:
    tried = Tried(route("one"))
    tried.send()
    tried.attempts.failed(error)
    assert tried.send() == ("one", None)
    assert not tried.known
    tried.attempts.succeeded()
    assert tried.known == {"one"}
    assert Tried(*tried.routes, router=tried.router).send() == ("one", None)


def test_effort_that_was_not_the_trouble_is_sent_again_by_the_next_call() -> None:
    tried = Tried(route("one"))
    tried.send()
    tried.attempts.failed(UpstreamRefused(param="reasoning_effort"))
    tried.send()
    tried.verdict(UpstreamRefused(param="reasoning_effort"))
    assert not tried.known


def test_success_of_another_route_says_nothing_of_the_one_that_refused_the_effort() -> None:
    tried = Tried(route("one"), route("two", order=1))
    tried.send()
    tried.attempts.failed(UpstreamRefused(param="reasoning_effort"))
    tried.send()
    tried.attempts.failed(UpstreamError())
    assert tried.send() == ("two", "high")
    tried.attempts.succeeded()
    assert not tried.known


def test_route_that_cannot_take_the_call_is_passed_over_and_is_no_attempt() -> None:
    tried = Tried(route("one"), route("two", order=1), unable={"one"})
    assert tried.send()[0] == "two"
    assert (tried.attempts.count, tried.attempts.route.model) == (1, "two")


def test_call_that_no_route_can_take_is_refused_with_what_the_last_one_cannot() -> None:
    tried = Tried(route("one"), route("two", order=1), unable={"one", "two"})
    with pytest.raises(InvalidRequest, match="two takes no images"):
        tried.send()
    assert tried.attempts.count == 0


def test_failure_of_the_only_able_route_stays_the_clients_answer() -> None:
    tried = Tried(route("one"), route("two", order=1), unable={"two"})
    tried.send()
    tried.attempts.failed(UpstreamBusy(7))
    with pytest.raises(UpstreamBusy) as caught:
        tried.send()
    assert caught.value.retry_after == 7


def test_prompt_that_is_too_long_goes_on_to_wider_routes_alone() -> None:
    wider = route("wider", order=3, context_length=9000)
    narrow = [route("same", order=1, context_length=8000), route("narrower", order=2, context_length=4000)]
    tried = Tried(route("one", context_length=8000), *narrow, wider)
    tried.send()
    tried.attempts.failed(ContextTooLong(None, "messages"))
    assert tried.send()[0] == "wider"
    assert "maximum context length is 9000" in tried.verdict(ContextTooLong(None, "messages")).message


def test_prompt_that_is_too_long_goes_on_to_a_route_of_unknown_width() -> None:
    tried = Tried(
        route("one", context_length=8000), route("unknown", order=1), route("small", order=2, context_length=1)
    )
    tried.send()
    tried.attempts.failed(ContextTooLong(None, "messages"))
    assert tried.send()[0] == "unknown"


def test_prompt_that_is_too_long_for_all_is_refused_at_once() -> None:
    tried = Tried(route("one", context_length=8000), route("two", order=1, context_length=8000))
    tried.send()
    assert tried.verdict(ContextTooLong(None, "messages")).code == "context_length_exceeded"


def test_parts_of_one_answer_keep_the_order_that_was_drawn_once() -> None:
    routes = [route(f"r{place}") for place in range(4)]
    for _ in range(10):
        tried = Tried(*routes)
        order = [tried.send()[0]]
        for _ in routes[1:]:
            tried.attempts.failed(UpstreamError())
            order.append(tried.send()[0])
        tried.attempts.begin_part(1, cast(Any, tried.exchange))
        again = [tried.send()[0]]
        for _ in routes[1:]:
            tried.attempts.failed(UpstreamError())
            again.append(tried.send()[0])
        assert again == [order[-1], *order[:-1]]


def broken_down(router: Router, one: Route) -> None:
    for _ in range(5):
        router.health.of(one).failed(object(), stream=False, seconds=0.1)


def test_fault_of_ours_in_translation_gives_a_trial_back() -> None:
    clock = Clock()
    router, only = Router(Health(clock)), route("one")
    broken_down(router, only)
    clock.pass_s(5)
    tried = Tried(only, router=router)
    tried.exchange.request = None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        tried.send()
    assert router.health.of(only).why_left_out() is None


def test_break_after_output_says_nothing_of_a_trial_that_others_make() -> None:
    clock = Clock()
    router, only = Router(Health(clock)), route("one")
    old = Tried(only, router=router)
    old.send()
    old.attempts.succeeded()
    broken_down(router, only)
    clock.pass_s(5)
    old.attempts.broke(UpstreamError())
    assert router.health.of(only).why_left_out() is None


def test_break_after_output_is_a_failure_of_the_route() -> None:
    router, only = Router(), route("one")
    for _ in range(5):
        tried = Tried(only, router=router)
        tried.send()
        tried.attempts.succeeded()
        tried.attempts.broke(UpstreamError())
    assert router.health.of(only).state() == "open"


def test_every_left_out_route_is_thought_of_where_the_first_cannot_take_the_call() -> None:
    router, unable, able = Router(), route("unable"), route("able", order=1)
    for one in (unable, able):
        broken_down(router, one)
    tried = Tried(unable, able, router=router, unable={"unable"})
    assert tried.send()[0] == "able"


def test_wider_route_that_is_left_out_is_tried_for_a_prompt_that_nobody_else_holds() -> None:
    router, wide = Router(), route("wide", order=1, context_length=9000)
    broken_down(router, wide)
    tried = Tried(route("narrow", context_length=1000), wide, router=router)
    assert tried.send()[0] == "narrow"
    tried.attempts.failed(ContextTooLong(None, "messages"))
    assert tried.send()[0] == "wide"


def test_left_out_route_is_not_tried_where_another_one_failed() -> None:
    router, spare = Router(), route("spare", order=1)
    broken_down(router, spare)
    tried = Tried(route("one"), spare, router=router)
    tried.send()
    tried.attempts.failed(UpstreamError())
    with pytest.raises(UpstreamError):
        tried.send()
    assert tried.attempts.count == 1


def test_calls_memory_is_free_as_soon_as_it_has_ended() -> None:
    tried = Tried(route("one"))
    tried.send()
    tried.attempts.completed()
    seen = weakref.ref(tried.attempts)
    gc.disable()  # a body may be large, and looking for what is left over stops everybody
    try:
        del tried
        assert seen() is None
    finally:
        gc.enable()
