"""Products of few rows and many steps, done by twice as many planes: each half of the planes takes half of the steps.

The first half's sums go to memory and are added to those of the second. Sums of integers are exact in any order, so this is
done for integers only.
"""

from __future__ import annotations

from dataclasses import replace

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Leaf, Op, Product
from lpu_emu.compiler.lower.kernel import Kernel, Weights
from lpu_emu.compiler.lower.tensors import Tensor

FEWEST_STEPS = 6


def is_worth_splitting(kernel: Kernel, geometry: Geometry) -> bool:
    """Whether a product leaves half of the planes idle for long."""
    if (
        kernel.weights is None
        or kernel.weights.activation not in ("int8", "uint8")
        or len(kernel.series) != 1
    ):
        return False
    pieces = len(kernel.target.parts) * kernel.target.blocks
    return (
        len(kernel.series[0]) >= FEWEST_STEPS
        and kernel.target.rows >= geometry.chip.row_groups
        and 2 * pieces <= 2 * geometry.chip.planes
        and len(kernel.reads) == 1
    )


def split_in_two(kernel: Kernel, partial: Tensor) -> list[Kernel]:
    """Return the kernel that puts the sums of the first steps into ``partial`` (int32), and the one that does the rest."""
    assert kernel.weights is not None
    assert kernel.value is not None
    steps = kernel.series[0]
    half = len(steps) // 2
    share = kernel.weights.macs * half // len(steps)
    first = replace(
        kernel,
        target=partial,
        value=Product(dtype="int32"),
        weights=_with_macs(kernel.weights, share),
        series=(steps[:half],),
    )
    leaf = Leaf(tensor=partial.name, dtype="int32", pad=0.0)
    second = replace(
        kernel,
        value=_with_more(kernel.value, leaf),
        weights=_with_macs(kernel.weights, kernel.weights.macs - share),
        series=(steps[half:],),
    )
    return [first, second]


def _with_macs(weights: Weights, macs: int) -> Weights:
    return replace(weights, macs=macs)


def _with_more(value: Expr, leaf: Leaf) -> Expr:
    """Return an expression in which the product is the sum of the product and a tensor in memory."""
    if isinstance(value, Product):
        return ex.op("add", value, leaf)
    if isinstance(value, Op):
        return replace(value, args=tuple(_with_more(arg, leaf) for arg in value.args))
    return value
