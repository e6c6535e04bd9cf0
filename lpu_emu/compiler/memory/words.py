"""Words: a run of SRAM words that lie in one slice, the unit that is placed, written and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEFORE_START = -1  # the cycle in which data sections and inputs are in memory

WEIGHTS, VECTORS, ACTIVATIONS = "weights", "vectors", "activations"


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRun:
    """Words first .. first + count - 1 are written, the k-th in cycle ``cycle + k * interval``."""

    first: int
    count: int
    cycle: int
    interval: int

    @property
    def last(self) -> int:
        """The last word of the run."""
        return self.first + self.count - 1


class Words:
    """``count`` consecutive words of one slice, placed when they are first used.

    ``content`` uint8 [count, lanes] for constants; ``preloaded`` for what is in memory before cycle 0 (constants
    and inputs). ``apart`` lists words that one flow reads together with these, so that they need another slice;
    ``home`` are words whose slice these must share. ``free_from`` is the first cycle in which they may be written.
    """

    __slots__ = (
        "address", "apart", "content", "count", "free_from", "home", "last_read", "name", "preloaded", "slice",
        "writes", "zone",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        count: int,
        zone: str,
        *,
        content: NDArray[np.uint8] | None = None,
        preloaded: bool = False,
    ) -> None:
        self.name = name
        self.count = count
        self.zone = zone
        self.content = content
        self.preloaded = preloaded or content is not None
        self.slice: str = ""
        self.address = -1
        self.free_from = BEFORE_START
        self.apart: list[Words] = []
        self.home: Words | None = None
        self.writes: list[WriteRun] = []
        self.last_read = BEFORE_START

    @property
    def placed(self) -> bool:
        """Whether the words have an address."""
        return bool(self.slice)

    def place(self, slice_name: str, address: int, free_from: int) -> None:
        """Give the words their address, which is theirs from a cycle on."""
        self.slice, self.address, self.free_from = slice_name, address, free_from

    def earliest_write(self) -> int:
        """Return the earliest access cycle of a further write: after all reads so far."""
        return max(self.last_read + 1, self.free_from)

    def earliest_first_read(self, first: int, count: int, step: int, interval: int) -> int:
        """Return the earliest access cycle of read 0, when read k touches word ``first + k * step``.

        A word can be read from the cycle after its write on. The bound over an affine run is reached at one of
        its ends, so only the ends of each overlap with a run of writes are looked at.
        """
        earliest = 0
        for run in self.writes:
            for k in _ends(run, first, count, step):
                written = run.cycle + (first + k * step - run.first) * run.interval
                earliest = max(earliest, written + 1 - k * interval)
        return earliest

    def __repr__(self) -> str:
        where = f"{self.slice}:{self.address}" if self.placed else "unplaced"
        return f"<Words {self.name!r} x{self.count} {where}>"


def _ends(run: WriteRun, first: int, count: int, step: int) -> tuple[int, ...]:
    """Return the reads at the two ends of the overlap of a read run with a write run."""
    if step == 0:
        return (0,) if run.first <= first <= run.last else ()
    low = -(-(run.first - first) // step) if step > 0 else -(-(run.last - first) // step)
    high = (run.last - first) // step if step > 0 else (run.first - first) // step
    low, high = max(low, 0), min(high, count - 1)
    return (low, high) if low <= high else ()


def as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of an array as uint8 [byte plane, ...shape], low byte first."""
    whole = np.ascontiguousarray(values)
    flat = whole.view(np.uint8).reshape(*whole.shape, whole.dtype.itemsize)
    return np.ascontiguousarray(np.moveaxis(flat, -1, 0))
