"""Turns: which requests only bring back results of tool calls that this gateway handed out.

A call id is ``call_`` + turn (16) + step (3) + place (3) + check (14), base 62, 41 characters. The turn names
one prompt; the step counts the answers of that turn; the check binds all of it to the account with a key that
only the gateway has, so that no other part need be hard to guess. docs/quotas.md says what a continuation costs.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from collections.abc import Iterable
from typing import Any

from models.continuation import Step
from service.keys import Keyring

# In the order in which both databases compare them.
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TIME_CHARACTERS = 8
_RANDOM_CHARACTERS = 8
_NUMBER_CHARACTERS = 3
# Four bytes for each letter, so that all are equally likely; the bytes that are left over count for nothing.
_LETTER_OF_BYTE = (4 * ALPHABET).encode().ljust(256)
_UNUSED_BYTES = bytes(range(4 * len(ALPHABET), 256))
_FORM = re.compile(r"call_([0-9A-Za-z]{16})([0-9A-Za-z]{3})([0-9A-Za-z]{3})([0-9A-Za-z]{14})")
# Whoever wrote these begins something new: what follows them belongs to their turn.
_BEGINNING_ROLES = ("user", "system", "developer")
# The results that reach the model; anything else that calls itself an output would be left out on the way.
_OUTPUTS = frozenset(
    {"function_call_output", "custom_tool_call_output", "local_shell_call_output"}
    | {"shell_call_output", "apply_patch_call_output"}
)


class CallIds:
    """Makes the call ids of one answer, each of them once."""

    def __init__(self, keyring: Keyring, account_id: int, step: Step) -> None:
        """Sign for ``account_id`` and ``step``."""
        self._keyring = keyring
        self._account_id = account_id
        self._start = step.turn + _written(step.number)
        self._place = 0

    def new(self) -> str:
        """Return the next id."""
        body = self._start + _written(self._place)
        self._place += 1
        return f"call_{body}{self._keyring.call_check(self._account_id, body)}"


def new_turn() -> str:
    """Return the name of a turn that begins now."""
    return turn_begun_at(time.time_ns() // 1_000_000)


def turn_begun_at(milliseconds: int) -> str:
    """Return a name for a turn: 8 characters of the milliseconds since 1970, and 8 random ones (47 bits).

    Later turns sort behind earlier ones, so that the usage log's indexes over turns and claims are written at one place
    and not all over (RFC 9562, section 2.1, of UUIDv7).
    """
    random = b""
    while len(random) < _RANDOM_CHARACTERS:  # once, but for one time in many millions
        random = secrets.token_bytes(2 * _RANDOM_CHARACTERS).translate(_LETTER_OF_BYTE, _UNUSED_BYTES)
    return _written(milliseconds, _TIME_CHARACTERS) + random[:_RANDOM_CHARACTERS].decode()


def continued_step(keyring: Keyring, account_id: int, call_ids: Iterable[str] | None) -> Step | None:
    """Return the step that results with these call ids answer; None when they make an ordinary prompt.

    ``call_ids`` are those of all results since the turn began, oldest first (``chat_result_ids``). They
    must all check for the account and name one turn; the last one's step is the one that is continued.
    """
    last: Step | None = None
    for call_id in call_ids or ():
        step = _checked(keyring, account_id, call_id)
        if step is None or (last is not None and (step.turn != last.turn or step.number < last.number)):
            return None
        last = step
    return last


def chat_result_ids(messages: list[dict[str, Any]]) -> list[str] | None:
    """Return the call ids of all tool messages since the last user, system or developer message.

    None when the conversation does not end in a tool message.
    """
    if not messages or messages[-1].get("role") != "tool":
        return None
    found: list[str] = []
    for message in reversed(messages):
        role = message.get("role")
        if role in _BEGINNING_ROLES:
            break
        if role == "tool":
            found.append(str(message.get("tool_call_id")))
        elif role == "function":  # the deprecated form names no call
            return None
    return found[::-1]


def item_result_ids(items: list[Any]) -> list[str] | None:
    """Return the call ids of all outputs since the last user, system or developer item.

    None when the items of a Responses request do not end in an output.
    """
    found: list[str] = []
    for place, item in enumerate(reversed(items)):
        if not isinstance(item, dict):
            return None
        kind = item.get("type")
        is_output = isinstance(kind, str) and kind in _OUTPUTS
        if place == 0 and not is_output:
            return None
        if item.get("role") in _BEGINNING_ROLES:
            break
        if is_output:
            found.append(str(item.get("call_id") or item.get("id")))
    return found[::-1]


def _checked(keyring: Keyring, account_id: int, call_id: str) -> Step | None:
    match = _FORM.fullmatch(call_id)
    if match is None:
        return None
    turn, number, place, check = match.groups()
    if not secrets.compare_digest(check, keyring.call_check(account_id, turn + number + place)):
        return None
    return Step(turn, _read(number))


def _written(number: int, characters: int = _NUMBER_CHARACTERS) -> str:
    digits = []
    for _ in range(characters):
        number, place = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[place])
    return "".join(reversed(digits))


def _read(text: str) -> int:
    number = 0
    for character in text:
        number = number * len(ALPHABET) + ALPHABET.index(character)
    return number
