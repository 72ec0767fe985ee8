"""Which workers of the service live on a database: what needs the service stopped asks before it begins."""

from __future__ import annotations

from models import lease
from models.storage import Storage
from service.process.process_space import is_running, process_space


def running_workers(storage: Storage) -> list[str]:
    """Return the workers that live, each as words for a sentence.

    One of this machine lives if its process does; one of another if it renewed its lease in the last
    ``lease.SILENT_AFTER_S`` seconds.

    Raises:
        StorageUnavailable: the database cannot be read.
    """
    here = process_space()
    living = []
    for each in lease.renewals(storage):
        if is_running(each.pid) if each.host == here else abs(each.seconds_ago) < lease.SILENT_AFTER_S:
            living.append(f"process {each.pid} on {each.host.partition(' ')[0]}")
    return living
