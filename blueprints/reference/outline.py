"""What the reference page shows, taken from the OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup, escape
from msgspec import Struct

from .shapes import Row, Shape, Word, fields, ref_name, type_words

_JSON, _EVENTS = "application/json", "text/event-stream"
OBJECTS, RESPONSE_OBJECTS = "objects", "response-objects"
OBJECT_PAGES = {OBJECTS: "Objects", RESPONSE_OBJECTS: "Objects of responses"}
_REF = re.compile(r'"#/components/schemas/(\w+)"')
_CODE = re.compile("`([^`]+)`")
_JOINT = re.compile(r"(?<=\w)[._](?=\w)")
UNBROKEN = 12  # characters of a name that fit wherever names stand


class Example(Struct, frozen=True):
    """A request as curl sends it, and what came back."""

    id: str
    label: str
    request: Markup
    answer: Markup
    is_stream: bool


class Errors(Struct, frozen=True):
    """The codes of one status: (code, anchor of its row on the documentation page)."""

    status: str
    codes: list[tuple[str, str]]


class BodyOf(Struct, frozen=True):
    """The endpoint whose body another one takes as well."""

    id: str
    summary: str


class Operation(Struct, frozen=True):
    """One endpoint."""

    id: str
    method: str
    path: str
    summary: str
    paragraphs: list[Markup]
    parameters: list[Row]
    body_of: BodyOf | None
    body_about: Markup
    body: list[Row]
    answer: list[Word]
    events: list[Word]
    errors: list[Errors]
    examples: list[Example]

    @property
    def parts(self) -> list[str]:
        """The pieces between the slashes of the path."""
        return self.path.strip("/").split("/")

    @property
    def tabs(self) -> list[tuple[str, str]]:
        """Label and id of each example."""
        return [(one.label, one.id) for one in self.examples]


class Group(Struct, frozen=True):
    """The endpoints of one kind."""

    name: str
    about: str
    operations: list[Operation]

    @property
    def slug(self) -> str:
        """The name of its page."""
        return _slug(self.name)


class Thing(Struct, frozen=True):
    """An object that answers are made of: its fields, or the objects of which it is one."""

    name: str
    about: Markup
    rows: list[Row]
    choices: list[Word]


class Event(Struct, frozen=True):
    """An event of a Responses stream; ``carries`` are its fields beside those that all have."""

    name: str
    about: Markup
    carries: list[tuple[str, list[Word]]]

    @property
    def parts(self) -> list[str]:
        """The pieces between the dots of the name."""
        return self.name.split(".")


class Outline(Struct, frozen=True):
    """The whole page."""

    title: str
    paragraphs: list[Markup]
    servers: list[tuple[str, str]]
    groups: list[Group]
    headers: list[tuple[str, Markup]]
    events: list[Event]
    things: list[Thing]
    object_pages: dict[str, str]

    def page_of(self, name: str) -> str:
        """Return the page that shows an object."""
        return self.object_pages.get(name, OBJECTS)


def page_names(document: dict[str, Any]) -> dict[str, str]:
    """Return the pages beside the overview: the name in the address and the title."""
    return {_slug(tag["name"]): tag["name"] for tag in document["tags"]} | OBJECT_PAGES


def outline_of(document: dict[str, Any], error_anchors: dict[str, str]) -> Outline:
    """Return what is shown of a document; ``error_anchors`` are those of the error table, by code."""
    schemas = document["components"]["schemas"]
    events = [schemas[ref_name(one)] for one in schemas["ResponseEvent"]["anyOf"]]
    operations = [
        (told["tags"][0], _operation(document, method, path, told, error_anchors))
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    return Outline(
        title=document["info"]["title"],
        paragraphs=_paragraphs(document["info"]["description"]),
        servers=[(server["url"], server["description"]) for server in document["servers"]],
        groups=[
            Group(tag["name"], tag["description"], [one for name, one in operations if name == tag["name"]])
            for tag in document["tags"]
        ],
        headers=[(name, marked_up(told["description"])) for name, told in document["components"]["headers"].items()],
        events=[_event(shape) for shape in events if "const" in shape["properties"]["type"]],
        things=[_thing(name, shape, schemas) for name, shape in schemas.items() if _is_shown(name, document)],
        object_pages=dict.fromkeys(_of_responses_alone(document), RESPONSE_OBJECTS),
    )


def marked_up(text: str) -> Markup:
    """Return text with what stands between backticks as code."""
    code = _CODE.sub(lambda found: f"<code>{_with_breaks(found[1])}</code>", str(escape(text)))
    return Markup(code)  # noqa: S704  (escaped before)


def breakable(name: str) -> Markup:
    """Return a name that breaks after a dot or an underscore where its place is too narrow."""
    return Markup(_with_breaks(str(escape(name))))  # noqa: S704  (escaped before)


def _with_breaks(escaped: str) -> str:
    return _JOINT.sub(r"\g<0><wbr>", escaped) if len(escaped) > UNBROKEN else escaped


def _paragraphs(text: str) -> list[Markup]:
    return [marked_up(" ".join(one.split())) for one in text.split("\n\n")]


def _operation(
    document: dict[str, Any], method: str, path: str, told: dict[str, Any], error_anchors: dict[str, str]
) -> Operation:
    schemas = document["components"]["schemas"]
    body_of, about, body = _body(document, told)
    content = told["responses"]["200"]["content"]
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        paragraphs=_paragraphs(told["description"]),
        parameters=[_parameter(one) for one in told.get("parameters", [])],
        body_of=body_of,
        body_about=marked_up(about),
        body=fields(body, schemas, inline=True),
        answer=type_words(content[_JSON]["schema"]),
        events=type_words(_told_of_data(content[_EVENTS])) if _EVENTS in content else [],
        errors=[_errors(status, one, error_anchors) for status, one in told["responses"].items() if status >= "400"],
        examples=_examples(document["servers"][0]["url"], method, path, told),
    )


def _body(document: dict[str, Any], told: dict[str, Any]) -> tuple[BodyOf | None, str, Shape]:
    """Return whose body an endpoint takes if another one has it, words on it, and its own schema."""
    if "requestBody" not in told:
        return None, "", {}
    name = ref_name(told["requestBody"]["content"][_JSON]["schema"])
    schema = document["components"]["schemas"][name]
    if "allOf" in schema and "$ref" in schema["allOf"][0]:
        return _first_with(document, ref_name(schema["allOf"][0])), schema["description"], {}
    first = _first_with(document, name)
    return (None, schema["description"], schema) if first.id == told["operationId"] else (first, "", {})


def _first_with(document: dict[str, Any], body: str) -> BodyOf:
    """Return the first endpoint that takes a body."""
    operations = [told for methods in document["paths"].values() for told in methods.values()]
    taking = [told for told in operations if "requestBody" in told]
    [first, *_] = [told for told in taking if ref_name(told["requestBody"]["content"][_JSON]["schema"]) == body]
    return BodyOf(first["operationId"], first["summary"])


def _parameter(told: dict[str, Any]) -> Row:
    shape = {**told["schema"], "description": f"In the {told['in']}. {told['description']}"}
    [row] = fields({"properties": {told["name"]: shape}, "required": [told["name"]] * told["required"]}, {})
    return row


def _errors(status: str, told: dict[str, Any], anchors: dict[str, str]) -> Errors:
    codes = told["content"][_JSON]["schema"]["properties"]["error"]["properties"]["code"]["enum"]
    return Errors(status, [(code, anchors[code]) for code in codes])


def _examples(base: str, method: str, path: str, told: dict[str, Any]) -> list[Example]:
    content = told["responses"]["200"]["content"]
    answers = content[_JSON].get("examples", {})
    bodies = told["requestBody"]["content"][_JSON]["examples"] if "requestBody" in told else {}
    streams = content.get(_EVENTS, {}).get("examples", {})
    found = []
    for name in bodies or answers:
        body = bodies[name]["value"] if name in bodies else None
        events = [json.loads(one["value"]["data"]) for key, one in streams.items() if key.rpartition("_")[0] == name]
        answer = _as_stream(events) if events else _pretty(answers[name]["value"])
        label = (bodies or answers)[name]["summary"]
        identity = f"{told['operationId']}-{name}"
        request = _curl(base, method, path, answer, body)
        found.append(Example(identity, label, _as_text(request), _as_text(answer), bool(events)))
    return found


def _told_of_data(stream: dict[str, Any]) -> Shape:
    shape: Shape = stream["schema"]["properties"]["data"]["anyOf"][0]["contentSchema"]
    return shape


def _curl(base: str, method: str, path: str, answer: str, body: object) -> str:
    """Return the command; the ids of the path are taken from the answer."""
    for name, key in (("{response_id}", "id"), ("{alias}", "id")):
        if name in path:
            path = path.replace(name, str(json.loads(answer).get(key, "$ID")))
    verb = " -X DELETE" if method == "delete" else ""
    streamed = " -N" if isinstance(body, dict) and body.get("stream") else ""
    lines = [f"curl -sS{streamed}{verb} {base}{path}", '  -H "Authorization: Bearer $AI_TOOLS_ROUTER_API_KEY"']
    if body is not None:
        quoted = _pretty(body).replace("'", "'\\''")
        lines += ['  -H "Content-Type: application/json"', f"  -d '{quoted}'"]
    return " \\\n".join(lines)


def _as_text(code: str) -> Markup:
    """Return code as the text of an element; there, unlike in attributes, quotes need no escape of five characters."""
    return Markup(code.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _as_stream(events: list[dict[str, Any]]) -> str:
    """Return events as they travel."""
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if "type" in event else ""
        lines.append(f"{name}data: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}")
    return "\n\n".join([*lines, "data: [DONE]"])


def _event(shape: Shape) -> Event:
    carried = {name: one for name, one in shape["properties"].items() if name not in ("type", "sequence_number")}
    return Event(
        shape["properties"]["type"]["const"],
        marked_up(shape["description"]),
        [(name, type_words(one)) for name, one in carried.items()],
    )


def _thing(name: str, shape: Shape, schemas: dict[str, Shape]) -> Thing:
    return Thing(
        name,
        marked_up(shape.get("description", "")),
        fields(shape, schemas),
        type_words(shape) if "anyOf" in shape and "properties" not in shape else [],
    )


def _of_responses_alone(document: dict[str, Any]) -> set[str]:
    """Return the schemas that only endpoints below ``/responses`` speak of."""
    reached: dict[bool, set[str]] = {True: set(), False: set()}
    for path, methods in document["paths"].items():
        names = reached[path.startswith("/responses")]
        waiting = _REF.findall(json.dumps(methods))
        while waiting:
            name = waiting.pop()
            if name not in names:
                names.add(name)
                waiting += _REF.findall(json.dumps(document["components"]["schemas"][name]))
    return reached[True] - reached[False]


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _is_shown(name: str, document: dict[str, Any]) -> bool:
    """Leave out what is told elsewhere: bodies and what they hold beside their endpoints, events in a table."""
    schemas = document["components"]["schemas"]
    if name.endswith("Request") or name in ("ChatMessage", "ChatPart", "InputItem", "ResponseEvent"):
        return False
    return not (name.endswith("Event") and "sequence_number" in schemas[name].get("properties", {}))
