"""Files that commands write: checked before the work, written beside, renamed into place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from lpu_emu.errors import UsageError

STDOUT = "-"


def require_writable(destination: Path | None, *, text: bool = False, device: bool = False) -> None:
    """Refuse a destination that cannot be written, before any work is done.

    Only ``text`` may go to ``-``, and only what is written as a whole to a ``device`` or pipe.

    Raises:
        UsageError: the folder does not exist or refuses writing, or the destination is not of a fitting kind.
    """
    if destination is None or (text and str(destination) == STDOUT):
        return
    if problem := _problem(destination, device):
        raise UsageError(f"cannot write {destination}: {problem}")


def _problem(destination: Path, device: bool) -> str:
    folder = destination.parent
    if str(destination) == STDOUT:
        return "it is no text for stdout; give a file name"
    if destination.is_dir():
        return "it is a folder; give a file name in it"
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist; create it first"
        return f"the folder {folder} {what}"
    if destination.exists() and not destination.is_file():
        return "" if device else "a program goes into an ordinary file"
    return _refusal(folder)


def _refusal(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def write_bytes(destination: Path, data: bytes) -> None:
    """Write a file beside ``destination`` and rename it into place, so that a failure leaves nothing.

    Devices and pipes cannot be replaced and are written directly.

    Raises:
        OSError: the file cannot be written; ``filename`` is the destination.
    """
    try:
        if destination.exists() and not destination.is_file():
            destination.write_bytes(data)
        else:
            _replace(destination, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(destination)) from error


def _replace(destination: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.", suffix=".tmp")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
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
    write_bytes(destination, (text if text.endswith("\n") else f"{text}\n").encode())
