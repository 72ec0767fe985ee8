"""The public aliases as ``GET models`` shows them: no prices, nothing that tells who answers."""

from __future__ import annotations

from typing import Any

from catalog.model import Catalog, Plan, Profile

from .codex_catalogue import codex_catalogue

# When the list came to be; models have no date of their own here, and clients want one that does not move.
CREATED = 1_767_225_600  # 2026-01-01
_PARAMETERS = [
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "stream",
    "temperature",
    "top_p",
]
_TOOL_PARAMETERS = ["parallel_tool_calls", "tool_choice", "tools"]
ENDPOINTS = ["chat/completions", "completions", "responses"]


def model_list(catalog: Catalog, plan: Plan, *, codex: bool = False) -> dict[str, Any]:
    """Return every alias, weakest first; with ``codex``, also the catalogue that Codex CLI looks for."""
    shown = {"object": "list", "data": [model_object(catalog, plan, profile) for profile in catalog.profiles]}
    return {**shown, "models": codex_catalogue(catalog, plan)} if codex else shown


def model_object(catalog: Catalog, plan: Plan, profile: Profile) -> dict[str, Any]:
    """Return one alias with what it can do and whether ``plan`` may use it."""
    tiers = catalog.plans_for_alias(profile.alias)
    tier = tiers[0] if tiers else None
    context_length = profile.effective_context_length
    inputs = list(profile.input_modalities)
    return {
        "id": profile.alias,
        "object": "model",
        "created": CREATED,
        "owned_by": catalog.service.slug,
        "name": profile.name,
        "display_name": profile.name,
        "description": profile.description,
        "context_length": context_length,
        "max_output_tokens": profile.max_output_tokens,
        "architecture": {
            "modality": f"{'+'.join(inputs)}->text",
            "input_modalities": inputs,
            "output_modalities": ["text"],
        },
        "top_provider": {
            "context_length": context_length,
            "max_completion_tokens": profile.max_output_tokens,
            "is_moderated": False,
        },
        "supported_parameters": sorted(_PARAMETERS + (_TOOL_PARAMETERS if profile.tools else [])),
        "supports_tools": profile.tools,
        "supports_streaming": True,
        "endpoints": ENDPOINTS,
        "plan": None if tier is None else tier.slug,
        "speed": None if tier is None else tier.speed,
        "available": profile in catalog.aliases_for(plan),
    }
