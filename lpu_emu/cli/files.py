"""Files that commands write: checked before the work, written beside, renamed into place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from lpu_emu.errors import UsageError

STDOUT = "-"


def require_writable(destination: Path | None) -> None:
    """Refuse a destination that cannot be written, before any work is done.

    Raises:
        UsageError: the folder does not exist or refuses writing, or the destination is a folder.
    """
    if destination is None or str(destination) == STDOUT:
        return
    folder = destination.parent
    if destination.is_dir():
        raise UsageError(f"cannot write {destination}: it is a folder; give a file name in it")
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist; create it first"
        raise UsageError(f"cannot write {destination}: the folder {folder} {what}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write {destination}: the folder {folder} is read-only")


@contextlib.contextmanager
def written_beside(destination: Path) -> Iterator[Path]:
    """Give a path to write to; on success it becomes ``destination``, on failure nothing is left.

    Devices and pipes cannot be replaced and are written directly.
    """
    if destination.exists() and not destination.is_file():
        yield destination
        return
    handle, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.", suffix=".tmp")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(_mode())
        beside.replace(destination)
    finally:
        beside.unlink(missing_ok=True)


def _mode() -> int:
    """Return the mode a plain new file gets; temporary files are private."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_text(destination: Path | None, text: str) -> None:
    """Write text to a file, or to stdout for None and ``-``."""
    if destination is None or str(destination) == STDOUT:
        click.echo(text, nl=not text.endswith("\n"))
        return
    with written_beside(destination) as beside:
        beside.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
