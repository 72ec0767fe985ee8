"""``python -m benchmarks.publish FILE``: write the figures of a run into docs/benchmarks.md and README.md.

FILE is what ``--json FILE`` wrote. Nobody edits figures by hand: each page has two markers, and what stands between
them is made anew. A run that is void, quick, partial, or had busy neighbours is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.plan import PARTS
from benchmarks.readme import readme_table
from benchmarks.report import report
from tests.harness.processes import ROOT

BEGINS = "<!-- figures: written by python -m benchmarks.publish -->"
ENDS = "<!-- figures end -->"
QUIET_CORES = 0.2


class NotForPages(Exception):
    """A document that must not be published, or a page without a place for it; the text says why."""


def main() -> int:
    """Publish; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--noisy", action="store_true", help="publish although other programs were busy meanwhile")
    arguments = parser.parse_args()
    try:
        document = json.loads(arguments.file.read_text(encoding="utf-8"))
        refuse(document, may_be_noisy=arguments.noisy)
        publish(document, ROOT)
    except (OSError, ValueError, NotForPages) as error:
        print(f"{arguments.file}: {error}", file=sys.stderr)
        return 1
    return 0


def refuse(document: dict[str, Any], *, may_be_noisy: bool = False) -> None:
    """Raise NotForPages if the figures of a run must not be shown."""
    if document.get("wrong", True):
        raise NotForPages("the run is void: it has wrong answers")
    if document["is_quick"]:
        raise NotForPages("a quick run's figures mean nothing")
    if missing := [part for part in PARTS if part not in document["parts"]]:
        raise NotForPages(f"the run left out {', '.join(missing)}")
    if document["absent"]:
        raise NotForPages(f"{' and '.join(document['absent'])} did not take part")
    if document["neighbours_cores"] > QUIET_CORES and not may_be_noisy:
        raise NotForPages(f"other programs used {document['neighbours_cores']:.1f} cores meanwhile (--noisy allows it)")


def publish(document: dict[str, Any], root: Path) -> None:
    """Write both pages, or neither. Raises NotForPages."""
    blocks = {
        root / "docs" / "benchmarks.md": f"```text\n{report(document)}\n```",
        root / "README.md": readme_table(document),
    }
    texts = {page: _between(page, block) for page, block in blocks.items()}
    for page, text in texts.items():
        page.write_text(text, encoding="utf-8")


def _between(page: Path, block: str) -> str:
    before, begins, rest = page.read_text(encoding="utf-8").partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise NotForPages(f"{page.name} lacks the two markers")
    return f"{before}{BEGINS}\n{block}\n{ENDS}{after}"


if __name__ == "__main__":
    sys.exit(main())
