"""The product page: what the service is, how it works and what it costs."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_login import current_user

from pages import api_address
from service.accounts.held_plan import held_plan
from service.services import services

bp = Blueprint("product", __name__)


@bp.get("/")
def page() -> str:
    """Show the product page, to guests and members alike."""
    catalog = services().catalog
    held = held_plan(current_user.member.id) if current_user.is_authenticated else None
    own_plan = None if held is None else held.plan
    return render_template("product/product.html", catalog=catalog, own_plan=own_plan, api_address=api_address(catalog))
