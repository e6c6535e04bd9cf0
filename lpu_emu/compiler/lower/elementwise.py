"""Kernels without a matrix product: read, compute, write."""

from __future__ import annotations

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.lower.kernels import Kernel
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.stream import Streamer
from lpu_emu.compiler.lower.tensors import Part, side_of


def run_elementwise(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``pointwise``: one flow per part and block."""
    for part in kernel.target.parts:
        for block in range(kernel.target.blocks):
            _run_block(session, kernel, origin, part, block)


def _run_block(session: Session, kernel: Kernel, origin: int, part: Part, block: int) -> None:
    name = kernel.target.name

    def build(again: bool) -> FlowBuilder:
        builder = FlowBuilder(
            session.geometry, f"{name} rows {part.first}+", count=part.rows, origin=origin, side=side_of(part)
        )
        streamer = Streamer(
            builder, session.tensors, session.constants, name=name, part=part.index, block=block, again=again
        )
        assert kernel.value is not None
        builder.write(streamer.edge(kernel.value), kernel.target.words(part.index, block))
        return builder

    session.place(build)
