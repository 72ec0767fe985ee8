"""CSV (RFC 4180) in pieces, with cells that no spreadsheet takes for formulas.

What clients call themselves and ask for is text of strangers; a spreadsheet would run a cell that begins like a
formula, so such cells get an apostrophe in front. One that parts cells at semicolons or tabs, as many do by their
country, knows other beginnings and no quotes inside a line: they get an apostrophe too.
Source: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

Cell = str | int | float | None

ROWS_AT_ONCE = 200  # in one piece of the answer
FORMULA_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # and full-width ones; as a regular expression's set
FORMULA_START = re.compile(f"[{FORMULA_SIGNS}\t\r\n]")
FORMULA_INSIDE = re.compile(f'([;\t\r\n"] *)(?=[{FORMULA_SIGNS}])')


def csv_document(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield a document of a line of heads and a line for each row, in UTF-8, with CRLF."""
    piece = io.StringIO()
    writer = csv.writer(piece, lineterminator="\r\n")
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):
        writer.writerow([safe_cell(cell) for cell in row])
        if number % ROWS_AT_ONCE == 0:
            yield piece.getvalue().encode()
            piece.seek(0)
            piece.truncate()
    if piece.tell():
        yield piece.getvalue().encode()


def safe_cell(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    defused = FORMULA_INSIDE.sub(r"\1'", cell)
    return f"'{defused}" if FORMULA_START.match(defused) else defused
