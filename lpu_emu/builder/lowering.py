"""From a flow as its author wrote it to a flow that can be scheduled: edges, carried values, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lpu_emu.builder.flow import Flow
from lpu_emu.builder.levels import consumers, find_levels, is_alu
from lpu_emu.builder.location import Place, error
from lpu_emu.builder.values import Latched, Node, Number, Value
from lpu_emu.compiler.flow.builder import Column, Immediate, Operand, Reading, Taken
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.flow.model import Flow as MachineFlow
from lpu_emu.compiler.flow.units import UnitFlowBuilder
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import Words

_OUTPUTS = 3  # places an ALU can drive


class Copies:
    """Constants that are open are stored once per hemisphere that uses them."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], Words] = {}
        self._first: dict[int, tuple[str, Words]] = {}

    def of(self, words: Sequence[Words], side: str) -> tuple[Words, ...]:
        """Return the words to use for flows that prefer a hemisphere."""
        return tuple(self._one(w, side) for w in words)

    def _one(self, words: Words, side: str) -> Words:
        key = id(words)
        first, _ = self._first.setdefault(key, (side, words))
        if words.content is None or first == side or (words.placed and (key, side) not in self._known):
            return words
        if (key, side) not in self._known:
            self._known[key, side] = Words(
                f"{words.name}.{side}", words.count, words.zone, content=words.content
            )
        return self._known[key, side]

    def all_words(self) -> list[Words]:
        """Return the copies."""
        return list(self._known.values())


