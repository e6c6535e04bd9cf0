"""One attempt to place a flow at one time: choose ALUs, slices and streams that are free then.

The choices do not move any stage in time, so this is a small search with backtracking. When it fails it knows the
next time at which something that was in the way becomes free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lpu_emu.compiler.flow.model import Access, AnyAlu, Port, Stage
from lpu_emu.compiler.flow.rigid import host_of
from lpu_emu.compiler.geometry import Alu, Slice, base_stream, group_of
from lpu_emu.compiler.memory.words import BEFORE_START, Words
from lpu_emu.compiler.schedule.board import Board, Key
from lpu_emu.compiler.schedule.plan import ALU, Plan
from lpu_emu.compiler.schedule.streams import Use
from lpu_emu.spec.machine import EAST, HEMISPHERES, WEST, direction

NEVER = 1 << 62
# Choices looked at before an attempt is given up.
BUDGET = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where and when a memory access happens."""

    where: Slice
    address: int
    time: int
    fresh: bool


class Trial:
    """The choices for one flow at one time.

    After :meth:`solve`: ``alus`` by stage, ``streams`` (first stream number) by edge, ``spots`` by memory stage; or,
    if it failed, ``later``: the next time worth trying, ``NEVER`` if there is none.
    """

    def __init__(self, board: Board, plan: Plan, time: int) -> None:
        self._board = board
        self._plan = plan
        self._geometry = board.geometry
        self.time = time
        self.later = NEVER
        self.no_room = False
        self.alus: dict[int, Alu] = {}
        self.streams: dict[int, int] = {}
        self.spots: dict[int, Spot] = {}
        self.uses: list[Use] = []
        self.windows: list[tuple[Key, int, int]] = []
        self._new: list[tuple[Words, str]] = []
        self._left = BUDGET
        self._group = -1
        for window in plan.fixed:
            self.windows.append((window.key, time + window.start, window.length))

    def solve(self) -> bool:
        """Make all choices; return whether that was possible."""
        return self._step(0)

    def _step(self, index: int) -> bool:
        decisions = self._plan.decisions
        if index == len(decisions):
            return True
        kind, number = decisions[index]
        options = self._alu_options(number) if kind == ALU else self._edge_options(number)
        for apply in options:
            undo = self._mark()
            apply()
            if self._step(index + 1):
                return True
            self._restore(undo, kind, number)
            self._left -= 1
            if self._left < 0:
                return False
        return False

    def _mark(self) -> tuple[int, int, int, int]:
        return len(self.uses), len(self.windows), len(self._new), self._group

    def _restore(self, mark: tuple[int, int, int, int], kind: str, number: int) -> None:
        uses, windows, new, self._group = mark
        del self.uses[uses:], self.windows[windows:], self._new[new:]
        if kind == ALU:
            self.alus.pop(number, None)
            return
        self.streams.pop(number, None)
        for stage, _, _ in self._plan.leaves(number):
            self.spots.pop(stage.index, None)

    # --- busy or free

    def _free(self, key: Key, start: int, length: int) -> bool:
        """Whether a queue or bank is free; notes when it will be."""
        for other, first, cycles in self.windows:
            if other == key and start < first + cycles and first < start + length:
                return False
        free = self._board.line(key).next_free(start, length)
        if free > start:
            self._retry(self.time + free - start)
        return free == start

    def _retry(self, time: int) -> None:
        self.later = min(self.later, time)

    def _stream_free(self, use: Use) -> bool:
        if any(use.touches(other) for other in self.uses):
            return False
        wait = self._board.streams.next_free(use)
        if wait:
            self._retry(self.time + wait)
        return not wait

    # --- ALUs

    def _alu_options(self, index: int) -> Iterator[Callable[[], None]]:
        stage = self._plan.flow.stages[index]
        start, length = self._plan.alu_windows[index]
        for alu in self._alus_for(stage):
            if self._fits(stage, alu) and self._free(alu.queue, self.time + start, length):
                yield self._taking_alu(index, alu, self.time + start, length)

    def _taking_alu(self, index: int, alu: Alu, start: int, length: int) -> Callable[[], None]:
        def apply() -> None:
            self.alus[index] = alu
            self.windows.append((alu.queue, start, length))

        return apply

    def _alus_for(self, stage: Stage) -> list[Alu]:
        """ALUs that could run a stage, as far as its kind goes."""
        place = stage.place
        assert isinstance(place, AnyAlu)
        column = self._geometry.alus_of_column[self._plan.rigid.columns[stage.index]]
        fit = [a for a in column if a.large or not place.large]
        return fit if place.number is None else [a for a in fit if a.number == place.number]

    def _fits(self, stage: Stage, alu: Alu) -> bool:
        """Whether the streams chosen so far are in reach and no group comes from both sides."""
        chosen = [self.streams[p.edge] for p in (*stage.inputs, *stage.outputs) if p.edge in self.streams]
        return all(group_of(s) in alu.reach for s in chosen) and not self._from_both_sides(stage)

    def _from_both_sides(self, stage: Stage) -> bool:
        sampled = {(group_of(s), direction(s)) for p in stage.inputs if (s := self.streams.get(p.edge)) is not None}
        return len({group for group, _ in sampled}) < len(sampled)

    # --- edges

    def _edge_options(self, edge: int) -> Iterator[Callable[[], None]]:
        for way in self._plan.ways(edge):
            spots = self._spots(edge, way)
            if spots is None:
                continue
            extents = self._extents(edge, way, spots)
            for stream in self._candidates(edge, way):
                uses = self._uses(edge, way, stream, extents)
                if all(self._stream_free(use) for use in uses):
                    yield self._taking_edge(edge, stream, uses, spots)

    def _taking_edge(
        self, edge: int, stream: int, uses: list[Use], spots: list[tuple[Stage, Spot]]
    ) -> Callable[[], None]:
        def apply() -> None:
            self.streams[edge] = stream
            self.uses += uses
            self._group = group_of(stream)
            for stage, spot in spots:
                self.spots[stage.index] = spot
                if spot.fresh:
                    self._claim(stage, spot)

        return apply

    def _claim(self, stage: Stage, spot: Spot) -> None:
        assert isinstance(stage.place, Access)
        self._new.append((stage.place.words, spot.where.name))
        for window in self._plan.leaf_windows(stage, spot.time, spot.where, spot.address):
            self.windows.append((window.key, window.start, window.length))

    def _candidates(self, edge: int, way: int) -> list[int]:
        """First streams that an edge may have, those of the group used last before the others."""
        spec = self._plan.flow.edges[edge]
        if spec.stream is not None:
            return [spec.stream] if direction(spec.stream) == way else []
        low = base_stream(way)
        found = range(low, low + self._geometry.chip.streams - spec.width + 1, spec.align)
        reachable = [s for s in found if self._in_reach(edge, s)]
        return sorted(reachable, key=lambda s: (group_of(s) != self._group, s))

    def _in_reach(self, edge: int, stream: int) -> bool:
        group, way = group_of(stream), direction(stream)
        shape = self._plan.rigid.shape
        for stage, _ in (*shape.producers[edge], *shape.consumers[edge]):
            host = host_of(self._plan.flow, stage)
            if not isinstance(host.place, AnyAlu):
                continue
            alu = self.alus.get(host.index)
            possible = self._alus_for(host) if alu is None else [alu]
            if not any(group in a.reach for a in possible):
                return False
        return not any(self._clashes(stage, edge, group, way) for stage, _ in shape.consumers[edge])

    def _clashes(self, stage: Stage, edge: int, group: int, way: int) -> bool:
        others = [self.streams.get(p.edge) for p in stage.inputs if p.edge != edge]
        if stage.is_leaf:
            return False
        return any(s is not None and group_of(s) == group and direction(s) != way for s in others)

    def _extents(self, edge: int, way: int, spots: list[tuple[Stage, Spot]]) -> list[tuple[int, int]]:
        """West and east end of each stream of an edge."""
        core = self._plan.core_ends(edge, way)
        width = self._plan.flow.edges[edge].width
        places: list[list[int]] = [list(core) for _ in range(width)]
        at = {stage.index: spot.where.x for stage, spot in spots}
        for stage, port, _ in self._plan.leaves(edge):
            places[port.index].append(at[stage.index])
        return [(min(xs), max(xs)) for xs in places]

    def _uses(self, edge: int, way: int, stream: int, extents: list[tuple[int, int]]) -> list[Use]:
        first = self.time + self._plan.slot(edge, way)
        last = first + self._plan.span(edge)
        return [
            Use(stream=stream + i, first=first, last=last, west=west, east=east)
            for i, (west, east) in enumerate(extents)
        ]

    # --- memory

    def _spots(self, edge: int, way: int) -> list[tuple[Stage, Spot]] | None:
        """Choose a slice for every memory access of an edge; None if one finds no place now."""
        found: list[tuple[Stage, Spot]] = []
        taken: set[str] = set()
        for stage, port, reads in self._plan.leaves(edge):
            spot = self._spot(edge, way, stage, port, reads, taken)
            if spot is None:
                return None
            if spot.fresh:
                taken.add(spot.where.name)
            found.append((stage, spot))
        return found

    def _spot(self, edge: int, way: int, stage: Stage, port: Port, reads: bool, taken: set[str]) -> Spot | None:
        assert isinstance(stage.place, Access)
        words = stage.place.words
        if words.placed:
            where = self._geometry.slices[words.slice]
            time = self.time + self._plan.leaf_time(edge, way, where, stage, port, reads)
            return Spot(where=where, address=words.address, time=time, fresh=False)
        room = False
        for name in self._slices(words, way, reads):
            where = self._geometry.slices[name]
            if name in taken or not self._plan.reaches(edge, way, where, reads):
                continue
            time = self.time + self._plan.leaf_time(edge, way, where, stage, port, reads)
            address = self._address(words, where, time, stage)
            room = room or address is not None
            if address is not None and self._available(stage, time, where, address):
                return Spot(where=where, address=address, time=time, fresh=True)
        self.no_room = self.no_room or not room
        return None

    def _slices(self, words: Words, way: int, reads: bool) -> list[str]:
        """Slices for new words in order of preference: the flow's own hemisphere first."""
        side = self._plan.flow.side
        other = HEMISPHERES[1 - HEMISPHERES.index(side)]
        avoid = {w.slice for w in words.apart if w.placed} | {name for _, name in self._new}
        memory = self._board.memory
        return [n for s in (side, other) for n in memory.order(words.zone, s) if n not in avoid]

    def _address(self, words: Words, where: Slice, time: int, stage: Stage) -> int | None:
        access = time + self._geometry.delay(stage.mnemonic, "access")
        cycle = BEFORE_START if words.preloaded else access
        found = self._board.memory.find(where.name, words.count, cycle)
        if found is None:
            return None
        address, free_from = found
        if free_from <= cycle:
            return address
        if not words.preloaded:
            self._retry(self.time + free_from - cycle)
        return None

    def _available(self, stage: Stage, time: int, where: Slice, address: int) -> bool:
        if time < 0:
            self._retry(self.time - time)
            return False
        windows = self._plan.leaf_windows(stage, time, where, address)
        return all(self._free(w.key, w.start, w.length) for w in windows)


__all__ = ["EAST", "NEVER", "WEST", "Spot", "Trial"]
