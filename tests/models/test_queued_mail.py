"""The queue of mails goes by the database's clock; the machines' own may be months apart from it."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from models import queued_mail
from models.queued_mail import QueuedMail
from tests.models.ledger import NOON, Ledger

ROW = {"purpose": "reset", "email_hash": bytes(32), "reference": 0, "created_at": NOON, "next_try_at": NOON, "tries": 0}


def test_mail_is_due_and_in_hand_by_the_clock_of_the_database(ledger: Ledger) -> None:
    storage = ledger.storage
    storage.write(lambda connection: connection.execute(sa.insert(QueuedMail).values(ROW)))
    taken = queued_mail.take_due(storage, 60)
    assert taken is not None
    assert queued_mail.take_due(storage, 60) is None

    storage.clock = NOON + timedelta(seconds=61)
    assert queued_mail.take_due(storage, 60) is not None
    queued_mail.failed(storage, taken.id, "later", 300)
    assert queued_mail.take_due(storage, 60) is None
    storage.clock += timedelta(seconds=301)
    assert queued_mail.take_due(storage, 60) is not None
    queued_mail.is_done(storage, taken.id)


def test_mail_is_forgotten_by_the_clock_of_the_database(ledger: Ledger) -> None:
    storage = ledger.storage
    storage.write(lambda connection: connection.execute(sa.insert(QueuedMail).values(ROW)))
    assert queued_mail.forget_expired(storage) == 0
    storage.clock = NOON + queued_mail.KEPT_FOR
    assert queued_mail.forget_expired(storage) == 1
