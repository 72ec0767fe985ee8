"""The content of Responses messages and tool outputs as chat content."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson
from msgspec import Struct

from ..errors import InvalidRequest
from .responses_capabilities import Capabilities

_TEXTS = frozenset({"input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text"})
_TEXT_MEDIA = ("json", "xml", "yaml", "toml", "javascript", "csv", "markdown", "x-sh", "sql")
_TEXT_ENDINGS = frozenset(
    {
        "txt", "md", "markdown", "rst", "csv", "tsv", "json", "jsonl", "xml", "html", "htm", "css", "yaml", "yml",
        "toml", "ini", "cfg", "conf", "log", "sql", "sh", "bash", "py", "js", "mjs", "ts", "tsx", "jsx", "java",
        "kt", "c", "h", "cc", "cpp", "hpp", "cs", "go", "rs", "rb", "php", "swift", "scala", "lua", "pl", "r",
        "tex", "diff", "patch", "env",
    }
)  # fmt: skip
IMAGE_OMITTED = "[image omitted]"
IMAGE_BELOW = "[image below]"


class ToolOutput(Struct, frozen=True):
    """The content of a tool message, and what has to follow in a user message."""

    content: str | list[dict[str, Any]]
    moved: tuple[dict[str, Any], ...] = ()


def text_of(content: object) -> list[str]:
    """Return the texts of a message of which only text is of use."""
    if isinstance(content, str):
        return [content] if content else []
    parts = content if isinstance(content, list) else []
    texts = [_text(part) for part in parts if isinstance(part, dict)]
    return [text for text in texts if text]


def chat_content(content: object, path: str, can: Capabilities) -> str | list[dict[str, Any]]:
    """Return a user's content: a plain string where it is only text, else a list of parts.

    Raises:
        InvalidRequest: a part that the upstream cannot take.
    """
    if isinstance(content, str):
        return content
    parts = _parts(content, path, can)
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def tool_output(output: object, path: str, can: Capabilities) -> ToolOutput:
    """Return what a tool answered, as a tool message can say it.

    Raises:
        InvalidRequest: a part that the upstream cannot take.
    """
    if isinstance(output, str):
        return ToolOutput(output)
    if not isinstance(output, list) or not all(_is_part(part) for part in output):
        return ToolOutput("" if output is None else orjson.dumps(output).decode())
    parts = _parts(output, path, can)
    texts = [part["text"] for part in parts if part["type"] == "text"]
    others = [part for part in parts if part["type"] != "text"]
    if not others:
        return ToolOutput("\n".join(texts))
    if can.tool_images and all(part["type"] == "image_url" for part in others):
        return ToolOutput(parts)
    return ToolOutput("\n".join(texts) or IMAGE_BELOW, tuple(others))


def _parts(content: object, path: str, can: Capabilities) -> list[dict[str, Any]]:
    found = []
    for place, part in enumerate(content if isinstance(content, list) else []):
        if isinstance(part, str):
            found.append({"type": "text", "text": part})
        elif isinstance(part, dict):
            told = _part(part, f"{path}[{place}]", can)
            if told is not None:
                found.append(told)
    return found


def _part(part: dict[str, Any], path: str, can: Capabilities) -> dict[str, Any] | None:
    kind = part.get("type")
    if kind in ("input_image", "image_url"):
        return _image(part, path, can)
    if kind == "input_file":
        return _file(part, path, can)
    if kind == "input_audio":
        if not can.audio:
            raise _unsupported(path, "this model does not take audio")
        return {"type": "input_audio", "input_audio": part.get("input_audio")}
    text = _text(part)
    return None if text is None else {"type": "text", "text": text}


def _text(part: dict[str, Any]) -> str | None:
    text = part.get("refusal") if part.get("type") == "refusal" else part.get("text")
    return text if isinstance(text, str) else None


def _is_part(part: object) -> bool:
    if not isinstance(part, dict):
        return False
    kind = str(part.get("type"))
    return kind in _TEXTS or kind in ("input_image", "input_file", "input_audio")


def _image(part: dict[str, Any], path: str, can: Capabilities) -> dict[str, Any]:
    if can.images == "omit":
        return {"type": "text", "text": IMAGE_OMITTED}
    if can.images == "refuse":
        raise _unsupported(path, "this model does not take images")
    url = part.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    if not isinstance(url, str) or not url:
        if part.get("file_id"):
            raise _unsupported(f"{path}.file_id", "there are no uploaded files here; send the image as image_url")
        raise InvalidRequest(
            f"{path}.image_url: expected the address or the data of the image.",
            code="missing_required_parameter",
            param=f"{path}.image_url",
        )
    image = {"url": url}
    detail = part.get("detail")
    if isinstance(detail, str):
        image["detail"] = "high" if detail == "original" else detail
    return {"type": "image_url", "image_url": image}


def _file(part: dict[str, Any], path: str, can: Capabilities) -> dict[str, Any]:
    data = part.get("file_data")
    name = part.get("filename")
    name = name if isinstance(name, str) and name else "file"
    if not isinstance(data, str) or not data:
        key = next((key for key in ("file_url", "file_id") if part.get(key)), None)
        if key is not None:
            raise _unsupported(f"{path}.{key}", "files are only taken as file_data")
        raise InvalidRequest(
            f"{path}.file_data: expected the file's content.",
            code="missing_required_parameter",
            param=f"{path}.file_data",
        )
    if can.files:
        return {"type": "file", "file": {"file_data": data, "filename": name}}
    head, comma, body = data.partition(",")
    is_url = data.startswith("data:") and bool(comma)
    if not _is_text(head[5:].split(";")[0] if is_url else "", name):
        raise _unsupported(path, "this model does not take files of this kind")
    return {"type": "text", "text": f'<file name="{name}">\n{_decoded(body if is_url else data, path)}\n</file>'}


def _is_text(media_type: str, name: str) -> bool:
    if media_type and media_type != "application/octet-stream":
        return media_type.startswith("text/") or media_type.endswith(_TEXT_MEDIA)
    return name.rpartition(".")[2].lower() in _TEXT_ENDINGS


def _decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            f"{path}.file_data: expected base64 of a text in UTF-8.", param=f"{path}.file_data"
        ) from error


def _unsupported(path: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{path}: {why}.", code="unsupported_value", param=path)
