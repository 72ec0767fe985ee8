"""Stored responses of one account: what a continuation builds on, and what ``GET responses/{id}`` shows."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from models import stored_response, stored_response_reads
from models.storage import Storage, StorageUnavailable
from models.stored_response import Kept, State, TooLargeToStore
from models.stored_response_reads import Shown, TooLargeToRead
from service.keys import Keyring

from .errors import InvalidRequest, StorageTrouble, UpstreamIncomplete
from .exchange_items import since_compaction

log = logging.getLogger("smartroute.responses")

T = TypeVar("T")

CANCEL_WAIT_S = 3.0  # how long a cancellation waits for the worker that runs the response
END_WAIT_S = 2.0  # how long an end that the database refuses is tried again before the last bytes leave
_LOOK_EVERY_S = 0.1


class ResponseStore:
    """The stored responses of one account, for one request.

    Nothing that stores raises: what cannot be stored is answered all the same, and logged.
    """

    def __init__(self, storage: Storage, account_id: int, days: int, most_bytes: int) -> None:
        """Keep for ``days``. No response with its input, and no chain of them, is longer than ``most_bytes``."""
        self._storage = storage
        self._account_id = account_id
        self._days = days
        self._most = most_bytes
        self._items: dict[str, dict[str, Any]] = {}
        self._items_left = most_bytes

    def begin(self, response: dict[str, Any], input_items: list[dict[str, Any]], owner_id: Callable[[], int]) -> bool:
        """Store a response that begins to stream; false, and logged, when that cannot be done."""
        kept = _kept(response, input_items)
        trouble = self._trouble(
            response,
            lambda: stored_response.begin(self._storage, self._account_id, kept, owner_id(), self._days, self._most),
        )
        return trouble is None

    def keep(self, response: dict[str, Any], input_items: list[dict[str, Any]]) -> None:
        """Store a response that has ended."""
        kept, item_ids = _kept(response, input_items), _item_ids(response)
        self._store_end(
            response,
            lambda: stored_response.keep(self._storage, self._account_id, kept, item_ids, self._days, self._most),
        )

    def end(self, response: dict[str, Any]) -> None:
        """Store how a response ended that ``begin`` stored; where that fails, it is shown as lost."""
        body, item_ids = orjson.dumps(response), _item_ids(response)
        self._store_end(
            response,
            lambda: stored_response.end(self._storage, self._account_id, response["id"], body, item_ids, self._most),
        )

    def forget_begun(self, response_id: str) -> None:
        """Delete what ``begin`` stored: the client has never heard of it."""
        self._now_or_later(lambda: stored_response.forget(self._storage, self._account_id, response_id))

    def response(self, response_id: str) -> dict[str, Any] | None:
        """Return a stored response object as it stands.

        Raises:
            InvalidRequest: it is longer than the service allows by now.
            StorageTrouble: the database does not answer.
        """
        found = self._asked(
            lambda: stored_response_reads.body_of(self._storage, self._account_id, response_id, self._most)
        )
        return None if found is None else _shown(found)

    def cancel(self, response_id: str, stop_here: Callable[[str], object]) -> dict[str, Any] | None:
        """Have a running response stopped, and return it; ``stop_here`` stops it if this worker runs it.

        A cancelled one may be cancelled again. Returns None where there is none.

        Raises:
            InvalidRequest: it has ended by itself.
            StorageTrouble: the database does not answer.
        """
        state = self._state(response_id)
        if state is not None and state.is_running:
            self._asked(lambda: stored_response.ask_cancel(self._storage, self._account_id, response_id))
            stop_here(response_id)
            give_up_at = time.monotonic() + CANCEL_WAIT_S
            while state is not None and state.is_running and time.monotonic() < give_up_at:
                time.sleep(_LOOK_EVERY_S)
                state = self._state(response_id)
        shown = None if state is None else self.response(response_id)
        if shown is not None and shown["status"] != "cancelled":
            raise InvalidRequest("This response has ended: only a running one can be cancelled.")
        return shown

    def input_items(self, response_id: str) -> list[dict[str, Any]] | None:
        """Return the input items of a stored response, oldest first, each with an id.

        Raises:
            StorageTrouble: the database does not answer.
        """
        found = self._asked(
            lambda: stored_response_reads.input_of(self._storage, self._account_id, response_id, self._most)
        )
        return None if found is None else orjson.loads(found)

    def item(self, item_id: str) -> dict[str, Any] | None:
        """Return the output item of that id, of any stored response of this account.

        Raises:
            InvalidRequest: the responses of all items that were asked for are too long together.
            StorageTrouble: the database does not answer.
        """
        if item_id not in self._items:
            body = self._asked(
                lambda: stored_response_reads.body_with_item(
                    self._storage, self._account_id, item_id, self._items_left
                ),
                param="input",
            )
            if body is not None:
                self._items_left -= len(body)
                self._items |= {item["id"]: item for item in orjson.loads(body)["output"]}
        return self._items.get(item_id)

    def history(self, response_id: str) -> list[dict[str, Any]]:
        """Return the items of a response and of all that it builds on: input and output, in order.

        A compaction among them stands for all that was before it.

        Raises:
            InvalidRequest: a link of the chain is unknown, expired or another account's, or still running; or
                the chain is too long.
            StorageTrouble: the database does not answer.
        """
        chain = self._asked(lambda: stored_response_reads.links(self._storage, self._account_id, response_id))
        if chain is None:
            raise _no_previous(response_id)
        if any(link.state.is_running for link in chain):
            raise InvalidRequest("previous_response_id: this response is still running.", param="previous_response_id")
        if sum(link.size for link in chain) > self._most:  # before any of it is loaded
            raise self._too_long("previous_response_id")
        texts = self._asked(
            lambda: stored_response_reads.texts(self._storage, chain, self._most), param="previous_response_id"
        )
        if texts is None:
            raise _no_previous(response_id)
        items: list[dict[str, Any]] = []
        for input_items, body in texts:
            items += orjson.loads(input_items)
            items += orjson.loads(body)["output"]
        return since_compaction(items)

    def forget(self, response_id: str) -> bool:
        """Delete a stored response; tell whether there was one.

        Raises:
            StorageTrouble: the database does not answer.
        """
        return self._asked(lambda: stored_response.forget(self._storage, self._account_id, response_id))

    def _state(self, response_id: str) -> State | None:
        return self._asked(lambda: stored_response_reads.state_of(self._storage, self._account_id, response_id))

    def _store_end(self, response: dict[str, Any], write: Callable[[], object]) -> None:
        """Store an end before the last bytes leave: whoever has read them may build on the response at once."""
        give_up_at = time.monotonic() + END_WAIT_S
        trouble = self._trouble(response, write)
        while isinstance(trouble, StorageUnavailable) and time.monotonic() < give_up_at:
            time.sleep(_LOOK_EVERY_S)
            trouble = self._trouble(response, write)
        if trouble is not None and not isinstance(trouble, TooLargeToStore):
            self._now_or_later(lambda: stored_response.lose(self._storage, self._account_id, response["id"]))

    def _trouble(self, response: dict[str, Any], write: Callable[[], object]) -> Exception | None:
        """Write; return, and log, why a response cannot be stored."""
        try:
            write()
        except TooLargeToStore as error:
            log.warning("%s is too large to be stored", response["id"])
            return error
        except StorageUnavailable as error:
            log.warning("%s could not be stored: %s", response["id"], error)
            return error
        except Exception as error:  # a statement that can never succeed; the answer itself goes out
            log.exception("%s could not be stored", response["id"])
            return error
        return None

    def _now_or_later(self, work: Callable[[], object]) -> None:
        """Do it now; housekeeping does it as soon as the database takes it, where that refuses."""
        try:
            work()
        except StorageUnavailable:
            self._storage.unfinished.add(work)
        except Exception:
            log.exception("a stored response stays as it is until this worker ends")

    def _asked(self, question: Callable[[], T], param: str | None = None) -> T:
        try:
            return question()
        except StorageUnavailable as error:
            raise StorageTrouble(detail=str(error)) from error
        except TooLargeToRead as error:
            raise self._too_long(param) from error

    def _too_long(self, param: str | None) -> InvalidRequest:
        megabytes = self._most // (1024 * 1024)
        return InvalidRequest(
            f"What is stored of this conversation is longer than {megabytes} MB. Start anew with a shorter input.",
            code="context_length_exceeded",
            param=param,
        )


def _no_previous(response_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Previous response with id '{response_id[:100]}' not found.",
        code="previous_response_not_found",
        param="previous_response_id",
    )


def _kept(response: dict[str, Any], input_items: list[dict[str, Any]]) -> Kept:
    return Kept(
        response_id=response["id"],
        previous_response_id=response.get("previous_response_id"),
        input_items=orjson.dumps(input_items),
        body=orjson.dumps(response),
    )


def _item_ids(response: dict[str, Any]) -> list[str]:
    return [item["id"] for item in response["output"]]


def _shown(found: Shown) -> dict[str, Any]:
    """Return the response object; the stored one of a running response still says that it has just begun."""
    shown: dict[str, Any] = orjson.loads(found.body)
    if found.state is State.STOPPING:
        shown["status"] = "cancelled"
    elif found.state is State.LOST:
        error = {"code": "server_error", "message": UpstreamIncomplete.message}
        shown.update(status="failed", error=error)
    return shown


class Seals:
    """Texts that a client keeps for the gateway: readable by the gateway alone, for the same account alone."""

    def __init__(self, keyring: Keyring, account_id: int) -> None:
        """Seal and open for one account."""
        self._keyring = keyring
        self._account_id = account_id

    def close(self, value: dict[str, Any]) -> str:
        """Return a sealed text."""
        return base64.urlsafe_b64encode(self._keyring.seal(orjson.dumps(value), self._account_id)).decode()

    def open(self, text: str) -> dict[str, Any] | None:
        """Return what was sealed; None for anything that this gateway did not seal for this account."""
        try:
            plain = self._keyring.unseal(base64.urlsafe_b64decode(text.encode()), self._account_id)
            value = None if plain is None else orjson.loads(plain)
        except (ValueError, UnicodeError):
            return None
        return value if isinstance(value, dict) else None
