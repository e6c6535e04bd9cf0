"""Columns of tensors in another order (LaneMap): every byte plane goes through the planes as uint8, times ones and zeros.

That is exact for every type, NaN included, and costs a pass per byte plane and pair of column blocks that share columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Product
from lpu_emu.compiler.lower.kernel import Chunk, Kernel, Step, Weights
from lpu_emu.compiler.lower.tensors import BytePlane, Tensor
from lpu_emu.graph.ir import Node

Lanes = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection(Weights):
    """Weights of ones and zeros; passes that would only add zeros are left out."""

    def touches(self, chunks: Sequence[Chunk], first: int, last: int) -> bool:
        """Whether some column from ``first`` to ``last - 1`` comes from a pass."""
        return bool(self.tile(chunks, first, last).any())


def lane_kernels(node: Node, sources: tuple[Tensor, ...], target: Tensor, lanes: Lanes) -> list[Kernel]:
    """Return one kernel per byte plane.

    Args:
        node: the operator.
        sources: tensors of one type and number of rows.
        target: the result, of the same type.
        lanes: int32 [columns of the result] into all columns of the sources side by side, -1 for zero.
    """
    weights = Selection(
        name=node.name, values=selection(sources, lanes), activation="uint8", macs=int((lanes >= 0).sum())
    )
    sums: Expr = Product(dtype="int32")
    return [
        Kernel(
            kind="linear",
            target=BytePlane.of(target, plane),
            nodes=(node,),
            value=ex.convert(sums, "uint8", saturate=True),
            weights=weights,
            series=(tuple(_steps(sources, plane)),),
        )
        for plane in range(target.planes)
    ]


def selection(sources: tuple[Tensor, ...], lanes: Lanes) -> NDArray[np.int8]:
    """Return the weights int8 [1, sources, columns of the widest source, columns of the result]."""
    values = np.zeros((1, len(sources), max(s.columns for s in sources), len(lanes)), dtype=np.int8)
    first = 0
    for tap, source in enumerate(sources):
        columns = np.flatnonzero((lanes >= first) & (lanes < first + source.columns))
        values[0, tap, lanes[columns] - first, columns] = 1
        first += source.columns
    return values


def _steps(sources: tuple[Tensor, ...], plane: int) -> list[Step]:
    found = []
    for tap, source in enumerate(sources):
        view = BytePlane.of(source, plane)
        for block in range(source.blocks):
            low = block * source.lanes
            chunk = Chunk(lane=0, phase=0, tap=tap, low=low, high=low + source.width(block))
            found.append(Step(source=view, block=block, chunks=(chunk,)))
    return found
