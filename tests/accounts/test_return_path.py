"""Where a visitor may be sent after signing in."""

from __future__ import annotations

import pytest

from return_path import own_path


@pytest.mark.parametrize("path", ["/docs", "/plans?a=b&c=d", "/docs#token", "/"])
def test_own_path_is_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        None, "", "docs", "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", " //evil.example", "/docs\\..",
        "http:evil.example", "/docs\r\nSet-Cookie: a=b",
    ],
)  # fmt: skip
def test_other_site_is_refused(elsewhere: str | None) -> None:
    assert own_path(elsewhere) is None
