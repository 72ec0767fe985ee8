"""The model catalogue that Codex CLI asks for with ``GET models?client_version=…``.

One entry that does not parse voids the whole catalogue for it, so every key that any of its versions
requires is always there. Aliases above the caller's plan are hidden: asking for one would be served by the
plan's own.
"""

from __future__ import annotations

from typing import Any

from catalog.model import Catalog, Plan, Profile

# Efforts that every version of Codex knows; "max" and the like are not among them.
_EFFORTS = {
    "none": "No reasoning",
    "minimal": "Barely any reasoning",
    "low": "Quick, light reasoning",
    "medium": "Balanced reasoning",
    "high": "Thorough reasoning",
    "xhigh": "The deepest reasoning",
}
_ORDER = [*_EFFORTS, "max"]
_TOOL_OUTPUT_BYTES = 10_000
_COMPACT_AT = 0.8  # of the context window
_GUIDANCE = (
    "You are a coding agent in the user's terminal, working in the user's own project folder. Use the tools that "
    "you are given to look before you change anything, change files with the patch tool where there is one, run "
    "what you wrote, and go on until the task is done. Keep to what was asked and to the style of the project. "
    "Be brief: say what you did and what remains."
)


def codex_catalogue(catalog: Catalog, plan: Plan) -> list[dict[str, Any]]:
    """Return one entry for each alias, in the catalog's order, the plan's own first in priority."""
    allowed = catalog.aliases_for(plan)
    return [_entry(profile, is_allowed=profile in allowed) for profile in catalog.profiles]


def _entry(profile: Profile, *, is_allowed: bool) -> dict[str, Any]:
    window = profile.effective_context_length
    efforts = _efforts(profile)
    return {
        "slug": profile.alias,
        "display_name": profile.name,
        "description": profile.description,
        "supported_reasoning_levels": [{"effort": effort, "description": _EFFORTS[effort]} for effort in efforts],
        "default_reasoning_level": efforts[-1] if efforts else None,
        "shell_type": "unified_exec",
        "visibility": "list" if is_allowed else "hide",
        "supported_in_api": True,
        "priority": 1000 - profile.strength,  # lower numbers come first: the strongest is offered first
        "support_verbosity": False,
        "default_verbosity": None,
        "truncation_policy": {"mode": "bytes", "limit": _TOOL_OUTPUT_BYTES},
        "experimental_supported_tools": [],
        "base_instructions": _GUIDANCE,
        "context_window": window,
        "max_context_window": window,
        "auto_compact_token_limit": None if window is None else int(window * _COMPACT_AT),
        "apply_patch_tool_type": "freeform" if profile.tools else None,
        "input_modalities": [kind for kind in profile.input_modalities if kind in ("text", "image")],
        "supports_reasoning_summaries": True,
        "supports_parallel_tool_calls": profile.tools,
        "availability_nux": None,
        "upgrade": None,
    }


def _efforts(profile: Profile) -> list[str]:
    """Return the efforts that make sense: none above the profile's own."""
    if profile.reasoning_effort is None:
        return []
    ceiling = _ORDER.index(profile.reasoning_effort)
    return [effort for effort in _EFFORTS if _ORDER.index(effort) <= ceiling]
