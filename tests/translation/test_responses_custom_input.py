"""The text of a custom tool in and out of its JSON, whole and in pieces."""

from __future__ import annotations

import json
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.api_v1.translation.responses_custom_input import InputUnwrapper, PatchTrimmer, unwrap, wrap

CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS | st.sampled_from('"\\\n/😀\u2028é'))


def taken_out(pieces: list[str]) -> tuple[list[str], str]:
    unwrapper = InputUnwrapper()
    early = [unwrapper.feed(piece) for piece in pieces]
    return early, "".join(early) + unwrapper.finish()


def cut(text: str, places: list[int]) -> list[str]:
    borders = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:stop] for start, stop in pairwise(borders)]


def trimmed(pieces: list[str], *, is_whole: bool = True) -> str:
    trimmer = PatchTrimmer()
    return "".join(map(trimmer.feed, pieces)) + trimmer.finish(is_whole=is_whole)


@given(TEXTS, st.booleans(), st.lists(st.integers(0, 400)))
def test_conf_065_custom_tool_unwrap_however_it_is_cut(text: str, escaped: bool, places: list[int]) -> None:
    arguments = json.dumps({"input": text}) if escaped else wrap(text)
    assert taken_out(cut(arguments, places))[1] == text
    assert unwrap(arguments) == text


def test_escapes_and_surrogate_pairs_cut_at_every_place() -> None:
    arguments = r'{ "input" : "a\n\u00e9\ud83d\ude00\"\\\/\t" }'
    for first in range(len(arguments)):
        for second in range(first, len(arguments)):
            pieces = [arguments[:first], arguments[first:second], arguments[second:]]
            assert taken_out(pieces)[1] == 'a\né😀"\\/\t'


def test_text_leaves_as_soon_as_it_is_certain() -> None:
    early, whole = taken_out(['{"input":"ab', "c\\", 'n"}'])
    assert early == ["ab", "c", "\n"]
    assert whole == "abc\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"patch":"one string"}', "one string"),
        ('{"other":1,"input":"after"}', "after"),
        ('{"a":"x","b":"y"}', '{"a":"x","b":"y"}'),
        ("plain text, no JSON at all", "plain text, no JSON at all"),
        ('"just a string"', '"just a string"'),
        ('{"input":5}', '{"input":5}'),
        ("", ""),
        ('{"input":"a","more":1}', "a"),
    ],
)
def test_conf_065_bad_wrapper(arguments: str, text: str) -> None:
    assert unwrap(arguments) == text
    assert taken_out([arguments])[1] == text
    assert taken_out(list(arguments))[1] == text


def test_text_without_an_opening_in_sight_comes_at_the_end() -> None:
    arguments = orjson.dumps({"patch": "x" * 200}).decode()
    early, whole = taken_out(list(arguments))
    assert "".join(early) == ""
    assert whole == "x" * 200


def test_wrapper_that_breaks_off_keeps_what_came() -> None:
    assert taken_out(['{"input":"abc'])[1] == "abc"
    assert taken_out(['{"input":"abc\\ud83d'])[1] == "abc\ufffd"
    assert taken_out(['{"input":"abc\\'])[1] == "abc"


def test_slips_inside_the_string_are_kept() -> None:
    assert taken_out(['{"input":"a\nb\\uZZZZ\\q"}'])[1] == "a\nb\\uZZZZq"
    assert taken_out(['{"input":"\\ud83dx\\ude00"}'])[1] == "\ufffdx\ufffd"


PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-old ``` \n+new\n \n*** End Patch\n"


@given(st.lists(st.integers(0, 400)))
def test_conf_065_apply_patch_text_byte_exact(places: list[int]) -> None:
    assert trimmed(cut(PATCH, places)) == PATCH
    assert trimmed(cut(PATCH[:-1], places)) == PATCH
    assert trimmed(cut(f"```patch\n{PATCH}```\n", places)) == PATCH
    assert trimmed(cut(f"\n```\n{PATCH[:-1]}\n``` ", places)) == PATCH


def test_patch_that_was_cut_off_gets_no_newline() -> None:
    assert trimmed(["*** Begin"], is_whole=False) == "*** Begin"
    assert trimmed([]) == ""
    assert trimmed(["``"]) == "``\n"
