"""Kernels without a matrix product: read, compute, write."""

from __future__ import annotations

from functools import partial

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.blocks import run_blocks
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.stream import Streamer
from lpu_emu.compiler.lower.tensors import Part


def run_elementwise(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``pointwise``: one flow per part and block."""
    run_blocks(session, kernel.target, origin, partial(_value, session, kernel))


def _value(
    session: Session, kernel: Kernel, builder: FlowBuilder, part: Part, block: int, again: bool
) -> Edge:
    streamer = Streamer(
        builder,
        session.tensors,
        session.constants,
        name=kernel.target.name,
        part=part.index,
        block=block,
        turn=part.index,
        repeats=kernel.target.repeats,
        again=again,
    )
    assert kernel.value is not None
    return streamer.edge(kernel.value)
