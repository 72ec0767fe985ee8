"""What a client is told when no route of an alias can take its request."""

from __future__ import annotations

from catalog.model import Profile
from routing.router import RoutePlan

from .errors import ContextTooLong, InvalidRequest

_PARAMS = {
    "chat/completions": {"content": "messages", "format": "response_format"},
    "completions": {"content": "prompt", "format": "response_format"},
}
_RESPONSES_PARAMS = {"content": "input", "format": "text.format"}


def not_eligible(profile: Profile, plan: RoutePlan) -> InvalidRequest:
    """Return the error for a plan without routes: what was asked for, and what the alias can take."""
    features = plan.features
    params = _PARAMS.get(features.endpoint, _RESPONSES_PARAMS)
    reasons = {why for _, why in plan.passed_over}
    if "context_length" in reasons:  # those could do it, were it shorter
        widest = max(route.context_length or 0 for route, why in plan.passed_over if why == "context_length")
        detail = f"estimated at {features.prompt_tokens} tokens, the widest route takes {widest}"
        return ContextTooLong(widest, params["content"], detail=detail)
    takes = _takes(profile)
    if "modality" in reasons:
        asked = ", ".join(sorted(features.modalities))
        message = f"{params['content']}: the model '{profile.alias}' does not take this input ({asked}). {takes}"
        return InvalidRequest(message, code="unsupported_value", param=params["content"])
    if "tools" in reasons:
        message = f"tools: the model '{profile.alias}' does not take tools with this request. {takes}"
        return InvalidRequest(message, code="unsupported_value", param="tools")
    message = f"{params['format']}: the model '{profile.alias}' gives no structured output. {takes}"
    return InvalidRequest(message, code="unsupported_value", param=params["format"])


def _takes(profile: Profile) -> str:
    can = [", ".join(profile.input_modalities)]
    can.append("tools" if profile.tools else "no tools")
    can.append("structured output" if profile.structured_output else "no structured output")
    if profile.effective_context_length is not None:
        can.append(f"up to {profile.effective_context_length} tokens")
    return f"It takes: {'; '.join(can)}."
