"""The catalog as it is in force: in the worker that answers, and whether all others have the same."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.admin import catalog_values
from blueprints.admin.blueprint import bp
from models import catalog_in_force
from service.services import services

SHORT = 12  # characters of a digest that are shown


@bp.get("/catalog")
def catalog_page() -> ResponseReturnValue:
    """Show what this worker works with, and the digest of the file that each other one read."""
    house = services()
    workers = catalog_in_force.of_workers(house.storage)
    own = house.catalog.reading.digest
    return render_template(
        "admin/catalog.html",
        catalog=house.catalog,
        reading=house.catalog.reading,
        workers=workers,
        others=sum(each.digest != own for each in workers),
        values=catalog_values,
        short=SHORT,
        zone=house.calendar.zone,
    )
