"""Which rights a MySQL or MariaDB server grants on this database: found out by using each on a table made for it.

What SHOW GRANTS prints would have to be understood with its roles, patterns and levels; the server does that itself.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

TABLES = ("trial_of_rights", "trial_of_rights_2")
"""The trial's tables; a trial that was killed leaves them, and the next one drops them."""
_REFUSALS = {1044, 1142, 1143, 1227, 1370, 1419}
"""Numbers of errors that mean "not granted": on a database, table, column, of a kind, routine, trigger with a log.
Source: https://mariadb.com/kb/en/mariadb-error-codes/"""
# DROP comes first, so that nothing stays behind where it is what lacks.
_TRIALS = (
    ("DROP", "DROP TABLE IF EXISTS trial_of_rights_2, trial_of_rights"),
    ("CREATE", "CREATE TABLE trial_of_rights (id integer NOT NULL PRIMARY KEY, other integer)"),
    ("INSERT", "INSERT INTO trial_of_rights VALUES (1, 1)"),
    ("DELETE", "DELETE FROM trial_of_rights"),
    ("ALTER", "ALTER TABLE trial_of_rights ADD COLUMN more integer"),
    ("INDEX", "CREATE INDEX trial_of_rights_index ON trial_of_rights (other)"),
    ("REFERENCES", "CREATE TABLE trial_of_rights_2 (id integer, FOREIGN KEY (id) REFERENCES trial_of_rights (id))"),
)
_TRIGGER = (
    "TRIGGER",
    "CREATE TRIGGER trial_of_rights_row BEFORE INSERT ON trial_of_rights FOR EACH ROW SET NEW.more = 1",
)


def first_missing(connection: sa.Connection, *, with_triggers: bool) -> tuple[str, str] | None:
    """Return the first right that making tables takes and the server refuses, and its words; None where it grants all.

    Raises:
        DBAPIError: something else went wrong.
    """
    begun = False
    try:
        for right, statement in (*_TRIALS, *([_TRIGGER] if with_triggers else [])):
            try:
                connection.exec_driver_sql(statement)
            except DBAPIError as error:
                number, words = _told(error)
                if number not in _REFUSALS:
                    raise
                return right, words
            begun = True
    finally:
        if begun:
            connection.exec_driver_sql(_TRIALS[0][1])
    return None


def _told(error: DBAPIError) -> tuple[int, str]:
    told: Any = error.orig.args if error.orig is not None else ()
    return (told[0], str(told[1])) if len(told) == 2 else (0, str(error))
