"""Responses that a client asked to keep: readable by their account alone, for a while, within limits.

The input is kept as the client sent it and the output as it was given, each as compressed JSON. Nothing is
written for a request with ``store: false``.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from .base import TABLE_OPTIONS, BigId, UtcDateTime, db
from .storage import Storage

MAX_BYTES = 8 * 1024 * 1024  # of one response, compressed
MAX_CHAIN = 200  # responses that one may build on, one before the other

_Blob = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


class TooLargeToStore(Exception):
    """The response with its input is larger than ``MAX_BYTES``."""


class StoredResponse(db.Model):  # type: ignore[name-defined, misc]
    """One stored response with the input items of its own request."""

    __tablename__ = "stored_responses"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    response_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    previous_response_id: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    input_items: Mapped[bytes] = mapped_column(_Blob)
    body: Mapped[bytes] = mapped_column(_Blob)


class StoredItem(db.Model):  # type: ignore[name-defined, misc]
    """Where an output item is found that a client refers to by its id."""

    __tablename__ = "stored_items"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    item_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    stored_response_id: Mapped[int] = mapped_column(
        sa.ForeignKey("stored_responses.id", ondelete="CASCADE"), index=True
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored response as it is handed out: JSON texts."""

    response_id: str
    previous_response_id: str | None
    input_items: bytes
    body: bytes


_COLUMNS = (
    StoredResponse.response_id,
    StoredResponse.previous_response_id,
    StoredResponse.input_items,
    StoredResponse.body,
)


def keep(storage: Storage, account_id: int, kept: Kept, item_ids: Sequence[str], days: int) -> None:
    """Store a response with the ids of its output items, replacing an earlier state of the same one.

    Raises:
        TooLargeToStore: nothing is stored.
        StorageUnavailable: the database could not be written in time.
    """
    input_items, body = zlib.compress(kept.input_items, 1), zlib.compress(kept.body, 1)
    if len(input_items) + len(body) > MAX_BYTES:
        raise TooLargeToStore

    def write(connection: sa.Connection) -> None:
        now = storage.now(connection)
        row = {
            "account_id": account_id,
            "previous_response_id": kept.previous_response_id,
            "created_at": now,
            "expires_at": now + timedelta(days=days),
            "input_items": input_items,
            "body": body,
        }
        mine = sa.and_(StoredResponse.response_id == kept.response_id, StoredResponse.account_id == account_id)
        connection.execute(sa.delete(StoredResponse).where(mine))
        inserted = connection.execute(sa.insert(StoredResponse).values(row | {"response_id": kept.response_id}))
        stored_id = inserted.lastrowid
        items = [{"item_id": item_id, "stored_response_id": stored_id} for item_id in dict.fromkeys(item_ids)]
        if items:
            connection.execute(sa.insert(StoredItem), items)

    storage.write(write)


def find(storage: Storage, account_id: int, response_id: str) -> Kept | None:
    """Return a response of this account; None for an unknown, expired or foreign one alike."""
    return storage.read(lambda connection: _find(storage, connection, account_id, response_id))


def find_with_item(storage: Storage, account_id: int, item_id: str) -> Kept | None:
    """Return the response of this account that put out an item."""

    def look(connection: sa.Connection) -> Kept | None:
        holder = (
            sa.select(StoredResponse.response_id)
            .join(StoredItem, StoredItem.stored_response_id == StoredResponse.id)
            .where(StoredItem.item_id == item_id, StoredResponse.account_id == account_id)
        )
        response_id = connection.scalar(holder)
        return None if response_id is None else _find(storage, connection, account_id, response_id)

    return storage.read(look)


def chain(storage: Storage, account_id: int, response_id: str) -> list[Kept] | None:
    """Return a response and all that it builds on, oldest first; None when any link is missing."""

    def walk(connection: sa.Connection) -> list[Kept] | None:
        links: list[Kept] = []
        wanted: str | None = response_id
        while wanted is not None:
            link = _find(storage, connection, account_id, wanted)
            if link is None or len(links) == MAX_CHAIN:
                return None
            links.append(link)
            wanted = link.previous_response_id
        return links[::-1]

    return storage.read(walk)


def forget(storage: Storage, account_id: int, response_id: str) -> bool:
    """Delete a response of this account; tell whether there was one."""
    mine = sa.and_(StoredResponse.response_id == response_id, StoredResponse.account_id == account_id)
    return storage.write(lambda connection: connection.execute(sa.delete(StoredResponse).where(mine)).rowcount > 0)


def forget_expired(storage: Storage, at_most: int = 500) -> int:
    """Delete responses whose time is over, a bounded number at once; return how many."""

    def delete(connection: sa.Connection) -> int:
        over = (
            sa.select(StoredResponse.id)
            .where(StoredResponse.expires_at < storage.now(connection))
            .order_by(StoredResponse.expires_at)
            .limit(at_most)
        )
        ids = list(connection.scalars(over))
        if ids:
            connection.execute(sa.delete(StoredResponse).where(StoredResponse.id.in_(ids)))
        return len(ids)

    return storage.write(delete)


def _find(storage: Storage, connection: sa.Connection, account_id: int, response_id: str) -> Kept | None:
    wanted = sa.select(*_COLUMNS).where(
        StoredResponse.response_id == response_id,
        StoredResponse.account_id == account_id,
        StoredResponse.expires_at > storage.now(connection),
    )
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    found_id, previous, input_items, body = row
    return Kept(found_id, previous, zlib.decompress(input_items), zlib.decompress(body))
