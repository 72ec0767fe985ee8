"""How every command answers: with ``--json`` one JSON document alone on standard output, errors as sentences.

This module and those that use it import the application only when a command runs: ``flask`` loads them to
list its commands, and ``config check`` has to work where the application cannot be made.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from flask.cli import ScriptInfo

from catalog.errors import CatalogError
from commands.public_address import port_of_running_service
from config import SettingsError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found out: for programs, and for people (empty: nothing to say)."""

    document: object
    text: str


class Refusal(click.ClickException):
    """A command that could not do what it was asked for: exit code 1, a sentence on standard error."""

    def __init__(self, message: str, *, as_json: bool = False) -> None:
        """Say why; with ``as_json`` standard output gets it too, as a document."""
        super().__init__(message)
        self._as_json = as_json

    def show(self, file: Any = None) -> None:
        """Print the sentence, and the document for programs."""
        super().show(file)
        if self._as_json:
            click.echo(as_json_line({"error": {"message": self.message}}))


def answers(command: Callable[..., Answer]) -> Callable[..., None]:
    """Make a function that returns an Answer a click command with ``--json``; expected errors refuse."""

    @functools.wraps(command)
    def run(*arguments: Any, as_json: bool, **options: Any) -> None:
        try:
            answer = command(*arguments, **options)
        except Exception as error:
            raise refused(error, as_json=as_json) from error
        if as_json:
            click.echo(as_json_line(answer.document))
        elif answer.text:
            click.echo(answer.text)

    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(run)


def in_service(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Run a command inside the application, on a database that has its tables."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Answer:
        script = click.get_current_context().ensure_object(ScriptInfo)
        with port_of_running_service(), script.load_app().app_context():
            from service.database import prepare as prepare_database
            from service.database import schema

            with schema.refusals_told():
                schema.make_if_missing()
                prepare_database.check_secret_key()
                return command(*arguments, **options)

    return run


def refused(error: Exception, *, as_json: bool = False) -> Exception:
    """Return the Refusal that an expected error becomes; what is a fault of ours comes back as it is."""
    if isinstance(error, SettingsError | CatalogError):
        return Refusal(str(error), as_json=as_json)
    if isinstance(error, Refusal):
        return Refusal(error.message, as_json=as_json)
    if isinstance(error, click.ClickException | click.exceptions.Exit):
        return error
    from models.storage import StorageUnavailable
    from service.database.prepare import NotReady
    from service.refusals import MembershipError
    from service.signing_in.passwords import UnfitPassword

    if isinstance(error, StorageUnavailable):
        # Further lines hold the statement and its values.
        first_line = (str(error).splitlines() or [""])[0]
        return Refusal(f"The database does not do its work: {first_line}", as_json=as_json)
    if isinstance(error, MembershipError | UnfitPassword | NotReady):
        return Refusal(str(error), as_json=as_json)
    return error


def as_json_line(document: object) -> str:
    """Return a document as one line: letters as they are, what a terminal would obey or hide as JSON's escapes."""
    line = json.dumps(document, ensure_ascii=False)
    return line if line.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return rows as aligned columns."""
    widths = [max(len(line[place]) for line in [heads, *rows]) for place in range(len(heads))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [heads, *rows]
    )
    return "\n".join(lines)
