"""The operator pages: what belongs to all of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from models.base import GREATEST_ID
from service.services import services
from service.signing_in import totp

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.url_value_preprocessor
def refuse_odd_numbers(_: str | None, values: dict[str, Any] | None) -> None:
    """Answer numbers that no row can have as those of no row: the database would take them for a fault."""
    if any(isinstance(value, int) and value > GREATEST_ID for value in (values or {}).values()):
        abort(404)


@bp.before_request
def let_operators_in() -> ResponseReturnValue | None:
    """Lead guests to sign in; refuse members."""
    if not current_user.is_authenticated:
        answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        return answer
    if not current_user.member.is_operator:
        abort(403)
    if services().catalog.service.operators_need_totp and not totp.is_on(current_user.member.id):
        flash("Operator pages open with the two-step sign-in alone. Switch it on here first.")
        return redirect(url_for("auth.set_up_totp"), 303)
    return None
