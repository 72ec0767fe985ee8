"""``flask db upgrade --json``, Flask-Migrate's own command, which also tells where it came from and went to; and
``flask db move``, which takes everything to another database.

The group ``db`` belongs to Flask-Migrate, which hands it to the application as that is made. This one stands
among the plugins of ``flask``, so that it is found before the application is loaded, and a wrong
configuration can be told in a sentence.
"""

from __future__ import annotations

import os
import time
from typing import Any

import click
from flask_migrate.cli import db

from commands.output import Answer, answers, refused
from config import Settings

_flask_migrates_upgrade: click.Command = db.commands["upgrade"]
_flask_migrates_group = db.callback


@answers
def _upgrade(**arguments: Any) -> Answer:
    """Upgrade the database to a later version."""
    from service.database import schema

    context = click.get_current_context()

    def migrate() -> None:
        context.invoke(_flask_migrates_upgrade, **arguments)

    if arguments.get("sql"):  # prints statements and changes nothing
        migrate()
        return Answer(None, "")
    before, after = schema.change(migrate)
    text = f"The database was at {before or 'nothing'} and is at {after or 'nothing'}."
    return Answer({"from": before, "to": after}, text)


@click.argument("url")
@answers
def _move(url: str) -> Answer:
    """Copy everything to the empty database at URL and check that it arrived; the service must be stopped.

    URL is what DATABASE_URL will be. This database is only read. A move that was interrupted is repeated by the
    same command.
    """
    from app import create_app
    from service.database import move as database_move
    from service.database import prepare as prepare_database
    from service.process.not_ready import NotReady
    from service.services import services

    began = time.monotonic()
    house = services()
    target_settings = Settings.from_environment({**os.environ, "DATABASE_URL": url}, house.settings.root)
    if database_move.is_same_database(house.settings.database_url, target_settings.database_url):
        raise NotReady("this is the database that the service uses already")
    revision = database_move.check_source(house.storage)
    prepare_database.check_secret_key()
    with create_app(target_settings).app_context():
        target = services().storage
        database_move.prepare_target(target, revision)
        moved = database_move.move(house.storage, target, revision, _tell)
    left = database_move.left_behind(house.storage)
    rows, seconds = sum(table.rows for table in moved), round(time.monotonic() - began, 1)
    lines = [
        *(f"{table.name}: {table.rows:,} rows, checksum {table.checksum}" for table in moved if table.rows),
        *(f"{name}: no table of this version, not moved" for name in left),
        f"Moved and checked: {rows:,} rows in {seconds} s, revision {revision}.",
        "Now set DATABASE_URL to that URL for the service and for flask, keep SECRET_KEY as it is, and start it.",
        "The old database is as it was: keep it until you trust the new one, and do not serve from both.",
    ]
    document = {
        "revision": revision,
        "rows": rows,
        "seconds": seconds,
        "tables": [{"name": table.name, "rows": table.rows, "checksum": table.checksum} for table in moved],
        "left_behind": left,
    }
    return Answer(document, "\n".join(lines))


def _tell(progress: str) -> None:
    click.echo(progress, err=True)


def _group(*arguments: Any, **options: Any) -> Any:
    """Load the application for the commands below; a wrong configuration is a sentence, not a trace."""
    from service.database import schema

    try:
        told = _flask_migrates_group(*arguments, **options)
        schema.attach_migrations()
        return told
    except Exception as error:
        raise refused(error) from error


def _downgrade(**_arguments: Any) -> None:
    raise click.ClickException(
        "There is no way back to an older schema. Restore a backup from before the upgrade (`flask restore FILE`), "
        "with the version that made it."
    )


def _install() -> None:
    for command in db.commands.values():
        command.hidden = True  # for those who change the tables of this project; they work as ever
    upgrade = click.command("upgrade", help=_upgrade.__doc__)(_upgrade)
    upgrade.params = [*_flask_migrates_upgrade.params, *upgrade.params]
    db.add_command(upgrade)
    db.commands["downgrade"].callback = _downgrade
    db.add_command(click.command("move")(_move))
    db.callback = _group


_install()
