"""Which workers of the service live on a database: what needs the service stopped asks before it begins."""

from __future__ import annotations

import os

from models import lease
from models.storage import Storage
from service.process.process_space import is_running, process_space


def running_workers(storage: Storage) -> list[str]:
    """Return the workers that live, this process left out, each as words for a sentence.

    One of this machine lives if its process does; one of another if it renewed its lease in the last
    ``lease.SILENT_AFTER_S`` seconds.

    Raises:
        StorageUnavailable: the database cannot be read.
    """
    here = process_space()
    living = []
    for each in lease.renewals(storage):
        if each.host == here:
            if each.pid != os.getpid() and is_running(each.pid):
                living.append(f"process {each.pid}")
        elif abs(each.seconds_ago) < lease.SILENT_AFTER_S:
            machine = each.host.partition(" ")[0]
            living.append(f"a gateway worker on {machine} (silent for less than {lease.SILENT_AFTER_S:g} s)")
    return living
