"""The names that pages know clients by."""

from __future__ import annotations

import pytest

from client_names import client_label


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        ("codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.", "Codex CLI 0.169.0"),
        ("codex-tui/0.169.0 (Debian 12.0.0; x86_64) xterm (codex-tui; 0.16", "Codex CLI 0.169.0"),
        ("OpenAI/Python 3.54.0", "OpenAI SDK for Python 3.54.0"),
        ("AsyncOpenAI/Python 3.54.0", "OpenAI SDK for Python 3.54.0"),
        ("OpenAI/JS 7.57.0", "OpenAI SDK for JavaScript 7.57.0"),
        ("Kilo-Code/7.7.9 ai-sdk/provider-utils/4.0.27 runtime/bun/1.3.14", "Kilo Code 7.7.9"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "a browser"),
        ("my-script/2 (on the cellar's machine)", "my-script/2"),
        ("ein Programm", "ein"),
        ("", "a client without a name"),
        (None, "a client without a name"),
        ("   ", "a client without a name"),
        ("<script>", "<script>"),
    ],
)
def test_client_is_named_as_its_users_know_it(user_agent: str | None, label: str) -> None:
    assert client_label(user_agent) == label


def test_what_fits_no_pattern_is_cut() -> None:
    assert len(client_label("(" * 500)) == 40
