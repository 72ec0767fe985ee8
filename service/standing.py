"""How much of its plan's quota an account has used."""

from __future__ import annotations

from catalog.model import Plan
from models.quota import Limits, Standing, newest_row, standing
from service.services import services


def standing_of(account_id: int, plan: Plan) -> Standing:
    """Return what an account has used of the running day and month.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    house = services()
    limits = Limits(plan.daily, plan.monthly)
    return house.storage.read(
        lambda connection: standing(
            connection,
            account_id,
            limits,
            house.calendar,
            house.storage.now(connection),
            newest_row(connection, account_id),
        )
    )
