"""What the check of one route found out."""

from __future__ import annotations

import difflib
from typing import Any

import orjson
from msgspec import Struct, field

from catalog.model import Dialect, Upstream

from .upstream_check_calls import Outcome

# What servers call the context window in their lists of models: OpenRouter, vLLM, Groq, Mistral.
_CONTEXT_KEYS = ("context_length", "max_model_len", "context_window", "max_context_length")


class KnownModels(Struct, frozen=True):
    """An upstream's list of models by id, as far as ``outcome`` is good."""

    outcome: Outcome
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def lacks(self, model: str) -> bool:
        """Tell whether there is a list, and the model not in it."""
        return bool(self.models) and model not in self.models

    def alike(self, model: str) -> list[str]:
        """Return names in the list that may be meant."""
        return difflib.get_close_matches(model, self.models, n=3, cutoff=0.5)

    def context_length(self, model: str) -> int | None:
        """Return the context window that the list tells; None when it tells none."""
        told = self.models.get(model, {})
        found = next((told[key] for key in _CONTEXT_KEYS if isinstance(told.get(key), int)), None)
        return found if found and found > 0 else None


class Findings(Struct):
    """The catalog's word on a route, and what came of each request; None: it was not sent.

    ``structured`` asked for JSON with ``effort``, ``effortless`` for the same without it.
    """

    upstream: Upstream
    model: str
    key_is_set: bool
    models: KnownModels
    configured_tools: bool
    configured_structured_output: bool
    configured_context: int | None
    effort: str | None
    main_dialect: Dialect
    other_dialect: Dialect
    main: Outcome
    other: Outcome | None = None
    tool: Outcome | None = None
    structured: Outcome | None = None
    effortless: Outcome | None = None
    is_below_v1: bool = False
    requests: int = 0

    @property
    def answers(self) -> list[Dialect]:
        """The dialects in which an answer came."""
        both = ((self.main_dialect, self.main), (self.other_dialect, self.other))
        return [dialect for dialect, outcome in both if outcome is not None and outcome.is_good]

    @property
    def streams(self) -> bool | None:
        """Whether a stream gave events; None: nothing came that would tell."""
        if self.main.fault == "no_stream":
            return False
        return True if self.main.is_good else None

    @property
    def takes_tools(self) -> bool | None:
        """Whether a tool was called; None: not found out, also where the answer was too short for a call."""
        if self.tool is None or not self.tool.is_good:
            return False if self.tool is not None and self.tool.is_verdict else None
        choice = self.tool.choice or {}
        if choice.get("message", {}).get("tool_calls"):
            return True
        return None if choice.get("finish_reason") == "length" else False

    @property
    def takes_effort(self) -> bool | None:
        """Whether the effort was accepted; None: none is ever sent, or it was not found out."""
        if self.effort is None or self.structured is None:
            return None
        if self.structured.is_good:
            return True
        if self.effortless is not None and self.effortless.is_good:
            return False
        # Both are refused, so the answer format may be what is; the words tell of the effort if it is, too.
        return False if self.structured.is_verdict and "reasoning" in self.structured.said.lower() else None

    @property
    def takes_structured_output(self) -> bool | None:
        """Whether JSON came when a schema asked for it; None: not found out."""
        asked = self.structured if self.effortless is None else self.effortless
        if asked is None or not asked.is_good:
            return False if asked is not None and asked.is_verdict else None
        choice = asked.choice or {}
        content = choice.get("message", {}).get("content")
        if not content or choice.get("finish_reason") == "length":
            return None
        try:
            return isinstance(orjson.loads(content), dict)
        except orjson.JSONDecodeError:
            return False
