"""The translations of Responses streams, able to end as cancelled, and telling when they failed.

The terminal event of a cancelled response is ``response.incomplete``: none of the events that clients know is
named after it. The object inside says ``cancelled``, as the stored one does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import sse
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

    def stop(self) -> bytes:
        """Return the events that end a stream which is cancelled; nothing if it has ended already."""
        if self._final is not None:
            return b""
        final = self.final_object()
        out = self._begin() + self._writer.event("response.incomplete", response=final) + sse.DONE
        self._final = final
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

    def stop(self) -> bytes:
        """Return the events that end a stream which is cancelled; nothing if it has ended already."""
        if self._has_ended:
            return b""
        final = self.final_object()
        kind = "incomplete" if final["status"] == "cancelled" else final["status"]
        out = self._writer.beginning() + self._writer.event(f"response.{kind}", {"response": final}) + sse.DONE
        self._final, self._has_ended = final, True
        return out
