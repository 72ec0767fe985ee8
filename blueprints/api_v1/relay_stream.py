"""A streamed answer: passed on as it comes, its row marked before the first output and closed before the last bytes.

Until the first output another route may be tried, and an error is a proper HTTP status; the header waits
for it, at most ``KEEP_ALIVE_S``. Afterwards nothing is retried: an error travels inside the stream.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Generator, Iterator

import gevent

from catalog.model import Route
from models import usage_log
from models.lease import WORKER_LOST
from models.reservation import Outcome

from . import sse
from .admission import Ticket
from .attempts import Attempts
from .calls import Call
from .client_watch import ClientGone, ClientWatch
from .errors import GatewayError, UpstreamError, UpstreamIncomplete, UpstreamTimeout
from .exchange import keep
from .opening import Opening
from .outcomes import estimated_tokens, outcome_of
from .translation.chat_answer import Tokens
from .translation.stream_translator import StreamTranslator
from .translation.upstream_errors import shape_of
from .upstream import UpstreamAnswer, Upstreams
from .upstream_body import BodyCut, Silence

log = logging.getLogger("smartroute.relay")

KEEP_ALIVE_S = 15.0


class StreamedAnswer:
    """The client's bytes of one stream. The server calls ``close`` however the stream ends (PEP 3333)."""

    def __init__(
        self,
        call: Call,
        attempts: Attempts,
        ticket: Ticket,
        upstreams: Upstreams,
        watch: ClientWatch,
        on_end: Callable[[Outcome], object],
    ) -> None:
        """Take over the ticket; ``on_end`` is told what the row was closed with."""
        self._call = call
        self._ticket = ticket
        self._upstreams = upstreams
        self._watch = watch
        self._on_end = on_end
        self._attempts = attempts
        self._exchange = attempts.exchange
        self._first_output_at: float | None = None
        self._last_sent = call.started
        self._opening: Opening | None = None  # until the header of the answer has come
        self._answer: UpstreamAnswer | None = None
        self._pieces = self._produce()
        self._first = b""
        self._ended = False

    def begin(self) -> None:
        """Work until the first output, or until it is time for the first keep-alive; then the header may leave.

        Raises:
            GatewayError: no route gave output; nothing is counted.
            ClientGone: the client left; nothing is counted.
        """
        try:
            self._first = next(self._pieces)
        except BaseException as error:
            self._close_row(error)
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        """Yield whole events, each piece to be written at once."""
        try:
            yield self._first
            yield from self._pieces
        except GatewayError as error:
            self._close_row(error)
            yield self._translator.fail(error)
        except ClientGone as error:
            self._close_row(error)
        except gevent.GreenletExit as error:
            self._close_row(error)
            yield self._translator.fail(UpstreamIncomplete())
        except Exception as error:
            log.exception("%s: fault in the relay", self._call.request_id)
            self._close_row(error)
            yield self._translator.fail(GatewayError())

    def close(self) -> None:
        """End the upstream's request if it still runs, and close the row if nobody has."""
        if self._ended:
            return
        self._ended = True
        ends = sys.exception()  # in the middle of a write to a client that is slow to read
        why = ends if isinstance(ends, gevent.GreenletExit) else ClientGone()
        with contextlib.ExitStack() as last:  # each of them, whatever becomes of the others
            last.callback(self._close_row, why)
            last.callback(self._watch.stop)
            last.callback(self._drop_upstream)
            self._pieces.close()

    def _produce(self) -> Generator[bytes, None, None]:
        part = 0
        while True:
            if not self._ticket.is_marked:
                self._first_output_at = None
            attempt = self._next_attempt(part)
            try:
                self._translator.restart()
                yield from attempt
                self._attempts.completed()
                part += 1
                if part == self._exchange.parts:
                    return
                self._attempts.begin_part(part, self._exchange)
            except GatewayError as error:
                if self._ticket.is_marked:
                    self._attempts.broke(error)
                    log.warning("%s: cut after output: %s: %s", self._call.request_id, error.code, error.detail)
                    raise
                self._attempts.failed(error)
            finally:
                self._drop_upstream()

    def _next_attempt(self, part: int) -> Generator[bytes, None, None]:
        route, self._exchange, payload = self._attempts.next()
        return self._attempt(route, payload, is_last=part == self._exchange.parts - 1)

    def _attempt(self, route: Route, payload: bytes, *, is_last: bool) -> Generator[bytes, None, None]:
        patience_s = self._attempts.patience_s(route.upstream.first_byte_timeout)
        deadline = time.monotonic() + patience_s
        answer = yield from self._opened(route, payload, patience_s, deadline)
        del payload  # it may be large, and streams are long
        if answer.content_type != "text/event-stream":
            raise self._no_stream(answer)

        idle_s, answer_s = route.upstream.idle_timeout, route.upstream.answer_timeout
        body, translator, ticket, watch = answer.body, self._translator, self._ticket, self._watch
        splitter = sse.EventSplitter()
        has_begun = False
        last_said = time.monotonic()
        while True:
            try:
                with watch:
                    piece = body.read(self._patience(deadline))
            except Silence:
                if not self._is_all_said(deadline, time.monotonic()):
                    yield self._keep_alive(deadline)
                    continue
                piece = b""
            except BodyCut as error:
                if not self._exchange.part_has_finished:
                    raise UpstreamIncomplete(detail=f"stream cut: {error}") from error
                piece = b""
            now = time.monotonic()
            said_before = translator.output_bytes
            events, out = self._translated(splitter, piece)
            says_something = bool(out) or translator.output_bytes > said_before
            if not has_begun and says_something and translator.has_output:
                has_begun = True
                self._first_output_at = self._first_output_at or time.monotonic()
                self._attempts.succeeded()
            if translator.is_done or not piece or self._is_all_said(deadline, now):
                if is_last:
                    yield from self._ending(out)
                else:
                    out += self._exchange.end_part()
                    ticket.mark()
                    self._last_sent = time.monotonic()
                    yield out
                body.take_end()
                return
            if events and translator.has_output:
                if says_something:
                    last_said = now
                # Events that say nothing are a sign of life, such as of a model that thinks unseen, but not for ever.
                deadline = min(now + idle_s, last_said + max(idle_s, answer_s))
                if not ticket.is_marked:
                    ticket.mark()
                    if is_last and not self._exchange.needs_request:
                        self._call.forget_body()
                    now = time.monotonic()
            if out:
                self._last_sent = now
                yield out
            elif now >= min(deadline, self._last_sent + KEEP_ALIVE_S):
                yield self._keep_alive(deadline)  # bytes came, but nothing for the client

    def _opened(
        self, route: Route, payload: bytes, patience_s: float, deadline: float
    ) -> Generator[bytes, None, UpstreamAnswer]:
        """Send the request; return the answer once its header has come, with keep-alives until then."""
        path, upstreams = self._exchange.path, self._upstreams
        self._opening = Opening(lambda: upstreams.send(route, path, payload, wait_s=patience_s))
        while True:
            with self._watch:
                answer = self._opening.wait(self._patience(deadline))
            if answer is not None:
                self._answer, self._opening = answer, None
                return answer
            yield self._keep_alive(deadline)

    def _is_all_said(self, deadline: float, now: float) -> bool:
        """Tell whether only the formal end is missing, and that for long enough."""
        return now >= deadline and self._exchange.part_has_finished

    def _patience(self, deadline: float) -> float:
        """Return how long to wait for the upstream before something has to be done."""
        return max(0.001, min(deadline, self._last_sent + KEEP_ALIVE_S) - time.monotonic())

    def _keep_alive(self, deadline: float) -> bytes:
        now = time.monotonic()
        if now >= deadline:
            raise UpstreamTimeout(detail="silent for too long")
        self._last_sent = now
        piece = self._translator.keep_alive()
        if not piece.startswith(b":"):  # a comment is the beginning of nothing
            self._attempts.stay_with(self._exchange)
        return piece

    def _translated(self, splitter: sse.EventSplitter, piece: bytes) -> tuple[list[bytes], bytes]:
        """Return the events that a piece completes (``b""``: the end), and what they are for the client."""
        try:
            events = splitter.feed(piece) if piece else splitter.finish()
            return events, self._translator.feed(events)
        except sse.EventTooLong as error:
            raise UpstreamError(detail="an event without an end") from error
        except GatewayError:
            raise
        except Exception as error:  # an upstream's nonsense that nobody thought of
            log.exception("%s: events that could not be translated", self._call.request_id)
            raise UpstreamError(detail=f"events that could not be translated: {error!r}") from error

    def _ending(self, out: bytes) -> Iterator[bytes]:
        """Settle, then yield the bytes that end the stream: SDKs hang up as soon as they have them.

        A stream that came at once is settled without having been marked: nothing of it has left.
        """
        translator = self._translator
        counts = translator.tokens()
        if counts is None:
            counts = estimated_tokens(self._call, translator.output_bytes)
            translator.set_estimate(counts)
        try:
            last = translator.finish()
        except GatewayError:
            if self._ticket.is_marked and out:
                yield out  # what came is the client's, also where the end is missing
            raise
        self._attempts.completed()
        outcome = self._outcome(usage_log.COMPLETED, None, counts)
        if self._ticket.is_marked:
            self._ticket.settle(outcome)
        else:
            self._ticket.settle_before_output(outcome)
        keep(self._exchange)
        self._on_end(outcome)
        yield out + last

    def _no_stream(self, answer: UpstreamAnswer) -> GatewayError:
        limit_s = self._attempts.patience_s(5)
        with gevent.Timeout(limit_s, UpstreamTimeout(detail="an answer that is no stream")), self._watch:
            told = answer.json()
        return UpstreamError(detail=f"no event stream but {answer.content_type}: {shape_of(told)}")

    def _close_row(self, why: BaseException) -> None:
        """Close the row of a stream that did not end by itself; changes nothing once it is closed."""
        if self._ticket.is_closed:
            return
        self._attempts.leave()
        counts = None
        if self._ticket.is_marked:
            counts = self._translator.tokens() or estimated_tokens(self._call, self._translator.output_bytes)
        code = _code_of(why)
        if code is not None:
            status = usage_log.INTERRUPTED if self._ticket.is_marked else usage_log.FAILED
            outcome = self._outcome(status, code, counts)
        elif self._ticket.is_marked and self._translator.has_finished:
            # The client had all it came for and did not wait for the formal end.
            outcome = self._outcome(usage_log.COMPLETED, None, counts)
        else:
            outcome = self._outcome(usage_log.CANCELLED, "client_gone", counts)
        self._ticket.give_back(outcome)
        if self._ticket.is_marked:
            keep(self._exchange)
        self._on_end(outcome)

    @property
    def _translator(self) -> StreamTranslator:
        return self._exchange.translator

    def _outcome(self, status: str, error_code: str | None, counts: Tokens | None) -> Outcome:
        return outcome_of(
            self._call,
            self._attempts,
            status,
            tokens=counts,
            error_code=error_code,
            first_output_at=self._first_output_at,
        )

    def _drop_upstream(self) -> None:
        if self._opening is not None:
            self._opening.abandon()
            self._opening = None
        if self._answer is not None:
            self._answer.close()
            self._answer = None


def _code_of(why: BaseException) -> str | None:
    """Return the code of what broke a request off; None: its client left."""
    if isinstance(why, GatewayError):
        return why.code
    if isinstance(why, gevent.GreenletExit):
        return WORKER_LOST  # told to stop, the worker cuts what still runs when ``drain_seconds`` are over
    return GatewayError.code if isinstance(why, Exception) else None
