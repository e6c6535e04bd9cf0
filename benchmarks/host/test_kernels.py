"""Compute kernels of the engine, on one thread: rates, and ratios to NumPy inside the same run.

Ratios are times of NumPy for the same work divided by those of the kernel: above 1 the kernel is faster. NumPy
takes the threads it is given::

    OPENBLAS_NUM_THREADS=1 python -m pytest benchmarks/host/test_kernels.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.engine.kernels import alu, conversions, gather, planes, sxm
from lpu_emu.engine.kernels.codes import OPCODES, TYPES
from lpu_emu.engine.kernels.matmul_float import (
    float_panels,
    matmul_float,
    pack_float,
    packed_float_words,
    stream_float,
)
from lpu_emu.engine.kernels.matmul_int import int_panels, matmul_int, pack_int, packed_int_words
from lpu_emu.engine.kernels.stream_int import stream_int

LANES = 320
VECTORS = 2304
ELEMENTS = 3000 * LANES
STREAMED_TILES = 655  # 64 MiB of weights

Benchmark = Any
Bytes = NDArray[np.uint8]


def seconds(work: Callable[[], object], rounds: int = 7) -> float:
    """Return the shortest time of several."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


def measure(
    benchmark: Benchmark, work: Callable[[], object], amount: float, unit: str, **numpy: Callable[[], object]
) -> None:
    """Time a kernel, and the same in NumPy; the first call compiles or loads and is not timed."""
    work()
    benchmark.pedantic(work, rounds=7, iterations=1)
    mine = seconds(work)
    benchmark.extra_info[unit] = amount / mine
    benchmark.extra_info["numpy_threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    for name, other in numpy.items():
        benchmark.extra_info[f"ratio_to_numpy_{name}"] = seconds(other) / mine


def some_bytes(count: int) -> Bytes:
    return np.random.default_rng(1).integers(0, 256, count, dtype=np.uint8)


def operand(dtype: str) -> Bytes:
    """Return ordinary values of a type, packed."""
    if dtype in ("fp32", "fp16"):
        values = 50 * np.random.default_rng(1).standard_normal(ELEMENTS)
        return values.astype(np.float32 if dtype == "fp32" else np.float16).view(np.uint8)
    return some_bytes(ELEMENTS * {"int8": 1, "int32": 4}[dtype])


@pytest.mark.parametrize(
    ("op", "dtype"), [("add", "int8"), ("max", "int8"), ("add", "int32"), ("mul", "fp32"), ("add", "fp16")]
)
def test_binary(benchmark: Benchmark, op: str, dtype: str) -> None:
    x, y = operand(dtype), operand(dtype)
    out = np.empty_like(x)
    kind = {"int8": np.int8, "int32": np.int32, "fp32": np.float32, "fp16": np.float16}[dtype]
    ufunc = {"add": np.add, "max": np.maximum, "mul": np.multiply}[op]
    a, b, c = (array.view(kind) for array in (x, y, out.copy()))
    measure(
        benchmark,
        lambda: alu.binary(OPCODES[op], TYPES[dtype], 1, x, y, out),
        ELEMENTS,
        "elements_per_second",
        unsaturated=lambda: ufunc(a, b, out=c),
    )


@pytest.mark.parametrize("op", ["exp", "tanh", "rsqrt", "relu"])
def test_unary_fp32(benchmark: Benchmark, op: str) -> None:
    x = np.abs(operand("fp32").view(np.float32)).view(np.uint8)
    out = np.empty_like(x)
    measure(
        benchmark, lambda: alu.unary(OPCODES[op], TYPES["fp32"], 0, x, out), ELEMENTS, "elements_per_second"
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [("fp32", "int8"), ("int32", "fp32"), ("fp32", "fp16"), ("fp16", "fp32"), ("int32", "int8")],
)
def test_convert(benchmark: Benchmark, source: str, target: str) -> None:
    x = operand(source)
    out = np.empty(ELEMENTS * {"int8": 1, "fp16": 2}.get(target, 4), np.uint8)

    def work() -> None:
        conversions.convert(TYPES[source], TYPES[target], 1, x, out)

    measure(benchmark, work, ELEMENTS, "elements_per_second")


@pytest.mark.parametrize("direction", ["pack", "unpack"])
def test_four_planes(benchmark: Benchmark, direction: str) -> None:
    rows = some_bytes(4 * ELEMENTS).reshape(4, -1, LANES)
    places: list[Any] = [item for plane in rows for item in (plane, 0, 1)]
    pack, unpack = cast(Any, planes.pack4), cast(Any, planes.unpack4)
    elements = np.empty(4 * ELEMENTS, np.uint8)
    if direction == "pack":
        measure(benchmark, lambda: pack(*places, elements), 4 * ELEMENTS, "bytes_per_second")
    else:
        measure(benchmark, lambda: unpack(elements, *places), 4 * ELEMENTS, "bytes_per_second")


def _weights() -> Bytes:
    return some_bytes(LANES * LANES).reshape(LANES, LANES)


ROWS = np.arange(LANES, dtype=np.int64) * LANES


def _aligned(size: int) -> Bytes:
    """Return bytes that begin a cache line, as everything in the engine does."""
    room = np.zeros(size + 64, dtype=np.uint8)
    skip = -room.ctypes.data % 64
    return room[skip : skip + size]


@pytest.mark.parametrize("vectors", [1, 12, 48, VECTORS])
def test_matmul_int8_packed(benchmark: Benchmark, vectors: int) -> None:
    a, weights = some_bytes(vectors * LANES).reshape(vectors, LANES), _weights()
    packed = _aligned(4 * packed_int_words(LANES, LANES)).view(np.int32)
    pack_int(weights.reshape(-1), ROWS, LANES, 0, int_panels(LANES), packed)
    out = np.zeros((vectors, LANES), np.int32)
    x, y = a.astype(np.float32), weights.T.astype(np.float32)
    measure(
        benchmark,
        lambda: matmul_int(a, 0, 1, 1, packed, out, 1, out, 1),
        vectors * LANES * LANES,
        "macs_per_second",
        float32=lambda: x @ y,
    )


def test_pack_int8(benchmark: Benchmark) -> None:
    weights, packed = _weights().reshape(-1), np.empty(packed_int_words(LANES, LANES), np.int32)
    panels = int_panels(LANES)
    measure(
        benchmark,
        lambda: pack_int(weights, ROWS, LANES, 0, panels, packed),
        LANES * LANES,
        "bytes_per_second",
    )


@pytest.mark.parametrize("vectors", [1, 4])
def test_matmul_int8_streamed_from_64_mebibytes(benchmark: Benchmark, vectors: int) -> None:
    tiles = some_bytes(STREAMED_TILES * LANES * LANES).reshape(-1, LANES, LANES)
    a, out = some_bytes(vectors * LANES).reshape(vectors, LANES), np.zeros((vectors, LANES), np.int32)
    matrix = np.random.default_rng(1).standard_normal((8192, 8192)).astype(np.float32)
    x = matrix[:, :vectors].copy()

    def work() -> None:
        for weights in tiles:
            stream_int(a, 0, 1, 1, weights.reshape(-1), ROWS, out, 1, out, 1)

    measure(benchmark, work, vectors * tiles.size, "macs_per_second", float32=lambda: matrix @ x)
    benchmark.extra_info["weight_bytes_per_second"] = benchmark.extra_info["macs_per_second"] / vectors


@pytest.mark.parametrize("vectors", [12, VECTORS])
def test_matmul_fp16_packed(benchmark: Benchmark, vectors: int) -> None:
    rng = np.random.default_rng(1)
    a, weights = (rng.standard_normal((rows, LANES)).astype(np.float16) for rows in (vectors, LANES))
    memory = np.concatenate([weights.view(np.uint8)[:, byte::2].reshape(-1) for byte in (0, 1)])
    packed = _aligned(8 * packed_float_words(LANES, LANES)).view(np.float64)
    out = np.zeros((vectors, LANES), np.int32)
    high = ROWS + LANES * LANES
    pack_float(TYPES["fp16"], memory, ROWS, high, LANES, 0, float_panels(LANES), packed)
    rows, x, y = a.view(np.uint8), a.astype(np.float64), weights.T.astype(np.float64)
    measure(
        benchmark,
        lambda: matmul_float(TYPES["fp16"], rows, 0, 1, 0, LANES, packed, out, 1, out, 1),
        vectors * LANES * LANES,
        "macs_per_second",
        float64=lambda: x @ y,
    )


@pytest.mark.parametrize("vectors", [1, 4])
def test_matmul_fp16_streamed(benchmark: Benchmark, vectors: int) -> None:
    a = some_bytes(2 * vectors * LANES).reshape(vectors, -1) & 0x3F
    memory = np.concatenate((_weights(), _weights() & 0x3F)).reshape(-1)
    high = ROWS + LANES * LANES
    out = np.zeros((vectors, LANES), np.int32)
    measure(
        benchmark,
        lambda: stream_float(TYPES["fp16"], a, 0, 1, 0, LANES, memory, ROWS, high, out, 1, out, 0),
        2 * LANES * LANES,
        "weight_bytes_per_second",
    )


def _moves() -> dict[str, Callable[[Bytes, Bytes], object]]:
    rng = np.random.default_rng(1)
    maps = np.stack([rng.permutation(LANES) for _ in range(VECTORS)])
    low, high = (maps & 255).astype(np.uint8), (maps >> 8).astype(np.uint8)
    words = some_bytes(4096 * LANES).reshape(-1, LANES)
    addresses = high.copy()
    starts = np.arange(16, dtype=np.int64) * (VECTORS // 16)
    small = low & 15
    return {
        "shift": lambda x, out: sxm.shift(x, 0, 1, 17, -1, 16, out, 0, 1, VECTORS),
        "permute": lambda x, out: sxm.permute(x, 0, 1, low, 0, 0, high, 0, 0, out, 0, 1, VECTORS),
        "permute_by_vector": lambda x, out: sxm.permute(x, 0, 1, low, 0, 1, high, 0, 1, out, 0, 1, VECTORS),
        "distribute": lambda x, out: sxm.distribute(x, 0, 1, small, 0, 1, 16, out, 0, 1, VECTORS),
        "rotate": lambda x, out: sxm.rotate(x, 0, 1, 3, 16, out, 0, 1, VECTORS),
        "transpose": lambda x, out: sxm.transpose(x, starts, out, starts, VECTORS // 16),
        "gather": lambda x, out: gather.gather(
            words, 0, 0, 4095, addresses, 0, 1, 16, 20, out, 0, 1, VECTORS
        ),
    }


@pytest.mark.parametrize(
    "move", ["shift", "permute", "permute_by_vector", "distribute", "rotate", "transpose", "gather"]
)
def test_moves(benchmark: Benchmark, move: str) -> None:
    x = some_bytes(VECTORS * LANES).reshape(VECTORS, LANES)
    out, work = np.empty_like(x), _moves()[move]
    measure(benchmark, lambda: work(x, out), VECTORS, "vectors_per_second")
