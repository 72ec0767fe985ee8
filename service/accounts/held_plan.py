"""Which plan an account holds, and since when."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from catalog.model import Plan
from models import account, subscription
from models.quota import Bonus
from service.accounts.bonuses import in_force
from service.services import services


class HeldPlan(Struct, frozen=True):
    """The plan that an account holds; ``plan`` is None when the catalog has lost it."""

    slug: str
    plan: Plan | None
    since: datetime
    bonus: Bonus | None
    """Prompts on top of the plan's that are in force today."""


def held_plan(account_id: int) -> HeldPlan | None:
    """Return the account's plan; None before its first visit to the documentation page."""

    def read(session: Session) -> HeldPlan | None:
        current = subscription.live(session, account_id)
        if current is None:
            return None
        house, connection = services(), session.connection()
        today = house.calendar.at(house.storage.now(connection)).today
        bonus = in_force(account.bonus_of(connection, account_id), today)
        return HeldPlan(current.plan_slug, house.catalog.plan(current.plan_slug), current.started_at, bonus)

    return services().storage.read_session(read)
