"""A flow with chosen columns, prepared for the search: what is fixed, what is to be chosen, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lpu_emu import timing
from lpu_emu.compiler.flow.model import Access, AnyAlu, At, Edge, Lookup, Port, Stage
from lpu_emu.compiler.flow.rigid import Rigid, Solver, host_of
from lpu_emu.compiler.geometry import STREAMS_PER_GROUP, Alu, Geometry, Slice
from lpu_emu.compiler.memory.words import Words
from lpu_emu.compiler.schedule.board import Board, Key
from lpu_emu.compiler.schedule.timeline import Timeline
from lpu_emu.spec.machine import EAST, WEST


@dataclass(frozen=True, slots=True)
class Window:
    """Cycles in which a stage needs its queue or bank."""

    key: Key
    start: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A memory access at one end of an edge: stream ``index`` of it.

    ``delay`` is from its dispatch to the drive or sample of the edge's first vector.
    """

    stage: Stage
    words: Words
    index: int
    reads: bool
    delay: int


@dataclass(frozen=True, slots=True)
class Track:
    """An edge in one direction: its first slot relative to the flow, and where its core stages stand."""

    way: int
    slot: int
    west: int
    east: int

    def reaches(self, x: int, reads: bool) -> bool:
        """Whether memory at ``x`` is upstream of the core stages, to be read, or downstream, to be written."""
        return x < self.west if reads == (self.way == EAST) else x > self.east

    def time(self, leaf: Leaf, x: int) -> int:
        """Dispatch of a memory access at ``x``, relative to the flow."""
        return timing.cycle_at(self.slot, x, self.way) - leaf.delay


@dataclass(frozen=True, slots=True, eq=False)
class EdgePlan:
    """What is known about an edge before streams and slices are chosen.

    ``taps`` are the stages whose ALUs must reach it, each with the number of its group of four within the edge; ``rivals``
    are other ports of an ALU that samples it, which must not use the group of the same tap in the other direction.
    ``tracks`` are the directions that it may take, the preferred one first. With ``spills`` some vectors are taken by
    nobody, so that the streams are in use up to the edge of the chip.
    """

    edge: Edge
    leaves: tuple[Leaf, ...]
    taps: tuple[tuple[Stage, int], ...]
    rivals: tuple[tuple[Port, int], ...]
    span: int
    tracks: tuple[Track, ...]
    spills: bool


