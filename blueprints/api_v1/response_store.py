"""Stored responses of one account: what a continuation builds on, and what ``GET responses/{id}`` shows."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from models import stored_response
from models.storage import Storage, StorageUnavailable
from models.stored_response import Kept, State, TooLargeToStore
from service.keys import Keyring

from .errors import InvalidRequest, StorageTrouble, UpstreamIncomplete
from .exchange_items import since_compaction

log = logging.getLogger("smartroute.responses")

T = TypeVar("T")

CANCEL_WAIT_S = 3.0  # how long a cancellation waits for the worker that runs the response
_LOOK_EVERY_S = 0.1


class ResponseStore:
    """The stored responses of one account."""

    def __init__(self, storage: Storage, account_id: int, days: int) -> None:
        """Keep for ``days``."""
        self._storage = storage
        self._account_id = account_id
        self._days = days

    def begin(self, response: dict[str, Any], input_items: list[dict[str, Any]], owner_id: Callable[[], int]) -> bool:
        """Store a response that begins to stream; false, and logged, when that cannot be done."""
        kept = _kept(response, input_items)
        trouble = self._trouble(
            response, lambda: stored_response.begin(self._storage, self._account_id, kept, owner_id(), self._days)
        )
        return trouble is None

    def keep(self, response: dict[str, Any], input_items: list[dict[str, Any]]) -> None:
        """Store a response that has ended. What cannot be stored is answered all the same, and logged."""
        kept, item_ids = _kept(response, input_items), _item_ids(response)
        self._trouble(
            response, lambda: stored_response.keep(self._storage, self._account_id, kept, item_ids, self._days)
        )

    def end(self, response: dict[str, Any]) -> None:
        """Store how a response ended that ``begin`` stored; where that fails for now, it is shown as lost."""
        body, item_ids = orjson.dumps(response), _item_ids(response)
        response_id = response["id"]
        trouble = self._trouble(
            response, lambda: stored_response.end(self._storage, self._account_id, response_id, body, item_ids)
        )
        if isinstance(trouble, StorageUnavailable):
            self._later(lambda: stored_response.lose(self._storage, self._account_id, response_id))

    def forget_begun(self, response_id: str) -> None:
        """Delete what ``begin`` stored: the client has never heard of it."""
        self._later(lambda: stored_response.forget(self._storage, self._account_id, response_id))

    def response(self, response_id: str) -> dict[str, Any] | None:
        """Return a stored response object as it stands.

        Raises:
            StorageTrouble: the database does not answer.
        """
        kept = self._found(response_id)
        return None if kept is None else _shown(kept)

    def cancel(self, response_id: str, stop_here: Callable[[str], object]) -> dict[str, Any] | None:
        """Have a running response stopped, and return it; ``stop_here`` stops it if this worker runs it.

        A cancelled one may be cancelled again. Returns None where there is none.

        Raises:
            InvalidRequest: it has ended by itself.
            StorageTrouble: the database does not answer.
        """
        kept = self._found(response_id)
        if kept is not None and kept.is_running:
            self._asked(lambda: stored_response.ask_cancel(self._storage, self._account_id, response_id))
            stop_here(response_id)
            give_up_at = time.monotonic() + CANCEL_WAIT_S
            while kept is not None and kept.is_running and time.monotonic() < give_up_at:
                time.sleep(_LOOK_EVERY_S)
                kept = self._found(response_id)
        shown = None if kept is None else _shown(kept)
        if shown is not None and shown["status"] != "cancelled":
            raise InvalidRequest("This response has ended: only a running one can be cancelled.")
        return shown

    def input_items(self, response_id: str) -> list[dict[str, Any]] | None:
        """Return the input items of a stored response, oldest first, each with an id.

        Raises:
            StorageTrouble: the database does not answer.
        """
        kept = self._found(response_id)
        return None if kept is None else orjson.loads(kept.input_items)

    def item(self, item_id: str) -> dict[str, Any] | None:
        """Return the output item of that id, of any stored response of this account.

        Raises:
            StorageTrouble: the database does not answer.
        """
        kept = self._asked(lambda: stored_response.find_with_item(self._storage, self._account_id, item_id))
        output = [] if kept is None else orjson.loads(kept.body)["output"]
        return next((item for item in output if item["id"] == item_id), None)

    def history(self, response_id: str) -> list[dict[str, Any]]:
        """Return the items of a response and of all that it builds on: input and output, in order.

        A compaction among them stands for all that was before it.

        Raises:
            InvalidRequest: a link of the chain is unknown, expired or another account's, or still running.
            StorageTrouble: the database does not answer.
        """
        links = self._asked(lambda: stored_response.chain(self._storage, self._account_id, response_id))
        if links is None:
            raise InvalidRequest(
                f"Previous response with id '{response_id[:100]}' not found.",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        if any(link.is_running for link in links):
            raise InvalidRequest("previous_response_id: this response is still running.", param="previous_response_id")
        items: list[dict[str, Any]] = []
        for link in links:
            items += orjson.loads(link.input_items)
            items += orjson.loads(link.body)["output"]
        return since_compaction(items)

    def forget(self, response_id: str) -> bool:
        """Delete a stored response; tell whether there was one.

        Raises:
            StorageTrouble: the database does not answer.
        """
        return self._asked(lambda: stored_response.forget(self._storage, self._account_id, response_id))

    def _found(self, response_id: str) -> Kept | None:
        return self._asked(lambda: stored_response.find(self._storage, self._account_id, response_id))

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
        return None

    def _later(self, work: Callable[[], object]) -> None:
        """Do it now, or as soon as the database takes it."""
        self._storage.unfinished.add(work)
        self._storage.unfinished.repeat()

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except StorageUnavailable as error:
            raise StorageTrouble(detail=str(error)) from error


def _kept(response: dict[str, Any], input_items: list[dict[str, Any]]) -> Kept:
    return Kept(
        response_id=response["id"],
        previous_response_id=response.get("previous_response_id"),
        input_items=orjson.dumps(input_items),
        body=orjson.dumps(response),
    )


def _item_ids(response: dict[str, Any]) -> list[str]:
    return [item["id"] for item in response["output"]]


def _shown(kept: Kept) -> dict[str, Any]:
    """Return the response object; the stored one of a running response still says that it has just begun."""
    shown: dict[str, Any] = orjson.loads(kept.body)
    if kept.state is State.STOPPING:
        shown["status"] = "cancelled"
    elif kept.state is State.LOST:
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
