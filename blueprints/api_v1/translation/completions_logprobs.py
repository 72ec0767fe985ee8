"""Token probabilities of chat in the four arrays of classic completions. Pure."""

from __future__ import annotations

from typing import Any

from .chat_answer import listed


class LogprobArrays:
    """Turns the probabilities of one choice, piece by piece, into arrays whose offsets run on."""

    def __init__(self, offset: int) -> None:
        """``offset`` is where the first token stands in the choice's text, in characters."""
        self._offset = offset

    def convert(self, told: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the arrays for the next tokens; None when there are none."""
        entries = [one for one in listed((told or {}).get("content")) if isinstance(one, dict)]
        if not entries:
            return None
        arrays: dict[str, Any] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        for entry in entries:
            token = str(entry.get("token", ""))
            arrays["tokens"].append(token)
            arrays["token_logprobs"].append(entry.get("logprob"))
            arrays["top_logprobs"].append(
                {
                    str(other.get("token", "")): other.get("logprob")
                    for other in listed(entry.get("top_logprobs"))
                    if isinstance(other, dict)
                }
            )
            arrays["text_offset"].append(self._offset)
            self._offset += len(token)
        return arrays
