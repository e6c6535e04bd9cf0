"""Convolutions as the compiler's own operators, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler import oracle
from compiler.windows import RowMaker, compile_and_run, crooked, requantised, sums, taken, window_rows
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.apart import separate
from lpu_emu.compiler.lower.kernels import KernelBuilder
from lpu_emu.compiler.lower.repeats import most_repeats
from lpu_emu.compiler.lower.session import Session
from lpu_emu.reference.numerics import mxm, vxm
from lpu_emu.spec.machine import Machine, load_machine

Array = NDArray[Any]

CHIPS = {"tiny": load_machine("tiny"), "crooked": crooked()}


def integer_window(
    chip: Machine, seed: int, *, shape: tuple[int, int, int], kernel: tuple[int, int], stride: int, pad: int,
    dilation: int, channels: int, columns: int, groups: int, phases: int = 1,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    where = f"seed {seed}: {shape} {kernel} stride {stride} pad {pad} dilation {dilation} {channels}->{columns} g{groups}"
    rows, _ = window_rows(shape, kernel, stride, pad, dilation)
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


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(6))
def test_random_float_windows(seed: int, chip: str) -> None:
    rng = np.random.default_rng(100 + seed)
    shape = (1, int(rng.integers(3, 7)), int(rng.integers(3, 7)))
    channels, columns = int(rng.integers(1, 7)), int(rng.integers(1, 7))
    rows, _ = window_rows(shape, (3, 2), 1, int(rng.integers(0, 2)))
    x = rng.standard_normal((shape[1] * shape[2], channels)).astype(np.float32)
    weights = rng.standard_normal((1, rows.shape[1], channels, columns)).astype(np.float32)
    bias = rng.standard_normal(columns).astype(np.float32)
    maker = RowMaker()
    maker.input("x", x.shape, "float32")
    maker.constant("w", weights)
    maker.constant("b", bias)
    maker.node(
        "WindowLinear", ["x", "w", "b"], "y", (len(rows), columns), "float32", rows=rows, groups=1, phases=1,
        relu=1, kinds="Conv",
    )  # fmt: skip
    where = f"seed {seed}: {shape} {channels}->{columns}"
    outputs = compile_and_run(maker.graph("y"), CHIPS[chip], {"x": x}, where, precision="fp16")
    expected = float_window(CHIPS[chip], x, weights[0], rows, bias)
    oracle.same_bits(outputs["y"], expected, where)


def float_window(
    chip: Machine, x: Array, weights: Array, rows: NDArray[np.int32], bias: Array
) -> NDArray[np.float32]:
    """A convolution as the planes do it: as many taps at a time as the input has copies, one rounding for each pass."""
    columns = x.shape[1]
    repeats = most_repeats(chip.chip, columns)
    passes = -(-rows.shape[1] // repeats)
    if (rows.shape[1] - passes) * len(rows) <= len(x):
        repeats = 1
    vectors = taken(oracle.to_fp16(x), rows, 0)
    total: Array | None = None
    for first in range(0, rows.shape[1], repeats):
        part = vectors[:, first : first + repeats].reshape(len(rows), -1)
        w = oracle.to_fp16(np.ascontiguousarray(weights[first : first + repeats].reshape(part.shape[1], -1)))
        products = np.stack([mxm.dot_float(row, w, "fp16") for row in part])
        total = products if total is None else mxm.accumulate(total, products, "fp32")
    assert total is not None
    biased = vxm.BINARY["add"](total, np.broadcast_to(bias, total.shape), "fp32", False)
    return np.maximum(biased, np.float32(0))


class Chain:
    """Layers of a small residual network on integers: the graph, and the values in plain NumPy beside it."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int, int], channels: int) -> None:
        self.rng, self.shape, self.maker = rng, shape, RowMaker()
        x = rng.integers(-128, 128, (shape[0] * shape[1] * shape[2], channels)).astype(np.int8)
        self.values: dict[str, Array] = {self.maker.input("x", x.shape, "int8"): x}

    def linear(self, source: str, columns: int, kernel: tuple[int, int] = (1, 1), stride: int = 1) -> str:
        """A quantised convolution with bias and relu; of 1 x 1 a plain product."""
        x, name = self.values[source], f"y{len(self.values)}"
        rows, shape = window_rows(self.shape, kernel, stride, kernel[0] // 2)
        w = self.rng.integers(-127, 128, (1, rows.shape[1], x.shape[1], columns)).astype(np.int8)
        bias = self.rng.integers(-3000, 3000, columns).astype(np.int32)
        factors = self.rng.uniform(0.0005, 0.002, columns).astype(np.float32)
        attributes: dict[str, Any] = {"relu": 1, "kinds": "Conv"}
        plain = kernel == (1, 1) and stride == 1
        if not plain:
            attributes |= {"rows": rows, "groups": 1, "phases": 1}
        weights = self.maker.constant(f"w{name}", w[0, 0] if plain else w)
        inputs = [
            source,
            weights,
            self.maker.constant(f"b{name}", bias),
            self.maker.constant(f"f{name}", factors),
        ]
        op_type = "QuantisedLinear" if plain else "QuantisedWindowLinear"
        self.maker.node(op_type, inputs, name, (len(rows), columns), "int8", **attributes)
        self.values[name] = requantised(sums(x, w, rows), bias, factors, True, "int8")
        self.shape = shape
        return name

    def add(self, first: str, second: str) -> str:
        """Dequantise, add, relu, quantise; scales are powers of two, so that the order of roundings does not matter."""
        name, shape = f"y{len(self.values)}", self.values[first].shape
        zero, half, one = (
            self.maker.constant(f"{k}{name}", np.array(v))
            for k, v in (("z", np.int8(0)), ("h", np.float32(0.5)), ("o", np.float32(1)))
        )
        parts = [
            self.maker.node("DequantizeLinear", [x, half, zero], f"d{x}{name}", shape, "float32", domain="")
            for x in (first, second)
        ]
        total = self.maker.node("Add", parts, f"a{name}", shape, "float32", domain="")
        total = self.maker.node("Relu", [total], f"r{name}", shape, "float32", domain="")
        self.maker.node("QuantizeLinear", [total, one, zero], name, shape, "int8", domain="")
        whole = (self.values[first].astype(np.float32) + self.values[second]) / 2
        self.values[name] = np.clip(np.rint(np.maximum(whole, 0)), -128, 127).astype(np.int8)
        return name

    def maximum(self, source: str) -> str:
        name = f"y{len(self.values)}"
        rows, self.shape = window_rows(self.shape, (3, 1), 1)
        columns = self.values[source].shape[1]
        self.maker.node("WindowMax", [source], name, (len(rows), columns), "int8", rows=rows, kinds="MaxPool")
        self.values[name] = taken(self.values[source], rows, -128).max(axis=1)
        return name


@pytest.mark.parametrize(("chip", "seed"), [*(("tiny", s) for s in range(6)), ("tsp1", 9)])
def test_residual_blocks(chip: str, seed: int) -> None:
    """Widened producers, margins in both hemispheres, sums of branches, maxima, strides: all in one network."""
    rng = np.random.default_rng(seed)
    chain = Chain(rng, (1, int(rng.integers(5, 8)), int(rng.integers(5, 8))), int(rng.integers(1, 5)))
    width = int(rng.integers(1, 5))
    branch = chain.linear(chain.linear("x", int(rng.integers(1, 5))), width, (3, 3))
    total = chain.add(branch, chain.linear("x", width))
    last = chain.linear(chain.maximum(total), 5, (3, 3), 2)
    where = f"{chip}, seed {seed}: {chain.shape}"
    target = CHIPS.get(chip) or load_machine(chip)
    outputs = compile_and_run(chain.maker.graph(total, last), target, {"x": chain.values["x"]}, where)
    oracle.same_bits(outputs[total], chain.values[total], where)
    oracle.same_bits(outputs[last], chain.values[last], where)


def test_byte_planes_and_copies_that_are_read_together_are_kept_apart() -> None:
    rows, _ = window_rows((1, 6, 6), (3, 1), 1)
    maker = RowMaker()
    maker.input("x", (36, 5), "float16")
    maker.node("WindowMax", ["x"], "y", (len(rows), 5), "float16", rows=rows, kinds="MaxPool")
    geometry = Geometry(CHIPS["tiny"])
    lowered = KernelBuilder(graph=maker.graph("y"), geometry=geometry, precision="fp16").build()
    session = Session(geometry, lowered)
    for kernel in lowered.kernels:
        separate(session, kernel)
    x = lowered.kernels[-1].x
    assert x is not None
    first = [words for region in x.regions if region.share == 0 for words in x.words(region.index, 0)]
    assert len(first) == 6
    for words in first:
        assert {id(w) for w in first if w is not words} <= {id(w) for w in words.apart}
