"""The translations of Responses streams, telling when they failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import GatewayError
from .translation.native_responses import NativeResponses
from .translation.responses_over_chat import ResponsesOverChat

OnFailure = Callable[[dict[str, Any]], object]


class StoppableOverChat(ResponsesOverChat):
    """Over an upstream that knows Chat Completions alone."""

    def __init__(self, *, on_failure: OnFailure, **known: Any) -> None:
        """``on_failure`` is given the failed response object before the events that tell of it leave."""
        super().__init__(**known)
        self._on_failure = on_failure

    def fail(self, error: GatewayError) -> bytes:
        """Return the events that end a stream with an error; nothing if it has ended already."""
        out = super().fail(error)
        if out:
            self._on_failure(self.final_object())
        return out


class StoppableNative(NativeResponses):
    """Over an upstream that knows Responses."""

    def __init__(self, *, on_failure: OnFailure, **known: Any) -> None:
        """``on_failure`` is given the failed response object before the events that tell of it leave."""
        super().__init__(**known)
        self._on_failure = on_failure

    def fail(self, error: GatewayError) -> bytes:
        """Return the events that end a stream with an error; nothing if it has ended already."""
        out = super().fail(error)
        if out:
            self._on_failure(self.final_object())
        return out
