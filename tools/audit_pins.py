"""Hold the pins of requirements.txt against what is known without a network; the offline half of ``make audit``.

Four questions, each answered with the names at fault: is every line an exact pin; is everything that a pinned
package needs pinned too, and installed in that version; is no pin older than the mend of an advisory that
``advisories.toml`` tells of; does ``docs/licences.md`` list every package that the service runs on, under a licence
that may be used beside MIT. ``--write-licences`` makes that page anew.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[a-z0-9,-]+)\])?==(?P<version>[A-Za-z0-9.!+]+)\s+# \S.*")
# How metadata spells a licence -> its name on https://spdx.org/licenses.
SPELLINGS = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "the unlicense (unlicense)": "Unlicense",
}
# Licences that let the service be used and passed on under MIT. MPL-2.0 binds changed files of that package alone.
ACCEPTED = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense", "ZPL-2.1",
}  # fmt: skip
PAGE_HEAD = """# Licences of what the service runs on

Each package of `requirements.txt` with the licence that its own metadata names. Made by
`.venv/bin/python tools/audit_pins.py --write-licences` and held against the installed packages by `make audit`.
None asks more of you than to keep its notice; the packages are installed from their registry and none is part of this
repository.

| package | version | licence |
|---|---|---|
"""


def main() -> int:
    """Print what is at fault; the exit code is 1 if anything is."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    options.add_argument("--advisories", type=Path, default=ROOT / "tools" / "advisories.toml")
    options.add_argument("--licences", type=Path, default=ROOT / "docs" / "licences.md")
    options.add_argument("--write-licences", action="store_true", help="make the page of licences anew")
    given = options.parse_args()
    lines = given.requirements.read_text(encoding="utf-8").splitlines()
    pins, faults = read_pins(lines)
    faults += [*not_as_pinned(pins), *missing_pins(pins, lines)]
    advisories = tomllib.loads(given.advisories.read_text(encoding="utf-8"))["fixed_in"]
    faults += unmended(pins, advisories)
    faults += foreign_licences(pins)
    page = licence_page(pins)
    if given.write_licences:
        given.licences.write_text(page, encoding="utf-8")
    elif not given.licences.is_file() or given.licences.read_text(encoding="utf-8") != page:
        faults.append(f"{given.licences.name} is not what is installed: run tools/audit_pins.py --write-licences")
    for fault in faults:
        print(fault, file=sys.stderr)
    known = sum(map(len, advisories.values()))
    print(f"{len(pins)} pins against {known} advisories, their licences and their dependencies: {len(faults)} faults")
    return 1 if faults else 0


def read_pins(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return version by package name in its one form, and a fault for each line that is no exact pin with a reason."""
    pins: dict[str, str] = {}
    faults = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("#", "-e .")):
            continue
        if match := PIN.fullmatch(line.rstrip()):
            pins[canonicalize_name(match["name"])] = match["version"]
        else:
            faults.append(f"line {number} is no exact pin with a comment why: {line}")
    return pins, faults


def not_as_pinned(pins: Mapping[str, str]) -> Iterator[str]:
    """Yield a fault for each pin that this environment does not hold in that version."""
    for name, version in pins.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield f"{name} {version} is pinned and not installed"
            continue
        if installed != version:
            yield f"{name} is pinned at {version} and installed at {installed}"


def missing_pins(pins: Mapping[str, str], lines: list[str]) -> Iterator[str]:
    """Yield a fault for each package that a pinned one needs here and that has no pin of its own."""
    extras: dict[str, list[str]] = {
        canonicalize_name(m["name"]): (m["extras"] or "").split(",") for m in map(PIN.fullmatch, lines) if m
    }
    for name in pins:
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # not_as_pinned says so
        for need in map(Requirement, needs):
            wanted = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras[name])
            if wanted and canonicalize_name(need.name) not in pins:
                yield f"{need.name}, which {name} needs, is not pinned"


def unmended(pins: Mapping[str, str], advisories: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a fault for each pin below the release that mends an advisory of its package."""
    return [
        f"{name} {pins[name]} has {advisory}, which {mended} mends"
        for name, fixed in advisories.items()
        if name in pins
        for advisory, mended in fixed.items()
        if Version(pins[name]) < Version(mended)
    ]


def foreign_licences(pins: Mapping[str, str]) -> list[str]:
    """Return a fault for each package whose licence is not among the accepted ones."""
    faults = []
    for name in pins:
        names = re.split(r" AND | OR |[()]", licence_of(name))
        if strange := {each.strip() for each in names if each.strip()} - ACCEPTED:
            faults.append(f"{name} is under {', '.join(sorted(strange))}, which nobody has accepted yet")
    return faults


def licence_of(name: str) -> str:
    """Return a package's licence by its SPDX name, from the first field of its metadata that tells one."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "unknown"
    kinds = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or [] if each.startswith("License ::")]
    texts = [each for each in told.get_all("License") or [] if len(each) < 40]  # longer ones are the licence itself
    said: str = [*(told.get_all("License-Expression") or []), *texts, *kinds, "unknown"][0]
    return SPELLINGS.get(said.lower(), said)


def licence_page(pins: Mapping[str, str]) -> str:
    """Return the page of licences, a line for each package."""
    return PAGE_HEAD + "".join(f"| {name} | {pins[name]} | {licence_of(name)} |\n" for name in sorted(pins))


if __name__ == "__main__":
    sys.exit(main())
