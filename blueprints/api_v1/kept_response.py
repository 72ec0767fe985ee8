"""The response of one call as it is kept: from the beginning of its stream, and once more as it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import gevent

from .calls import Call
from .client_watch import ClientWatch
from .exchange_items import own_items
from .relay_stream import StreamedAnswer
from .response_store import ResponseStore
from .running_responses import RunningResponses
from .translation.responses_object import response_base


class Stoppable(Protocol):
    """An exchange whose answer can be ended before the upstream ends it."""

    def stop(self) -> tuple[bytes, dict[str, Any]]:
        """Return the stream's last bytes, and the response object with the status ``cancelled``."""


class KeptResponse:
    """Stores the response of one call, if the client wants that; whatever happens to it, it ends once."""

    def __init__(self, call: Call, store: ResponseStore | None, running: RunningResponses) -> None:
        """``store`` is None where nothing is to be kept; then nothing is written, and nobody can stop it."""
        self._call = call
        self._store = store
        self._running = running
        self._storing: gevent.Greenlet[..., None] | None = None
        self._is_stored = False
        self._has_ended = False
        self.exchange: Stoppable | None = None
        """The exchange that was used last."""
        self.stop_asked = False

    def stream(self, stream: StreamedAnswer, watch: ClientWatch) -> StreamedAnswer | KeptStream:
        """Begin a stream (``StreamedAnswer.begin``) and return its bytes. It is stored before the first one leaves.

        Raises:
            GatewayError: no route gave output; nothing stays stored.
            ClientGone: the client left before that.
        """
        if self._store is None:
            stream.begin()
            return stream
        # The database writes while the upstream thinks.
        self._storing = storing = gevent.spawn(self._begin, self._store)
        try:
            stream.begin()
        except BaseException:
            storing.join()
            if self._is_stored:
                self._store.forget_begun(self._call.answer_id)
            raise
        storing.join()
        if self._is_stored:
            self._running.add(self._call.answer_id, lambda: self._ask_stop(watch))
        return KeptStream(stream, self)

    def end(self, response: dict[str, Any]) -> None:
        """Store how the response ended; only the first time counts."""
        if self._store is None or self._has_ended:
            return
        self._has_ended = True
        if self._storing is not None:
            self._storing.join()  # a short answer may end before its beginning is written
        if self._is_stored:
            self._store.end(response)
        else:
            self._store.keep(response, own_items(self._call.body.get("input")))

    def stop(self) -> bytes:
        """End the response as cancelled, unless it has ended; return its last bytes."""
        if self._has_ended or self.exchange is None:
            return b""
        out, response = self.exchange.stop()
        self.end(response)
        return out

    def leave(self) -> None:
        """The stream is over: nobody can stop it any more. One that was cut is kept as cancelled."""
        self._running.remove(self._call.answer_id)
        self.stop()

    def _begin(self, store: ResponseStore) -> None:
        call = self._call
        begun = response_base(call.body, response_id=call.answer_id, created_at=call.created, alias=call.profile.alias)
        self._is_stored = store.begin(begun, own_items(call.body.get("input")), self._running.owner_id)

    def _ask_stop(self, watch: ClientWatch) -> None:
        self.stop_asked = True
        watch.give_up()


class KeptStream:
    """The client's bytes of a stored stream. The server calls ``close`` however the stream ends (PEP 3333)."""

    def __init__(self, stream: StreamedAnswer, kept: KeptResponse) -> None:
        """Take over a stream that has begun."""
        self._stream = stream
        self._kept = kept

    def __iter__(self) -> Iterator[bytes]:
        """Yield the stream's pieces; after a cancellation by request the event that says so."""
        yield from self._stream
        if self._kept.stop_asked and (last := self._kept.stop()):
            yield last

    def close(self) -> None:
        """End the stream, and the response that it carries."""
        try:
            self._stream.close()
        finally:
            self._kept.leave()
