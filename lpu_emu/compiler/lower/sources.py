"""How a flow gets the rows that it needs: read in order, read with a step, or gathered by a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.flow.builder import FlowBuilder, Reading
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.constants import Constants
from lpu_emu.compiler.lower.kernel import CONSTANT_FILL, CONSTANT_ROW, Rows
from lpu_emu.compiler.lower.tensors import Region, Tensor
from lpu_emu.compiler.memory.words import Words


def region_of(tensor: Tensor, rows: Rows, position: float, turn: int) -> Region:
    """Return the region from which rows (-1 for the fill row) are taken by a reader at a position, see ``region_for``."""
    real = rows[rows >= 0]
    low, high = (int(real.min()), int(real.max()) + 1) if len(real) else (0, 0)
    return tensor.region_for(low, high, position, turn)


def add_rows(
    builder: FlowBuilder,
    constants: Constants,
    tensor: Tensor,
    block: int,
    region: Region,
    rows: Rows,
    fill: float,
    *,
    again: bool = False,
) -> Edge:
    """Let a flow get ``rows`` int32 [vectors] or [vectors, superlanes] of a block, which all lie in ``region``.

    Gathered words must have an address. ``again`` stores the maps once more.
    """
    words = tensor.words(region.index, block)
    places = words_of(region, rows, fill)
    step = even_step(places)
    if step is not None:
        return builder.read(Reading(words=words, first=int(places.flat[0]), step=step))
    low, high = int(places.min()), int(places.max())
    busy = {plane.slice for r in tensor.regions for plane in tensor.words(r.index, block)}
    maps = [constants.row_map(places + plane.address, plane.slice, busy, again=again) for plane in words]
    return builder.gather(words, maps, [(low, high - low + 1)] * len(words))


def words_of(region: Region, rows: Rows, fill: float) -> NDArray[np.int32]:
    """Return the words of a region that hold rows, -1 for the fill row, -2 for the constants."""
    fill_word, constant_word = (
        region.fills.index(value) if value in region.fills else -1 for value in (fill, CONSTANT_FILL)
    )
    other = np.where(rows == CONSTANT_ROW, constant_word, fill_word)
    return np.where(rows >= 0, rows + region.word_of(0), other).astype(np.int32)


def even_step(places: NDArray[np.int32]) -> int | None:
    """Return the step between words if all superlanes take the same and they are evenly spaced, else None."""
    if places.ndim > 1:
        if (places != places[:, :1]).any():
            return None
        places = places[:, 0]
    if len(places) == 1:
        return 0
    steps = np.diff(places)
    return int(steps[0]) if (steps == steps[0]).all() else None


def is_ready(words: tuple[Words, ...]) -> bool:
    """Whether words have an address."""
    return all(plane.placed for plane in words)
