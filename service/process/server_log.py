"""gunicorn's own log lines, without secrets and content: it repeats requests that it cannot read, whatever they are.

Where a client counts a body's bytes wrong, the rest of a prompt is read as the next request.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from gunicorn.glogging import Logger

# What it repeats stands in quotes; a header's name, which it writes in capitals, tells what is wrong.
_REPEATED = re.compile(r"(Invalid request from ip=[^'\"]*)(?!'[A-Z0-9-]{1,40}'$)['\"].*", re.DOTALL)
_SECRETS = (
    (_REPEATED, r"\1[text]"),
    (re.compile(r"sr_[0-9A-Za-z]{8,}"), "sr_[token]"),
    (re.compile(r"(/(?:reset|invite|confirm)/)[^\s'\"]+"), r"\1[link]"),
    (re.compile(r"(link=)[^\s&'\"]+"), r"\1[link]"),
    (re.compile(r"((?:authorization|cookie)\b).*", re.IGNORECASE | re.DOTALL), r"\1 [header]"),
)


class ServerLog(Logger):  # type: ignore[misc]
    """The logger class for ``gunicorn.conf.py``."""

    def setup(self, cfg: Any) -> None:
        """Set the handlers up as always, and redact what they write."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.addFilter(_redact)


def redacted(text: str) -> str:
    """Return a line without tokens, one-time links, headers that hold secrets, and what could not be read."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _redact(record: logging.LogRecord) -> bool:
    record.msg, record.args = redacted(record.getMessage()), ()
    return True
