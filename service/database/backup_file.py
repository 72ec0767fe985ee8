"""A file of a backup: written beside its place and moved there whole, for its owner's eyes alone."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from service.process.not_ready import NotReady

GZIP_MAGIC = b"\x1f\x8b"
SHORTEST_GZIP = 18
"""Bytes of head and end, between which is what was packed."""
GZIP_LEVEL = 4
"""Of 1 to 9: twice as quick as the usual 6, for a few percent more bytes."""
SPARE_BYTES = 16 * 1024 * 1024
COPIED_AT_ONCE = 1024 * 1024


@contextmanager
def new_file(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a path beside ``target`` to write to; at the block's end it becomes ``target``, or nothing does.

    Raises:
        NotReady: there is such a file already, or no such folder.
        OSError: the disk is full, or may not be written.
    """
    check_place(target, replace=replace)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)
        yield draft
        write_through(draft)
        if replace:
            draft.replace(target)
        else:
            os.link(draft, target)  # refuses where another was quicker
    except FileExistsError:
        raise NotReady(f"{target} exists already") from None
    finally:
        draft.unlink(missing_ok=True)
    write_through(target.parent)


def check_place(target: Path, *, replace: bool = False) -> None:
    """Refuse a place where no file can be written.

    Raises:
        NotReady: there is such a file already, or no such folder.
    """
    if not target.parent.is_dir():
        raise NotReady(f"{target.parent} is no folder")
    if target.is_dir() or (target.exists() and not (replace and target.is_file())):
        raise NotReady(f"{target} exists already: choose another name, or add --force to replace a file")


def check_room(folder: Path, wanted: int, purpose: str, otherwise: str = "") -> None:
    """Refuse before anything is written where a disk has not ``wanted`` bytes left.

    Raises:
        NotReady: with ``purpose`` and, behind the figures, ``otherwise`` as a further way out.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted + SPARE_BYTES:
        raise NotReady(
            f"{purpose} needs about {megabytes(wanted + SPARE_BYTES)} in {folder}, and {megabytes(free)} are free: "
            f"make room{otherwise}. Nothing was changed."
        )


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{max(1, round(size / 1e6)):,} MB"


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacking it where it is packed by gzip, whatever its name.

    Raises:
        EOFError: what is packed was cut.
        OSError: it cannot be read, or what is packed is damaged.
    """
    with path.open("rb") as raw:
        is_packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if not is_packed:
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(IO[bytes], unpacked)
        except zlib.error as error:  # of the three ways in which damage shows, the one that is no OSError
            raise gzip.BadGzipFile(str(error)) from error


@contextmanager
def writing(path: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    """Open a file to write to, packing by gzip where asked."""
    with path.open("wb") as raw:
        if not packed:
            yield raw
            return
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=GZIP_LEVEL) as pack:
            yield cast(IO[bytes], pack)


def copy(source: Path, target: Path, *, packed: bool) -> None:
    """Copy a file, unpacking what is packed, and packing where asked."""
    with reading(source) as read, writing(target, packed=packed) as written:
        shutil.copyfileobj(read, written, COPIED_AT_ONCE)


def write_through(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
