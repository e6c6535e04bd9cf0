"""Kernels: what the chip computes between two visits to memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.lower.views import Border
from lpu_emu.compiler.passes.operators import DOMAIN, kinds_of
from lpu_emu.graph.ir import Node

Rows = NDArray[np.int32]
# Rows below zero: the fill row; the row of constants that meets bias weights.
FILL_ROW, CONSTANT_ROW = -1, -2
# The tap of a chunk of bias weights, and the fill value that stands for the word of constants they meet.
BIAS_TAP = -1
CONSTANT_FILL = 1000.0


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Lanes from ``lane`` on that hold channels ``low`` to ``high - 1`` of a tap, to be multiplied with its weights.

    Lanes of the tap ``BIAS_TAP`` hold constants, to be multiplied with the bias weights.
    """

    lane: int
    phase: int
    tap: int
    low: int
    high: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """Weights [phases, taps, channels of a group, columns]: ``activation`` is the type of what they are multiplied with.

    ``macs`` are the useful multiply-accumulates per row of the result. ``bias`` [lanes of a superlane, columns] are weights
    of the lanes that hold constants. ``counted`` is false when a kernel before holds all tiles in memory that are needed.
    """

    name: str
    values: NDArray[Any]
    activation: str
    macs: int
    groups: int = 1
    counted: bool = True
    bias: NDArray[np.int8] | None = None

    @property
    def columns(self) -> int:
        """Columns of the result."""
        return int(self.values.shape[3])

    def tile(self, chunks: Sequence[Chunk], first: int, last: int) -> NDArray[Any]:
        """Return the weights [lanes in use, columns first to last - 1] of one pass over the planes."""
        rows = max(chunk.lane + chunk.high - chunk.low for chunk in chunks)
        found = np.zeros((rows, last - first), dtype=self.values.dtype)
        for chunk in chunks:
            part = found[chunk.lane : chunk.lane + chunk.high - chunk.low]
            if chunk.tap == BIAS_TAP:
                assert self.bias is not None
                part[:] = self.bias[:, first:last]
                continue
            weights = self.values[chunk.phase, chunk.tap]
            if self.groups == 1:
                part[:] = weights[chunk.low : chunk.high, first:last]
            else:
                self._take_groups(part, weights, chunk, first, last)
        return found

    def _take_groups(
        self, part: NDArray[Any], weights: NDArray[Any], chunk: Chunk, first: int, last: int
    ) -> None:
        channels, columns = np.arange(chunk.low, chunk.high), np.arange(first, last)
        width = weights.shape[0]
        same = (channels // width)[:, None] == (columns // (self.columns // self.groups))[None, :]
        values = weights[(channels % width)[:, None], columns[None, :]]
        part[:] = np.where(same, values, 0)

    def touches(self, chunks: Sequence[Chunk], first: int, last: int) -> bool:
        """Whether columns ``first`` to ``last - 1`` depend on a pass at all."""
        width, out = self.values.shape[2], self.columns // self.groups
        for chunk in chunks:
            if chunk.tap == BIAS_TAP:
                return True
            groups = range(chunk.low // width, (chunk.high - 1) // width + 1) if self.groups > 1 else range(1)
            if groups[0] * out < last and first < (groups[-1] + 1) * out:
                return True
        return False


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One pass over the planes: row r of the result gets row ``rows[r]`` of a block of ``source`` times a tile.

    ``rows`` int32 [rows of the result] or [rows of the result, superlanes], -1 for the fill row; None when row r gets row r.
    """

    source: Tensor
    block: int
    chunks: tuple[Chunk, ...]
    rows: Rows | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """One result tensor and how it comes about.

    ``kind``: ``pointwise`` (``value`` has no product), ``linear`` (``value`` begins with a sum of products), ``softmax`` (of
    x), ``window_max`` (over rows of x), ``rows`` (of ``sources``: one of ``maps`` int32 [rows of the result] for each, -1
    for a row of ``fill``). ``nodes`` are the source operators.

    Of a sum of products, ``series`` has the steps: one series for all rows, or P for the rows r with r % P = 0, 1, ...
    ``rows`` int32 [rows of the result, T] are the rows that an operator on x takes, -1 for the fill row.
    """

    kind: str
    target: Tensor
    nodes: tuple[Node, ...]
    value: Expr | None = None
    x: Tensor | None = None
    weights: Weights | None = None
    series: tuple[tuple[Step, ...], ...] = ()
    rows: Rows | None = None
    sources: tuple[Tensor, ...] = ()
    maps: tuple[Rows, ...] = ()
    fill: float = 0.0

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that the kernel reads."""
        names = [self.x.name] if self.x is not None else []
        names += [source.name for source in self.sources]
        names += [step.source.name for steps in self.series for step in steps]
        names += [leaf.tensor for leaf in ex.leaves(self.value)] if self.value is not None else []
        return tuple(dict.fromkeys(names))

    @property
    def macs(self) -> int:
        """Useful multiply-accumulates."""
        return self.target.rows * self.weights.macs if self.weights is not None else 0

    def steps_of(self, phase: int, block: int) -> list[Step]:
        """Return the steps of a series that a block of result columns depends on; at least one."""
        assert self.weights is not None
        first = block * self.target.lanes
        last = min(first + self.target.lanes, self.weights.columns)
        steps = self.series[phase]
        return [s for s in steps if self.weights.touches(s.chunks, first, last)] or list(steps[:1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Lowered:
    """Kernels in order, all tensors by name, the tensor behind every name of the graph, and those that leave the chip.

    ``orders`` are the inputs and outputs that lie in memory in another order than their own.
    """

    kernels: tuple[Kernel, ...]
    tensors: dict[str, Tensor]
    root: dict[str, str]
    leaving: tuple[str, ...]
    orders: dict[str, Border]


def name_of(kernel: Kernel) -> tuple[str, str]:
    """Return the operator name and type that reports show for a kernel."""
    own = next((n for n in kernel.nodes if n.domain == DOMAIN), None)
    named = own or kernel.nodes[-1]
    if kernel.weights is not None and own is not None and kernel.weights.name != own.name:
        return kernel.target.name, "Spread"
    if kernel.kind == "pointwise" and own is not None:
        return f"{kernel.target.name}", "Cast"
    return named.name, kinds_of(*kernel.nodes)
