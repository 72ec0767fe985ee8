"""Make ``.venv`` hold what the requirements files pin; called by ``tools/setup`` with ``run`` or ``dev``.

The service's own modules are compiled too: where Python is told to write no bytecode, or may not write here later,
each start would compile them all again, in every worker.

Any number of these may run at once in one checkout: one works, the others wait for it and find all done.
A stamp in ``.venv`` says for which requirements it was made; what was interrupted half-way is made anew.
Uses the standard library alone, since it runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".unfinished"
SOURCES = {"run": ["requirements.txt"], "dev": ["requirements.txt", "requirements-dev.txt"]}

NEED_VENV = "This Python has no {module}: install it (Debian: apt-get install python3-venv), then try again."
NEED_COMPILER = (
    "A package had to be compiled and this machine lacks what that takes: install a compiler and headers "
    "(Debian: apt-get install build-essential python3-dev libffi-dev libssl-dev), then try again."
)
NEED_NETWORK = "The packages could not be fetched: check this machine's network (proxy, DNS), then try again."
# What pip says when no wheel fits and building one fails, and when it cannot reach its registry.
SIGNS = {
    NEED_COMPILER: (
        b"Failed building wheel",
        b"Failed to build",
        b"command 'gcc' failed",
        b"Unknown compiler",
    ),
    NEED_NETWORK: (b"Failed to establish a new connection", b"name resolution", b"ProxyError"),
}


def main(target: str) -> None:
    """Bring ``.venv`` up to date for ``target``; ends the process with a sentence when it cannot."""
    if is_ready(target):
        return
    with lock() as lock_fd:
        if is_ready(target):  # somebody else did it while we waited
            return
        for module in ("venv", "ensurepip"):
            if importlib.util.find_spec(module) is None:
                sys.exit(NEED_VENV.format(module=module))
        if UNFINISHED.exists() or not has_pip():
            shutil.rmtree(VENV, ignore_errors=True)
            say("Making .venv ...")
            VENV.mkdir()
            UNFINISHED.touch()
            run([sys.executable, "-m", "venv", str(VENV)], lock_fd)
        UNFINISHED.touch()
        stamp(target).unlink(missing_ok=True)
        say(f"Installing the packages of {SOURCES[target][-1]}, which takes about half a minute ...")
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        run([*pip, "install", "--quiet", "-r", SOURCES[target][-1]], lock_fd)
        stamp(target).write_text(fingerprint(target))
        UNFINISHED.unlink()


def compile_modules() -> None:
    """Compile the service's modules that have changed; a folder that cannot be written only makes starts slower."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    modules = [f"{module}.py" for module in listed["py-modules"]]
    packages = [pattern.rstrip("*") for pattern in listed["packages"]["find"]["include"]]
    # By the Python that will read it; -S: without looking at what is installed. A module that is no Python is told of
    # by the program that needs it.
    command = [str(PYTHON), "-S", "-m", "compileall", "-qq", *modules, *packages]
    with contextlib.suppress(OSError):
        subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def is_ready(target: str) -> bool:
    """Whether a finished set-up for exactly these requirements is there."""
    try:
        whole = PYTHON.exists() and not UNFINISHED.exists()
        return whole and stamp(target).read_text() == fingerprint(target)
    except OSError:
        return False


def stamp(target: str) -> Path:
    """The file in ``.venv`` that says what it was made for."""
    return VENV / f".made-for-{target}"


def fingerprint(target: str) -> str:
    """Hash of all that the set-up depends on; the path too, since a virtual environment cannot be moved."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in [*SOURCES[target], "pyproject.toml"]:
        digest.update(b"\0" + (ROOT / name).read_bytes())
    return digest.hexdigest()


def has_pip() -> bool:
    """Whether ``.venv`` belongs to this place and can install packages."""
    probe = f"import pip, sys; sys.exit(sys.prefix != {str(VENV)!r} or sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", probe], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def lock() -> Iterator[int]:
    """Hold the set-up lock; children inherit its descriptor, so that an orphaned pip still holds it."""
    with open(ROOT / ".venv.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up of .venv ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def run(command: list[str], lock_fd: int) -> None:
    """Run one step quietly; when it fails, show what it said and end with a sentence on what to do."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        pass_fds=[lock_fd],
    )  # fmt: skip
    try:
        output, _ = process.communicate()
    except BaseException:  # Ctrl-C, SIGTERM: the step goes first, .unfinished stays
        process.terminate()
        process.wait()
        raise
    if process.returncode == 0:
        return
    if process.returncode > 0:  # it gave up by itself and tidied up: what is installed may be built upon
        UNFINISHED.unlink(missing_ok=True)
    sys.stderr.buffer.write(output)
    for sentence, signs in SIGNS.items():
        if any(sign in output for sign in signs):
            sys.exit(sentence)
    sys.exit(f"The set-up of .venv failed (exit code {process.returncode}); what it said stands above.")


def say(text: str) -> None:
    """One line of progress; standard output belongs to the service that follows."""
    print(text, file=sys.stderr, flush=True)


def on_sigterm(number: int, frame: FrameType | None) -> None:
    """Turn SIGTERM into an exception, so that the running step is ended first."""
    sys.exit(128 + number)


if __name__ == "__main__":
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        main(sys.argv[1])
        compile_modules()
    except KeyboardInterrupt:
        sys.exit(130)
