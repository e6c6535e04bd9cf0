"""All programs of the speed table, in full size and small, and what each of them asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpu_emu.bench.host.moves import moves
from lpu_emu.bench.host.pointwise import point_wise
from lpu_emu.bench.host.products import decode, fp16_product, int8_product
from lpu_emu.bench.host.small import small_instructions
from lpu_emu.bench.host.workload import Workload

__all__ = [
    "WORKLOADS",
    "Entry",
    "Workload",
    "decode",
    "fp16_product",
    "int8_product",
    "moves",
    "point_wise",
    "small_instructions",
]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A workload of the table; ``rival`` says in words what NumPy does for the same result."""

    asks: str
    full: Callable[[], Workload]
    quick: Callable[[], Workload]
    rival: str = ""


WORKLOADS: dict[str, Entry] = {
    "int8_product": Entry(
        asks="a program bound by int8 products on the MXM",
        full=lambda: int8_product(2304, 4096, 1376),
        quick=lambda: int8_product(192, 640, 480),
        rival="float32 matmul",
    ),
    "fp16_product": Entry(
        asks="a program bound by fp16 products, sums of 320 rounded once",
        full=lambda: fp16_product(1024, 1920, 1280),
        quick=lambda: fp16_product(96, 640, 480),
        rival="float64 matmul",
    ),
    "point_wise": Entry(
        asks="a program bound by the VXM: bias, requantise, ReLU, residual",
        full=lambda: point_wise(4),
        quick=lambda: point_wise(2, words=256),
        rival="the same chain of ufuncs",
    ),
    "decode_1": Entry(
        asks="one vector against 64 MB of int8 weights",
        full=lambda: decode(1),
        quick=lambda: decode(1, inner=960, outer=640),
        rival="float32 matrix-vector product",
    ),
    "decode_4": Entry(
        asks="four vectors against 64 MB of int8 weights",
        full=lambda: decode(4),
        quick=lambda: decode(4, inner=960, outer=640),
        rival="float32 matmul",
    ),
    "moves": Entry(
        asks="shift, permute, transpose and gather, nothing computed",
        full=lambda: moves(4096),
        quick=lambda: moves(256),
        rival="slices, take and fancy indexing",
    ),
    "small_instructions": Entry(
        asks="100,000 runs of length 1",
        full=lambda: small_instructions(100_000),
        quick=lambda: small_instructions(2400),
    ),
}
