"""Busy times of one thing that does one job at a time: a queue, a bank."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Timeline:
    """Half-open busy intervals [start, end) of whole cycles, kept sorted, disjoint and merged."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def next_free(self, start: int, length: int) -> int:
        """Return the earliest cycle, not before ``start``, from which ``length`` cycles are free."""
        starts, ends = self._starts, self._ends
        index = bisect_right(ends, start)
        while index < len(starts) and starts[index] < start + length:
            start = ends[index]
            index += 1
        return start

    def reserve(self, start: int, end: int) -> None:
        """Mark [start, end) as busy; it must be free."""
        starts, ends = self._starts, self._ends
        index = bisect_left(starts, start)
        joins_left = index > 0 and ends[index - 1] == start
        joins_right = index < len(starts) and starts[index] == end
        if joins_left and joins_right:
            ends[index - 1] = ends[index]
            del starts[index], ends[index]
        elif joins_left:
            ends[index - 1] = end
        elif joins_right:
            starts[index] = start
        else:
            starts.insert(index, start)
            ends.insert(index, end)

    @property
    def end(self) -> int:
        """The cycle from which everything is free."""
        return self._ends[-1] if self._ends else 0

    def intervals(self) -> list[tuple[int, int]]:
        """Return the busy intervals in order."""
        return list(zip(self._starts, self._ends, strict=True))
