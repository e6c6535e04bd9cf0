"""Blocks: some staged activation rows times one panel of packed weights, tile by tile.

What is common to all arithmetics. The staged rows are followed by rows of zeros up to a multiple of a half tile, so
that the last rows, and panels of which only some columns are there, are multiplied beside and moved to their places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole
from lpu_emu.engine.kernels.tiles import Tile


@inner
def padded(rows: int, half: int) -> int:
    """Return how many rows have to be staged for ``rows``, with tiles of ``half`` rows."""
    return (rows + half - 1) // half * half


def _make_beside(half: Tile, width: int) -> Callable[..., None]:
    """Make what multiplies a half tile into scratch, from where its columns are moved to their places."""

    @inner
    def beside(
        staged: Array,
        place: int,
        panel: Array,
        panel_first: int,
        steps: int,
        start: int,
        scratch: Array,
    ) -> None:
        out_of_line()
        none, step = whole(0), whole(width)
        half(
            staged, place, panel, panel_first, steps, panel, start, scratch, none, none, scratch, none, step, none
        )  # fmt: skip

    chosen: Callable[..., None] = beside
    return chosen


def make_block(
    tall: Tile,
    half: Tile,
    rows_of_tile: int,
    rows_of_half: int,
    width: int,
    pitch: int,
    plus: Callable[[Any, Any], Any],
) -> Callable[..., None]:
    """Make ``block``, which multiplies ``rows`` staged rows, ``pitch`` values apart, with ``columns`` columns of a panel.

    Arrays and places are those of :func:`lpu_emu.engine.kernels.tiles.make_tile`; ``plus`` adds a result to what was
    there before.
    """
    edge_bytes, beside = 4 * width * rows_of_half, _make_beside(half, width)

    @inner
    def block(
        staged: Array,
        rows: int,
        panel: Array,
        panel_first: int,
        steps: int,
        start: int,
        columns: int,
        before: Array,
        before_first: int,
        before_step: int,
        c: Array,
        c_first: int,
        c_step: int,
        add: int,
    ) -> None:
        out_of_line()
        row, at_once = whole(0), rows // rows_of_half * rows_of_half if columns == width else whole(0)
        while row + rows_of_tile <= at_once:
            old, new = before_first + row * before_step, c_first + row * c_step
            tall(
                staged, row * pitch, panel, panel_first, steps, panel, start, before, old, before_step, c, new, c_step, add
            )  # fmt: skip
            row += rows_of_tile
        while row < at_once:
            old, new = before_first + row * before_step, c_first + row * c_step
            half(
                staged, row * pitch, panel, panel_first, steps, panel, start, before, old, before_step, c, new, c_step, add
            )  # fmt: skip
            row += rows_of_half
        scratch = stack_bytes(edge_bytes).view(np.int32)
        while row < rows:
            beside(staged, row * pitch, panel, panel_first, steps, start, scratch)
            for i in range(min(rows_of_half, rows - row)):
                old, new = before_first + (row + i) * before_step, c_first + (row + i) * c_step
                for j in range(columns):
                    result = scratch[i * width + j]
                    c[new + j] = plus(before[old + j], result) if add else result
            row += rows_of_half

    chosen: Callable[..., None] = block
    return chosen
