"""Who owns which moving register where.

A value on a stream is a register that moves with its slot (see ``timing.slot``); it needs the register from where it
is driven to its last consumer. Values that come every cycle fill a run of slots, so a use of a stream is a
rectangle: slots x positions. Two uses of one stream must not touch; a drive exactly where another value is
sampled would be seen by that sample, so positions are closed intervals.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

# Longer runs are cut into pieces of this many slots, which bounds how far back a search has to look.
PIECE_SLOTS = 256


@dataclass(frozen=True, slots=True)
class Use:
    """Slots first..last and positions west..east of one stream, all inclusive."""

    stream: int
    first: int
    last: int
    west: int
    east: int

    def touches(self, other: Use) -> bool:
        """Whether two uses need the same register at the same place."""
        return (
            self.stream == other.stream
            and self.first <= other.last
            and other.first <= self.last
            and self.west <= other.east
            and other.west <= self.east
        )


class StreamMap:
    """The uses of all streams of a chip."""

    def __init__(self) -> None:
        self._uses: dict[int, list[tuple[int, int, int, int]]] = {}

    def next_free(self, use: Use) -> int:
        """Return by how many slots a use must move, 0 or later, to be free of all others."""
        rectangles = self._uses.get(use.stream)
        if not rectangles:
            return 0
        first, length = use.first, use.last - use.first
        index = bisect_left(rectangles, (first - PIECE_SLOTS + 1,))
        while index < len(rectangles):
            low, high, west, east = rectangles[index]
            if low > first + length:
                break
            if high >= first and west <= use.east and use.west <= east:
                first = high + 1
            index += 1
        return first - use.first

    def reserve(self, use: Use) -> None:
        """Mark a use; it must be free."""
        rectangles = self._uses.setdefault(use.stream, [])
        for first in range(use.first, use.last + 1, PIECE_SLOTS):
            last = min(first + PIECE_SLOTS - 1, use.last)
            rectangle = (first, last, use.west, use.east)
            rectangles.insert(bisect_left(rectangles, rectangle), rectangle)
