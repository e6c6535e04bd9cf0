"""From a flow and the columns of its ALUs to the dispatch of every stage, relative to the first.

The equations are those of ``timing``: a consumer samples what a producer drove ``hops`` cycles ago. Memory accesses
are left out here: wherever their words lie, their cycle follows from the stage at the other end of their edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpu_emu import timing
from lpu_emu.compiler.flow.model import AnyAlu, At, Beside, Flow, Port, Stage
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.spec.machine import EAST, WEST


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
        if offsets is None:
            return None
        return self._rigid(offsets, directions)

    def _edge(
        self, edge: int, directions: list[int | None], equations: dict[int, list[tuple[int, int]]]
    ) -> bool:
        producers = [s for s, _ in self._shape.producers[edge] if not s.is_leaf]
        consumers = [(s, p) for s, p in self._shape.consumers[edge] if not s.is_leaf]
        if not producers or not consumers:
            return True
        way = self.direction(producers[0], [s for s, _ in consumers])
        if way is None:
            return False
        directions[edge] = way
        for consumer, port in consumers:
            delay = self._delay(producers[0], consumer, port, way)
            equations[producers[0].index].append((consumer.index, delay))
            equations[consumer.index].append((producers[0].index, -delay))
        return True

    def _delay(self, producer: Stage, consumer: Stage, port: Port, way: int) -> int:
        distance = timing.hops(self.x_out(producer, way), self.x_in(consumer, way), way)
        func = self._geometry.delay(producer.mnemonic, "func")
        skew = self._geometry.skew(consumer.mnemonic, port.operand)
        return timing.consumer_dispatch(0, func, distance, skew)

    def _offsets(self, equations: dict[int, list[tuple[int, int]]]) -> list[int] | None:
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
        if len(known) < len(self._shape.core):
            return None
        return [known.get(s.index, 0) for s in self._shape.flow.stages]

    def _rigid(self, offsets: list[int], directions: list[int | None]) -> Rigid:
        first = min(offsets[s.index] for s in self._shape.core)
        last = max(offsets[s.index] + s.span for s in self._shape.core)
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
