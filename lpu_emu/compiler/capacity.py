"""Whether a chip can hold a model's weights at all, before anything is scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.constants import weight_words
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.split import split_bytes
from lpu_emu.compiler.passes import FP32, INT8
from lpu_emu.compiler.passes.operators import PRODUCTS, QUANTISED_PRODUCTS, is_own
from lpu_emu.errors import CompileError
from lpu_emu.graph.ir import Graph
from lpu_emu.spec.chip import Chip, chip_names, load_chip

_WIDE_BYTES = 2


def require_weights_fit(graph: Graph, geometry: Geometry, precision: str) -> None:
    """Check that the bare weights of a prepared graph are not more than the memory of the chip.

    Raises:
        CompileError: they are; says by how much, and what would help.
    """
    needed = 0
    for name in dict.fromkeys(n.inputs[1] for n in graph.nodes if is_own(n, *PRODUCTS, *QUANTISED_PRODUCTS)):
        if name in graph.constants:
            weights = graph.constants[name]
            needed += _bytes_of(weights, precision)
    _require(graph.source, needed, geometry.chip, precision)


def require_tiles_fit(source: str, kernels: Sequence[Kernel], geometry: Geometry, precision: str) -> None:
    """Check that one copy of all weight tiles, padded to whole vectors, fits into the memory of the chip.

    Raises:
        CompileError: it does not; says by how much, and what would help.
    """
    needed = sum(weight_words(geometry, kernel) for kernel in kernels) * geometry.lanes
    _require(source, needed, geometry.chip, precision)


def memory_bytes(chip: Chip) -> int:
    """Return the bytes of all memory slices of a chip."""
    return 2 * chip.slices * chip.words * chip.lanes


def _bytes_of(weights: NDArray[Any], precision: str) -> int:
    if weights.dtype.itemsize == 1:
        return weights.size
    return split_bytes(weights) if precision == FP32 else weights.size * _WIDE_BYTES


def _require(source: str, needed: int, chip: Chip, precision: str) -> None:
    room = memory_bytes(chip)
    if needed > room:
        raise CompileError(
            f"{source}: its weights take {needed:,} bytes as {precision}, which is {needed - room:,} bytes more than "
            f"the {room:,} bytes of memory of chip {chip.name} ({needed / room:.2f} times as much); "
            f"{_advice(needed, chip, precision)}"
        )


def _advice(needed: int, chip: Chip, precision: str) -> str:
    ways = []
    room, int8_bytes = memory_bytes(chip), needed // (4 if precision == FP32 else 2)
    if precision == FP32 and needed <= 2 * room:
        ways.append(f"compile it with precision fp16 (its weights take {needed // 2:,} bytes then)")
    if precision != INT8 and int8_bytes <= room:
        ways.append(f"quantise it (int8 weights take {int8_bytes:,} bytes): lpu-emu quantise")
    sizes = sorted((memory_bytes(load_chip(name)), name) for name in chip_names())
    larger = next((name for size, name in sizes if size >= needed), "")
    if larger:
        ways.append(f"take a chip with more memory: --chip {larger}")
    ways.append("divide it into several models")
    return ", or ".join(ways)
