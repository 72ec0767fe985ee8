"""The database work of a start, as a process of its own: ``python -m service.database.prepare prepare|check-plans``.

It holds the secret key against the one that the database knows, migrates the schema, holds the catalog's plans
against those that accounts have, and prints the link that makes the first operator.
"""

from __future__ import annotations

import sys

import flask_migrate
import sqlalchemy.exc

from app import create_app
from catalog.errors import CatalogError
from config import SettingsError
from models import account, installation, subscription
from models.storage import StorageUnavailable
from service.accounts.operator_link import hand_out_operator_link
from service.database import schema
from service.process.not_ready import NotReady as NotReady
from service.services import services


def main(arguments: list[str]) -> int:
    """Run one task; return the exit code."""
    try:
        app = create_app()
        with app.app_context():
            if arguments == ["prepare"]:
                prepare()
            elif arguments == ["check-plans"]:
                check_plans()
            else:
                raise NotReady("usage: python -m service.database.prepare prepare|check-plans")
    except (NotReady, SettingsError, CatalogError, StorageUnavailable, sqlalchemy.exc.DBAPIError) as error:
        print(f"smart-route: {error}", file=sys.stderr)
        return 1
    return 0


def prepare() -> None:
    """Bring the database to where this version can serve from it."""
    house = services()
    schema.change(flask_migrate.upgrade)
    check_secret_key()
    check_plans()
    if not house.storage.read_session(account.an_operator_exists):
        link = hand_out_operator_link()
        print(
            f"smart-route: no operator yet; within an hour, this link makes the first one: {link}",
            file=sys.stderr,
        )


def check_secret_key() -> None:
    """Refuse a ``SECRET_KEY`` other than the one that this database was first used with."""
    house = services()
    known = house.storage.write_session(
        lambda session: installation.remember_once(session, installation.KEY_FINGERPRINT, house.keyring.fingerprint)
    )
    schema.refuse_other_key(known)  # two first starts may have had two keys


def check_plans() -> None:
    """Refuse a catalog that lacks a plan which accounts hold."""
    house = services()
    held = house.storage.read_session(subscription.plans_in_use)
    for slug, count in sorted(held.items()):
        if house.catalog.plan(slug) is None:
            raise NotReady(
                f"the catalog has no plan '{slug}', which {count} account(s) hold: put it back, or move them first "
                f"({house.settings.command} accounts set-plan EMAIL SLUG)"
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
