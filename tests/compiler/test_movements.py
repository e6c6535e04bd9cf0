"""Rows and columns in another order, byte for byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler import oracle
from compiler.windows import RowMaker, compile_and_run, crooked, taken
from lpu_emu.errors import ModelError
from lpu_emu.spec.machine import load_machine

CHIPS = {"tiny": load_machine("tiny"), "crooked": crooked()}
DTYPES = ("int8", "uint8", "float32", "float16")


def values(rng: np.random.Generator, shape: tuple[int, int], dtype: str) -> NDArray[Any]:
    """Return random values; floats with NaN and infinities among them."""
    if dtype in ("int8", "uint8"):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
    found = rng.normal(size=shape).astype(dtype)
    found.flat[rng.integers(found.size)] = np.nan
    found.flat[rng.integers(found.size)] = np.inf
    return found


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(12))
def test_random_rows(seed: int, chip: str) -> None:
    rng = np.random.default_rng(seed)
    dtype = DTYPES[seed % 4]
    # Three float32 sources would need more slices than these chips have.
    columns, count = int(rng.integers(1, 12)), int(rng.integers(1, 3 if dtype == "float32" else 4))
    sources = [values(rng, (int(rng.integers(1, 20)), columns), dtype) for _ in range(count)]
    stacked = np.concatenate(sources)
    fill = float(rng.integers(1, 5)) if count == 1 and seed % 3 == 0 else 0.0
    rows = rng.integers(-1, len(stacked), int(rng.integers(1, 30))).astype(np.int32)
    maker = RowMaker()
    names = [maker.input(f"x{i}", x.shape, dtype) for i, x in enumerate(sources)]
    maker.node("GatherRows", names, "y", (len(rows), columns), dtype, rows=rows, fill=fill, kinds="Concat")
    where = f"seed {seed}: {dtype} {count} sources of {columns} columns, fill {fill}"
    inputs = {f"x{i}": x for i, x in enumerate(sources)}
    precision = "fp16" if dtype == "float16" else "int8"
    outputs = compile_and_run(maker.graph("y"), CHIPS[chip], inputs, where, precision)
    oracle.same_bits(outputs["y"], taken(stacked, rows, fill), where)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(12))
def test_random_columns(seed: int, chip: str) -> None:
    rng = np.random.default_rng(100 + seed)
    dtype = DTYPES[seed % 4]
    rows, count = int(rng.integers(1, 30)), int(rng.integers(1, 4))
    sources = [values(rng, (rows, int(rng.integers(1, 12))), dtype) for _ in range(count)]
    beside = np.concatenate(sources, axis=1)
    lanes = rng.integers(-1, beside.shape[1], int(rng.integers(1, 20))).astype(np.int32)
    maker = RowMaker()
    names = [maker.input(f"x{i}", x.shape, dtype) for i, x in enumerate(sources)]
    maker.node("LaneMap", names, "y", (rows, len(lanes)), dtype, lanes=lanes, fill=0.0, kinds="Concat")
    where = f"seed {100 + seed}: {dtype} {rows} rows, {[x.shape[1] for x in sources]} -> {len(lanes)} columns"
    inputs = {f"x{i}": x for i, x in enumerate(sources)}
    precision = "fp16" if dtype == "float16" else "int8"
    outputs = compile_and_run(maker.graph("y"), CHIPS[chip], inputs, where, precision)
    oracle.same_bits(outputs["y"], taken(beside.T, lanes, 0).T, where)


def test_movements_of_movements_feed_a_convolution() -> None:
    seed = 5
    rng = np.random.default_rng(seed)
    x = values(rng, (12, 5), "int8")
    rows = rng.permutation(12).astype(np.int32)
    lanes = np.array([4, 3, 3, -1, 0, 1], dtype=np.int32)
    maker = RowMaker()
    maker.input("x", x.shape, "int8")
    maker.node("GatherRows", ["x"], "r", x.shape, "int8", rows=rows, fill=0.0, kinds="Transpose")
    maker.node("LaneMap", ["r"], "c", (12, 6), "int8", lanes=lanes, fill=0.0, kinds="Slice")
    windows = np.stack([np.arange(12) - 1, np.arange(12)], axis=1).astype(np.int32)
    maker.node("WindowMax", ["c"], "y", (12, 6), "int8", rows=windows, kinds="MaxPool")
    outputs = compile_and_run(maker.graph("y"), CHIPS["tiny"], {"x": x}, f"seed {seed}")
    moved = taken(x[rows].T, lanes, 0).T
    oracle.same_bits(outputs["y"], taken(moved, windows, -128).max(axis=1), f"seed {seed}")


def test_a_movement_that_leaves_in_another_type_is_converted() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, 4)).astype(np.float32)
    maker = RowMaker()
    maker.input("x", x.shape, "float32")
    maker.node("Relu", ["x"], "p", x.shape, "float32", domain="")
    maker.node(
        "GatherRows",
        ["p"],
        "y",
        x.shape,
        "float32",
        rows=np.arange(6)[::-1].astype(np.int32),
        fill=0.0,
        kinds="S",
    )
    outputs = compile_and_run(maker.graph("y"), CHIPS["tiny"], {"x": x}, "seed 3", "fp16")
    expected = np.maximum(x, 0).astype(np.float16).astype(np.float32)[::-1]
    oracle.same_bits(outputs["y"], expected, "seed 3")


def test_several_sources_and_a_fill_are_refused() -> None:
    maker = RowMaker()
    names = [maker.input(f"x{i}", (3, 4), "int8") for i in range(2)]
    rows = np.array([0, -1, 4], dtype=np.int32)
    maker.node("GatherRows", names, "y", (3, 4), "int8", rows=rows, fill=7.0, kinds="Pad")
    with pytest.raises(ModelError, match="fills with 7"):
        compile_and_run(maker.graph("y"), CHIPS["tiny"], {n: np.zeros((3, 4), np.int8) for n in names}, "")
