"""``flask db upgrade --json``: Flask-Migrate's own command, which also tells where it came from and went to.

The group ``db`` belongs to Flask-Migrate, which hands it to the application as that is made. This one stands
among the plugins of ``flask``, so that it is found before the application is loaded, and a wrong
configuration can be told in a sentence.
"""

from __future__ import annotations

from typing import Any

import click
from flask_migrate.cli import db

from commands.output import Answer, answers, refused

_flask_migrates_upgrade: click.Command = db.commands["upgrade"]
_flask_migrates_group = db.callback


@answers
def _upgrade(**arguments: Any) -> Answer:
    """Upgrade the database to a later version."""
    from service import schema

    context = click.get_current_context()

    def migrate() -> None:
        context.invoke(_flask_migrates_upgrade, **arguments)

    if arguments.get("sql"):  # prints statements and changes nothing
        migrate()
        return Answer(None, "")
    before, after = schema.change(migrate)
    text = f"The database was at {before or 'nothing'} and is at {after or 'nothing'}."
    return Answer({"from": before, "to": after}, text)


def _group(*arguments: Any, **options: Any) -> Any:
    """Load the application for the commands below; a wrong configuration is a sentence, not a trace."""
    from service import schema

    try:
        told = _flask_migrates_group(*arguments, **options)
        schema.attach_migrations()
        return told
    except Exception as error:
        raise refused(error) from error


def _install() -> None:
    for command in db.commands.values():
        command.hidden = True  # for those who change the tables of this project; they work as ever
    upgrade = click.command("upgrade", help=_upgrade.__doc__)(_upgrade)
    upgrade.params = [*_flask_migrates_upgrade.params, *upgrade.params]
    db.add_command(upgrade)
    db.callback = _group


_install()
