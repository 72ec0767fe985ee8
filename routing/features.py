"""What a request needs of a route, and what else a choice among routes may look at."""

from __future__ import annotations

from msgspec import Struct

from catalog.model import Modality, Speed


class Features(Struct, frozen=True):
    """A request as routing sees it: no text of it, only what it needs and which conversation it belongs to."""

    endpoint: str
    stream: bool
    speed: Speed
    """How the account's plan is served."""
    prompt_tokens: int
    """An estimate, made without a tokenizer."""
    modalities: frozenset[Modality]
    tools: bool
    structured_output: bool
    conversation: int | None
    """A 64-bit number that stays the same from turn to turn; None where nothing tells."""
    is_first_turn: bool
    """Nothing has been answered yet, so no upstream's prompt cache knows the conversation."""
    is_named: bool
    """The client names the conversation itself; otherwise its opening does, which others may share."""
