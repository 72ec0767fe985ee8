"""Run several ``flask`` commands in one process, in the working folder's application.

Standard input is a JSON list of argument lists; standard output a JSON list of what each command printed. The
first that fails ends it with its own exit code.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

from flask.cli import FlaskGroup, ScriptInfo


def main() -> None:
    """Run the commands that standard input names, one after the other."""
    sys.path.insert(0, os.getcwd())  # as the `flask` program does
    group, application = FlaskGroup(), ScriptInfo()
    printed = []
    for arguments in json.load(sys.stdin):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            group.main(arguments, prog_name="flask", obj=application, standalone_mode=False)
        printed.append(output.getvalue())
    json.dump(printed, sys.stdout)


if __name__ == "__main__":
    main()