class Lowering:
    """Turns one flow into stages and edges. With ``aligned`` the ALUs of one level share a column, else any column goes."""

    def __init__(
        self,
        geometry: Geometry,
        flow: Flow,
        copies: Copies,
        line: Callable[[Place], int],
        *,
        origin: int,
        aligned: bool,
    ) -> None:
        self._geometry = geometry
        self._flow = flow
        self._copies = copies
        self._line = line
        self._aligned = aligned
        self._apart = 0
        self._levels = find_levels(flow.nodes)
        self._takers = consumers(flow.nodes)
        self._builder = UnitFlowBuilder(
            geometry, flow.name, count=flow.count, interval=flow.interval, origin=origin, side=flow.side
        )
        self._edges: dict[tuple[Node, int], Operand] = {}
        self._carried: dict[tuple[Node, int, int], Edge] = {}
        self._leaving: dict[Node, list[Edge]] = {}

    def build(self, *, not_before: int, exactly: int | None) -> MachineFlow:
        """Return the flow.

        Raises:
            KernelError: a value is computed and never used.
        """
        for node in self._flow.nodes:
            if node.kind == "group":
                self._gather_streams(node)
        for node in self._flow.nodes:
            self._builder.line = self._line(node.place)
            self._lower(node)
        return self._builder.build(not_before=not_before, exactly=exactly)

    def _lower(self, node: Node) -> None:
        if not self._takers[node] and node.kind not in ("write", "scatter", "matmul"):
            hint = "write it to a tensor, or delete the line"
            raise error(node.place, "this value is never used", hint=hint)
        _LOWER[node.kind](self, node)

    # --- memory

    def _read(self, node: Node) -> None:
        if (node, 0) not in self._edges and not any(n is node for n, _ in self._edges):
            self._edges[node, 0] = self._builder.read(self._reading(node), stream=node.pinned_stream)

    def _reading(self, node: Node) -> Reading:
        words = self._copies.of(node.options["words"], self._flow.side)
        return Reading(words=words, first=node.options["first"], step=node.options.get("step", 0))

    def _write(self, node: Node) -> None:
        value = node.operands["data"]
        assert isinstance(value, Value)
        edge, index = self._outgoing(value)
        options = node.options
        self._builder.write(edge, options["words"], first=options["first"], step=options["step"], index=index)

    def _outgoing(self, value: Value) -> tuple[Edge, int]:
        """Return the edge on which a value leaves for memory; an ALU drives one of its own for that while it can."""
        node = value.node
        main = self._operand(value)
        edge, index = (main.edge, main.index) if isinstance(main, Taken) else (main, 0)
        assert isinstance(edge, Edge)
        if not is_alu(node):
            return edge, index
        used = self._leaving.setdefault(node, [])
        limit = _OUTPUTS - (node.kind == "running")
        if not used and all(t.kind == "write" for t in self._takers[node]):
            used.append(edge)
        elif 1 + sum(e is not edge for e in used) < limit:
            used.append(self._builder.fork(edge))
        return (used[-1] if used else edge), index

    # --- arithmetic

    def _alu(self, node: Node) -> None:
        options = node.options
        level = self._levels.of[node]
        edge = self._builder.alu(
            options["mnemonic"],
            options["dtype"],
            {name: self._input(x, level) for name, x in node.operands.items()},
            result=options["result"],
            saturate=options["saturate"],
            alu=node.pinned_alu,
            level=self._level(level) if node.pinned_alu is None else None,
            stream=node.pinned_stream,
        )
        self._edges[node, 0] = edge

    def _running(self, node: Node) -> None:
        options = node.options
        x, start = node.operands["x"], node.operands["y"]
        assert isinstance(start, Number)
        edge = self._input(x, self._levels.of[node])
        assert isinstance(edge, Edge | Taken)
        self._edges[node, 0] = self._builder.running(
            options["mnemonic"], options["dtype"], edge, start.bits, saturate=options["saturate"],
            alu=node.pinned_alu, stream=node.pinned_stream,
        )  # fmt: skip

    def _level(self, level: int) -> int:
        """Return the number of the column that an operation shares with others, one of its own if it shares none."""
        if self._aligned:
            return level
        self._apart += 1
        return -self._apart

    def _input(self, x: Value | Latched | Number, level: int) -> Operand:
        """Return an operand for an ALU of a level, carried to it by copies if it was ready earlier."""
        if isinstance(x, Number):
            return Immediate(bits=x.bits)
        if isinstance(x, Latched):
            words, first = x.tensor.words_at(x.place, x.row, x.row, x.block)
            return Column(words=self._copies.of(words, self._flow.side), first=first)
        ready = self._levels.ready[x.node]
        return self._operand(x) if level <= ready + 1 else self._carry(x, level - 1)

    def _carry(self, x: Value, level: int) -> Edge:
        """Return a value as it leaves a copy at a level."""
        key = (x.node, x.index, level)
        if key not in self._carried:
            ready = self._levels.ready[x.node]
            before = self._operand(x) if level == ready + 1 else self._carry(x, level - 1)
            self._carried[key] = self._builder.alu("copy", x.dtype, {"x": before}, level=self._level(level))
        return self._carried[key]

    def _operand(self, x: Value) -> Operand:
        """Return the streams of a value where its stage drives them."""
        known = self._edges.get((x.node, x.index))
        if known is not None:
            return known
        base = self._edges[x.node, 0]
        if isinstance(base, Taken):
            return Taken(edge=base.edge, index=base.index + x.index)
        assert isinstance(base, Edge)
        return Taken(edge=base, index=x.index)

    def _unit_input(self, x: Value | Latched | Number) -> Edge | Taken:
        assert isinstance(x, Value)
        edge = self._operand(x)
        assert isinstance(edge, Edge | Taken)
        return edge

    # --- planes

    def _matmul(self, node: Node) -> None:
        options = node.options
        weights, row = options["weights"], options["row"]
        x = node.operands["x"]
        assert isinstance(x, Value)
        edge = self._unit_input(x)
        assert isinstance(edge, Edge)
        acc = self._builder.multiply(
            weights.plane,
            edge,
            x.dtype,
            half=options["half"],
            install=options["install"],
            row=row or 0,
            step=0 if row is None else 1,
            mode="add" if options["add"] else "set",
        )
        if self._takers[node]:
            self._edges[node, 0] = self._builder.result(acc, stream=node.pinned_stream)

    # --- movement

    def _permute(self, node: Node) -> None:
        reading = self._reading(node)
        x = node.operands["x"]
        assert isinstance(x, Value)
        lanes = self._builder.read(reading)
        self._edges[node, 0] = self._moved(
            "permute",
            node,
            {"x": self._unit_input(x), "map": lanes},
            x.streams,
            {"width": x.streams.bit_length() - 1},
        )

    def _move(self, node: Node) -> None:
        x = node.operands["x"]
        assert isinstance(x, Value)
        inputs = {"x": self._unit_input(x)}
        self._edges[node, 0] = self._moved(
            node.options["mnemonic"], node, inputs, x.streams, node.options["codes"]
        )

    def _moved(
        self, mnemonic: str, node: Node, inputs: Mapping[str, Operand], width: int, codes: Mapping[str, int],
        align: int = 0,
    ) -> Edge:  # fmt: skip
        edge = self._builder.stage(
            mnemonic, node.options["queue"], inputs, operands=codes, width=width, align=align or width,
            stream=node.pinned_stream,
        )  # fmt: skip
        assert edge is not None
        return edge

    def _gather_streams(self, node: Node) -> None:
        """Let the values that a unit takes side by side be read onto one edge."""
        xs: Sequence[Value] = node.options["xs"]
        width = sum(x.streams for x in xs)
        align = min(node.options["align"], width) if node.options["align"] > 1 else 1
        edge = self._builder.edge(width, align)
        at = 0
        for x in xs:
            reading = self._reading(x.node)
            self._builder.line = self._line(x.node.place)
            for i in range(x.streams):
                self._builder.read_onto(
                    edge, reading.words[x.index + i], at + i, first=reading.first, step=reading.step
                )
            self._edges.setdefault((x.node, x.index), Taken(edge=edge, index=at))
            at += x.streams
        self._edges[node, -1] = edge

    def _group(self, node: Node) -> None:
        inputs: dict[str, Operand] = {"x": self._edges[node, -1]}
        if "tensor" in node.options:
            inputs["map"] = self._builder.read(self._reading(node))
        self._edges[node, 0] = self._moved(
            node.options["mnemonic"], node, inputs, node.options["width"], node.options["codes"],
            node.options["align"],
        )  # fmt: skip

    # --- addresses from data

    def _gather(self, node: Node) -> None:
        width = len(node.options["words"])
        edge = self._builder.edge(width, width, node.pinned_stream)
        self._addressed(node, [Taken(edge=edge, index=i) for i in range(width)], drives=True)
        self._edges[node, 0] = edge

    def _scatter(self, node: Node) -> None:
        data = node.operands["data"]
        assert isinstance(data, Value)
        edge = self._unit_input(data)
        base, index = (edge.edge, edge.index) if isinstance(edge, Taken) else (edge, 0)
        streams = [Taken(edge=base, index=index + i) for i in range(len(node.options["words"]))]
        self._addressed(node, streams, drives=False)

    def _addressed(self, node: Node, streams: Sequence[Taken], *, drives: bool) -> None:
        addresses = self._unit_input(node.operands["map"])
        self._builder.addressed(
            node.options["mnemonic"], node.options["words"], addresses, streams, drives=drives
        )


_LOWER: Mapping[str, Callable[[Lowering, Node], None]] = {
    "read": Lowering._read,
    "write": Lowering._write,
    "alu": Lowering._alu,
    "running": Lowering._running,
    "matmul": Lowering._matmul,
    "permute": Lowering._permute,
    "move": Lowering._move,
    "group": Lowering._group,
    "gather": Lowering._gather,
    "scatter": Lowering._scatter,
}
