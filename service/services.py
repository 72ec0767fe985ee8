"""What one worker process works with, built once by ``app.create_app`` and read by the blueprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app
from msgspec import Struct

from catalog.model import Catalog
from config import Settings
from models.calendar_windows import Calendar
from models.storage import Storage
from service.keys import Keyring
from service.metrics.counts import Metrics
from service.metrics.tracing import Tracing
from service.metrics.worker_file import WorkerFile
from service.process.worker import Worker

if TYPE_CHECKING:  # they ask for services themselves
    from service.mail.carrier import Carrier
    from service.mail.smtp import Mailer

EXTENSION = "smartroute"


class Services(Struct, frozen=True):
    """The parts that outlive a request."""

    settings: Settings
    catalog: Catalog
    keyring: Keyring
    storage: Storage
    calendar: Calendar
    worker: Worker
    mailer: Mailer | None
    """None where no mail server is configured."""
    carrier: Carrier
    metrics: Metrics
    watch: WorkerFile
    tracing: Tracing


def services() -> Services:
    """Return the services of the application that handles the current request or command."""
    return cast(Services, current_app.extensions[EXTENSION])
