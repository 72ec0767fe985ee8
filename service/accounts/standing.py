"""How much of its quota an account has used: its plan's, with what an operator added for a time."""

from __future__ import annotations

from typing import Any

from catalog.model import Plan
from models.account import bonus_of
from models.quota import Limits, Standing, newest_row, standing
from service.services import services


def standing_of(account_id: int, plan: Plan) -> Standing:
    """Return what an account has used of the running day and month.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    return services().storage.read(lambda connection: standing_in(connection, account_id, plan))


def standing_in(connection: Any, account_id: int, plan: Plan) -> Standing:
    """``standing_of`` inside a transaction of the caller."""
    house = services()
    return standing(
        connection,
        account_id,
        Limits(plan.daily, plan.monthly, bonus=bonus_of(connection, account_id)),
        house.calendar,
        house.storage.now(connection),
        newest_row(connection, account_id),
    )
