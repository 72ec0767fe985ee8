"""Sends queued mails, in a greenlet of each worker: the form that asked for one waits for no mail server.

A mail is taken on for a bounded time, written (its link is made now, in a transaction that is over before the server
is called), handed in and forgotten. A try that fails is repeated for about an hour, by any worker; a worker that dies
with a mail in hand leaves it to the others. A server that took a mail and died before saying so gets it twice, with a
new link.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from models import queued_mail
from models.queued_mail import QueuedMail
from models.storage import Storage, StorageUnavailable
from service.mail.mail import Mail, MailTrouble
from service.process.draining import is_draining

if TYPE_CHECKING:
    from service.mail.smtp import Mailer

log = logging.getLogger("smartroute.mail")

LOOK_EVERY_S = 10.0  # for what others queued, or left behind
ANSWER_FIRST_S = 0.05  # who asked has the answer before its mail costs this process anything
AGAIN_AFTER_S = (10.0, 60.0, 300.0, 900.0, 1800.0)
FINISH_S = 5.0  # to write before the server is asked, and to note what it said
WRITING_S = 60.0  # beside the server's own time, far above what it takes

Writers = Mapping[str, Callable[[QueuedMail], Mail | None]]


class Carrier:
    """Sends what is queued; without a mailer it never does anything."""

    def __init__(self, storage: Storage, mailer: Mailer | None, writers: Callable[[], Writers]) -> None:
        """Send by ``mailer``; ``writers`` gives, by purpose, what writes a mail or None if nobody is to get one."""
        self._storage = storage
        self._mailer = mailer
        self._writers = writers
        self._wanted = Event()
        self._hands_free = Event()
        self._hands_free.set()

    def start(self, context: Callable[[], AbstractContextManager[Any]]) -> None:
        """Start the greenlet; it ends with the process, or when that drains. ``context`` makes the application's."""
        if self._mailer is not None:
            gevent.spawn(self._run, context)

    def wake(self) -> None:
        """Look at once."""
        self._wanted.set()

    def finish(self) -> None:
        """Wait for the mail in hand, when the process ends: its server may have taken it, and nobody would know."""
        if self._mailer is not None:
            self._hands_free.wait(self._mailer.server.timeout + FINISH_S)

    def deliver_due(self) -> int:
        """Send what is due, one mail after the other, until this process is to end; return how many were handed in.

        Raises:
            StorageUnavailable: the database could not be read or written; the mail waits.
        """
        if self._mailer is None:
            return 0
        handed_in = 0
        for_s = self._mailer.server.timeout + WRITING_S
        # A process that ends may have an older [smtp] than those that serve now, and no time for what it takes on.
        while not is_draining() and (mail := queued_mail.take_due(self._storage, for_s)):
            handed_in += self._deliver(self._mailer, mail)
        return handed_in

    def _deliver(self, mailer: Mailer, queued: QueuedMail) -> bool:
        write = self._writers().get(queued.purpose)
        try:
            written = None if write is None else write(queued)
            if written is not None:
                mailer.send(written)
        except MailTrouble as trouble:
            self._note(queued, trouble)
            return False
        except StorageUnavailable:
            raise
        except Exception:  # a fault of ours: the same mail would meet it again
            log.exception("mail %d (%s) could not be written", queued.id, queued.purpose)
            queued_mail.failed(self._storage, queued.id, "It could not be written; the log says why.", None)
            return False
        queued_mail.is_done(self._storage, queued.id)
        return written is not None

    def _note(self, queued: QueuedMail, trouble: MailTrouble) -> None:
        is_over = trouble.is_final or queued.tries > len(AGAIN_AFTER_S)
        again_in_s = None if is_over else AGAIN_AFTER_S[queued.tries - 1]
        queued_mail.failed(self._storage, queued.id, trouble.in_full, again_in_s)
        # No address: the log names no member.
        then = "it is given up" if again_in_s is None else f"the next try is in {again_in_s:g} s"
        log.warning("mail %d (%s) was not sent, %s: %s", queued.id, queued.purpose, then, trouble)

    def _run(self, context: Callable[[], AbstractContextManager[Any]]) -> None:
        while True:
            if self._wanted.wait(LOOK_EVERY_S):
                gevent.sleep(ANSWER_FIRST_S)
            self._wanted.clear()
            if is_draining():
                return
            self._hands_free.clear()
            try:
                with context():
                    self.deliver_due()
            except StorageUnavailable as error:
                log.warning("mails wait for the database: %s", error)
            except Exception:  # later mails must go whatever this round met
                log.exception("the mail queue failed")
            finally:
                self._hands_free.set()
