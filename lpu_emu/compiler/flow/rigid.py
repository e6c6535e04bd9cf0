"""From a flow and the columns of its ALUs to the dispatch of every stage, relative to the first.

The equations are those of ``timing``: a consumer samples what a producer drove ``hops`` cycles ago. Memory accesses
are left out here: wherever their words lie, their cycle follows from the stage at the other end of their edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpu_emu import timing
from lpu_emu.compiler.flow.model import Access, AnyAlu, At, Beside, Flow, Port, Stage
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.spec.machine import EAST, HEMISPHERES, WEST


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """What of a flow does not depend on choices: its stages by kind and the ends of its edges."""

    flow: Flow
    core: tuple[Stage, ...]
    producers: tuple[tuple[tuple[Stage, Port], ...], ...]
    consumers: tuple[tuple[tuple[Stage, Port], ...], ...]

    @property
    def alus(self) -> tuple[Stage, ...]:
        """The stages that need an ALU of their own, in order."""
        return tuple(s for s in self.core if isinstance(s.place, AnyAlu))


def shape_of(flow: Flow) -> Shape:
    """Return the parts of a flow."""
    producers: list[list[tuple[Stage, Port]]] = [[] for _ in flow.edges]
    consumers: list[list[tuple[Stage, Port]]] = [[] for _ in flow.edges]
    for stage in flow.stages:
        for port in stage.outputs:
            producers[port.edge].append((stage, port))
        for port in stage.inputs:
            consumers[port.edge].append((stage, port))
    return Shape(
        flow=flow,
        core=tuple(s for s in flow.stages if not s.is_leaf),
        producers=tuple(map(tuple, producers)),
        consumers=tuple(map(tuple, consumers)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rigid:
    """A flow with its columns chosen.

    ``columns`` and ``offsets`` are by stage index (-1 and 0 where they mean nothing); offsets count from the first
    core stage. ``directions`` is by edge: EAST, WEST, or None while it depends on where words lie.
    """

    shape: Shape
    columns: tuple[int, ...]
    offsets: tuple[int, ...]
    directions: tuple[int | None, ...]
    length: int


class Solver:
    """Positions and delays of the stages of one flow under one choice of columns."""

    def __init__(self, geometry: Geometry, shape: Shape, columns: Sequence[int]) -> None:
        self._geometry = geometry
        self._shape = shape
        self._columns = columns

    def x_in(self, stage: Stage, direction: int) -> int:
        """Position where a core stage samples."""
        if isinstance(stage.place, At):
            return self._geometry.x_in(stage.place.queue, direction)
        return self._geometry.column_in(self._columns[stage.index], direction)

    def x_out(self, stage: Stage, direction: int) -> int:
        """Position where a core stage drives."""
        if isinstance(stage.place, At):
            return self._geometry.x_out(stage.place.queue, direction)
        return self._geometry.column_out(self._columns[stage.index], direction)

    def entrance(self, direction: int) -> int:
        """Position where streams of a direction enter the VXM."""
        return self._geometry.column_in(0 if direction == EAST else self._geometry.columns - 1, direction)

    def direction(self, producer: Stage, consumers: Sequence[Stage]) -> int | None:
        """Direction from one core stage to others, None if they do not all lie on one side of it."""
        for way in (EAST, WEST):
            x = self.x_out(producer, way)
            if all(timing.hops(x, self.x_in(c, way), way) > 0 for c in consumers):
                return way
        return None

    def solve(self) -> Rigid | None:
        """Return the flow with all dispatch offsets, None if the columns contradict each other."""
        directions: list[int | None] = [None] * len(self._shape.flow.edges)
        equations: dict[int, list[tuple[int, int]]] = {s.index: [] for s in self._shape.core}
        for edge in range(len(directions)):
            if not self._edge(edge, directions, equations):
                return None
        for link in self._shape.flow.links:
            equations[link.before].append((link.after, link.delay))
            equations[link.after].append((link.before, -link.delay))
        offsets = self._offsets(equations)
        if offsets is not None and len(offsets) < len(self._shape.core):
            self._tie_readers(directions, equations)
            offsets = self._offsets(equations)
        if offsets is None or len(offsets) < len(self._shape.core):
            return None
        return self._rigid([offsets.get(s.index, 0) for s in self._shape.flow.stages], directions)

    def _tie_readers(self, directions: list[int | None], equations: dict[int, list[tuple[int, int]]]) -> None:
        """Let stages that sample one edge from memory, and have nothing else in common, follow each other."""
        for edge, producers in enumerate(self._shape.producers):
            readers = [(s, p) for s, p in self._shape.consumers[edge] if not s.is_leaf]
            if len(readers) < 2 or not all(s.is_leaf for s, _ in producers):
                continue
            way = directions[edge] = self._way_of(producers[0][0], readers[0][0])
            first, port = readers[0]
            start = self.x_in(first, way), self._geometry.skew(first.mnemonic, port.operand)
            for stage, port in readers[1:]:
                distance = timing.hops(start[0], self.x_in(stage, way), way)
                skew = self._geometry.skew(stage.mnemonic, port.operand)
                delay = timing.consumer_dispatch(0, start[1], distance, skew)
                equations[first.index].append((stage.index, delay))
                equations[stage.index].append((first.index, -delay))

    def _way_of(self, reader: Stage, consumer: Stage) -> int:
        """Direction in which words reach a unit from where they lie or will lie."""
        side = self._shape.flow.side
        if isinstance(reader.place, Access) and reader.place.words.placed:
            side = reader.place.words.slice[0]
        slices = [s.x for s in self._geometry.slices.values() if s.side == side]
        x = self.x_in(consumer, EAST)
        return EAST if x > max(slices) or (x > min(slices) and side == HEMISPHERES[0]) else WEST

    def _edge(
        self, edge: int, directions: list[int | None], equations: dict[int, list[tuple[int, int]]]
    ) -> bool:
        producers = [s for s, _ in self._shape.producers[edge] if not s.is_leaf]
        consumers = [(s, p) for s, p in self._shape.consumers[edge] if not s.is_leaf]
        if not producers or not consumers:
            return True
        ways = {self.direction(producer, [s for s, _ in consumers]) for producer in producers}
        way = ways.pop()
        if way is None or ways:
            return False
        directions[edge] = way
        for producer in producers:
            for consumer, port in consumers:
                delay = self._delay(producer, consumer, port, way)
                equations[producer.index].append((consumer.index, delay))
                equations[consumer.index].append((producer.index, -delay))
        return True

    def _delay(self, producer: Stage, consumer: Stage, port: Port, way: int) -> int:
        distance = timing.hops(self.x_out(producer, way), self.x_in(consumer, way), way)
        func = self._geometry.delay(producer.mnemonic, "func")
        skew = self._geometry.skew(consumer.mnemonic, port.operand)
        return timing.consumer_dispatch(0, func, distance, skew)

    def _offsets(self, equations: dict[int, list[tuple[int, int]]]) -> dict[int, int] | None:
        """Return the offsets of all stages that are tied to the first one, None if equations contradict each other."""
        if not self._shape.core:
            return {}
        start = self._shape.core[0].index
        known = {start: 0}
        waiting = [start]
        while waiting:
            stage = waiting.pop()
            for other, delay in equations[stage]:
                at = known[stage] + delay
                if other not in known:
                    known[other] = at
                    waiting.append(other)
                elif known[other] != at:
                    return None
        return known

    def _rigid(self, offsets: list[int], directions: list[int | None]) -> Rigid:
        core = self._shape.core or self._shape.flow.stages
        first = min(offsets[s.index] for s in core)
        last = max(offsets[s.index] + s.span for s in core)
        return Rigid(
            shape=self._shape,
            columns=tuple(self._columns),
            offsets=tuple(offsets),
            directions=tuple(directions),
            length=last - first,
        )


def host_of(flow: Flow, stage: Stage) -> Stage:
    """Return the stage whose ALU a stage uses: its host for latch fills, else itself."""
    return flow.stages[stage.place.stage] if isinstance(stage.place, Beside) else stage