class Plan:
    """The fixed needs and the open decisions of one flow under one choice of columns."""

    def __init__(self, board: Board, rigid: Rigid) -> None:
        self.rigid = rigid
        self.flow = rigid.shape.flow
        self._geometry: Geometry = board.geometry
        self._board = board
        self._solver = Solver(board.geometry, rigid.shape, rigid.columns)
        self.edges = tuple(self._edge_plan(edge) for edge in self.flow.edges)
        self.alu_windows = self._alu_windows()
        self.fixed = list(self._fixed_windows())

    @cached_property
    def key(self) -> object:
        """What flows of one shape have in common, wherever and whenever they run."""
        return self.rigid.columns, self.rigid.directions, tuple(s.mnemonic for s in self.flow.stages)

    # --- edges

    def _edge_plan(self, edge: Edge) -> EdgePlan:
        shape = self.rigid.shape
        producers, consumers = shape.producers[edge.index], shape.consumers[edge.index]
        leaves = [self._leaf(s, p, True) for s, p in producers if s.is_leaf]
        leaves += [self._leaf(s, p, False) for s, p in consumers if s.is_leaf]
        core = [(s, p) for s, p in (*producers, *consumers) if not s.is_leaf]
        taps = [(host_of(self.flow, s), p.index // STREAMS_PER_GROUP) for s, p in core]
        rivals = [
            (other, port.index // STREAMS_PER_GROUP)
            for s, port in consumers
            if isinstance(s.place, AnyAlu)
            for other in s.inputs
            if other.edge != edge.index
        ]
        return EdgePlan(
            edge=edge,
            leaves=tuple(leaves),
            taps=tuple((host, group) for host, group in taps if isinstance(host.place, AnyAlu)),
            rivals=tuple(rivals),
            span=max(s.span for s, _ in (*producers, *consumers)),
            spills=not any(_takes_all(s, max(p.span for p, _ in producers)) for s, _ in consumers),
            tracks=tuple(self._tracks(edge.index, leaves)),
        )

    def _leaf(self, stage: Stage, port: Port, reads: bool) -> Leaf:
        assert isinstance(stage.place, Access)
        geometry = self._geometry
        delay = (
            geometry.delay(stage.mnemonic, "func") if reads else geometry.skew(stage.mnemonic, port.operand)
        )
        delay -= stage.place.late_cycles
        return Leaf(stage=stage, words=stage.place.words, index=port.index, reads=reads, delay=delay)

    def _tracks(self, edge: int, leaves: list[Leaf]) -> Iterator[Track]:
        known = self.rigid.directions[edge]
        for way in self._preferred(leaves) if known is None else (known,):
            track = self._track(edge, way)
            placed = [leaf for leaf in leaves if leaf.words.placed]
            if track is not None and all(
                track.reaches(self._slice(leaf.words).x, leaf.reads) for leaf in placed
            ):
                yield track

    def _preferred(self, leaves: list[Leaf]) -> tuple[int, int]:
        towards_core = any(leaf.reads for leaf in leaves)
        return (EAST, WEST) if (self.flow.side == "W") == towards_core else (WEST, EAST)

    def _track(self, edge: int, way: int) -> Track | None:
        """Return an edge in a direction; None if its core stages do not work on one moving value there."""
        places: list[int] = []
        slots: list[int] = []
        for stage, _ in self.rigid.shape.producers[edge]:
            if not stage.is_leaf:
                x = self._solver.x_out(stage, way)
                delay = self._geometry.delay(stage.mnemonic, "func")
                slots.append(timing.slot(self.rigid.offsets[stage.index] + delay, x, way))
                places.append(x)
        for stage, port in self.rigid.shape.consumers[edge]:
            if not stage.is_leaf:
                x = self._solver.x_in(stage, way)
                delay = self._geometry.skew(stage.mnemonic, port.operand)
                slots.append(timing.slot(self.rigid.offsets[stage.index] + delay, x, way))
                places.append(x)
        if not places:
            # From memory to memory: the flow's time is when the edge enters the VXM, which it crosses.
            places = [self._solver.entrance(way)]
            slots = [timing.slot(0, places[0], way)]
        if len(set(slots)) != 1:
            return None
        return Track(way=way, slot=slots[0], west=min(places), east=max(places))

    def _slice(self, words: Words) -> Slice:
        return self._geometry.slices[words.slice]

    # --- ALUs

    def _alu_windows(self) -> dict[int, tuple[int, int]]:
        """Start and length of the time in which a stage holds its ALU, latch fills included."""
        ends: dict[int, tuple[int, int]] = {}
        for stage in self.rigid.shape.core:
            host = host_of(self.flow, stage).index
            if isinstance(self.flow.stages[host].place, AnyAlu):
                first = self.rigid.offsets[stage.index]
                known = ends.get(host, (first, first))
                ends[host] = (min(known[0], first), max(known[1], first + stage.span))
        return {host: (first, last - first + 1) for host, (first, last) in ends.items()}

    @cached_property
    def candidates(self) -> dict[int, list[Alu]]:
        """ALUs that could run each ALU stage, as far as column and kind go."""
        found = {}
        for stage in self.rigid.shape.alus:
            place = stage.place
            assert isinstance(place, AnyAlu)
            column = self._geometry.alus_of_column[self.rigid.columns[stage.index]]
            fit = [a for a in column if a.large or not place.large]
            found[stage.index] = [a for a in fit if place.number in (None, a.number)]
        return found

    # --- order of decisions

    @cached_property
    def decisions(self) -> list[tuple[bool, int]]:
        """What to choose, in order: (True, stage) an ALU, (False, edge) slices and streams.

        The ALUs and the edges between core stages come first: they depend on each other. Edges to and from memory hang
        on one ALU each and seldom matter to the others.
        """
        found: list[tuple[bool, int]] = []
        inner = {plan.edge.index for plan in self.edges if not plan.leaves}
        for stage in self.rigid.shape.alus:
            found.append((True, stage.index))
            edges = dict.fromkeys(p.edge for p in (*stage.inputs, *stage.outputs) if p.edge in inner)
            found += [(False, edge) for edge in edges]
            inner.difference_update(edges)
        planned = {edge for is_alu, edge in found if not is_alu}
        rest = [plan for plan in self.edges if plan.edge.index not in planned]
        # New words that have to lie in one hemisphere choose their slices before those that can lie anywhere.
        rest.sort(key=lambda plan: not any(leaf.words.side and not leaf.words.placed for leaf in plan.leaves))
        return found + [(False, plan.edge.index) for plan in rest]

    # --- what is fixed

    def _fixed_windows(self) -> Iterator[Window]:
        for stage in self.rigid.shape.core:
            if isinstance(stage.place, At):
                yield Window(stage.place.queue, self.rigid.offsets[stage.index], stage.span + 1)
            if isinstance(stage.place, Lookup):
                access = self.rigid.offsets[stage.index] + self._geometry.delay(stage.mnemonic, "access")
                bank = self._board.memory.bank(stage.place.words.slice, stage.place.words.address)
                yield Window(bank, access, stage.span + 1)
                if stage.place.table is not None:
                    bank = self._board.memory.bank(stage.place.table.slice, stage.place.table.address)
                    access = self.rigid.offsets[stage.index] + self._geometry.delay(stage.mnemonic, "access")
                    yield Window(bank, access, stage.span + 1)
        for _, windows in self.placed_windows():
            yield from windows

    def placed_windows(self) -> Iterator[tuple[Leaf, tuple[Window, Window]]]:
        """Yield what the memory accesses need whose words have an address, relative to the flow."""
        for leaf, time in self._placed_leaves:
            yield leaf, self.windows_of(leaf, time, self._slice(leaf.words), leaf.words.address)

    def windows_of(self, leaf: Leaf, time: int, where: Slice, address: int) -> tuple[Window, Window]:
        """The queue and bank time of a memory access dispatched at ``time``."""
        bank = self._board.memory.bank(where.name, address)
        access = time + self._geometry.delay(leaf.stage.mnemonic, "access")
        length = leaf.stage.span + 1
        return Window(where.queue, time, length), Window(bank, access, length)

    @cached_property
    def _placed_leaves(self) -> list[tuple[Leaf, int]]:
        """Memory accesses whose words have an address, with their dispatch relative to the flow."""
        return [
            (leaf, plan.tracks[0].time(leaf, self._slice(leaf.words).x))
            for plan in self.edges
            if plan.tracks
            for leaf in plan.leaves
            if leaf.words.placed
        ]

    def contradicts(self) -> bool:
        """Whether two fixed needs of the flow itself collide, an edge has no direction or a stage no ALU."""
        if not all(self.candidates.values()):
            return True
        by_key: dict[Key, list[Window]] = {}
        for window in self.fixed:
            others = by_key.setdefault(window.key, [])
            if any(
                w.start < window.start + window.length and window.start < w.start + w.length for w in others
            ):
                return True
            others.append(window)
        return not all(plan.tracks for plan in self.edges)

    # --- time

    def bound(self) -> int:
        """Earliest dispatch of the flow that rules of planes and written words allow."""
        earliest = self.flow.not_before
        for stage in self.rigid.shape.core:
            offset = self.rigid.offsets[stage.index]
            earliest = max(earliest, self._board.planes.earliest(self.flow, stage) - offset, -offset)
            if isinstance(stage.place, Lookup):
                complete = stage.place.words.complete(stage.place.first, stage.place.count)
                earliest = max(earliest, complete - offset - self._geometry.delay(stage.mnemonic, "access"))
            if isinstance(stage.place, At) and stage.place.table is not None:
                access = offset + self._geometry.delay(stage.mnemonic, "access")
                ready = stage.place.table.earliest_any(reads=bool(stage.outputs))
                earliest = max(earliest, ready - access)
        for leaf, time in self._placed_leaves:
            earliest = max(earliest, -time, self._data_bound(leaf, time))
        return earliest

    def _data_bound(self, leaf: Leaf, time: int) -> int:
        stage, words = leaf.stage, leaf.words
        assert isinstance(stage.place, Access)
        access = time + self._geometry.delay(stage.mnemonic, "access")
        if not leaf.reads:
            span = sum(loop.count * loop.stride for loop in stage.loops)
            low, high = sorted((stage.place.first, stage.place.first + span))
            return max(words.earliest_write(), words.earliest_rewrite(low, high)) - access
        inner = stage.loops[0] if stage.loops else timing.Loop(count=0, interval=1, stride=0)
        bound = 0
        for cycle, offset in outer_iterations(stage.loops):
            first = stage.place.first + offset
            ready = words.earliest_first_read(first, inner.count + 1, inner.stride, inner.interval)
            bound = max(bound, ready - access - cycle)
        return bound

    @cached_property
    def _needs(self) -> list[tuple[list[Timeline], int, int]]:
        """Queues and banks of which one must be free: a fixed need has one, an ALU stage any that could run it."""
        line = self._board.line
        found = [([line(w.key)], w.start, w.length) for w in self.fixed]
        for index, (start, length) in self.alu_windows.items():
            found.append(([line(alu.queue) for alu in self.candidates[index]], start, length))
        return found

    def settle(self, time: int) -> int:
        """Return the earliest time, not before ``time``, that the needs taken one by one allow."""
        moved = True
        while moved:
            moved = False
            for lines, start, length in self._needs:
                free = min(line.next_free(time + start, length) for line in lines) - start
                if free > time:
                    time, moved = free, True
        return time


def _takes_all(consumer: Stage, span: int) -> bool:
    late = consumer.place.late_cycles if isinstance(consumer.place, Access) else 0
    return not late and consumer.span >= span


def outer_iterations(loops: tuple[timing.Loop, ...]) -> list[tuple[int, int]]:
    """Return cycle and address offset of each round of the innermost loop."""
    found = [(0, 0)]
    for loop in loops[1:]:
        found = [
            (cycle + k * loop.interval, offset + k * loop.stride)
            for k in range(loop.count + 1)
            for cycle, offset in found
        ]
    return found
