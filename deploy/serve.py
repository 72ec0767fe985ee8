"""Run gunicorn for an installed release: ``serve.py LAUNCHER``, in the release's folder.

On SIGUSR2 gunicorn starts its own program once more, which would be this release again. Here it starts LAUNCHER
instead, which leads to the release that is current by then and reads the environment file anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gunicorn.app.wsgiapp import WSGIApplication

RELEASE = Path(__file__).resolve().parent.parent


class InstalledService(WSGIApplication):  # type: ignore[misc]  # gunicorn ships no types
    """The service with the configuration of its release and a successor that may be another one."""

    launcher = ""
    """Absolute path of the program that starts the successor."""

    def load_config(self) -> None:
        """Read gunicorn.conf.py, then say who takes over on SIGUSR2; again on every SIGHUP."""
        super().load_config()
        pre_exec = self.cfg.pre_exec

        def lead_to_the_launcher(server: Any) -> None:
            pre_exec(server)
            server.START_CTX = {0: self.launcher, "args": [self.launcher, "serve"], "cwd": "/"}

        self.cfg.set("pre_exec", lead_to_the_launcher)


if __name__ == "__main__":
    InstalledService.launcher = sys.argv[1]
    sys.argv = ["gunicorn", "--config", str(RELEASE / "gunicorn.conf.py"), "--chdir", str(RELEASE), "wsgi:app"]
    InstalledService("%(prog)s [OPTIONS] [APP_MODULE]").run()
