"""Where in an author's file a call was made, and errors that point there."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lpu_emu.errors import KernelError

_OWN = str(Path(__file__).parent)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a Python file."""

    file: str
    line: int

    @property
    def text(self) -> str:
        """The line itself."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.line}"


def here(file: str = "") -> Place:
    """Return the innermost calling line in ``file``; without one there, the innermost outside this package."""
    frame = sys._getframe(1)
    outside: Place | None = None
    while frame is not None:
        name = frame.f_code.co_filename
        if name == file:
            return Place(file=name, line=frame.f_lineno)
        if outside is None and not name.startswith(_OWN):
            outside = Place(file=name, line=frame.f_lineno)
        if frame.f_back is None:
            break
        frame = frame.f_back
    assert outside is not None
    return outside


def error(
    place: Place, message: str, *, hint: str = "", others: Iterable[tuple[str, Place]] = ()
) -> KernelError:
    """Return an error at a line of the author's; ``others`` are further lines that have to do with it, and why."""
    lines = [f"{place}: error: {message}", f"  {place.text}"]
    for why, other in others:
        lines += [f"{other}: {why}", f"  {other.text}"]
    if hint:
        lines.append(f"  hint: {hint}")
    return KernelError("\n".join(lines))
