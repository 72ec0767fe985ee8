"""Which databases a test session runs on: each test as it says, or all of them on MariaDB (``--database mariadb``).

In the second case whoever asks for a SQLite file gets a MariaDB database instead, the same for the same file. Tests
of what SQLite alone has are marked ``sqlite_only`` and left out.
"""

from __future__ import annotations

from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes

BOTH, MARIADB = "both", "mariadb"


class Databases:
    """The session's choice, and its MariaDB, which starts when the first test asks for it."""

    def __init__(self) -> None:
        self.only_mariadb = False
        self._processes: Processes | None = None
        self._server: MariaDB | None = None
        self._instead: dict[str, str] = {}

    def open(self, processes: Processes, choice: str) -> None:
        """Begin a session."""
        self._processes = processes
        self.only_mariadb = choice == MARIADB

    def server(self) -> MariaDB:
        """Give the session's MariaDB."""
        if self._server is None:
            assert self._processes is not None
            self._server = MariaDB(self._processes)
        return self._server

    def in_force(self, url: str) -> str:
        """Give the URL to use where a test names ``url``."""
        if not self.only_mariadb or not url.startswith("sqlite:"):
            return url
        if url not in self._instead:
            self._instead[url] = self.server().create_database()
        return self._instead[url]


databases = Databases()
