"""Output items of a Responses upstream as the client may see them: allowed keys alone, ids of our own. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

# The kinds of items that are passed on, the prefix of their ids, and their keys beside id, type and status.
# Left out are kinds that hold an upstream's sealed state (compaction, program): the gateway never asks for them.
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "message": ("msg_", ("role", "phase")),
    "reasoning": ("rs_", ()),
    "function_call": ("fc_", ("name", "namespace")),
    "custom_tool_call": ("ctc_", ("name", "namespace")),
    "web_search_call": ("ws_", ("action",)),
    "file_search_call": ("fs_", ("queries", "results")),
    "image_generation_call": (
        "ig_",
        ("action", "result", "revised_prompt", "background", "output_format", "quality", "size"),
    ),
    "code_interpreter_call": ("ci_", ("code", "outputs")),
    "computer_call": ("cu_", ("action", "actions", "pending_safety_checks")),
    "local_shell_call": ("lsh_", ("action",)),
    "shell_call": ("sh_", ("action",)),
    "shell_call_output": ("sho_", ("output", "max_output_length")),
    "apply_patch_call": ("apc_", ("operation",)),
    "apply_patch_call_output": ("apco_", ("output",)),
    "tool_search_call": ("tsc_", ("arguments", "execution")),
    "tool_search_output": ("tso_", ("execution", "tools")),
    "mcp_call": ("mcp_", ("server_label", "name", "arguments", "output", "error", "approval_request_id")),
    "mcp_list_tools": ("mcpl_", ("server_label", "tools", "error")),
    "mcp_approval_request": ("mcpr_", ("server_label", "name", "arguments")),
}
# Kinds that the client itself carries out: each gets a call id that the gateway can know again.
_CALLS = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "tool_search_call",
    }
)
_CALL_OUTPUTS = frozenset({"shell_call_output", "apply_patch_call_output", "tool_search_output"})
_WITHOUT_STATUS = frozenset({"mcp_list_tools", "mcp_approval_request"})
_RUNNING = frozenset({"in_progress", "searching", "interpreting", "generating"})
_ENDED = frozenset({"completed", "incomplete", "failed"})

_PARTS = {"output_text": "text", "refusal": "refusal", "reasoning_text": "text", "summary_text": "text"}
_ANNOTATIONS = {
    "file_citation": ("file_id", "filename", "index"),
    "url_citation": ("start_index", "end_index", "title", "url"),
    "container_file_citation": ("container_id", "file_id", "filename", "start_index", "end_index"),
    "file_path": ("file_id", "index"),
}


class OwnIds(Struct):
    """The table of one stream: which id of ours stands for which of the upstream's."""

    new_id: Callable[[str], str]
    new_call_id: Callable[[], str]
    _calls: dict[str, str] = field(default_factory=dict)
    _others: dict[tuple[str, str], str] = field(default_factory=dict)

    def item(self, kind: str) -> str:
        """Return a fresh id for an item of a kind that is passed on."""
        return self.new_id(_KINDS[kind][0])

    def call(self, told: object) -> str:
        """Return a fresh call id; a call that repeats another one's id gets its own all the same."""
        call_id = self.new_call_id()
        if isinstance(told, str) and told:
            self._calls[told] = call_id
        return call_id

    def call_of_output(self, told: object) -> str:
        """Return our id of the call that an output answers."""
        known = self._calls.get(told) if isinstance(told, str) else None
        return known or self.call(told)

    def other(self, prefix: str, told: object) -> str:
        """Return our id for one that only names something, such as a file or a container."""
        key = (prefix, str(told))
        if key not in self._others:
            self._others[key] = self.new_id(prefix)
        return self._others[key]


def is_known(kind: object) -> bool:
    """Tell whether items of this kind are passed on."""
    return isinstance(kind, str) and kind in _KINDS


