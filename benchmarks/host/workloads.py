"""The programs of ``lpu-emu bench host``, for the benchmarks of this folder."""

from __future__ import annotations

from lpu_emu.bench.host.workloads import (
    Workload,
    decode,
    fp16_product,
    int8_product,
    moves,
    point_wise,
    small_instructions,
)

__all__ = [
    "Workload",
    "decode",
    "fp16_product",
    "int8_product",
    "moves",
    "point_wise",
    "small_instructions",
]
