"""Building flows: one method per kind of stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lpu_emu.compiler.flow.model import (
    Access,
    AnyAlu,
    At,
    Beside,
    Edge,
    Flow,
    Link,
    Lookup,
    Place,
    Port,
    Stage,
)
from lpu_emu.compiler.geometry import STREAMS_PER_GROUP, Geometry
from lpu_emu.compiler.memory.words import Words
from lpu_emu.spec.machine import DTYPE_BYTES, IMMEDIATE, LATCH
from lpu_emu.timing import Loop


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Words that an edge carries: byte plane i from ``words[i]``, vector k from word ``first + k * step``."""

    words: tuple[Words, ...]
    first: int = 0
    step: int = 1


@dataclass(frozen=True, kw_only=True)
class Column:
    """A vector that is the same for every row: word ``first`` of ``words[i]`` is its byte plane i. It goes into a latch."""

    words: tuple[Words, ...]
    first: int = 0


@dataclass(frozen=True, kw_only=True)
class Immediate:
    """A 32-bit constant of an instruction."""

    bits: int


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Some streams of a wider edge, from stream ``index`` of it on."""

    edge: Edge
    index: int


Operand = Edge | Taken | Column | Immediate


class FlowBuilder:
    """Collects the stages of one flow over ``count`` vectors, ``interval`` cycles apart."""

    def __init__(
        self,
        geometry: Geometry,
        name: str,
        *,
        count: int,
        interval: int = 1,
        origin: int = -1,
        side: str = "W",
    ) -> None:
        self._geometry = geometry
        self._name = name
        self._count = count
        self._interval = interval
        self._origin = origin
        self._side = side
        self.line = 0  # source line of the stages that are added next
        self._stages: list[Stage] = []
        self._edges: list[Edge] = []
        self._links: list[Link] = []

    def edge(self, width: int, align: int, stream: int | None = None) -> Edge:
        """Add an edge."""
        edge = Edge(index=len(self._edges), width=width, align=align, stream=stream)
        self._edges.append(edge)
        return edge

    def read(self, reading: Reading, *, align: int = 0, stream: int | None = None) -> Edge:
        """Read one word per byte plane for each vector; return the edge that carries them."""
        width = len(reading.words)
        edge = self.edge(width, align or width, stream)
        for i, words in enumerate(reading.words):
            self._read(words, reading.first, edge, i, self.loops(reading.step))
        return edge

    def read_onto(self, edge: Edge, words: Words, index: int, *, first: int = 0, step: int = 1) -> None:
        """Read one word for each vector onto stream ``index`` of an edge that was made before."""
        self._read(words, first, edge, index, self.loops(step))

    def _read(self, words: Words, first: int, edge: Edge, index: int, loops: tuple[Loop, ...]) -> None:
        port = Port(operand="to", edge=edge.index, index=index)
        self._add("read", Access(words=words, first=first), loops=loops, outputs=(port,))

    def write(
        self, edge: Edge, words: Sequence[Words], *, first: int = 0, step: int = 1, index: int = 0
    ) -> None:
        """Write stream ``index + i`` of an edge to ``words[i]``, vector k to word ``first + k * step``."""
        for i, plane in enumerate(words):
            port = Port(operand="data", edge=edge.index, index=index + i)
            self._add("write", Access(words=plane, first=first), loops=self.loops(step), inputs=(port,))

    def write_some(
        self, edge: Edge, words: Sequence[Words], *, first: int, skip: int, count: int, step: int = 1
    ) -> None:
        """Write ``count`` vectors after the first ``skip`` ones; vector ``skip + k`` goes to word ``first + k * step``."""
        loops = _loops(count, self._interval, step)
        for i, plane in enumerate(words):
            port = Port(operand="data", edge=edge.index, index=i)
            place = Access(words=plane, first=first, late_cycles=skip * self._interval)
            self._add("write", place, loops=loops, inputs=(port,))

    def gather(
        self, words: Sequence[Words], maps: Sequence[Words], regions: Sequence[tuple[int, int]]
    ) -> Edge:
        """Read for each vector what a map says, per superlane; return the edge that carries it.

        Stream i comes from ``words[i]``, which have an address, by addresses in ``maps[i]`` (one word per vector), all
        of them in ``regions[i]``: first word and count. Equal maps are read once.
        """
        edge = self.edge(len(words), len(words))
        streams: dict[int, Edge] = {}
        for i, (source, rows, (first, count)) in enumerate(zip(words, maps, regions, strict=True)):
            if id(rows) not in streams:
                streams[id(rows)] = self.read(Reading(words=(rows,)))
            queue = self._geometry.slices[source.slice].queue
            self._add(
                "gather",
                Lookup(queue=queue, words=source, first=first, count=count),
                loops=self.loops(),
                operands={"base": source.address + first, "limit": source.address + first + count - 1},
                inputs=(Port(operand="map", edge=streams[id(rows)].index),),
                outputs=(Port(operand="to", edge=edge.index, index=i),),
            )
        return edge

    def alu(
        self,
        mnemonic: str,
        dtype: str,
        operands: Mapping[str, Operand],
        *,
        result: str = "",
        saturate: bool = False,
        alu: int | None = None,
        level: int | None = None,
        stream: int | None = None,
    ) -> Edge:
        """Add a VXM operation on ``x`` (and ``y``); return the edge of its result, of type ``result`` or ``dtype``."""
        codes = {"dtype": self._geometry.dtype_code(dtype)}
        codes["overflow"] = self._geometry.enum("overflow", "sat" if saturate else "mod")
        if result:
            codes["result"] = self._geometry.dtype_code(result)
        large = dtype in self._geometry.isa[mnemonic].large
        place = AnyAlu(large=large, number=alu, level=level)
        return self._alu(mnemonic, place, dtype, result or dtype, codes, operands, stream)

    def _alu(
        self,
        mnemonic: str,
        place: AnyAlu,
        dtype: str,
        result: str,
        codes: dict[str, int],
        operands: Mapping[str, Operand],
        stream: int | None = None,
    ) -> Edge:
        inputs: list[Port] = []
        columns: list[tuple[str, Column]] = []
        for name, operand in operands.items():
            if isinstance(operand, Edge | Taken):
                inputs.append(port_of(name, operand))
            elif isinstance(operand, Immediate):
                codes |= {name: IMMEDIATE, "immediate": operand.bits}
            else:
                codes[name] = LATCH
                columns.append((name, operand))
        out = self.edge(DTYPE_BYTES[result], DTYPE_BYTES[result], stream)
        outputs = (Port(operand="to", edge=out.index),)
        host = self._add(mnemonic, place, loops=self.loops(), operands=codes, inputs=inputs, outputs=outputs)
        for name, column in columns:
            self._fill(host, name, dtype, column)
        return out

    def _fill(self, host: Stage, operand: str, dtype: str, column: Column) -> None:
        """Copy a vector into the latch of a stage's ALU, just in time for its first sample."""
        edge = self.edge(len(column.words), len(column.words))
        for i, words in enumerate(column.words):
            self._read(words, column.first, edge, i, ())
        codes = {
            "dtype": self._geometry.dtype_code(dtype),
            "overflow": self._geometry.enum("overflow", "mod"),
            "to": LATCH,
        }
        port = Port(operand="x", edge=edge.index)
        fill = self._add("copy", Beside(stage=host.index), operands=codes, inputs=(port,))
        delay = self._geometry.delay("copy", "latch") - self._geometry.skew(host.mnemonic, operand)
        self._links.append(Link(before=fill.index, after=host.index, delay=delay))

    def fork(self, edge: Edge) -> Edge:
        """Add another output edge to the stage that drives ``edge``, for consumers on its other side.

        An ALU drives up to three edges.
        """
        for index, stage in enumerate(self._stages):
            if any(port.edge == edge.index for port in stage.outputs):
                twin = self.edge(edge.width, edge.align)
                operand = ("to", "to2", "to3")[len(stage.outputs)]
                port = Port(operand=operand, edge=twin.index)
                self._stages[index] = replace(stage, outputs=(*stage.outputs, port))
                return twin
        raise KeyError(edge.index)

    def can_fork(self, edge: Edge) -> bool:
        """Whether an ALU drives an edge and has a target left."""
        return any(
            isinstance(stage.place, AnyAlu) and len(stage.outputs) < 3
            for stage in self._stages
            if any(port.edge == edge.index for port in stage.outputs)
        )

    def load(self, plane: int, streams: Sequence[Words], groups: int) -> None:
        """Load ``groups`` groups of weight rows into the buffer of a plane; ``streams[i]`` holds the rows of stream i."""
        loops = _loops(groups, 1, 1)
        edge = self.edge(len(streams), len(streams))
        for i, words in enumerate(streams):
            self._read(words, 0, edge, i, loops)
        port = Port(operand="rows", edge=edge.index)
        self._add("lw", At(queue=f"mxm.{plane}.weights"), loops=loops, inputs=(port,))

    def multiply(
        self,
        plane: int,
        x: Edge,
        dtype: str,
        *,
        half: str = "all",
        install: bool,
        row: int,
        step: int,
        mode: str,
    ) -> Stage:
        """Send vectors through a plane into accumulator rows ``row + k * step``; return the accumulating stage.

        With ``install`` the plane's weight buffer (and in tandem the next plane's) is installed just before.
        """
        codes = {"dtype": self._geometry.dtype_code(dtype), "half": self._geometry.enum("half", half)}
        port = Port(operand="x", edge=x.index)
        queue = f"mxm.{plane}.activations"
        abc = self._add("abc", At(queue=queue), loops=self.loops(), operands=codes, inputs=(port,))
        if install:
            for member in range(plane, plane + DTYPE_BYTES[dtype]):
                iw = self._add("iw", At(queue=f"mxm.{member}.weights"))
                delay = self._geometry.delay("iw", "land")
                self._links.append(Link(before=iw.index, after=abc.index, delay=delay))
        codes = {"mode": self._geometry.enum("mode", mode), "row": row}
        acc = self._add("acc", At(queue=f"mxm.{plane}.accumulate"), loops=self.loops(step), operands=codes)
        delay = self._geometry.delay("abc", "product") - self._geometry.delay("acc", "skew")
        self._links.append(Link(before=abc.index, after=acc.index, delay=delay))
        return acc

    def result(self, acc: Stage, *, stream: int | None = None) -> Edge:
        """Let an accumulating stage drive its rows; return the edge (four streams)."""
        edge = self.edge(STREAMS_PER_GROUP, STREAMS_PER_GROUP, stream)
        port = Port(operand="to", edge=edge.index)
        self._stages[acc.index] = replace(acc, outputs=(port,))
        return edge

    def permute(self, x: Edge, permutation: Reading, side: str) -> Edge:
        """Move lanes by a map that is read for every vector; return the edge of the result."""
        codes = {"width": x.width.bit_length() - 1}
        lanes = self.read(permutation)
        inputs = (Port(operand="x", edge=x.index), Port(operand="map", edge=lanes.index))
        out = self.edge(x.width, x.align)
        outputs = (Port(operand="to", edge=out.index),)
        place = At(queue=f"sxm.{side}.permute")
        self._add("permute", place, loops=self.loops(), operands=codes, inputs=inputs, outputs=outputs)
        return out

    def distribute(self, moved: Reading, kept: Reading, lanes: Reading, queue: str) -> tuple[Taken, Taken]:
        """Read two values of four byte planes and move lanes of the first by a map, inside superlanes.

        Both leave the distributor together; return the moved and the kept one as operands.
        """
        x = self.edge(2 * STREAMS_PER_GROUP, 2 * STREAMS_PER_GROUP)
        for i, (reading, plane) in enumerate((r, w) for r in (moved, kept) for w in r.words):
            self._read(plane, reading.first, x, i, self.loops(reading.step))
        out = self.edge(x.width, x.align)
        inputs = (Port(operand="x", edge=x.index), Port(operand="map", edge=self.read(lanes).index))
        bypass = sum(1 << STREAMS_PER_GROUP + i for i in range(STREAMS_PER_GROUP))
        self._add(
            "distribute",
            At(queue=queue),
            loops=self.loops(),
            operands={"bypass": bypass},
            inputs=inputs,
            outputs=(Port(operand="to", edge=out.index),),
        )
        return Taken(edge=out, index=0), Taken(edge=out, index=STREAMS_PER_GROUP)

    def loops(self, stride: int = 0) -> tuple[Loop, ...]:
        """Return the loops of a stage that runs once per vector."""
        return _loops(self._count, self._interval, stride)

    def _add(
        self,
        mnemonic: str,
        place: Place,
        *,
        loops: tuple[Loop, ...] = (),
        operands: Mapping[str, int] | None = None,
        inputs: Sequence[Port] = (),
        outputs: Sequence[Port] = (),
    ) -> Stage:
        stage = Stage(
            index=len(self._stages),
            mnemonic=mnemonic,
            place=place,
            loops=loops,
            operands=dict(operands or {}),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            line=self.line,
        )
        self._stages.append(stage)
        return stage

    def build(self, *, not_before: int = 0, exactly: int | None = None) -> Flow:
        """Return the flow."""
        return Flow(
            name=self._name,
            stages=tuple(self._stages),
            edges=tuple(self._edges),
            links=tuple(self._links),
            origin=self._origin,
            side=self._side,
            not_before=not_before,
            exactly=exactly,
        )


def port_of(name: str, operand: Operand) -> Port:
    """Return the port of an operand that is a stream."""
    if isinstance(operand, Edge):
        return Port(operand=name, edge=operand.index)
    assert isinstance(operand, Taken)
    return Port(operand=name, edge=operand.edge.index, index=operand.index)


def _loops(count: int, interval: int, stride: int) -> tuple[Loop, ...]:
    return (Loop(count=count - 1, interval=interval, stride=stride),) if count > 1 else ()
