"""Responses that a client asked to keep: readable by their account alone, for a while, within limits.

The input is kept as the client sent it and the output as it was given, each as compressed JSON, with its length
before that. Nothing is written for a request with ``store: false``. ``stored_response_reads`` reads it again.

A streamed response is stored when it begins (``begin``), with the worker that runs it as its owner, and once
more when it has ended (``end``), without one. Whoever ends it does so by taking the owner away, so it ends
once; where the owner's lease is gone, nobody will end it any more, and it is shown as lost.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import Mapped, Session, mapped_column

from .account import Account
from .base import BigId, LongBlob, UtcDateTime, db
from .prepared import Prepared, firsts
from .storage import Storage

MAX_BYTES = 8 * 1024 * 1024  # of one response, compressed
MAX_CHAIN = 200  # responses that one may build on, one before the other
PORTION = 100  # of expired responses, deleted in one transaction
NOBODY = 0  # an owner that never has a lease


class TooLargeToStore(Exception):
    """The response with its input is larger than ``MAX_BYTES``, or unpacked than its service allows."""


class State(Enum):
    """What a stored response is at the moment."""

    ENDED = "ended"
    RUNNING = "running"
    STOPPING = "stopping"  # its worker has been asked to stop it
    LOST = "lost"  # its worker is gone

    @property
    def is_running(self) -> bool:
        """Tell whether its worker is still at it."""
        return self in (State.RUNNING, State.STOPPING)


class StoredResponse(db.Model):  # type: ignore[name-defined, misc]
    """One stored response with the input items of its own request; ``owner_id`` is null once it has ended."""

    __tablename__ = "stored_responses"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    response_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    previous_response_id: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    input_items: Mapped[bytes] = mapped_column(LongBlob)
    body: Mapped[bytes] = mapped_column(LongBlob)
    input_bytes: Mapped[int | None]
    body_bytes: Mapped[int | None]
    owner_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    cancel_asked: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class StoredItem(db.Model):  # type: ignore[name-defined, misc]
    """Where an output item is found that a client refers to by its id."""

    __tablename__ = "stored_items"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    item_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    stored_response_id: Mapped[int] = mapped_column(
        sa.ForeignKey("stored_responses.id", ondelete="CASCADE"), index=True
    )


class Kept(Struct, frozen=True):
    """A response as it is to be stored: JSON texts."""

    response_id: str
    previous_response_id: str | None
    input_items: bytes
    body: bytes

    @property
    def size(self) -> int:
        """The length of both texts, in bytes."""
        return len(self.input_items) + len(self.body)


_INSERTED = [
    "response_id",
    "account_id",
    "previous_response_id",
    "created_at",
    "expires_at",
    "input_items",
    "body",
    "input_bytes",
    "body_bytes",
    "owner_id",
    "cancel_asked",
]
_ACCOUNT_ID: sa.BindParameter[int] = sa.bindparam("of_account")
_RESPONSE_ID: sa.BindParameter[str] = sa.bindparam("of_response")
_IS_MINE = sa.and_(StoredResponse.response_id == _RESPONSE_ID, StoredResponse.account_id == _ACCOUNT_ID)
_IS_RUNNING = sa.and_(_IS_MINE, StoredResponse.owner_id > NOBODY)
_HOLDER = Prepared(sa.select(Account.deleted_at).where(Account.id == _ACCOUNT_ID).with_for_update())
_CLOCK = Prepared(sa.select(sa.type_coerce(sa.func.utc_timestamp(sa.literal_column("6")), UtcDateTime)))
_INSERT = Prepared(sa.insert(StoredResponse), columns=_INSERTED)
_INSERT_ITEM = Prepared(sa.insert(StoredItem), columns=["item_id", "stored_response_id"])
_DELETE = Prepared(sa.delete(StoredResponse).where(_IS_MINE))
_ENDING = Prepared(
    sa.select(StoredResponse.id, sa.func.length(StoredResponse.input_items), StoredResponse.input_bytes).where(
        _IS_RUNNING
    )
)
_END = Prepared(
    sa.update(StoredResponse)
    .where(_IS_RUNNING)
    .values(
        body=sa.bindparam("new_body"),
        body_bytes=sa.bindparam("new_body_bytes"),
        owner_id=None,
        cancel_asked=False,
    )
)
_DELETE_RUNNING = Prepared(sa.delete(StoredResponse).where(_IS_RUNNING))
_ASK_CANCEL = Prepared(sa.update(StoredResponse).where(_IS_RUNNING).values(cancel_asked=True))
_LOSE = Prepared(sa.update(StoredResponse).where(_IS_RUNNING).values(owner_id=NOBODY))


def begin(storage: Storage, account_id: int, kept: Kept, owner_id: int, days: int, most: int) -> None:
    """Store a response that ``owner_id`` has begun to stream; ``most`` bytes with its input, unpacked.

    Raises:
        TooLargeToStore: nothing is stored.
        StorageUnavailable: the database could not be written in time.
    """
    _insert(storage, account_id, kept, (), days, most, owner_id)


def keep(storage: Storage, account_id: int, kept: Kept, item_ids: Sequence[str], days: int, most: int) -> None:
    """Store a response that has ended, with the ids of its output items; ``most`` as for ``begin``.

    Raises:
        TooLargeToStore: nothing is stored.
        StorageUnavailable: the database could not be written in time.
    """
    _insert(storage, account_id, kept, item_ids, days, most, None)


def end(storage: Storage, account_id: int, response_id: str, body: bytes, item_ids: Sequence[str], most: int) -> bool:
    """Store how a running response ended; false when it was deleted or ended by another hand before.

    ``most`` as for ``begin``.

    Raises:
        TooLargeToStore: it is not stored any more.
        StorageUnavailable: the database could not be written in time.
    """
    packed = zlib.compress(body, 1)
    this = _this(account_id, response_id)

    def write(connection: sa.Connection) -> bool | None:
        found = _ENDING.first(connection, this)
        if found is None:
            return False
        stored_id, packed_input, input_bytes = found
        if packed_input + len(packed) > MAX_BYTES or (input_bytes or 0) + len(body) > most:
            _DELETE_RUNNING.run(connection, this)
            return None
        if _END.run(connection, {**this, "new_body": packed, "new_body_bytes": len(body)}).rowcount == 0:
            return False
        _insert_items(connection, stored_id, item_ids)
        return True

    has_ended = storage.write(write)
    _note(storage, account_id, len(packed))
    if has_ended is None:
        raise TooLargeToStore
    return has_ended


def ask_cancel(storage: Storage, account_id: int, response_id: str) -> None:
    """Ask the worker that runs a response to stop it; changes nothing when it has ended."""
    storage.write(lambda connection: _ASK_CANCEL.run(connection, _this(account_id, response_id)), is_lone=True)


def cancels_asked(storage: Storage, owner_id: int) -> list[str]:
    """Return the ids of the running responses of an owner that it shall stop."""
    asked = sa.select(StoredResponse.response_id).where(
        StoredResponse.owner_id == owner_id, StoredResponse.cancel_asked
    )
    return storage.read(lambda connection: list(connection.scalars(asked)))


def lose(storage: Storage, account_id: int, response_id: str) -> None:
    """Show a running response as lost from now on: nobody can tell how it ended."""
    storage.write(lambda connection: _LOSE.run(connection, _this(account_id, response_id)), is_lone=True)


def forget(storage: Storage, account_id: int, response_id: str) -> bool:
    """Delete a response of this account; tell whether there was one."""
    this = _this(account_id, response_id)
    return storage.write(lambda connection: _DELETE.run(connection, this).rowcount > 0, is_lone=True)


def forget_all(session: Session, account_id: int) -> None:
    """Delete everything that an account has stored: what was asked and answered is personal."""
    session.execute(sa.delete(StoredResponse).where(StoredResponse.account_id == account_id))


def forget_expired(storage: Storage, at_most: int = PORTION) -> int:
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


def _insert(
    storage: Storage,
    account_id: int,
    kept: Kept,
    item_ids: Sequence[str],
    days: int,
    most: int,
    owner_id: int | None,
) -> None:
    if kept.size > most:
        raise TooLargeToStore
    input_items, body = zlib.compress(kept.input_items, 1), zlib.compress(kept.body, 1)
    if len(input_items) + len(body) > MAX_BYTES:
        raise TooLargeToStore
    this = _this(account_id, kept.response_id)

    def write(connection: sa.Connection) -> None:
        # Under the account's lock, which deleting takes too: nothing may be stored behind a deletion.
        holder, *clock = firsts(connection, [_HOLDER] if storage.is_sqlite else [_HOLDER, _CLOCK], this)
        if holder is not None and holder[0] is not None:
            return
        now = storage.now(connection, *(row[0] for row in clock if row is not None))
        row: dict[str, Any] = {
            "response_id": kept.response_id,
            "account_id": account_id,
            "previous_response_id": kept.previous_response_id,
            "created_at": now,
            "expires_at": now + timedelta(days=days),
            "input_items": input_items,
            "body": body,
            "input_bytes": len(kept.input_items),
            "body_bytes": len(kept.body),
            "owner_id": owner_id,
            "cancel_asked": False,
        }
        # It is there already where the answer to a COMMIT was lost and the transaction is run again.
        _DELETE.run(connection, this)
        inserted = _INSERT.run(connection, row, is_last=not item_ids)
        _insert_items(connection, inserted.lastrowid, item_ids)

    storage.write(write)
    _note(storage, account_id, len(input_items) + len(body))


def _note(storage: Storage, account_id: int, size: int) -> None:
    """Let housekeeping know who stores much (``stored_response_room``)."""
    stored = storage.stored_since_last_look
    stored[account_id] = stored.get(account_id, 0) + size


def _insert_items(connection: sa.Connection, stored_id: int, item_ids: Sequence[str]) -> None:
    items = [{"item_id": item_id, "stored_response_id": stored_id} for item_id in dict.fromkeys(item_ids)]
    if len(items) == 1:
        _INSERT_ITEM.run(connection, items[0], is_last=True)
    elif items:
        connection.execute(sa.insert(StoredItem), items)


def _this(account_id: int, response_id: str) -> dict[str, Any]:
    return {"of_account": account_id, "of_response": response_id}
