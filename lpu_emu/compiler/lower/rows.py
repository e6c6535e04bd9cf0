"""Rows of tensors in another order (GatherRows): from each source the rows that come from it, all put together by OR.

Where a row comes from another source, a source gives its fill word, which is zero when there are several.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.blocks import run_blocks
from lpu_emu.compiler.lower.kernel import Kernel, Rows
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.sources import add_rows, region_of
from lpu_emu.compiler.lower.tensors import Part, Tensor

# Integers of the same bytes: OR knows no floats.
_BITS = {1: "uint8", 2: "int16", 4: "int32"}


def per_source(sources: tuple[Tensor, ...], rows: Rows) -> tuple[Rows, ...]:
    """Return for each source the rows of it that a result takes, -1 where another source or the fill is meant.

    ``rows`` int32 [rows of the result] counts through all sources, one behind the other.
    """
    found = []
    first = 0
    for source in sources:
        own = (rows >= first) & (rows < first + source.rows)
        found.append(np.where(own, rows - first, -1).astype(np.int32))
        first += source.rows
    return tuple(found)


def run_rows(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``rows``: one flow per part and block."""
    run_blocks(session, kernel.target, origin, partial(_together, session, kernel))


def sources_of(kernel: Kernel, part: Part) -> list[int]:
    """Return the sources from which a part takes rows; the first one when it is all fill."""
    span = slice(part.first, part.first + part.rows)
    return [i for i, rows in enumerate(kernel.maps) if (rows[span] >= 0).any()] or [0]


def _together(
    session: Session, kernel: Kernel, builder: FlowBuilder, part: Part, block: int, again: bool
) -> Edge:
    position = (2 * part.index + 1) / (2 * len(kernel.target.parts))
    span = slice(part.first, part.first + part.rows)
    bits = _BITS[kernel.target.planes]
    value: Edge | None = None
    for turn, index in enumerate(sources_of(kernel, part)):
        source, rows = kernel.sources[index], kernel.maps[index][span]
        region = region_of(source, rows, position, turn)
        taken = add_rows(builder, session.constants, source, block, region, rows, kernel.fill, again=again)
        value = taken if value is None else builder.alu("or", bits, {"x": value, "y": taken})
    assert value is not None
    return value if len(sources_of(kernel, part)) > 1 else builder.alu("copy", bits, {"x": value})
