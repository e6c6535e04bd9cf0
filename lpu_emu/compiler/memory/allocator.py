"""Which words of the slices are free, and from which cycle on.

Space that was never used is free from before cycle 0, so constants can go there. Space that a dead tensor leaves is
free from the cycle after its last read on. A run of words never crosses a bank.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import ACTIVATIONS, BEFORE_START, WEIGHTS, Words


@dataclass(slots=True)
class _Segment:
    address: int
    length: int
    free_from: int


class Memory:
    """Free space of all slices, and the order in which slices are tried."""

    def __init__(self, geometry: Geometry) -> None:
        bank = geometry.chip.words_per_bank
        self._geometry = geometry
        self._bank_words = bank
        self._free = {
            name: [_Segment(b * bank, bank, BEFORE_START) for b in range(geometry.chip.banks)]
            for name in geometry.slices
        }
        self._used = dict.fromkeys(geometry.slices, 0)
        self._live = dict.fromkeys(geometry.slices, 0)
        self._weights = dict.fromkeys(geometry.slices, 0)
        self._inner = max(1, geometry.chip.slices // 4)
        self._orders: dict[tuple[str, str], list[str]] = {}

    def find(self, slice_name: str, count: int, cycle: int) -> tuple[int, int] | None:
        """Return the address of ``count`` free words and the cycle from which they are free, or None.

        Space that is free at ``cycle`` comes first: used before, then fresh; otherwise what is free soonest.
        """
        fitting = [s for s in self._free[slice_name] if s.length >= count]
        if not fitting:
            return None
        best = min(fitting, key=lambda s: (s.free_from > cycle, _delay(s, cycle), s.address))
        return best.address, best.free_from

    def take(self, words: Words, slice_name: str, address: int) -> None:
        """Place words at an address that :meth:`find` returned."""
        segments = self._free[slice_name]
        index = next(i for i, s in enumerate(segments) if s.address == address)
        segment = segments[index]
        words.place(slice_name, address, segment.free_from)
        segment.address += words.count
        segment.length -= words.count
        if not segment.length:
            del segments[index]
        self._count(words, 1)

    def release(self, words: Words) -> None:
        """Give the space of placed words back, free from the cycle after their last access on."""
        written = max(
            (run.cycle + (run.count - 1) * run.interval for run in words.writes), default=BEFORE_START
        )
        free_from = max(words.last_read, written) + 1
        segments = self._free[words.slice]
        segments.append(_Segment(words.address, words.count, free_from))
        segments.sort(key=lambda s: s.address)
        self._count(words, -1)
        self._free[words.slice] = self._merged(segments)

    def _merged(self, segments: list[_Segment]) -> list[_Segment]:
        merged = segments[:1]
        for segment in segments[1:]:
            last = merged[-1]
            joins = last.address + last.length == segment.address and segment.address % self._bank_words
            fresh = BEFORE_START in (last.free_from, segment.free_from)
            if joins and not fresh:
                last.length += segment.length
                last.free_from = max(last.free_from, segment.free_from)
            else:
                merged.append(segment)
        return merged

    def order(self, zone: str, side: str) -> list[str]:
        """Return the slices of a hemisphere in the order in which words of a zone prefer them.

        Weights prefer the emptiest slices beyond the inner quarter, so that one load finds as many different slices as it
        has streams. Activations prefer slices that hold no other live activations, which could be wanted at the same
        time, then those without weights, then the ones near the VXM.
        """
        known = self._orders.get((zone, side))
        if known is None:
            known = self._orders[zone, side] = self._order(zone, side)
        return known

    def _order(self, zone: str, side: str) -> list[str]:
        names = [f"{side}{n}" for n in range(self._geometry.chip.slices)]
        if zone == ACTIVATIONS:
            return sorted(names, key=lambda n: (self._live[n], self._weights[n] > 0))
        inner, outer = names[: self._inner], names[self._inner :]
        if zone == WEIGHTS:
            outer.reverse()
        return sorted(outer, key=self._used.__getitem__) + sorted(inner, key=self._used.__getitem__)

    def _count(self, words: Words, sign: int) -> None:
        self._used[words.slice] += sign * words.count
        if words.zone == ACTIVATIONS:
            self._live[words.slice] += sign
        if words.zone == WEIGHTS:
            self._weights[words.slice] += sign
        self._orders.clear()

    def bank(self, slice_name: str, address: int) -> tuple[str, int]:
        """Return the bank of an address as a key."""
        return slice_name, address // self._bank_words

    def used_words(self) -> int:
        """Words in use on the whole chip."""
        return sum(self._used.values())


def _delay(segment: _Segment, cycle: int) -> int:
    """Order of segments: recently freed before fresh where both are free, else soonest free."""
    return -segment.free_from if segment.free_from <= cycle else segment.free_from
