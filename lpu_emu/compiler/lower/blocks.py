"""One flow per part and block of a result: what kernels without a matrix product have in common."""

from __future__ import annotations

from collections.abc import Callable

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.storing import write_fills, write_rows
from lpu_emu.compiler.lower.tensors import Part, Tensor, side_of

# Adds what computes one block of a part to a flow and returns the edge of the result; the last argument says whether
# constants are to be stored again.
Compute = Callable[[FlowBuilder, Part, int, bool], Edge]


def run_blocks(session: Session, target: Tensor, origin: int, compute: Compute) -> None:
    """Schedule the flows of a result and write what they compute."""
    for part in target.parts:
        for block in range(target.blocks):
            _run_block(session, target, origin, part, block, compute)


def _run_block(
    session: Session, target: Tensor, origin: int, part: Part, block: int, compute: Compute
) -> None:
    side = target.home_of(part).side or side_of(part)

    def build(again: bool) -> FlowBuilder:
        name = f"{target.name} rows {part.first}+"
        builder = FlowBuilder(session.geometry, name, count=part.rows, origin=origin, side=side)
        value = compute(builder, part, block, again)
        write_rows(builder, value, target.dtype, target, block, first=part.first, count=part.rows)
        return builder

    session.place(build)
    write_fills(session, target, block, origin, first=part.first, count=part.rows)
