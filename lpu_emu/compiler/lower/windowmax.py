"""Maxima over windows: the rows of all taps at a time, each from its own copy of the tensor, through a chain of ALUs."""

from __future__ import annotations

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.regions import LOWEST
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.sources import add_rows, region_of
from lpu_emu.compiler.lower.storing import write_fills, write_rows
from lpu_emu.compiler.lower.tensors import Part, side_of


def run_window_max(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``window_max``: one flow per part and block."""
    for part in kernel.target.parts:
        for block in range(kernel.target.blocks):
            _run_block(session, kernel, origin, part, block)


def _run_block(session: Session, kernel: Kernel, origin: int, part: Part, block: int) -> None:
    target = kernel.target
    side = target.home_of(part).side or side_of(part)

    def build(again: bool) -> FlowBuilder:
        name = f"{target.name} rows {part.first}+"
        builder = FlowBuilder(session.geometry, name, count=part.rows, origin=origin, side=side)
        value = _maximum(session, builder, kernel, part, block, again)
        write_rows(builder, value, target.dtype, target, block, first=part.first, count=part.rows)
        return builder

    session.place(build)
    write_fills(session, target, block, origin, first=part.first, count=part.rows)


def _maximum(
    session: Session, builder: FlowBuilder, kernel: Kernel, part: Part, block: int, again: bool
) -> Edge:
    x, rows = kernel.x, kernel.rows
    assert x is not None
    assert rows is not None
    own = rows[part.first : part.first + part.rows]
    position = (2 * part.index + 1) / (2 * len(kernel.target.parts))
    value: Edge | None = None
    for tap in range(own.shape[1]):
        # All taps from one region, or rather from its copies.
        region = region_of(x, own, position, tap)
        fill = LOWEST.get(x.dtype, float("-inf"))
        taken = add_rows(builder, session.constants, x, block, region, own[:, tap], fill, again=again)
        operands = {"x": taken} if value is None else {"x": value, "y": taken}
        if value is None and own.shape[1] > 1:
            value = taken
            continue
        value = builder.alu("max" if value is not None else "copy", x.dtype, operands)
    assert value is not None
    return value
