"""Convolutions as the compiler's own operators, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from compiler import oracle
from compiler.windows import RowMaker, compile_and_run, crooked, requantised, sums, taken, window_rows
from lpu_emu.spec.machine import Machine, load_machine

CHIPS = {"tiny": load_machine("tiny"), "crooked": crooked()}


def integer_window(
    chip: Machine, seed: int, *, shape: tuple[int, int, int], kernel: tuple[int, int], stride: int, pad: int,
    dilation: int, channels: int, columns: int, groups: int, phases: int = 1,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    where = f"seed {seed}: {shape} {kernel} stride {stride} pad {pad} dilation {dilation} {channels}->{columns} g{groups}"
    rows, out = window_rows(shape, kernel, stride, pad, dilation)
    total = len(rows) // phases * phases
    rows = rows[:total]
    maker = RowMaker()
    dtype = ("int8", "uint8")[int(rng.integers(2))]
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max + 1, (shape[0] * shape[1] * shape[2], channels)).astype(dtype)
    weights = rng.integers(-127, 128, (phases, rows.shape[1], channels // groups, columns)).astype(np.int8)
    bias = rng.integers(-3000, 3000, columns).astype(np.int32) if rng.integers(2) else None
    factors = rng.uniform(0.0005, 0.002, columns if rng.integers(2) else 1).astype(np.float32)
    relu = bool(rng.integers(2))
    result = ("int8", "uint8")[int(rng.integers(2))]
    maker.input("x", x.shape, dtype)
    maker.constant("w", weights)
    maker.constant("f", factors)
    if bias is not None:
        maker.constant("b", bias)
    names = ["x", "w", "b" if bias is not None else "", "f"]
    maker.node(
        "QuantisedWindowLinear", names, "y", (total, columns), result, rows=rows, groups=groups, phases=phases,
        relu=int(relu), kinds="Conv",
    )  # fmt: skip
    outputs = compile_and_run(maker.graph("y"), chip, {"x": x}, where)
    expected = requantised(sums(x, weights, rows, groups), bias, factors, relu, result)
    oracle.same_bits(outputs["y"], expected, where)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(10))
def test_random_integer_windows(seed: int, chip: str) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 1, 2, 3]))
    kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    shape = (int(rng.integers(1, 3)), int(rng.integers(3, 8)), int(rng.integers(3, 8)))
    integer_window(
        CHIPS[chip],
        seed,
        shape=shape,
        kernel=kernel,
        stride=int(rng.integers(1, 3)),
        pad=int(rng.integers(0, 2)),
        dilation=1 if max(kernel) > 2 else int(rng.integers(1, 3)),
        channels=groups * int(rng.integers(1, 8)),
        columns=groups * int(rng.integers(1, 8)),
        groups=groups,
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_integer_windows_with_phases(seed: int) -> None:
    integer_window(
        CHIPS["tiny"], seed, shape=(1, 5, 6), kernel=(2, 2), stride=1, pad=1, dilation=1, channels=5, columns=6,
        groups=1, phases=2 + seed % 2,
    )  # fmt: skip


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(4))
def test_random_maxima(seed: int, chip: str) -> None:
    rng = np.random.default_rng(seed)
    dtype = ("int8", "uint8", "float16", "float32")[seed]
    shape = (1, int(rng.integers(3, 8)), int(rng.integers(3, 8)))
    rows, _ = window_rows(shape, ((3, 1), (1, 3))[seed % 2], int(rng.integers(1, 3)), 0)
    rows[rng.random(rows.shape) < 0.1] = -1
    columns = int(rng.integers(1, 18))
    x = rng.integers(0, 100, (shape[1] * shape[2], columns)).astype(dtype)
    maker = RowMaker()
    maker.input("x", x.shape, dtype)
    maker.node("WindowMax", ["x"], "y", (len(rows), columns), dtype, rows=rows, kinds="MaxPool")
    where = f"seed {seed}: {dtype} {shape} {columns} columns"
    outputs = compile_and_run(maker.graph("y"), CHIPS[chip], {"x": x}, where)
    lowest = np.iinfo(dtype).min if x.dtype.kind in "iu" else -np.inf
    oracle.same_bits(outputs["y"], taken(x, rows, lowest).max(axis=1), where)
