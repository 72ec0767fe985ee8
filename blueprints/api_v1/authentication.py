"""Who sends a request: from the Authorization header to an account and its plan."""

from __future__ import annotations

from msgspec import Struct

from catalog.model import Catalog, Plan
from models import service_token, token_format
from models.quota import Bonus
from models.storage import Storage, StorageUnavailable

from .errors import StorageTrouble, Unauthenticated


class Caller(Struct, frozen=True):
    """An account that may send requests now."""

    account_id: int
    token_id: int
    plan: Plan
    bonus: Bonus | None = None


def authenticate(storage: Storage, catalog: Catalog, authorization: str | None) -> Caller:
    """Return who a bearer token belongs to. A malformed one is refused without touching the database.

    Raises:
        Unauthenticated: the token is missing or known to be wrong, or its account may not send requests.
        StorageTrouble: the database cannot say whether the token is right.
    """
    if not authorization:
        raise Unauthenticated
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    if not token_format.is_well_formed(token):
        raise Unauthenticated("This is not a service token: it is misspelt or cut. Copy it again from /docs.")
    digest = token_format.digest(token)
    try:
        owner = storage.read(lambda connection: service_token.owner_of(connection, digest), is_lone=True)
    except StorageUnavailable as error:
        raise StorageTrouble(detail=str(error)) from error
    if owner is None:
        raise Unauthenticated("This service token is not known. Copy the current one from the documentation page.")
    if owner.is_revoked:
        raise Unauthenticated("This service token has been revoked or replaced. Copy the current one from /docs.")
    if owner.is_suspended:
        raise Unauthenticated("This account is suspended. Ask the operator.")
    plan = None if owner.plan_slug is None else catalog.plan(owner.plan_slug)
    if plan is None:
        raise Unauthenticated("This account has no plan at the moment. Open the documentation page to activate one.")
    return Caller(owner.account_id, owner.token_id, plan, owner.bonus)
