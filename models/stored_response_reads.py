"""What is read of stored responses: each question loads only what it asks for.

A small blob can unpack to a thousand times its size. So ``links`` tells the sizes of a chain before anything
of it is loaded, and nothing is unpacked beyond what its reader allows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from .lease import WorkerLease
from .storage import Storage
from .stored_response import MAX_CHAIN, State, StoredItem, StoredResponse


class TooLargeToRead(Exception):
    """A stored text is longer than its reader allows."""


class Shown(Struct, frozen=True):
    """A stored response object, as JSON, and what has become of it."""

    state: State
    body: bytes


class Link(Struct, frozen=True):
    """One response of a chain, before it is loaded; ``size`` is in bytes, input and output together, unpacked."""

    id: int
    state: State
    size: int


_STATE = (StoredResponse.owner_id, StoredResponse.cancel_asked, WorkerLease.id)
# Rows from before the sizes were noted are at least as large as they are packed.
_INPUT_SIZE = sa.func.coalesce(StoredResponse.input_bytes, sa.func.length(StoredResponse.input_items))
_BODY_SIZE = sa.func.coalesce(StoredResponse.body_bytes, sa.func.length(StoredResponse.body))


def state_of(storage: Storage, account_id: int, response_id: str) -> State | None:
    """Return a response's state; None for an unknown, expired or foreign one alike.

    Raises:
        StorageUnavailable: the database did not answer in time; so do all functions here.
    """
    row = _one(storage, account_id, response_id, *_STATE)
    return None if row is None else _state(row)


def body_of(storage: Storage, account_id: int, response_id: str, most: int) -> Shown | None:
    """Return a response object of at most ``most`` bytes; None as for ``state_of``.

    Raises:
        TooLargeToRead: it is longer.
    """
    row = _one(storage, account_id, response_id, StoredResponse.body, *_STATE)
    return None if row is None else Shown(_state(row[1:]), unpacked(row[0], most))


def input_of(storage: Storage, account_id: int, response_id: str, most: int) -> bytes | None:
    """Return a response's input items, as JSON of at most ``most`` bytes; None as for ``state_of``.

    Raises:
        TooLargeToRead: it is longer.
    """
    row = _one(storage, account_id, response_id, StoredResponse.input_items)
    return None if row is None else unpacked(row[0], most)


def body_with_item(storage: Storage, account_id: int, item_id: str, most: int) -> bytes | None:
    """Return the response object, of at most ``most`` bytes, that an output item of this account belongs to.

    Raises:
        TooLargeToRead: it is longer.
    """

    def look(connection: sa.Connection) -> bytes | None:
        holder = (
            sa.select(StoredResponse.id, _BODY_SIZE)
            .join(StoredItem, StoredItem.stored_response_id == StoredResponse.id)
            .where(
                StoredItem.item_id == item_id,
                StoredResponse.account_id == account_id,
                StoredResponse.expires_at > storage.now(connection),
            )
        )
        found = connection.execute(holder).one_or_none()
        if found is None:
            return None
        stored_id, size = found
        if size > most:
            raise TooLargeToRead
        packed: bytes = connection.execute(
            sa.select(StoredResponse.body).where(StoredResponse.id == stored_id)
        ).scalar_one()
        return packed

    packed = storage.read(look)
    return None if packed is None else unpacked(packed, most)


def links(storage: Storage, account_id: int, response_id: str) -> list[Link] | None:
    """Return a response and all that it builds on, oldest first; None when any is missing, or they are too many."""

    def walk(connection: sa.Connection) -> list[Link] | None:
        now = storage.now(connection)
        found: list[Link] = []
        wanted: str | None = response_id
        while wanted is not None:
            link = (
                sa.select(StoredResponse.id, StoredResponse.previous_response_id, _INPUT_SIZE, _BODY_SIZE, *_STATE)
                .outerjoin(WorkerLease, WorkerLease.id == StoredResponse.owner_id)
                .where(
                    StoredResponse.response_id == wanted,
                    StoredResponse.account_id == account_id,
                    StoredResponse.expires_at > now,
                )
            )
            row = connection.execute(link).one_or_none()
            if row is None or len(found) == MAX_CHAIN:
                return None
            stored_id, wanted, input_size, body_size, *state = row
            found.append(Link(stored_id, _state(state), input_size + body_size))
        return found[::-1]

    return storage.read(walk)


def texts(storage: Storage, chain: Sequence[Link], most: int) -> list[tuple[bytes, bytes]] | None:
    """Return the input items and the object of each link, as JSON; None when one has been deleted meanwhile.

    Raises:
        TooLargeToRead: they are longer than ``most`` bytes together.
    """
    wanted = sa.select(StoredResponse.id, StoredResponse.input_items, StoredResponse.body).where(
        StoredResponse.id.in_([link.id for link in chain])
    )
    rows = storage.read(lambda connection: list(connection.execute(wanted)))
    packed = {stored_id: (input_items, body) for stored_id, input_items, body in rows}
    if len(packed) < len(chain):
        return None
    found = []
    for link in chain:
        input_packed, body_packed = packed.pop(link.id)
        input_items = unpacked(input_packed, most)
        body = unpacked(body_packed, most - len(input_items))
        most -= len(input_items) + len(body)
        found.append((input_items, body))
    return found


def unpacked(packed: bytes, most: int) -> bytes:
    """Return a text of at most ``most`` bytes; never more than one byte beyond it is held.

    Raises:
        TooLargeToRead: it is longer.
        zlib.error: it is damaged.
    """
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed, most + 1)
    if len(text) > most:
        raise TooLargeToRead
    if not unpacking.eof:
        raise zlib.error("a stored text ends in the middle")
    return text


def _one(storage: Storage, account_id: int, response_id: str, *columns: Any) -> sa.Row[Any] | None:
    def look(connection: sa.Connection) -> sa.Row[Any] | None:
        wanted = (
            sa.select(*columns)
            .select_from(StoredResponse)
            .outerjoin(WorkerLease, WorkerLease.id == StoredResponse.owner_id)
            .where(
                StoredResponse.response_id == response_id,
                StoredResponse.account_id == account_id,
                StoredResponse.expires_at > storage.now(connection),
            )
        )
        return connection.execute(wanted).one_or_none()

    return storage.read(look)


def _state(told: Sequence[Any]) -> State:
    """Return what the columns ``_STATE`` say."""
    owner_id, cancel_asked, living = told
    if owner_id is None:
        return State.ENDED
    if living is None:
        return State.LOST
    return State.STOPPING if cancel_asked else State.RUNNING
