"""Every template, whether a test opens its page or not: no inline style or script, nothing from another site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.processes import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
INLINE = re.compile(
    r"<style|<script(?![^>]* src=)|\sstyle=|\son(?:click|change|submit|load|input|error)=|javascript:", re.I
)
FOREIGN = re.compile(
    r"""<(?:script|link|img|iframe|source|video|form)\b[^>]*\b(?:src|href|action)=["'](?:https?:)?//""", re.I
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_keeps_to_the_content_security_policy(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not INLINE.search(text)
    assert not FOREIGN.search(text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_asks_for_no_more_than_one_script_by_name(path: Path) -> None:
    assert len(re.findall(r"<script\b", path.read_text(encoding="utf-8"))) == (
        path.name == "base.html" and path.parent.name == "templates"
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_that_sends_a_form_sends_its_token(path: Path) -> None:
    for form in re.findall(r'<form\b[^>]*method="post"[^>]*>.*?</form>', path.read_text(encoding="utf-8"), re.DOTALL):
        assert "csrf_token" in form or "hidden_tag()" in form or 'action="/theme"' in form, form[:120]
