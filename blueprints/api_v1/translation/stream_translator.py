"""What the relay expects of every translation of a stream, whichever dialects lie on its two sides."""

from __future__ import annotations

from typing import Protocol

from ..errors import GatewayError
from .chat_answer import Tokens


class StreamTranslator(Protocol):
    """Turns the upstream's events into the client's bytes; one object serves all attempts of one call.

    Nothing is returned before the first output but what ``keep_alive`` has to send: until then another
    upstream may be tried (``restart``), and the client must not see two beginnings.
    """

    has_output: bool
    """The first content, reasoning, refusal or tool call has been returned."""
    is_done: bool
    """The upstream has said that nothing more will come."""
    output_bytes: int
    """Length of all text given out, for an estimate where the upstream tells no token counts."""

    @property
    def has_finished(self) -> bool:
        """The upstream has told how its answer ended, so a missing formal end does no harm."""

    def restart(self) -> None:
        """Forget what a failed attempt said; only called before the first output."""

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events.

        Raises:
            GatewayError: the upstream reports an error or sends what is no event of its dialect. Before the first
                output nothing of the attempt is left, whatever came with the error; after it ``finish`` raises
                the error instead, so that what came before it is not lost.
        """

    def finish(self) -> bytes:
        """Return the stream's last bytes, after the upstream's end.

        Raises:
            UpstreamIncomplete: the upstream just stopped.
            UpstreamError: it ended with neither output nor a finish reason.
            GatewayError: the error that ``feed`` kept.
        """

    def fail(self, error: GatewayError) -> bytes:
        """Return the bytes that end a stream whose header has left with an error."""

    def keep_alive(self) -> bytes:
        """Return what bridges a silence."""

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for an answer whose upstream told none; called before ``finish``."""
