"""What one upstream takes of what a Responses request can hold."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Reasoning(Struct, frozen=True):
    """Which old reasoning goes back to the model, and under which name.

    ``tool_turns``: with assistant messages that have calls. ``always``: with all of them, empty if need be.
    """

    when: Literal["never", "tool_turns", "always"] = "never"
    field: Literal["reasoning_content", "reasoning", "reasoning_details"] = "reasoning_content"


class Capabilities(Struct, frozen=True):
    """The compatibility switches of one route; what stands here suits the most servers."""

    images: Literal["yes", "refuse", "omit"] = "yes"
    """``omit``: a text says that an image was left out, instead of a 400."""
    tool_images: bool = False
    """Tool messages may hold images; otherwise they follow in a user message."""
    files: bool = False
    """``file`` parts are known; text files are always sent as text."""
    audio: bool = False
    several_system: bool = False
    """More than one system message may stand at the start."""
    late_system: bool = False
    """System messages may stand in the middle; otherwise they become the user's."""
    strict_tools: bool = False
    forced_choice: bool = True
    """``tool_choice`` may be ``required`` or name a function; otherwise it becomes ``auto``."""
    object_arguments: bool = False
    """Old call arguments are parsed, so they must be a JSON object."""
    call_ids: Literal["own", "nine", "kimi"] = "own"
    """``nine``: exactly nine letters and digits. ``kimi``: ``functions.<name>:<n>``."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    reasoning: Reasoning = Reasoning()
    upstream: str = ""
    """Its name: reasoning that was sealed for another one is none of its business."""
