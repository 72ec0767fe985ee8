"""The stored streams that this worker runs at the moment, and its look-out for those that shall stop.

Any worker or machine may be asked to cancel a response; it leaves a mark in the database. Each worker asks
once a second for the marks of all its own streams, and only while it has any.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

import gevent
from flask import current_app
from flask.blueprints import BlueprintSetupState

from models import stored_response
from models.storage import Storage, StorageUnavailable
from service.process.worker import Worker
from service.services import EXTENSION

from .blueprint import bp

log = logging.getLogger("smartroute.responses")

LOOK_EVERY_S = 1.0

_RUNNING = "smartroute_running_responses"


class RunningResponses:
    """What stops each stored stream of one worker."""

    def __init__(self, storage: Storage, worker: Worker) -> None:
        """Begin with none."""
        self._storage = storage
        self._worker = worker
        self._stops: dict[str, Callable[[], object]] = {}
        self._lookout: gevent.Greenlet[[], None] | None = None

    def owner_id(self) -> int:
        """Return the id in whose name this worker's streams are stored.

        Raises:
            StorageUnavailable: the worker has no lease yet and could take none.
        """
        return self._worker.owner_id()

    def add(self, response_id: str, stop: Callable[[], object]) -> None:
        """Look out for a cancellation of this response; ``stop`` is called when it comes."""
        self._stops[response_id] = stop
        if self._lookout is None or self._lookout.ready():
            self._lookout = gevent.spawn(self._look_out)

    def remove(self, response_id: str) -> None:
        """Forget a response that has ended."""
        self._stops.pop(response_id, None)

    def stop(self, response_id: str) -> None:
        """Stop a response if it runs here."""
        stop = self._stops.get(response_id)
        if stop is not None:
            stop()

    def _look_out(self) -> None:
        while self._stops:
            gevent.sleep(LOOK_EVERY_S)
            try:
                asked = stored_response.cancels_asked(self._storage, self.owner_id())
            except StorageUnavailable as error:
                log.warning("cancellations wait for the database: %s", error)
                continue
            for response_id in asked:
                self.stop(response_id)


@bp.record
def _keep_running(state: BlueprintSetupState) -> None:
    house = state.app.extensions[EXTENSION]
    state.app.extensions[_RUNNING] = RunningResponses(house.storage, house.worker)


def running_responses() -> RunningResponses:
    """Return the stored streams of the current application's worker."""
    return cast(RunningResponses, current_app.extensions[_RUNNING])
