"""Waiting for an upstream's header without waiting for it alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import gevent

from .errors import UpstreamError
from .upstream import UpstreamAnswer

_Sending: TypeAlias = "gevent.Greenlet[..., UpstreamAnswer | Exception]"


class Opening:
    """A request to an upstream that waits for its header in a greenlet of its own, so that others can act."""

    def __init__(self, send: Callable[[], UpstreamAnswer]) -> None:
        """Start sending."""
        self._greenlet: _Sending | None = gevent.spawn(_caught, send)
        self._answer: UpstreamAnswer | None = None

    def wait(self, timeout_s: float) -> UpstreamAnswer | None:
        """Return the answer, or None when it has not come yet.

        Raises:
            GatewayError: there is no usable answer.
        """
        if self._greenlet is None:
            return self._answer
        self._greenlet.join(timeout=timeout_s)
        if not self._greenlet.ready():
            return None
        result = self._greenlet.value
        if not isinstance(result, UpstreamAnswer):
            raise result if isinstance(result, Exception) else UpstreamError(detail="the request was given up")
        self._greenlet, self._answer = None, result  # a stream lives long, and holds no greenlet that has ended
        return result

    def abandon(self) -> None:
        """End the request, whatever it is doing."""
        if self._greenlet is None:
            if self._answer is not None:
                self._answer.close()
        elif self._greenlet.ready():
            _close(self._greenlet)
        else:
            self._greenlet.link(_close)
            self._greenlet.kill(block=False)


def _caught(send: Callable[[], UpstreamAnswer]) -> UpstreamAnswer | Exception:
    try:
        return send()
    except Exception as error:  # handed to whoever waits, instead of printed by gevent
        return error


def _close(greenlet: _Sending) -> None:
    if isinstance(greenlet.value, UpstreamAnswer):
        greenlet.value.close()
