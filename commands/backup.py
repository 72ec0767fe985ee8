"""``flask backup FILE`` and ``flask restore FILE``: the whole database as one file, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import ScriptInfo

from commands.output import Answer, answers

if TYPE_CHECKING:
    from models.sqlite_file import Facts

NO_KEY = (
    "It holds no key: keep SECRET_KEY (or the file instance/secret_key) apart from it. Without that key its tokens "
    "cannot be read; with it they can."
)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@answers
def backup(file: Path, force: bool) -> Answer:
    """Write the whole database to FILE, while the service runs; packed by gzip where the name ends in .gz."""

    def work() -> Answer:
        from service.database import backup as house
        from service.database.backup_file import megabytes

        made = house.make(file.absolute(), replace=force)
        document = {"file": str(made.path), "bytes": made.size, **_told(made.facts), "holds_key": False}
        rows = sum(made.facts.rows.values())
        text = f"{made.path}: {rows:,} rows of schema {made.facts.revision}, {megabytes(made.size)}, checked. {NO_KEY}"
        return Answer(document, text)

    return _in_application(work)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@answers
def restore(file: Path) -> Answer:
    """Put the backup in FILE in the place of the database. The service must be stopped; the old database is kept."""

    def work() -> Answer:
        from service.database import backup_restore

        restored = backup_restore.restore(file.absolute())
        kept = None if restored.kept is None else str(restored.kept)
        rows = sum(restored.facts.rows.values())
        text = (
            f"Restored {rows:,} rows of schema {restored.facts.revision}. "
            + ("There was no database before." if kept is None else f"The database from before is kept: {kept}.")
            + " Tokens, passwords and plans are those of the time of the backup; what was revoked since is valid again."
        )
        return Answer({"file": str(file), "kept": kept, **_told(restored.facts)}, text)

    return _in_application(work)


def _told(facts: Facts) -> dict[str, Any]:
    return {"schema": facts.revision, "rows": facts.rows}


def _in_application(work: Callable[[], Answer]) -> Answer:
    """Run inside the application, whatever state the database is in."""
    script = click.get_current_context().ensure_object(ScriptInfo)
    with script.load_app().app_context():
        return work()
