"""Maxima over windows: the rows of all taps at a time, each from its own copy of the tensor, through a chain of ALUs."""

from __future__ import annotations

from functools import partial

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.blocks import run_blocks
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.regions import LOWEST
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.sources import add_rows, region_of
from lpu_emu.compiler.lower.tensors import Part


def run_window_max(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``window_max``: one flow per part and block."""
    run_blocks(session, kernel.target, origin, partial(_maximum, session, kernel))


def _maximum(
    session: Session, kernel: Kernel, builder: FlowBuilder, part: Part, block: int, again: bool
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
