"""The example file of the catalog, as it stands and with every line of it switched on."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLE = (Path(__file__).parents[2] / "smartroute.example.toml").read_text()


def switched_on() -> str:
    """The example with the "#" taken from keys and tables; "# " begins a sentence and stays."""
    return re.sub(r"^#(?=\S)", "", EXAMPLE, flags=re.MULTILINE)
