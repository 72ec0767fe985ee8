"""The product page: what the service is, how it works and what it costs."""

from __future__ import annotations

from flask import Blueprint, render_template

from pages import api_address
from service.services import services

bp = Blueprint("product", __name__)


@bp.get("/")
def page() -> str:
    """Show the product page, to guests and members alike."""
    catalog = services().catalog
    return render_template("product/product.html", catalog=catalog, api_address=api_address(catalog))
