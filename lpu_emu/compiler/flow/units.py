"""Stages that only kernels written by hand ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lpu_emu.compiler.flow.builder import FlowBuilder, Operand, Taken, port_of
from lpu_emu.compiler.flow.model import AnyAlu, At, Beside, Edge, Link, Port
from lpu_emu.compiler.memory.words import Words
from lpu_emu.spec.machine import IMMEDIATE, LATCH


class UnitFlowBuilder(FlowBuilder):
    """A flow builder with instructions of any unit, addresses from data, and running operations."""

    def stage(
        self,
        mnemonic: str,
        queue: str,
        inputs: Mapping[str, Operand],
        *,
        operands: Mapping[str, int] | None = None,
        width: int = 0,
        align: int = 1,
        stream: int | None = None,
    ) -> Edge | None:
        """Add an instruction of a unit that has one queue; return the edge of its ``width`` results, if any."""
        ports = [port_of(name, operand) for name, operand in inputs.items()]
        out = self.edge(width, align, stream) if width else None
        outputs = [Port(operand="to", edge=out.index)] if out is not None else []
        place = At(queue=queue)
        self._add(mnemonic, place, loops=self.loops(), operands=operands, inputs=ports, outputs=outputs)
        return out

    def addressed(
        self,
        mnemonic: str,
        table: Sequence[Words],
        addresses: Edge | Taken,
        streams: Sequence[Taken],
        *,
        drives: bool,
    ) -> None:
        """Gather from (``drives``) or scatter to placed words at addresses on a stream, byte plane i on ``streams[i]``."""
        first = len(self._stages)
        for words, stream in zip(table, streams, strict=True):
            port = port_of("to" if drives else "data", stream)
            inputs = [port_of("map", addresses), *([] if drives else [port])]
            place = At(queue=f"mem.{words.slice}", table=words)
            region = {"base": words.address, "limit": words.address + words.count - 1}
            outputs = [port] if drives else []
            self._add(mnemonic, place, loops=self.loops(), operands=region, inputs=inputs, outputs=outputs)
        for index in range(first + 1, len(self._stages)):
            self._links.append(Link(before=first, after=index, delay=0))

    def running(
        self, mnemonic: str, dtype: str, x: Edge | Taken, start: int, *, saturate: bool = False,
        alu: int | None = None, stream: int | None = None,
    ) -> Edge:  # fmt: skip
        """Combine each vector with what the latch holds, from the bits ``start`` on; the result goes into the latch too."""
        codes = {"dtype": self._geometry.dtype_code(dtype), "y": LATCH, "to3": LATCH}
        codes["overflow"] = self._geometry.enum("overflow", "sat" if saturate else "mod")
        place = AnyAlu(large=dtype in self._geometry.isa[mnemonic].large, number=alu)
        out = self._alu(mnemonic, place, dtype, dtype, codes, {"x": x}, stream)
        host = self._stages[-1]
        fill = {**codes, "x": IMMEDIATE, "immediate": start, "to": LATCH}
        del fill["y"], fill["to3"]
        beside = self._add("copy", Beside(stage=host.index), operands=fill)
        delay = self._geometry.delay("copy", "latch") - self._geometry.skew(mnemonic, "y")
        self._links.append(Link(before=beside.index, after=host.index, delay=delay))
        return out
