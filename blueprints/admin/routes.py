"""The first operator page."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.admin.blueprint import bp


@bp.get("", endpoint="page")
def page() -> ResponseReturnValue:
    """Show the tools."""
    return render_template("admin/page.html")


@bp.get("/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    return redirect(url_for("admin.page"), 308)