def begun_item(told: dict[str, Any], item_id: str, ids: OwnIds) -> dict[str, Any]:
    """Return an item as its ``added`` event shows it: running, its texts still empty."""
    kind = told["type"]
    shown: dict[str, Any] = {"id": item_id, "type": kind}
    if kind == "reasoning":
        return {**shown, "summary": []}
    if kind not in _WITHOUT_STATUS:
        shown["status"] = told["status"] if told.get("status") in _RUNNING else "in_progress"
    if kind == "message":
        shown.update(role="assistant", content=[])
        if told.get("phase") in ("commentary", "final_answer"):
            shown["phase"] = told["phase"]
        return shown
    if kind in _CALLS:
        shown["call_id"] = ids.call(told.get("call_id"))
    elif kind in _CALL_OUTPUTS:
        shown["call_id"] = ids.call_of_output(told.get("call_id"))
    _take_keys(shown, told, kind, ids)
    if kind == "function_call":
        shown["arguments"] = ""
    elif kind == "custom_tool_call":
        shown["input"] = ""
    return shown


def ended_item(shown: dict[str, Any], told: dict[str, Any], status: str, ids: OwnIds) -> dict[str, Any]:
    """Return an item as its ``done`` event shows it, but for its texts, which the caller has."""
    kind = shown["type"]
    ended = dict(shown)
    if kind not in ("message", "reasoning"):
        _take_keys(ended, told, kind, ids)
    if "status" in shown:
        ended["status"] = told["status"] if told.get("status") in _ENDED else status
    return ended


def shown_part(kind: str, text: str, told: object, ids: OwnIds) -> dict[str, Any]:
    """Return a finished part of a message or a reasoning item."""
    part: dict[str, Any] = {"type": kind, _PARTS[kind]: text}
    if kind == "output_text":
        extra = told if isinstance(told, dict) else {}
        part["annotations"] = [
            shown for one in _list(extra.get("annotations")) if (shown := shown_annotation(one, ids)) is not None
        ]
        part["logprobs"] = shown_logprobs(extra.get("logprobs"))
    return part


def part_text(told: object) -> str | None:
    """Return the text of an upstream's part; None when it has none."""
    if not isinstance(told, dict):
        return None
    text = told.get(_PARTS.get(str(told.get("type")), "text"))
    return text if isinstance(text, str) else None


def shown_annotation(told: object, ids: OwnIds) -> dict[str, Any] | None:
    """Return a citation with its allowed keys; None for a kind that is not known."""
    if not isinstance(told, dict) or told.get("type") not in _ANNOTATIONS:
        return None
    shown: dict[str, Any] = {"type": told["type"]}
    for key in _ANNOTATIONS[told["type"]]:
        if key in ("file_id", "container_id"):
            shown[key] = ids.other("file-" if key == "file_id" else "cntr_", told.get(key))
        elif key in told:
            shown[key] = told[key]
    return shown


def shown_logprobs(told: object) -> list[dict[str, Any]]:
    """Return the allowed part of a list of token probabilities."""
    shown = []
    for one in _list(told):
        if isinstance(one, dict) and isinstance(one.get("token"), str):
            others = [_probability(other) for other in _list(one.get("top_logprobs")) if isinstance(other, dict)]
            shown.append({**_probability(one), "top_logprobs": others})
    return shown


def _probability(told: dict[str, Any]) -> dict[str, Any]:
    token = str(told.get("token", ""))
    own = list(token.encode())
    return {"token": token, "bytes": told["bytes"] if told.get("bytes") else own, "logprob": told.get("logprob", 0.0)}


def _take_keys(shown: dict[str, Any], told: dict[str, Any], kind: str, ids: OwnIds) -> None:
    for key in _KINDS[kind][1]:
        if told.get(key) is not None:
            shown[key] = told[key]
    if kind == "code_interpreter_call":
        shown["container_id"] = ids.other("cntr_", told.get("container_id"))
    if "name" in _KINDS[kind][1]:
        shown.setdefault("name", "")


def _list(told: object) -> list[Any]:
    return told if isinstance(told, list) else []
