"""The tools of a Responses request as chat tools, and the way back.

A chat upstream knows flat functions only. Each tool gets a *wire name* there; what the model calls is found
again through the table, never by taking a name apart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct, field

from ..errors import InvalidRequest
from .responses_bridged_tools import BRIDGED_KINDS, DEFINITIONS, BridgedKind, is_bridged
from .responses_custom_input import WRAPPER_SCHEMA

# Tools that run where their vendor is. Nobody here can, and agents send some of them with every request.
_HOSTED = (
    "web_search", "file_search", "code_interpreter", "computer", "mcp", "image_generation", "tool_search",
    "programmatic_tool_calling",
)  # fmt: skip

# Kinds that a choice may name; tools of any other kind have been left out.
_USABLE = frozenset({"function", "custom", "namespace", *BRIDGED_KINDS})
_LONGEST = 64
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class Tool(Struct, frozen=True):
    """One tool as the client named it; ``is_patch``: its text is a patch in the grammar of coding agents."""

    kind: Literal["function", "custom"] | BridgedKind
    name: str
    namespace: str | None = None
    is_patch: bool = False


class ToolTable(Struct):
    """All tools of one request by their wire names, in the order in which the upstream is told of them."""

    tools: dict[str, Tool] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The chat definition of each wire name, ``strict`` included where the client set it."""
    notes: list[str] = field(default_factory=list)
    """What was left out, for the log."""
    _by_name: dict[tuple[str, str | None], list[str]] = field(default_factory=dict)

    def called(self, wire_name: str) -> Tool:
        """Return the tool that a model means; an unknown name is a plain function, which the client refuses."""
        tool = self.tools.get(wire_name)
        if tool is not None:
            return tool
        alike = [tool for tool in self.tools.values() if tool.name == wire_name]  # the bare name of a member
        return alike[0] if len(alike) == 1 else Tool("function", wire_name)

    def wire_name(self, name: str, namespace: str | None = None, kind: str | None = None) -> str:
        """Return the wire name of a tool, also of one that this request does not have: old calls name such."""
        return self.find(name, namespace, kind) or _fitted(_flat(name, namespace))

    def find(self, name: str, namespace: str | None = None, kind: str | None = None) -> str | None:
        """Return the wire name of a tool of this request, of the kind first where two share a name."""
        alike = self._by_name.get((name, namespace), [])
        of_kind = [wire for wire in alike if self.tools[wire].kind == kind]
        return next(iter([*of_kind, *alike]), None)

    def add(self, tool: Tool, description: object, parameters: object, *, strict: bool = False) -> None:
        """Take a tool in; a later definition of the same tool replaces the earlier one."""
        wire = self._wire_for(tool)
        function: dict[str, Any] = {"name": wire}
        if isinstance(description, str) and description:
            function["description"] = description
        function["parameters"] = parameters if isinstance(parameters, dict) else _NO_PARAMETERS
        if strict:
            function["strict"] = True
        if wire not in self.tools:
            self._by_name.setdefault((tool.name, tool.namespace), []).append(wire)
        self.tools[wire] = tool
        self.definitions[wire] = {"type": "function", "function": function}

    def _wire_for(self, tool: Tool) -> str:
        wire = _fitted(_flat(tool.name, tool.namespace))
        held = self.tools.get(wire)
        if held is None or _identity(held) == _identity(tool):
            return wire
        return _hashed(wire, "\0".join(_identity(tool)))


def tool_table(tools: object, late_tools: Iterable[object] = ()) -> ToolTable:
    """Return the table of a request's ``tools`` and of those that came inside its input.

    Tools that nobody here can run are left out with a note: one of them must not end a whole turn.

    Raises:
        InvalidRequest: a tool without a type or a name.
    """
    table = ToolTable()
    placed = [(f"tools[{place}]", tool) for place, tool in enumerate(tools if isinstance(tools, list) else [])]
    # Functions first: upstreams of the same dialect get them under their own names, whatever else is named so.
    for path, tool in sorted(placed, key=lambda one: _is_of_its_own_kind(one[1])):
        _take(table, tool, path)
    for tool in late_tools:
        try:
            _take(table, tool, "input")
        except InvalidRequest as error:  # an agent sends these with every turn: one of them must not end it
            table.notes.append(f"left out a tool of the input: {error.message}")
    return table


def chat_choice(table: ToolTable, choice: object) -> tuple[object, frozenset[str] | None]:
    """Return ``tool_choice`` as chat knows it, and the wire names it is limited to; None: no limit.

    Raises:
        InvalidRequest: it names a tool that is not there or that was left out.
    """
    if choice is None or choice in ("auto", "none", "required"):
        return choice, None
    if not isinstance(choice, dict):
        raise InvalidRequest(
            "tool_choice: expected auto, none, required or an object.", code="invalid_value", param="tool_choice"
        )
    if choice.get("type") == "namespace":
        return "required", frozenset(_chosen(table, choice))
    if choice.get("type") != "allowed_tools":
        [wire] = _chosen(table, choice)
        return {"type": "function", "function": {"name": wire}}, None
    mode = choice.get("mode")
    if mode not in ("auto", "required", None):
        raise InvalidRequest(
            "tool_choice.mode: expected auto or required.", code="invalid_value", param="tool_choice.mode"
        )
    allowed = choice.get("tools")
    names: set[str] = set()
    left_out: set[str] = set()
    for place, tool in enumerate(allowed if isinstance(allowed, list) else []):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind not in _USABLE:
            left_out.add(kind)  # the tool itself has been left out too
        else:
            names.update(_chosen(table, tool, f"tool_choice.tools[{place}]"))
    if mode == "required" and left_out and not names:
        raise _unusable("tool_choice.tools", min(left_out))
    return mode or "auto", frozenset(names)


