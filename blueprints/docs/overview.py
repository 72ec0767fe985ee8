"""What the documentation page shows of one account."""

from __future__ import annotations

from msgspec import Struct

from catalog.model import Plan
from models.last_use import LastUse, last_use
from models.quota import Standing
from models.token_format import masked
from service.accounts import holdings
from service.accounts.holdings import Holding
from service.accounts.standing import standing_in
from service.services import services


class Overview(Struct, frozen=True):
    """Plan, quota and token of one account; ``standing`` is None when the catalog lacks its plan."""

    plan: Plan | None
    standing: Standing | None
    token: str | None
    """The whole token: for answers to a POST that asked for it, never for a GET."""
    last_use: LastUse | None
    """The newest request; None before the first, and where the catalog lacks the plan."""

    @property
    def masked_token(self) -> str | None:
        """The token with all but its ends hidden."""
        return None if self.token is None else masked(self.token)


def overview_of(account_id: int) -> Overview:
    """Read an account's overview; its first visit activates the first plan and makes the token.

    Raises:
        NoSuchAccount: it was deleted a moment ago.
    """
    held = holdings.holding(account_id)
    if held.plan_slug is None or not held.token_was_made:
        held = holdings.equip(account_id)
    plan = _plan_of(held)
    if plan is None:
        return Overview(None, None, held.token, None)
    used, last = _standing_and_last_use(account_id, plan)
    return Overview(plan, used, held.token, last)


def _plan_of(held: Holding) -> Plan | None:
    return None if held.plan_slug is None else services().catalog.plan(held.plan_slug)


def _standing_and_last_use(account_id: int, plan: Plan) -> tuple[Standing, LastUse | None]:
    """Read what is left and who asked last in one transaction."""
    return services().storage.read(
        lambda connection: (standing_in(connection, account_id, plan), last_use(connection, account_id))
    )
