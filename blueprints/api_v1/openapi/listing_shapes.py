"""The shapes of the model list, of the quota, and of errors."""

from __future__ import annotations

from collections.abc import Iterable

from .shapes import Shape, const, flag, one_of, or_null, record, ref, several, text, whole, with_about

_LENGTH = "In tokens; null where the operator has not said."

LISTING_SHAPES: dict[str, Shape] = {
    "ModelList": record(
        "Every alias, weakest first.",
        may_miss=("models",),
        object=const("list"),
        data=several(ref("Model")),
        models=several(
            {"type": "object"}, "There where `client_version` is sent: the same aliases as Codex CLI reads them."
        ),
    ),
    "Model": record(
        "One alias.",
        id=text("What to send as `model`."),
        object=const("model"),
        created=whole("The same for all."),
        owned_by=text("This service."),
        name=text("For people."),
        display_name=text("For people."),
        description=text("What it is best for."),
        context_length=or_null(whole(_LENGTH)),
        max_output_tokens=or_null(whole(_LENGTH)),
        architecture=record(
            "What goes in and what comes out.",
            modality=text(),
            input_modalities=several(one_of("text", "image", "audio", "file")),
            output_modalities=several(text()),
        ),
        top_provider=record(
            "The same lengths once more, where some clients look for them.",
            context_length=or_null(whole()),
            max_completion_tokens=or_null(whole()),
            is_moderated=flag(),
        ),
        supported_parameters=several(text(), "Fields of a chat request that it takes."),
        supports_tools=flag(),
        supports_streaming=flag(),
        endpoints=several(text(), "The endpoints that take it."),
        plan=or_null(text("The smallest plan that has it.")),
        speed=or_null(one_of("standard", "fast")),
        available=flag("Whether your plan may use it."),
    ),
    "Usage": record(
        "What is left of your quota.",
        object=const("usage"),
        plan=text("The plan's short name."),
        plan_name=text("The plan's name."),
        model=text("The plan's own alias."),
        timezone=text("In which day and month begin and end."),
        day=with_about(ref("UsageWindow"), "From 00:00 to 24:00."),
        month=with_about(ref("UsageWindow"), "From its first day."),
    ),
    "UsageWindow": record(
        "A day or a month.",
        limit=or_null(whole("Prompts; null is unlimited.")),
        used=whole("Prompts counted."),
        left=or_null(whole("Prompts left; null is unlimited.")),
        resets_at=whole("The end of the window, in Unix seconds."),
        resets_at_iso=text("The same moment on the service's clock.", format="date-time"),
    ),
    "Error": record(
        "",
        error=record(
            "The same four keys in every error.",
            may_miss=("resets_at",),
            message=text("For people; may change."),
            type=text("The family of the error."),
            param=or_null(text("The path of the field, such as `messages[0].content`.")),
            code=or_null(text("Stable; programs go by it.")),
            resets_at=whole("When a used-up quota starts anew, in Unix seconds."),
        ),
    ),
}


def error_shape(types: Iterable[str], codes: Iterable[str]) -> Shape:
    """Return the shape of the errors with one status at one endpoint."""
    codes = list(codes)
    more = {"resets_at": whole("In Unix seconds.")} if "insufficient_quota" in codes else {}
    inner = record(
        "",
        may_miss=tuple(more),
        message=text(),
        type=one_of(*types),
        param=or_null(text()),
        code=one_of(*codes),
        **more,
    )
    return record("", error=inner)
