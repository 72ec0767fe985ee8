"""The names that people know clients by, read from what they call themselves in their User-Agent."""

from __future__ import annotations

import re

# Where the name in the User-Agent is not the one that its users know. Lower case; the first that fits counts.
_KNOWN = (
    (re.compile(r"^codex[\w-]*/([\w.]+)"), "Codex CLI"),
    (re.compile(r"^(?:async)?openai/python ([\w.]+)"), "OpenAI SDK for Python"),
    (re.compile(r"^openai/js ([\w.]+)"), "OpenAI SDK for JavaScript"),
    (re.compile(r"^kilo[\w-]*/([\w.]+)"), "Kilo Code"),
    (re.compile(r"^curl/([\w.]+)"), "curl"),
    (re.compile(r"^(?:githubcopilotchat|vscode[\w-]*)/([\w.]+)"), "VS Code"),
)
_PRODUCT = re.compile(r"^[\w.@-]+(?:/[\w.-]+)*(?:/v?\d[\w.-]*)?")


def client_label(user_agent: str | None) -> str:
    """Return a client's name and version: Codex CLI 0.169.0; what is not known is named as it names itself."""
    told = (user_agent or "").strip()
    if not told:
        return "a client without a name"
    lowered = told.lower()
    for pattern, name in _KNOWN:
        found = pattern.match(lowered)
        if found:
            return f"{name} {found[1]}"
    if lowered.startswith("mozilla/"):
        return "a browser"
    product = _PRODUCT.match(told)
    return (product[0] if product else told)[:40]
