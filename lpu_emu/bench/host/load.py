"""How busy others keep the processors of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # idle, waiting for a disk
_GUESTS = 8  # from here on time is counted twice


class Load:
    """What others use of the processors, over stretches of time that are added up."""

    def __init__(self) -> None:
        """Begin with no stretch at all."""
        self._seconds = 0.0
        self._used = 0.0
        self._known = True

    @contextmanager
    def stretch(self) -> Iterator[None]:
        """Watch while the body of a ``with`` runs."""
        begin, mine, busy = time.perf_counter(), _mine_seconds(), _busy_seconds()
        yield
        end = _busy_seconds()
        self._seconds += time.perf_counter() - begin
        self._known = self._known and busy is not None and end is not None
        self._used += (end or 0.0) - (busy or 0.0) - (_mine_seconds() - mine)

    def others(self) -> float | None:
        """Return how many processors others have used on average, None where the system does not say."""
        return max(0.0, self._used) / max(self._seconds, 1e-9) if self._known else None


def _mine_seconds() -> float:
    """Return the seconds that this process and its ended children have worked."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def _busy_seconds() -> float | None:
    """Return the seconds that all processors together have worked since they started."""
    if not _STAT.exists():
        return None
    ticks = [int(n) for n in _STAT.read_text(encoding="ascii").splitlines()[0].split()[1 : _GUESTS + 1]]
    return sum(n for i, n in enumerate(ticks) if i not in _IDLE) / os.sysconf("SC_CLK_TCK")
