"""Words: a run of SRAM words that lie in one slice, the unit that is placed, written and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEFORE_START = -1  # the cycle in which data sections and inputs are in memory

WEIGHTS, VECTORS, MAPS, ACTIVATIONS = "weights", "vectors", "maps", "activations"
# Tensors and weights of kernels written by hand: as near to the VXM and as far from it as there is room.
NEAR, FAR = "near", "far"


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRun:
    """Words first, first + step, ... are written, the k-th of ``count`` in cycle ``cycle + k * interval``."""

    first: int
    count: int
    cycle: int
    interval: int
    step: int = 1

    @property
    def last(self) -> int:
        """The last word of the run."""
        return self.first + (self.count - 1) * self.step

    @property
    def last_cycle(self) -> int:
        """The cycle of the last write."""
        return self.cycle + (self.count - 1) * self.interval


class Words:
    """``count`` consecutive words of one slice, placed when they are first used.

    ``content`` uint8 [count, lanes] for constants; ``preloaded`` for what is in memory before cycle 0 (constants
    and inputs). ``apart`` lists words that one flow reads together with these, so that they need another slice;
    ``home`` are words whose slice these must share. ``side`` is the hemisphere in which they must lie, if any.
    ``free_from`` is the first cycle in which they may be written.
    """

    __slots__ = (
        "address", "apart", "content", "count", "free_from", "home", "last_read", "name", "preloaded", "side", "slice",
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
        side: str = "",
    ) -> None:
        self.name = name
        self.count = count
        self.zone = zone
        self.content = content
        self.preloaded = preloaded or content is not None
        self.side = side
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

    def earliest_rewrite(self, low: int, high: int) -> int:
        """Return the earliest access cycle of a write to words low..high: after all earlier writes to any of them."""
        ends = (
            r.cycle + (r.count - 1) * r.interval for r in self.writes if r.first <= high and low <= r.last
        )
        return max(ends, default=BEFORE_START) + 1

    def earliest_first_read(self, first: int, count: int, step: int, interval: int) -> int:
        """Return the earliest access cycle of read 0, when read k touches word ``first + k * step``.

        A word can be read from the cycle after its write on. The bound over an affine run is reached at one of
        its ends, so only the ends of each overlap with a run of writes are looked at.
        """
        earliest = 0
        for run in self.writes:
            if run.step != 1:
                earliest = max(earliest, self._after(run, first, count, step, interval))
                continue
            for k in _ends(run, first, count, step):
                written = run.cycle + (first + k * step - run.first) * run.interval
                earliest = max(earliest, written + 1 - k * interval)
        return earliest

    def earliest_any(self, *, reads: bool) -> int:
        """Return the earliest access cycle of a gather, or of a scatter, which may touch any of the words."""
        written = max(
            (run.cycle + (run.count - 1) * run.interval for run in self.writes), default=BEFORE_START
        )
        return written + 1 if reads else max(written + 1, self.earliest_write())

    def _after(self, run: WriteRun, first: int, count: int, step: int, interval: int) -> int:
        """A bound for runs that write with a step: their words count as written when the last one is."""
        low, high = min(run.first, run.last), max(run.first, run.last)
        inside = [k for k in (0, count - 1) if low <= first + k * step <= high]
        touches = inside or (
            min(first, first + (count - 1) * step) <= high and low <= max(first, first + (count - 1) * step)
        )
        return run.last_cycle + 1 if touches else 0

    def complete(self, first: int, count: int) -> int:
        """Return the earliest access cycle of a read that may touch any of ``count`` words from ``first`` on."""
        earliest = 0
        for run in self.writes:
            low, high = min(run.first, run.last), max(run.first, run.last)
            if low < first + count and first <= high:
                earliest = max(earliest, run.last_cycle + 1)
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
