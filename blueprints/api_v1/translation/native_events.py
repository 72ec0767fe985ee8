"""The events of a Responses stream: which of them are texts in pieces, which are passed on, and with what."""

from __future__ import annotations

from msgspec import Struct


class TextKind(Struct, frozen=True):
    """A text that comes in pieces: ``<event>.delta`` and ``<event>.done``.

    ``field`` is the key of the whole text, in the done event and in the part or item that holds it.
    ``part`` is the type of that part, None where the text stands in the item itself. ``place`` is the item's
    list of parts, ``index`` the name of a part's number in events.
    """

    event: str
    field: str
    part: str | None = None
    place: str = ""
    index: str = ""

    @property
    def item_kind(self) -> str:
        """The kind of item that such a part stands in."""
        return "message" if self.part in ("output_text", "refusal") else "reasoning"

    @property
    def part_event(self) -> str:
        """The name of the events that open and close the part, without their ending."""
        return "response.content_part" if self.place == "content" else "response.reasoning_summary_part"


OUTPUT_TEXT = TextKind("response.output_text", "text", "output_text", "content", "content_index")
REFUSAL = TextKind("response.refusal", "refusal", "refusal", "content", "content_index")
REASONING = TextKind("response.reasoning_text", "text", "reasoning_text", "content", "content_index")
SUMMARY = TextKind("response.reasoning_summary_text", "text", "summary_text", "summary", "summary_index")
ARGUMENTS = TextKind("response.function_call_arguments", "arguments")
CUSTOM_INPUT = TextKind("response.custom_tool_call_input", "input")

PART_KINDS = {kind.part: kind for kind in (OUTPUT_TEXT, REFUSAL, REASONING, SUMMARY)}
CALL_KINDS = {"function_call": ARGUMENTS, "custom_tool_call": CUSTOM_INPUT}
# Open Responses names reasoning text differently; OpenAI's name is given out.
_TEXTS = {kind.event: kind for kind in (*PART_KINDS.values(), *CALL_KINDS.values())}
_TEXTS["response.reasoning"] = REASONING

DELTAS = {f"{event}.delta": kind for event, kind in _TEXTS.items()}
DONES = {f"{event}.done": kind for event, kind in _TEXTS.items()}
PART_ADDED = ("response.content_part.added", "response.reasoning_summary_part.added")
PART_DONE = ("response.content_part.done", "response.reasoning_summary_part.done")

TERMINAL = {"response.completed": "completed", "response.incomplete": "incomplete"}

# Events of tools that run behind the upstream: name -> keys beside those that every event of an item has.
_STATES = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "image_generation_call": ("in_progress", "generating", "completed"),
    "mcp_call": ("in_progress", "completed", "failed"),
    "mcp_list_tools": ("in_progress", "completed", "failed"),
    "compaction": ("compacting",),
}
HOSTED: dict[str, tuple[str, ...]] = {
    f"response.{tool}.{state}": () for tool, states in _STATES.items() for state in states
} | {
    "response.code_interpreter_call_code.delta": ("delta",),
    "response.code_interpreter_call_code.done": ("code",),
    "response.mcp_call_arguments.delta": ("delta",),
    "response.mcp_call_arguments.done": ("arguments",),
    "response.image_generation_call.partial_image": (
        "partial_image_index",
        "partial_image_b64",
        "background",
        "output_format",
        "quality",
        "size",
    ),
    "response.shell_call_command.added": ("command_index", "command"),
    "response.shell_call_command.delta": ("command_index", "delta"),
    "response.shell_call_command.done": ("command_index", "command"),
    "response.shell_call_output_content.delta": ("command_index", "delta"),
    "response.shell_call_output_content.done": ("command_index", "output"),
}
# These belong to the response as a whole.
AUDIO: dict[str, tuple[str, ...]] = {
    "response.audio.delta": ("delta",),
    "response.audio.done": (),
    "response.audio.transcript.delta": ("delta",),
    "response.audio.transcript.done": (),
}
