"""Copies of columns made on purpose: a product with ones, where no product before makes them for nothing."""

from __future__ import annotations

import numpy as np

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Product
from lpu_emu.compiler.lower.kernel import Kernel, Rows, Weights
from lpu_emu.compiler.lower.repeats import most_repeats
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.lower.window import dense_steps, used_taps
from lpu_emu.graph.ir import Node
from lpu_emu.spec.chip import Chip

# Types of which a product with ones gives exact copies.
SPREADABLE = ("int8", "uint8", "fp16")


def wanted_repeats(chip: Chip, x: Tensor, rows: Rows, phases: int) -> int:
    """Return how many copies of its columns a convolution's operand should get, 1 if none would pay.

    The copies take a pass over all its rows; they save a pass over the results for each tap that joins another.
    """
    repeats = most_repeats(chip, x.columns)
    if x.repeats > 1 or repeats == 1 or x.dtype not in SPREADABLE:
        return 1
    taps = [len(used_taps(rows, phase, phases)) for phase in range(phases)]
    saved = sum(count - -(-count // repeats) for count in taps) * (len(rows) // phases)
    return repeats if saved > x.rows else 1


def spread_kernel(x: Tensor, target: Tensor, node: Node) -> Kernel:
    """Return the kernel that makes the copies; ``node`` is the operator that needs them."""
    is_float = x.dtype == "fp16"
    ones = np.eye(x.columns, dtype=np.float16 if is_float else np.int8)
    return Kernel(
        kind="linear",
        target=target,
        nodes=(node,),
        value=ex.convert(Product(dtype="fp32" if is_float else "int32"), x.dtype),
        weights=Weights(name=target.name, values=ones[None, None], activation=x.dtype, macs=0),
        series=dense_steps(x),
    )
