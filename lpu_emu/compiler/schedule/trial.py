"""One attempt to place a flow at one time: choose ALUs, slices and streams that are free then.

The choices do not move any stage in time, so this is a small search with backtracking. When it fails it knows the
next time at which something that was in the way becomes free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lpu_emu.compiler.geometry import STREAMS_PER_GROUP, Alu, Slice, base_stream, group_of
from lpu_emu.compiler.memory.words import BEFORE_START, Words
from lpu_emu.compiler.schedule.board import Board
from lpu_emu.compiler.schedule.plan import EdgePlan, Leaf, Plan, Track, Window
from lpu_emu.compiler.schedule.streams import Use
from lpu_emu.spec.machine import EAST, HEMISPHERES, direction

NEVER = 1 << 62
# Choices looked at before an attempt is given up, unless the board says otherwise.
BUDGET = 300
# Choices of streams for an edge to or from memory; more would only repeat the same failure elsewhere.
MEMORY_OPTIONS = 2


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and when a memory access happens; ``fresh`` when its words get their address by it."""

    leaf: Leaf
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
        self.windows = [Window(w.key, time + w.start, w.length) for w in plan.fixed]
        self._new: list[str] = []
        self._left = board.budget
        self._group = -1
        self._all_groups = frozenset(range(board.geometry.chip.streams // STREAMS_PER_GROUP))
        self._orders: dict[tuple[str, str], list[str]] = {}
        self._idle: dict[int, list[Alu]] = {}
        self._liked_alus, self._liked_streams = (board.liked or {}).get(plan.key, ({}, {}))

    def solve(self) -> bool:
        """Make all choices; return whether that was possible."""
        return self._step(0)

    def _step(self, index: int) -> bool:
        decisions = self._plan.decisions
        if index == len(decisions):
            return True
        is_alu, number = decisions[index]
        for take in self._alu_options(number) if is_alu else self._edge_options(self._plan.edges[number]):
            mark = len(self.uses), len(self.windows), len(self._new), self._group
            take()
            if self._step(index + 1):
                return True
            del self.uses[mark[0] :], self.windows[mark[1] :], self._new[mark[2] :]
            self._group = mark[3]
            (self.alus if is_alu else self.streams).pop(number)
            self._left -= 1
            if self._left < 0:
                return False
        return False

    # --- busy or free

    def _taken(self, window: Window) -> bool:
        """Whether the flow itself needs a queue or bank then."""
        key, start, end = window.key, window.start, window.start + window.length
        return any(w.key == key and start < w.start + w.length and w.start < end for w in self.windows)

    def _free(self, window: Window) -> bool:
        """Whether a queue or bank is free; notes when it will be."""
        if self._taken(window):
            return False
        key, start, length = window.key, window.start, window.length
        free = self._board.line(key).next_free(start, length)
        if free > start:
            self.later = min(self.later, self.time + free - start)
        return free == start

    def _stream_free(self, use: Use) -> bool:
        for other in self.uses:
            if other.stream == use.stream and use.touches(other):
                return False
        wait = self._board.streams.next_free(use)
        if wait:
            self.later = min(self.later, self.time + wait)
        return not wait

    # --- ALUs

    def _alu_options(self, index: int) -> Iterator[Callable[[], None]]:
        start, length = self._plan.alu_windows[index]
        stage = self._plan.flow.stages[index]
        ports = (*stage.inputs, *stage.outputs)
        chosen = {group_of(self.streams[p.edge] + p.index) for p in ports if p.edge in self.streams}
        for alu in self._free_alus(index):
            window = Window(alu.queue, self.time + start, length)
            if chosen <= alu.reach and not self._taken(window):
                yield lambda alu=alu, window=window: self._take_alu(index, alu, window)  # type: ignore[misc]

    def _free_alus(self, index: int) -> list[Alu]:
        """Return the ALUs that could run a stage and that no other flow uses then; notes when others will be free."""
        known = self._idle.get(index)
        if known is None:
            start, length = self._plan.alu_windows[index]
            start += self.time
            known = self._idle[index] = []
            for alu in self._plan.candidates[index]:
                free = self._board.line(alu.queue).next_free(start, length)
                if free == start:
                    known.append(alu)
                else:
                    self.later = min(self.later, self.time + free - start)
            if index in self._liked_alus:
                known.sort(key=lambda alu: alu.number != self._liked_alus[index])
        return known

    def _take_alu(self, index: int, alu: Alu, window: Window) -> None:
        self.alus[index] = alu
        self.windows.append(window)

    # --- edges

    def _edge_options(self, plan: EdgePlan) -> Iterator[Callable[[], None]]:
        options = self._all_options(plan)
        return islice(options, MEMORY_OPTIONS) if plan.leaves else options

    def _all_options(self, plan: EdgePlan) -> Iterator[Callable[[], None]]:
        for track in plan.tracks:
            spots = self._spots(plan, track)
            if spots is None:
                continue
            extents = self._extents(plan, track, spots)
            first = self.time + track.slot
            for stream in self._streams_for(plan, track.way):
                uses = [
                    Use(stream + i, first, first + plan.span, west, east)
                    for i, (west, east) in enumerate(extents)
                ]
                if all(map(self._stream_free, uses)):
                    yield lambda s=stream, u=uses, p=spots: self._take_edge(plan, s, u, p)  # type: ignore[misc]

    def _take_edge(self, plan: EdgePlan, stream: int, uses: list[Use], spots: list[Spot]) -> None:
        self.streams[plan.edge.index] = stream
        self.uses += uses
        self._group = group_of(stream)
        for spot in spots:
            self.spots[spot.leaf.stage.index] = spot
            if spot.fresh:
                self._new.append(spot.where.name)
                self.windows += self._plan.windows_of(spot.leaf, spot.time, spot.where, spot.address)

    def _streams_for(self, plan: EdgePlan, way: int) -> list[int]:
        """First streams that an edge may have.

        First come those that lead to the next ALU without taking a large one for a small operation, then those of the
        group used last.
        """
        edge = plan.edge
        low = base_stream(way)
        found: Sequence[int] = range(low, low + self._geometry.chip.streams - edge.width + 1, edge.align)
        if edge.stream is not None:
            found = [edge.stream] if direction(edge.stream) == way else []
        allowed = self._allowed(plan, way)
        fitting = [s for s in found if all(group_of(s) + offset in groups for offset, groups in allowed)]
        cheap = self._cheap(plan)
        liked = self._liked_streams.get(edge.index)
        if not plan.taps and edge.width < self._geometry.chip.weight_streams:
            # What no ALU touches leaves the lower streams to weight loads, which need many that are neighbours.
            return sorted(fitting, key=lambda s: (s != liked, -s))
        return sorted(
            fitting, key=lambda s: (s != liked, group_of(s) not in cheap, group_of(s) != self._group, s)
        )

    def _cheap(self, plan: EdgePlan) -> frozenset[int]:
        """Groups in reach of ALUs that are no larger than needed, for the first tap whose ALU is still open."""
        for host, offset in plan.taps:
            if host.index not in self.alus:
                alus = self._free_alus(host.index)
                least = min((alu.large for alu in alus), default=False)
                reach = frozenset().union(*(alu.reach for alu in alus if alu.large == least))
                return frozenset(group - offset for group in reach)
        return self._all_groups

    def _allowed(self, plan: EdgePlan, way: int) -> list[tuple[int, frozenset[int]]]:
        """Groups that each tap of an edge may have: in reach of its ALU, and not sampled by that ALU from the other side."""
        found = []
        for host, offset in plan.taps:
            alu = self.alus.get(host.index)
            alus = self._free_alus(host.index) if alu is None else [alu]
            found.append((offset, frozenset().union(*(a.reach for a in alus))))
        for port, offset in plan.rivals:
            stream = self.streams.get(port.edge)
            if stream is not None and direction(stream) != way:
                found.append((offset, self._all_groups - {group_of(stream + port.index)}))
        return found

    def _extents(self, plan: EdgePlan, track: Track, spots: list[Spot]) -> list[tuple[int, int]]:
        """West and east end of each stream of an edge."""
        west, east = track.west, track.east
        if plan.spills:
            west, east = (west, self._geometry.machine.positions - 1) if track.way == EAST else (0, east)
        found = [(west, east)] * plan.edge.width
        for spot in spots:
            west, east = found[spot.leaf.index]
            found[spot.leaf.index] = min(west, spot.where.x), max(east, spot.where.x)
        return found

    # --- memory

    def _spots(self, plan: EdgePlan, track: Track) -> list[Spot] | None:
        """Choose a slice for every memory access of an edge; None if one finds no place now.

        New words of an edge stay in one hemisphere, so that they can be read towards either side together: the flow's own,
        unless the other one has slices that are less wanted later.
        """
        best: list[Spot] | None = None
        least = NEVER
        for side in (self._plan.flow.side, _other(self._plan.flow.side)):
            found = self._spots_on(plan, track, side)
            wanted = sum(map(self._wanted_later, found)) if found is not None else NEVER
            if wanted < least:
                best, least = found, wanted
            if not least:
                break
        if best is None:
            self.no_room = self.no_room or not all(self._has_room(leaf, track) for leaf in plan.leaves)
        return best

    def _spots_on(self, plan: EdgePlan, track: Track, side: str) -> list[Spot] | None:
        found: list[Spot] = []
        taken: set[str] = set(self._new)
        for leaf in plan.leaves:
            spot = self._placed(leaf, track) if leaf.words.placed else self._fresh(leaf, track, side, taken)
            if spot is None:
                return None
            if spot.fresh:
                taken.add(spot.where.name)
            found.append(spot)
        return found

    def _placed(self, leaf: Leaf, track: Track) -> Spot:
        where = self._geometry.slices[leaf.words.slice]
        return Spot(leaf, where, leaf.words.address, self.time + track.time(leaf, where.x), False)

    def _fresh(self, leaf: Leaf, track: Track, side: str, taken: set[str]) -> Spot | None:
        if not track.reaches(self._geometry.slices[f"{side}0"].x, leaf.reads):
            side = _other(side)
        avoid = {w.slice for w in leaf.words.apart if w.placed}
        for name in self._slices_for(leaf.words, side):
            where = self._geometry.slices[name]
            if name in taken or name in avoid or not track.reaches(where.x, leaf.reads):
                continue
            time = self.time + track.time(leaf, where.x)
            address = self._address(leaf, where, time)
            if address is not None and self._available(leaf, time, where, address):
                return Spot(leaf, where, address, time, True)
        return None

    def _slices_for(self, words: Words, side: str) -> list[str]:
        """Slices of a hemisphere in order of preference: first those that nothing wants later.

        Flows that are scheduled later fill gaps in time; words on a slice that is busy later would hold them up.
        """
        if words.home is not None and words.home.placed:
            return [words.home.slice]
        side = words.side or side
        known = self._orders.get((words.zone, side))
        if known is None:
            slices, line = self._geometry.slices, self._board.line
            order = self._board.memory.order(words.zone, side)
            known = sorted(order, key=lambda n: max(0, line(slices[n].queue).end - self.time))
            self._orders[words.zone, side] = known
        return known

    def _wanted_later(self, spot: Spot) -> int:
        """For how long a slice that is newly used has been reserved already."""
        return max(0, self._board.line(spot.where.queue).end - self.time) if spot.fresh else 0

    def _has_room(self, leaf: Leaf, track: Track) -> bool:
        """Whether any slice that a memory access could use has enough free words at some time."""
        if leaf.words.placed:
            return True
        for name, where in self._geometry.slices.items():
            found = self._board.memory.find(name, leaf.words.count, BEFORE_START)
            fresh = found is not None and found[1] == BEFORE_START
            if leaf.words.side not in ("", where.side):
                continue
            if track.reaches(where.x, leaf.reads) and (fresh if leaf.words.preloaded else found):
                return True
        return False

    def _address(self, leaf: Leaf, where: Slice, time: int) -> int | None:
        """Return an address that is free by then; notes when one will be."""
        cycle = BEFORE_START
        if not leaf.words.preloaded:
            cycle = time + self._geometry.delay(leaf.stage.mnemonic, "access")
        found = self._board.memory.find(where.name, leaf.words.count, cycle)
        if found is None:
            return None
        address, free_from = found
        if free_from <= cycle:
            return address
        if not leaf.words.preloaded:
            self.later = min(self.later, self.time + free_from - cycle)
        return None

    def _available(self, leaf: Leaf, time: int, where: Slice, address: int) -> bool:
        if time < 0:
            self.later = min(self.later, self.time - time)
            return False
        return all(map(self._free, self._plan.windows_of(leaf, time, where, address)))


def _other(side: str) -> str:
    return HEMISPHERES[1 - HEMISPHERES.index(side)]