def _chosen(table: ToolTable, choice: object, path: str = "tool_choice") -> Iterator[str]:
    kind = choice.get("type") if isinstance(choice, dict) else None
    name = choice.get("name") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(kind, str):
        raise InvalidRequest(f"{path}: expected an object with a type.", code="invalid_value", param=path)
    if kind == "namespace":
        members = [wire for wire, tool in table.tools.items() if tool.namespace == name]
    elif kind in ("function", "custom"):
        inner = choice.get(kind)  # chat's form of the same
        name = inner.get("name") if name is None and isinstance(inner, dict) else name
        namespace = choice.get("namespace")
        wire = table.find(str(name), namespace if isinstance(namespace, str) else None, kind)
        members = [wire] if wire else [w for w, tool in table.tools.items() if tool.name == name][:1]
    elif kind in BRIDGED_KINDS:
        name = kind
        members = [wire for wire, tool in table.tools.items() if tool.kind == kind]
    else:
        raise _unusable(path, kind)
    if not members:
        raise InvalidRequest(f"{path}: there is no tool '{str(name)[:64]}' in tools.", param=path)
    yield from members


def _take(table: ToolTable, tool: object, path: str) -> None:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise InvalidRequest(
            f"{path}.type: expected the type of the tool.", code="missing_required_parameter", param=f"{path}.type"
        )
    kind = tool["type"]
    if kind in ("function", "custom"):
        _take_callable(table, tool, path, None)
    elif kind == "namespace":
        _take_namespace(table, tool, path)
    elif kind in BRIDGED_KINDS and is_bridged(tool):
        definition = DEFINITIONS[kind]
        table.add(Tool(kind, kind), definition.description, definition.parameters)
    else:  # a kind that is known to be of no use here, or a new one
        known = "" if kind.startswith(_HOSTED) or kind in BRIDGED_KINDS else "unknown "
        table.notes.append(f"left out the {known}tool type {kind[:64]}")


def _take_namespace(table: ToolTable, tool: dict[str, Any], path: str) -> None:
    namespace = _name_of(tool, path)
    members = tool.get("tools")
    about = tool.get("description")
    for place, member in enumerate(members if isinstance(members, list) else []):
        inside = f"{path}.tools[{place}]"
        if not isinstance(member, dict) or member.get("type", "function") not in ("function", "custom"):
            table.notes.append(f"left out a member of the namespace {namespace[:64]}")
            continue
        _take_callable(table, member, inside, namespace, about if isinstance(about, str) else "")
        about = ""  # said once, in front of the first member


def _take_callable(table: ToolTable, tool: dict[str, Any], path: str, namespace: str | None, about: str = "") -> None:
    name = _name_of(tool, path)
    description = "\n\n".join(text for text in (about, tool.get("description")) if isinstance(text, str) and text)
    if tool.get("type") != "custom":
        table.add(
            Tool("function", name, namespace), description, tool.get("parameters"), strict=tool.get("strict") is True
        )
        return
    told = tool.get("format")
    grammar = told.get("definition") if isinstance(told, dict) and told.get("type") == "grammar" else None
    texts = [description, "Put the whole text in `input`."]
    if isinstance(grammar, str) and grammar:
        syntax = told.get("syntax") if isinstance(told, dict) else None
        texts.append(f"It must follow this grammar:\n```{syntax if isinstance(syntax, str) else ''}\n{grammar}\n```")
    is_patch = name == "apply_patch" or "*** Begin Patch" in (grammar if isinstance(grammar, str) else "")
    table.add(Tool("custom", name, namespace, is_patch), "\n\n".join(filter(None, texts)), WRAPPER_SCHEMA)


def _name_of(tool: dict[str, Any], path: str) -> str:
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        code = "missing_required_parameter" if name in (None, "") else "invalid_type"
        raise InvalidRequest(f"{path}.name: expected the name of the tool.", code=code, param=f"{path}.name")
    return name


def _is_of_its_own_kind(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") in BRIDGED_KINDS


def _unusable(path: str, kind: str) -> InvalidRequest:
    return InvalidRequest(
        f"{path}: tools of the type '{kind[:64]}' cannot be used here.", code="unsupported_value", param=path
    )


def _identity(tool: Tool) -> tuple[str, str, str]:
    return tool.kind, tool.namespace or "", tool.name


def _flat(name: str, namespace: str | None) -> str:
    return name if namespace is None else f"{namespace}__{name}"


def _fitted(name: str) -> str:
    """Return a name that every chat upstream takes: ``^[a-zA-Z0-9_-]{1,64}$``."""
    fitting = _FOREIGN.sub("_", name)
    return fitting if len(fitting) <= _LONGEST else _hashed(fitting, name)


def _hashed(fitting: str, of: str) -> str:
    return f"{fitting[: _LONGEST - 9]}_{hashlib.sha256(of.encode()).hexdigest()[:8]}"
