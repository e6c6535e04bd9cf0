"""Softmax: the rounds cover every lane, and compiled models give what the rounds give in NumPy, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler import oracle
from compiler.models import ModelMaker
from lpu_emu.compiler.lower.softmax import Round, maximum_rounds, rotation, sum_rounds
from lpu_emu.reference.numerics import vxm
from lpu_emu.spec.machine import load_machine

Floats = NDArray[np.float32]
MACHINES = {name: load_machine(name) for name in ("tiny", "tsp1")}


def reduce(op: str, blocks: list[Any], rounds: list[Round], window: int) -> Any:
    """Combine arrays [rows, lanes] block by block, then by rounds."""
    value = blocks[0]
    for block in blocks[1:]:
        value = _apply(op, value, block)
    base = value
    for step in rounds:
        if step.is_base:
            base = value
        lanes_from = rotation(value.shape[1], window, step.shift)
        value = _apply(op, value, (base if step.from_base else value)[:, lanes_from])
    return value


def _apply(op: str, x: Any, y: Any) -> Any:
    return x + y if x.dtype == np.int64 else vxm.BINARY[op](x, np.ascontiguousarray(y), "fp32", False)


def softmax(x: Floats, lanes: int) -> Floats:
    """What the chip computes for rows [rows, columns]."""
    columns = x.shape[1]
    count = -(-columns // lanes)
    window = min(max(2, 1 << (columns - 1).bit_length()), lanes) if count == 1 else lanes
    padded = np.full((len(x), count * lanes), -np.inf, dtype=np.float32)
    padded[:, :columns] = x
    padded[:, max(window, columns) :] = -np.inf if count > 1 else 0
    blocks = [np.ascontiguousarray(padded[:, b * lanes : (b + 1) * lanes]) for b in range(count)]
    top = reduce("max", blocks, maximum_rounds(window), window)
    powers = [vxm.UNARY["exp"](vxm.BINARY["sub"](b, top, "fp32", False), "fp32", False) for b in blocks]
    root = vxm.UNARY["rsqrt"](reduce("add", powers, sum_rounds(window), window), "fp32", False)
    inside = [
        ((root * root) * power)[:, :window] for power in powers
    ]  # lanes beyond the window hold anything
    return np.concatenate(inside, axis=1)[:, :columns]


@pytest.mark.parametrize("window", range(2, 70))
def test_sum_rounds_count_every_lane_once(window: int) -> None:
    ones = np.eye(window, dtype=np.int64)  # row r has a one in lane r
    assert (reduce("add", [ones], sum_rounds(window), window) == 1).all()


@pytest.mark.parametrize("window", [320, 256, 8, 16])
def test_windows_of_real_chips_take_few_rounds(window: int) -> None:
    ones = np.eye(window, dtype=np.int64)
    rounds = sum_rounds(window)
    assert (reduce("add", [ones], rounds, window) == 1).all()
    assert len(rounds) == {320: 9, 256: 8, 8: 3, 16: 4}[window]


@pytest.mark.parametrize("window", range(2, 70))
def test_maximum_rounds_see_every_lane(window: int) -> None:
    values = np.eye(window, dtype=np.float32)
    assert (reduce("max", [values], maximum_rounds(window), window) == 1).all()


def test_rotations_leave_other_lanes_alone() -> None:
    assert rotation(8, 4, 3).tolist() == [3, 0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("chip", "rows", "columns"),
    [("tiny", 5, c) for c in (1, 2, 3, 4, 5, 8, 9, 16, 17, 30)]
    + [("tiny", 50, 7)]
    + [("tsp1", 3, c) for c in (10, 17, 256, 300, 320, 700)]
    + [("tsp1", 200, 10)],
)
def test_softmax_bit_for_bit(chip: str, rows: int, columns: int) -> None:
    maker = ModelMaker()
    graph = maker.graph(maker.node("Softmax", [maker.input("x", (rows, columns))], "y", axis=-1))
    x = (4 * np.random.default_rng(columns).standard_normal((rows, columns))).astype(np.float32)
    where = f"{chip} {rows}x{columns}"
    y = oracle.compile_and_run(graph, MACHINES[chip], {"x": x}, where)["y"]
    oracle.same_bits(y, softmax(x, MACHINES[chip].chip.lanes), where)
    exact = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(y, exact / exact.sum(axis=1, keepdims=True), rtol=2e-6, err_msg=where)


def test_large_and_tiny_inputs() -> None:
    maker = ModelMaker()
    graph = maker.graph(maker.node("Softmax", [maker.input("x", (3, 6))], "y", axis=-1))
    x = np.array([[3e38, -3e38, 0, 1, 2, 3], [-200, -201, -202, -300, -400, -500], [0] * 6], np.float32)
    y = oracle.compile_and_run(graph, MACHINES["tiny"], {"x": x}, "extremes")["y"]
    assert y[0].tolist() == [1, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    assert len(set(y[2].tolist())) == 1


def test_old_softmax_flattens_from_its_axis_on() -> None:
    maker = ModelMaker()
    graph = maker.graph(maker.node("Softmax", [maker.input("x", (2, 3, 2))], "y", axis=1, opset=11))
    x = np.random.default_rng(0).standard_normal((2, 3, 2)).astype(np.float32)
    y = oracle.compile_and_run(graph, MACHINES["tiny"], {"x": x}, "old")["y"]
    oracle.same_bits(y.reshape(2, 6), softmax(x.reshape(2, 6), 8), "old")


@pytest.mark.parametrize("chip", MACHINES)
@pytest.mark.parametrize("columns", [3, 5, 11, 90])
def test_unused_lanes_do_not_reach_a_product(chip: str, columns: int) -> None:
    rng = np.random.default_rng(columns)
    maker = ModelMaker()
    soft = maker.node("Softmax", [maker.input("x", (4, columns))], "s", axis=-1)
    w = maker.constant("w", rng.standard_normal((columns, 6)).astype(np.float32))
    graph = maker.graph(maker.node("MatMul", [soft, w], "y"))
    x = rng.standard_normal((4, columns)).astype(np.float32)
    y = oracle.compile_and_run(graph, MACHINES[chip], {"x": x}, chip)["y"]
    lanes = MACHINES[chip].chip.lanes
    oracle.same_bits(
        y, oracle.product_fp16(oracle.to_fp16(softmax(x, lanes)), graph.constants["w"], lanes), chip
    )
