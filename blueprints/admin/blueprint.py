"""The operator pages: what belongs to all of them."""

from __future__ import annotations

from flask import Blueprint, abort, current_app
from flask.typing import ResponseReturnValue
from flask_login import current_user

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.before_request
def let_operators_in() -> ResponseReturnValue | None:
    """Lead guests to sign in; refuse members."""
    if not current_user.is_authenticated:
        answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        return answer
    if not current_user.member.is_operator:
        abort(403)
    return None
