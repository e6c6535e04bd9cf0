"""A flow with chosen columns, prepared for the search: what is fixed, what is to be chosen, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu import timing
from lpu_emu.compiler.flow.model import Access, AnyAlu, At, Beside, Port, Stage
from lpu_emu.compiler.flow.rigid import Rigid, Solver
from lpu_emu.compiler.geometry import Geometry, Slice
from lpu_emu.compiler.schedule.board import Board, Key
from lpu_emu.compiler.schedule.timeline import Timeline
from lpu_emu.spec.machine import EAST, WEST

ALU, EDGE = "alu", "edge"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Cycles in which a stage needs its queue or bank, relative to the flow."""

    key: Key
    start: int
    length: int


class Plan:
    """The fixed needs and the open decisions of one flow under one choice of columns."""

    def __init__(self, board: Board, rigid: Rigid) -> None:
        self.rigid = rigid
        self.flow = rigid.shape.flow
        self.geometry: Geometry = board.geometry
        self._solver = Solver(board.geometry, rigid.shape, rigid.columns)
        self._board = board
        self.alu_windows = self._alu_windows()
        self.decisions = self._decisions()
        self.fixed = self._fixed_windows()
        self._lines: list[tuple[Timeline, int, int]] = [
            (board.line(w.key), w.start, w.length) for w in self.fixed
        ]

    # --- ALUs

    def _alu_windows(self) -> dict[int, tuple[int, int]]:
        """Start and length of the time in which a stage holds its ALU, latch fills included."""
        ends: dict[int, tuple[int, int]] = {}
        for stage in self.rigid.shape.core:
            host = stage.place.stage if isinstance(stage.place, Beside) else stage.index
            if isinstance(self.flow.stages[host].place, AnyAlu):
                first = self.rigid.offsets[stage.index]
                known = ends.get(host, (first, first))
                ends[host] = (min(known[0], first), max(known[1], first + stage.span))
        return {host: (first, last - first + 1) for host, (first, last) in ends.items()}

    # --- order of decisions

    def _decisions(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        planned: set[int] = set()

        def plan(edge: int) -> None:
            if edge not in planned:
                planned.add(edge)
                found.append((EDGE, edge))

        beside = {s.place.stage: s for s in self.rigid.shape.core if isinstance(s.place, Beside)}
        for stage in self.rigid.shape.core:
            if not isinstance(stage.place, AnyAlu):
                continue
            found.append((ALU, stage.index))
            helpers = [beside[stage.index]] if stage.index in beside else []
            for port in (*stage.inputs, *(p for h in helpers for p in h.inputs), *stage.outputs):
                plan(port.edge)
        for edge in range(len(self.flow.edges)):
            plan(edge)
        return found

    # --- edges

    def core_ends(self, edge: int, way: int) -> list[int]:
        """Positions of the core stages at the ends of an edge, for a direction."""
        shape = self.rigid.shape
        found = [self._solver.x_out(s, way) for s, _ in shape.producers[edge] if not s.is_leaf]
        return found + [self._solver.x_in(s, way) for s, _ in shape.consumers[edge] if not s.is_leaf]

    def leaves(self, edge: int) -> list[tuple[Stage, Port, bool]]:
        """The memory accesses of an edge: stage, port, and whether it reads."""
        shape = self.rigid.shape
        found = [(s, p, True) for s, p in shape.producers[edge] if s.is_leaf]
        return found + [(s, p, False) for s, p in shape.consumers[edge] if s.is_leaf]

    def slot(self, edge: int, way: int) -> int:
        """The first slot of an edge, relative to the flow."""
        shape = self.rigid.shape
        for stage, _ in shape.producers[edge]:
            if not stage.is_leaf:
                cycle = self.rigid.offsets[stage.index] + self.geometry.delay(stage.mnemonic, "func")
                return timing.slot(cycle, self._solver.x_out(stage, way), way)
        for stage, port in shape.consumers[edge]:
            if not stage.is_leaf:
                cycle = self.rigid.offsets[stage.index] + self.geometry.skew(stage.mnemonic, port.operand)
                return timing.slot(cycle, self._solver.x_in(stage, way), way)
        raise KeyError(edge)

    def span(self, edge: int) -> int:
        """Slots from the first to the last value of an edge."""
        shape = self.rigid.shape
        return max(s.span for s, _ in (*shape.producers[edge], *shape.consumers[edge]))

    def reaches(self, edge: int, way: int, where: Slice, reads: bool) -> bool:
        """Whether a slice lies on the right side of the core stages of an edge."""
        ends = self.core_ends(edge, way)
        if reads:
            return all(timing.hops(where.x, x, way) > 0 for x in ends)
        return all(timing.hops(x, where.x, way) > 0 for x in ends)

    def leaf_time(self, edge: int, way: int, where: Slice, stage: Stage, port: Port, reads: bool) -> int:
        """Dispatch of a memory access, relative to the flow."""
        cycle = timing.cycle_at(self.slot(edge, way), where.x, way)
        if reads:
            return cycle - self.geometry.delay(stage.mnemonic, "func")
        return cycle - self.geometry.skew(stage.mnemonic, port.operand)

    def ways(self, edge: int) -> list[int]:
        """Directions that an edge may take, the preferred one first."""
        known = self.rigid.directions[edge]
        if known is not None:
            return [known]
        leaves = self.leaves(edge)
        towards_core = any(reads for _, _, reads in leaves)
        prefers_east = (self.flow.side == "W") == towards_core
        found = [EAST, WEST] if prefers_east else [WEST, EAST]
        placed = [(s.place.words, reads) for s, _, reads in leaves if isinstance(s.place, Access) and s.place.words.placed]
        for words, reads in placed:
            where = self.geometry.slices[words.slice]
            found = [way for way in found if self.reaches(edge, way, where, reads)]
        return found

    # --- what is fixed

    def _fixed_windows(self) -> list[Window]:
        found = []
        for stage in self.rigid.shape.core:
            if isinstance(stage.place, At):
                start = self.rigid.offsets[stage.index]
                found.append(Window(key=stage.place.queue, start=start, length=stage.span + 1))
        for stage, time, _ in self.placed_leaves():
            found += self.leaf_windows(stage, time, *self._home(stage))
        return found

    def _home(self, stage: Stage) -> tuple[Slice, int]:
        assert isinstance(stage.place, Access)
        words = stage.place.words
        return self.geometry.slices[words.slice], words.address

    def leaf_windows(self, stage: Stage, time: int, where: Slice, address: int) -> list[Window]:
        """The queue and bank time of a memory access dispatched at ``time``."""
        bank = self._board.memory.bank(where.name, address)
        access = time + self.geometry.delay(stage.mnemonic, "access")
        length = stage.span + 1
        return [
            Window(key=where.queue, start=time, length=length),
            Window(key=bank, start=access, length=length),
        ]

    def placed_leaves(self) -> list[tuple[Stage, int, bool]]:
        """Memory accesses whose words have an address: stage, dispatch relative to the flow, and whether it reads."""
        found = []
        for edge in range(len(self.flow.edges)):
            for stage, port, reads in self.leaves(edge):
                assert isinstance(stage.place, Access)
                if stage.place.words.placed:
                    ways = self.ways(edge)
                    if not ways:
                        continue
                    where = self.geometry.slices[stage.place.words.slice]
                    found.append((stage, self.leaf_time(edge, ways[0], where, stage, port, reads), reads))
        return found

    # --- time

    def contradicts(self) -> bool:
        """Whether two fixed needs of the flow itself collide, or an edge has no direction."""
        by_key: dict[Key, list[Window]] = {}
        for window in self.fixed:
            for other in by_key.setdefault(window.key, []):
                if window.start < other.start + other.length and other.start < window.start + window.length:
                    return True
            by_key[window.key].append(window)
        return any(not self.ways(edge) for edge in range(len(self.flow.edges)))

    def bound(self) -> int:
        """Earliest dispatch of the flow that rules of planes and written words allow."""
        earliest = self.flow.not_before
        for stage in self.rigid.shape.core:
            offset = self.rigid.offsets[stage.index]
            earliest = max(earliest, self._board.planes.earliest(self.flow, stage) - offset, -offset)
        for stage, time, reads in self.placed_leaves():
            earliest = max(earliest, -time, self._data_bound(stage, time, reads))
        return earliest

    def _data_bound(self, stage: Stage, time: int, reads: bool) -> int:
        assert isinstance(stage.place, Access)
        words, first = stage.place.words, stage.place.first
        access = time + self.geometry.delay(stage.mnemonic, "access")
        if not reads:
            return words.last_read + 1 - access
        inner = stage.loops[0] if stage.loops else timing.Loop(count=0, interval=1, stride=0)
        bound = 0
        for cycle, offset in outer_iterations(stage.loops):
            ready = words.earliest_first_read(first + offset, inner.count + 1, inner.stride, inner.interval)
            bound = max(bound, ready - access - cycle)
        return bound

    def settle(self, time: int) -> int:
        """Return the earliest time, not before ``time``, at which all fixed needs are free."""
        moved = True
        while moved:
            moved = False
            for line, start, length in self._lines:
                free = line.next_free(time + start, length) - start
                if free > time:
                    time, moved = free, True
        return time


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
