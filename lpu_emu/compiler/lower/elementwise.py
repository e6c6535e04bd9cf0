"""Kernels without a matrix product: read, compute, write."""

from __future__ import annotations

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.storing import write_fills, write_rows
from lpu_emu.compiler.lower.stream import Streamer
from lpu_emu.compiler.lower.tensors import Part, side_of


def run_elementwise(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``pointwise``: one flow per part and block."""
    for part in kernel.target.parts:
        for block in range(kernel.target.blocks):
            _run_block(session, kernel, origin, part, block)


def _run_block(session: Session, kernel: Kernel, origin: int, part: Part, block: int) -> None:
    target = kernel.target
    name = target.name
    side = target.home_of(part).side or side_of(part)

    def build(again: bool) -> FlowBuilder:
        builder = FlowBuilder(
            session.geometry, f"{name} rows {part.first}+", count=part.rows, origin=origin, side=side
        )
        streamer = Streamer(
            builder,
            session.tensors,
            session.constants,
            name=name,
            part=part.index,
            block=block,
            turn=part.index,
            repeats=target.repeats,
            again=again,
        )
        assert kernel.value is not None
        value = streamer.edge(kernel.value)
        write_rows(builder, value, target.dtype, target, block, first=part.first, count=part.rows)
        return builder

    session.place(build)
    write_fills(session, target, block, origin, first=part.first, count=part.rows)
