"""Which words of the slices are free, and from which cycle on.

Space that was never used is free from before cycle 0, so constants can go there. Space that a dead tensor leaves is
free from the cycle after its last read on. A run of words never crosses a bank.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import ACTIVATIONS, BEFORE_START, FAR, MAPS, NEAR, VECTORS, WEIGHTS, Words


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
        self._first = geometry.chip.slices // 8
        self._inner = max(1, geometry.chip.slices // 4)
        self._outer = max(1, geometry.chip.slices // 2)
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

    def take_at(self, words: Words, slice_name: str, address: int) -> bool:
        """Place words at an address of one's own choice; return whether that space was never used and is free."""
        segments = self._free[slice_name]
        end = address + words.count
        for i, s in enumerate(segments):
            if s.address <= address and end <= s.address + s.length and s.free_from == BEFORE_START:
                parts = (_Segment(s.address, address - s.address, s.free_from),
                         _Segment(end, s.address + s.length - end, s.free_from))  # fmt: skip
                segments[i : i + 1] = [part for part in parts if part.length]
                words.place(slice_name, address, BEFORE_START)
                self._count(words, 1)
                return True
        return False

    def release(self, words: Words) -> None:
        """Give the space of placed words back, free from the cycle after their last access on."""
        written = max((run.last_cycle for run in words.writes), default=BEFORE_START)
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

        Weights prefer the emptiest slices of the outer half, so that one load finds as many different slices as it has
        streams; maps prefer those of the inner quarter. Both avoid slices that hold live activations. Activations prefer
        slices that hold no other live activations, which could be wanted at the same time, then those without weights,
        then the ones that neither weights nor maps prefer. Latched vectors, which are read at an exact time, have the first
        eighth for themselves as long as there is room elsewhere.
        """
        known = self._orders.get((zone, side))
        if known is None:
            known = self._orders[zone, side] = self._order(zone, side)
        return known

    def _order(self, zone: str, side: str) -> list[str]:
        names = [f"{side}{n}" for n in range(self._geometry.chip.slices)]
        if zone == NEAR:
            return sorted(names, key=lambda n: (self._live[n], self._weights[n] > 0))
        if zone == FAR:
            near = max(1, len(names) // 4)
            far = sorted([*names[:near:-1], names[near]], key=self._used.__getitem__)
            return far + sorted(names[:near], key=self._used.__getitem__)
        first, inner, middle, outer = (
            names[: self._first],
            names[self._first : self._inner],
            names[self._inner : self._outer],
            names[self._outer :],
        )
        if zone == ACTIVATIONS:
            order = sorted([*middle, *inner, *outer], key=lambda n: (self._live[n], self._weights[n] > 0))
            return order + first
        if zone == WEIGHTS:
            outer.reverse()
        ranked = {MAPS: (inner, outer, middle, first), VECTORS: (first, inner, outer, middle)}.get(
            zone, (outer, inner, middle, first)
        )
        return [
            n for names in ranked for n in sorted(names, key=lambda n: (self._live[n] > 0, self._used[n]))
        ]

    def _count(self, words: Words, sign: int) -> None:
        self._used[words.slice] += sign * words.count
        if words.zone in (ACTIVATIONS, NEAR):
            self._live[words.slice] += sign
        if words.zone in (WEIGHTS, FAR):
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
