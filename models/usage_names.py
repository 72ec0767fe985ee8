"""Names that rows of the usage log bear, as far as they have been added up: what a filter can offer."""

from __future__ import annotations

import json

import sqlalchemy as sa
from msgspec import Struct

from .storage import Storage
from .usage_sums import EVERYBODY, MONTH, UsageSum


class UsedNames(Struct, frozen=True):
    """Each in the order of the alphabet."""

    aliases: list[str]
    upstreams: list[str]
    error_codes: list[str]


def used_names(storage: Storage) -> UsedNames:
    """Return the names of all months: a few rows for each.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    wanted = sa.select(UsageSum.alias_served, UsageSum.upstream, UsageSum.error_codes)
    wanted = wanted.where(UsageSum.length == MONTH, UsageSum.account_id == EVERYBODY)
    # By account they would be a hundred times as many: the keys of both databases end with what tells them apart.
    rows = storage.read(lambda connection: connection.execute(wanted).all())
    return UsedNames(
        sorted({row.alias_served for row in rows}),
        sorted({row.upstream for row in rows if row.upstream}),
        sorted({code for row in rows for code in json.loads(row.error_codes)}),
    )
