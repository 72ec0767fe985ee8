"""Example values that fit a JSON schema, for structured output and for tools that a client insists on."""

from typing import Any

MAX_DEPTH = 8  # a schema may refer to itself


def example_of(schema: Any, text: str, root: Any = None, depth: int = 0) -> Any:
    """Give a small value that fits ``schema``; strings hold ``text``."""
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return example_of(_resolved(schema["$ref"], root), text, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return example_of(schema[word][0], text, root, depth + 1)
    kind = schema.get("type")
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "string":
            return text or "demo"
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            one = example_of(schema.get("items", {}), text, root, depth + 1)
            return [one] * max(1, schema.get("minItems", 1))
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: example_of(inner, text, root, depth + 1) for name, inner in properties.items()}


def _resolved(reference: object, root: Any) -> Any:
    found = root
    for step in str(reference).removeprefix("#").strip("/").split("/"):
        found = found.get(step) if isinstance(found, dict) and step else found
    return found
