"""Stored responses of one account: what a continuation builds on, and what ``GET responses/{id}`` shows."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from models import stored_response
from models.storage import Storage, StorageUnavailable
from models.stored_response import Kept, TooLargeToStore
from service.keys import Keyring

from .errors import InvalidRequest, StorageTrouble

log = logging.getLogger("smartroute.responses")

T = TypeVar("T")


class ResponseStore:
    """The stored responses of one account."""

    def __init__(self, storage: Storage, account_id: int, days: int) -> None:
        """Keep for ``days``."""
        self._storage = storage
        self._account_id = account_id
        self._days = days

    def keep(self, response: dict[str, Any], input_items: list[dict[str, Any]]) -> None:
        """Store a response as it stands. What cannot be stored is answered all the same, and logged."""
        kept = Kept(
            response_id=response["id"],
            previous_response_id=response.get("previous_response_id"),
            input_items=orjson.dumps(input_items),
            body=orjson.dumps(response),
        )
        try:
            item_ids = [item["id"] for item in response["output"]]
            stored_response.keep(self._storage, self._account_id, kept, item_ids, self._days)
        except TooLargeToStore:
            log.warning("%s is too large to be stored", response["id"])
        except StorageUnavailable as error:
            log.warning("%s could not be stored: %s", response["id"], error)

    def response(self, response_id: str) -> dict[str, Any] | None:
        """Return a stored response object.

        Raises:
            StorageTrouble: the database does not answer.
        """
        kept = self._asked(lambda: stored_response.find(self._storage, self._account_id, response_id))
        return None if kept is None else orjson.loads(kept.body)

    def input_items(self, response_id: str) -> list[dict[str, Any]] | None:
        """Return the input items of a stored response, oldest first, each with an id.

        Raises:
            StorageTrouble: the database does not answer.
        """
        kept = self._asked(lambda: stored_response.find(self._storage, self._account_id, response_id))
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

        Raises:
            InvalidRequest: a link of the chain is unknown, expired or another account's.
            StorageTrouble: the database does not answer.
        """
        links = self._asked(lambda: stored_response.chain(self._storage, self._account_id, response_id))
        if links is None:
            raise InvalidRequest(
                f"Previous response with id '{response_id[:100]}' not found.",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        items: list[dict[str, Any]] = []
        for link in links:
            items += orjson.loads(link.input_items)
            items += orjson.loads(link.body)["output"]
        return items

    def forget(self, response_id: str) -> bool:
        """Delete a stored response; tell whether there was one.

        Raises:
            StorageTrouble: the database does not answer.
        """
        return self._asked(lambda: stored_response.forget(self._storage, self._account_id, response_id))

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except StorageUnavailable as error:
            raise StorageTrouble(detail=str(error)) from error


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
