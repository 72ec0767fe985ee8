"""Passwords: hashing, verifying, what one may look like."""

from __future__ import annotations

import threading
import time

import gevent
import pytest
from argon2 import PasswordHasher

from service.signing_in import passwords


def test_password_is_right_for_its_own_hash_only() -> None:
    stored = passwords.hashed("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert passwords.is_right(stored, "correct horse battery")
    assert not passwords.is_right(stored, "correct horse battery.")


def test_same_letters_typed_on_another_system_are_the_same_password() -> None:
    assert passwords.is_right(passwords.hashed("caf\u00e9 au lait"), "cafe\u0301 au lait")


def test_without_a_hash_every_password_is_wrong() -> None:
    assert not passwords.is_right(None, "not a password of anybody")


def test_unknown_address_costs_as_much_as_a_known_one() -> None:
    assert not passwords.needs_rehash(passwords._NOBODYS_HASH)


@pytest.mark.parametrize("password", ["123456789", "", "a" * 1025, "é" * 513, "ten chars \udcff"])
def test_password_of_wrong_length_or_no_text_is_refused(password: str) -> None:
    with pytest.raises(passwords.UnfitPassword):
        passwords.hashed(password)
    assert not passwords.is_right(passwords.hashed("correct horse battery"), password)


@pytest.mark.parametrize("password", ["1234567890", "é" * 512, " spaces count too "])
def test_password_within_the_limits_is_taken(password: str) -> None:
    assert passwords.is_right(passwords.hashed(password), password)


def test_hash_of_other_parameters_is_to_be_made_anew() -> None:
    assert passwords.needs_rehash(PasswordHasher(time_cost=1, memory_cost=1024).hash("x"))
    assert not passwords.needs_rehash(passwords.hashed("correct horse battery"))


def test_stored_text_that_is_no_hash_is_a_wrong_password() -> None:
    assert not passwords.is_right("plain text", "correct horse battery")


def test_loop_runs_on_while_a_password_is_hashed() -> None:
    turns = 0
    done = False

    def count() -> None:
        nonlocal turns
        while not done:
            turns += 1
            gevent.sleep(0.001)

    counter = gevent.spawn(count)
    passwords.hashed("correct horse battery")
    done = True
    counter.join()
    assert turns > 3


def test_at_most_two_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running = most = 0
    guard = threading.Lock()

    class Slow:
        def hash(self, password: str) -> str:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with guard:
                running -= 1
            return password

    monkeypatch.setattr(passwords, "_hasher", Slow)
    threads = [threading.Thread(target=passwords.hashed, args=["correct horse battery"]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
