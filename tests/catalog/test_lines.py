"""The line locator: every key path of a valid TOML text has the line it stands on."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lines import KeyPath, key_lines
from tests.catalog.example import EXAMPLE, switched_on


def paths_in(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Every key path of parsed TOML data."""
    found = {path} if path else set()
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return found.union(*(paths_in(child, (*path, name)) for name, child in children))


def test_a_key_stands_on_its_own_line_below_comments_and_blank_lines() -> None:
    lines = key_lines("# first\n\na = 1\n\n[t] # [not.a.header]\n# b = 0\nb = 2\n")
    assert lines == {("a",): 3, ("t",): 5, ("t", "b"): 7}


def test_each_header_of_a_list_of_tables_starts_the_next_element() -> None:
    text = "[[p]]\na = 1\n[[p.r]]\nw = 1\n[[p.r]]\nw = 2\n[[p]]\n[[p.r]]\nw = 3\n[p.r.price]\nin = 1\n"
    lines = key_lines(text)
    assert lines["p", 0, "r", 1, "w"] == 6
    assert lines["p", 1] == 7
    assert lines["p", 1, "r", 0, "w"] == 9
    assert lines["p", 1, "r", 0, "price", "in"] == 11


def test_dotted_and_quoted_keys_are_taken_apart() -> None:
    lines = key_lines('a."b.c" . \'d=\' = 1\n"\\u0065" = 2\n')
    assert lines["a", "b.c", "d="] == 1
    assert lines[("e",)] == 2


def test_keys_and_elements_inside_inline_tables_and_long_lists_have_their_own_lines() -> None:
    text = 'l = [ # [x]\n  1,\n  { a = "]", b = [2,\n 3] }, # },\n]\nz = { q.w = 1 }\n'
    lines = key_lines(text)
    assert lines["l", 0] == 2
    assert lines["l", 1, "a"] == 3
    assert lines["l", 1, "b", 1] == 4
    assert lines["z", "q", "w"] == 6


def test_text_in_strings_of_every_kind_is_no_key_and_no_header() -> None:
    text = (
        'a = """\n[[t]]\nb = 1 \\""" # "\n""""\n'
        "c = '''\n[x]\n''''\n"
        'd = "\\"# [y] = " # \'\n'
        "e = '\\'\n"
        'f = ""\n'
        "g = ''''''\n"
        "h = 1\n"
    )
    lines = key_lines(text)
    assert set(lines) == paths_in(tomllib.loads(text))
    assert lines[("c",)] == 5
    assert lines[("h",)] == 12


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\n\r\n[t]\r\nb = 2\r\n")["t", "b"] == 4


def test_a_table_first_named_in_a_longer_header_stands_there() -> None:
    assert key_lines("\n[a.b]\nc = 1\n[a]\nd = 2\n")[("a",)] == 2


@pytest.mark.parametrize("text", [EXAMPLE, switched_on()], ids=["as it stands", "switched on"])
def test_the_example_file_is_located_whole(text: str) -> None:
    assert set(key_lines(text)) == paths_in(tomllib.loads(text))


KEYS = st.one_of(
    st.sampled_from(["a", "b-1", "x_y", "7"]),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
)
TEXTS = st.text(st.sampled_from("a\"'[]{}=#,\\.\n \té"), max_size=12)
VALUES = st.recursive(
    st.one_of(st.integers(-99, 99), st.booleans(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


class Writer:
    """Writes data as TOML in drawn layouts and notes the line of each path while writing."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def gap(self) -> None:
        self.text += self.draw(st.sampled_from(["", " ", "\n", " # ] } = '\" [[x]]\n"]))

    def key(self, name: str) -> None:
        bare = name and all(letter.isalnum() or letter in "-_" for letter in name)
        self.text += name if bare and self.draw(st.booleans()) else json.dumps(name)

    def string(self, value: str) -> None:
        if "'" not in value and self.draw(st.booleans()):
            self.text += f"'''{value}'''" if "\n" in value else f"'{value}'"
        elif self.draw(st.booleans()):
            # Two quotes before the closing three stay in the text unless escaped: leave some unescaped.
            escaped = value.replace("\\", "\\\\").replace('""', '"\\"')
            self.text += f'"""\n{escaped}"""'
        else:
            self.text += json.dumps(value, ensure_ascii=False)

    def value(self, path: KeyPath, value: object) -> None:
        if isinstance(value, dict):
            self.text += "{"
            for number, (name, inner) in enumerate(value.items()):
                self.text += ", " if number else " "
                self.note((*path, name))
                self.key(name)
                self.text += " = "
                self.value((*path, name), inner)
            self.text += "}"
        elif isinstance(value, list):
            self.text += "["
            for index, inner in enumerate(value):
                self.gap()
                self.note((*path, index))
                self.value((*path, index), inner)
                self.gap()
                self.text += "," if index + 1 < len(value) or self.draw(st.booleans()) else ""
            self.gap()
            self.text += "]"
        elif isinstance(value, str):
            self.string(value)
        else:
            self.text += str(value).lower()

    def pairs(self, path: KeyPath, pairs: dict[str, object]) -> None:
        for name, value in pairs.items():
            self.text += self.draw(st.sampled_from(["", "\n", "# [t]\n", "  "]))
            self.note((*path, name))
            self.key(name)
            self.text += " = "
            self.value((*path, name), value)
            self.text += self.draw(st.sampled_from(["\n", "  # 'note\n", "\r\n"]))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int]]:
    """A valid TOML text and where each of its key paths stands."""
    writer = Writer(draw)
    pairs = st.dictionaries(KEYS.map("k{}".format), VALUES, max_size=3)
    writer.pairs((), draw(pairs))
    for index in range(draw(st.integers(0, 3))):
        writer.note(("list",))
        writer.note(("list", index))
        writer.text += "[[ list ]] # [[list]]\n"
        writer.pairs(("list", index), draw(pairs))
        if draw(st.booleans()):
            writer.note(("list", index, "in"))
            writer.text += '[list."in"]\n'
            writer.pairs(("list", index, "in"), draw(pairs))
    return writer.text, writer.lines


@given(documents())
def test_every_path_of_any_document_has_the_line_it_was_written_on(
    document: tuple[str, dict[KeyPath, int]],
) -> None:
    text, lines = document
    assert set(lines) == paths_in(tomllib.loads(text))
    assert key_lines(text) == lines
