"""The passes of matrix products and convolutions: which rows, which channels, which weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.lower.kernel import Chunk, Rows, Step
from lpu_emu.compiler.lower.repeats import width_of
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Node
from lpu_emu.spec.chip import Chip


def rows_of(node: Node) -> Rows:
    """Return the attribute ``rows`` of a node, int32 [rows of the result, ...]."""
    rows = node.tensor_attribute("rows")
    if rows is None:
        raise ModelError(f"{node}: has no attribute 'rows'")
    return np.ascontiguousarray(rows, dtype=np.int32)


def lanes_of(node: Node) -> NDArray[np.int32]:
    """Return the attribute ``lanes`` of a node, int32 [columns of the result]."""
    lanes = node.tensor_attribute("lanes")
    if lanes is None:
        raise ModelError(f"{node}: has no attribute 'lanes'")
    return np.ascontiguousarray(lanes, dtype=np.int32)


def dense_steps(x: Tensor) -> tuple[tuple[Step, ...], ...]:
    """Return the one series of a matrix product: every row times the weights, a block of columns at a time."""
    return (tuple(Step(source=x, block=c.low // x.lanes, chunks=(c,)) for c in _chunks(x, 0, 0)),)


def window_steps(chip: Chip, x: Tensor, values: NDArray[Any], rows: Rows) -> tuple[tuple[Step, ...], ...]:
    """Return the series of a convolution, one per phase, tap after tap; as many taps at a time as ``x`` has copies.

    Args:
        chip: the chip, for its lanes.
        x: the tensor whose rows are taken.
        values: the weights [phases, taps, channels of a group, columns].
        rows: int32 [rows of the result, taps].
    """
    steps = _single if x.repeats == 1 else _packed
    # All taps of an average have the weights of the first, so that one tile serves them all.
    same = values.shape[1] > 1 and bool((values[:, 1:] == values[:, :1]).all())
    found = [
        tuple(steps(chip, x, rows, phase, used_taps(rows, phase, values.shape[0])))
        for phase in range(values.shape[0])
    ]
    return tuple(tuple(map(_with_first_tap, series)) for series in found) if same else tuple(found)


def _with_first_tap(step: Step) -> Step:
    return replace(step, chunks=tuple(replace(chunk, tap=0) for chunk in step.chunks))


def used_taps(rows: Rows, phase: int, phases: int) -> list[int]:
    """Return the taps of a phase that ever meet a row, at least one."""
    return [int(tap) for tap in np.flatnonzero((rows[phase::phases] >= 0).any(axis=0))] or [0]


def _packed(chip: Chip, x: Tensor, rows: Rows, phase: int, used: list[int]) -> Iterator[Step]:
    width = width_of(chip, x.columns)
    superlanes = np.arange(chip.superlanes) * chip.lanes_per_superlane // width
    for first in range(0, len(used), x.repeats):
        taps = used[first : first + x.repeats]
        chunks = tuple(
            Chunk(lane=i * width, phase=phase, tap=tap, low=0, high=x.columns) for i, tap in enumerate(taps)
        )
        # Superlanes that no weight looks at take a row that is looked at anyway, so that no other infinity comes in.
        maps = rows[:, np.array(taps)[np.minimum(superlanes, len(taps) - 1)]]
        yield Step(source=x, block=0, chunks=chunks, rows=np.ascontiguousarray(maps))


def _single(chip: Chip, x: Tensor, rows: Rows, phase: int, used: list[int]) -> Iterator[Step]:
    for tap in used:
        for chunk in _chunks(x, phase, tap):
            yield Step(
                source=x,
                block=chunk.low // x.lanes,
                chunks=(chunk,),
                rows=np.ascontiguousarray(rows[:, tap]),
            )


def _chunks(x: Tensor, phase: int, tap: int) -> Iterator[Chunk]:
    for block in range(x.blocks):
        low = block * x.lanes
        yield Chunk(lane=0, phase=phase, tap=tap, low=low, high=low + x.width(block))
