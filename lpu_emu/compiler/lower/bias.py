"""Integer biases added by the planes, so that the VXM has one operation less for every row.

A pass that leaves a superlane of the planes' inputs idle can gather a word of constants into it: 1 in its first lane and 127
in the others. A bias b = 127 q + r is then r times the first lane plus q shared out over the others, as int8 weights.
It pays where the operations of the VXM, not the passes, set the pace: few passes, five operations or more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.kernel import BIAS_TAP, CONSTANT_ROW, Chunk, Step
from lpu_emu.spec.chip import Chip

# With more passes than this the VXM keeps up anyway.
MOST_STEPS = 2
FACTOR = 127

Series = tuple[tuple[Step, ...], ...]


def constant_word(lanes_per_superlane: int, lanes: int) -> NDArray[np.uint8]:
    """Return the constants that meet bias weights, uint8 [lanes]."""
    return np.where(np.arange(lanes) % lanes_per_superlane == 0, 1, FACTOR).astype(np.uint8)


def bias_weights(bias: NDArray[Any], lanes_per_superlane: int) -> NDArray[np.int8]:
    """Return the weights [lanes of a superlane, columns] that make a bias int32 [columns] of the constants."""
    whole = np.rint(bias / FACTOR).astype(np.int64)
    found = np.zeros((lanes_per_superlane, len(bias)), dtype=np.int64)
    found[0] = bias - FACTOR * whole
    for lane in range(1, lanes_per_superlane):
        found[lane] = np.clip(whole, -FACTOR, FACTOR)
        whole = whole - found[lane]
    assert not whole.any()
    return found.astype(np.int8)


def most_bias(lanes_per_superlane: int) -> int:
    """The largest bias that one superlane can make."""
    return FACTOR * FACTOR * (lanes_per_superlane - 1)


def with_bias(geometry: Geometry, series: Series, bias: NDArray[Any]) -> Series | None:
    """Return steps of which one in each series adds the bias too, None if there is no room or it does not pay."""
    chip = geometry.chip
    if len(geometry.alus) < 16 or max(map(len, series)) > MOST_STEPS:
        return None
    if np.abs(bias.astype(np.int64)).max() > most_bias(chip.lanes_per_superlane):
        return None
    found = [_with_bias(chip, steps, bias) for steps in series]
    return None if None in found else tuple(steps for steps in found if steps is not None)


def _with_bias(chip: Chip, steps: tuple[Step, ...], bias: NDArray[Any]) -> tuple[Step, ...] | None:
    width = chip.lanes_per_superlane
    for i in reversed(range(len(steps))):
        step = steps[i]
        used = max(chunk.lane + chunk.high - chunk.low for chunk in step.chunks)
        superlane = -(-used // width)
        if superlane < chip.superlanes:
            rows = np.arange(step.source.rows, dtype=np.int32) if step.rows is None else step.rows
            if rows.ndim == 1:
                rows = np.repeat(rows[:, None], chip.superlanes, axis=1)
            rows = rows.copy()
            rows[:, superlane] = CONSTANT_ROW
            chunk = Chunk(lane=superlane * width, phase=0, tap=BIAS_TAP, low=0, high=width)
            changed = replace(step, chunks=(*step.chunks, chunk), rows=rows)
            return (*steps[:i], changed, *steps[i + 1 :])
    return None
