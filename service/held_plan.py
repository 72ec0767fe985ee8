"""Which plan an account holds, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from catalog.model import Plan
from models import subscription
from service.services import services


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """The plan that an account holds; ``plan`` is None when the catalog has lost it."""

    slug: str
    plan: Plan | None
    since: datetime


def held_plan(account_id: int) -> HeldPlan | None:
    """Return the account's plan; None before its first visit to the documentation page."""

    def read(session: Session) -> HeldPlan | None:
        current = subscription.live(session, account_id)
        if current is None:
            return None
        return HeldPlan(current.plan_slug, services().catalog.plan(current.plan_slug), current.started_at)

    return services().storage.read_session(read)
