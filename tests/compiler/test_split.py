"""Precision fp32: products in three passes of fp16, bit for bit, and how far from exact arithmetic they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler import models, oracle
from compiler.models import ModelMaker
from compiler.windows import RowMaker, compile_and_run, crooked, taken, window_rows
from lpu_emu import engine, reference
from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.compiler.capacity import require_weights_fit
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.constants import weight_words
from lpu_emu.compiler.lower.kernels import KernelBuilder
from lpu_emu.compiler.lower.repeats import most_repeats
from lpu_emu.compiler.lower.split import LOW_FACTOR, halve, split_bytes
from lpu_emu.compiler.passes import run_passes
from lpu_emu.errors import CompileError
from lpu_emu.graph.ir import Graph
from lpu_emu.reference.numerics import mxm
from lpu_emu.spec.machine import Machine, load_machine

Array = NDArray[Any]
Float = NDArray[np.float32]

TINY = load_machine("tiny")
CHIPS = {"tiny": TINY, "crooked": crooked(), "tsp1": load_machine("tsp1")}
LANES = TINY.chip.lanes
# Of the largest magnitude, for one layer and for networks of a few. Measured: at most 1.6e-7 and 2.7e-7.
ONE_LAYER, FEW_LAYERS = 3e-7, 5e-7


def halves_of(x: Float) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    high = x.astype(np.float16)
    return high, ((x - high.astype(np.float32)) * np.float32(2048)).astype(np.float16)


def in_three_passes(x: Float, weights: Array, lanes: int) -> Float:
    """Rows times weights [K, N] as precision fp32 does it: a main sum and, 2048 times as large, a sum of corrections."""
    w = halve(weights)
    high, low = halves_of(x)
    main = oracle.product_fp16(high, w.high, lanes)
    # One series of steps: all blocks of the second half of the weights, then all of the second half of x.
    correction = series(((high, w.low), (low, w.high)), lanes)
    return joined(main, correction, w.exponent)


def series(pairs: tuple[tuple[Array, Array], ...], lanes: int) -> Float:
    total: Array | None = None
    for x, w in pairs:
        for k in range(0, x.shape[1], lanes):
            sums = np.stack([mxm.dot_float(row[k : k + lanes], w[k : k + lanes], "fp16") for row in x])
            total = sums if total is None else mxm.accumulate(total, sums, "fp32")
    assert total is not None
    return total


def joined(main: Float, correction: Float, exponent: int) -> Float:
    return (main + correction * np.float32(1 / LOW_FACTOR)) * np.float32(2.0**-exponent)


def mlp(graph: Graph, x: Float) -> Float:
    last = sum(node.op_type == "Gemm" for node in graph.nodes) - 1
    for i in range(last + 1):
        x = in_three_passes(x, graph.constants[f"w{i}"], LANES) + graph.constants[f"b{i}"]
        x = np.maximum(x, np.float32(0)) if i < last else x
    return x


def exact_mlp(graph: Graph, x: Float) -> NDArray[np.float64]:
    last = sum(node.op_type == "Gemm" for node in graph.nodes) - 1
    y = x.astype(np.float64)
    for i in range(last + 1):
        y = y @ graph.constants[f"w{i}"].astype(np.float64) + graph.constants[f"b{i}"]
        y = np.maximum(y, 0) if i < last else y
    return y


def error_of(found: Array, exact: Array) -> float:
    """The largest error, relative to the largest magnitude."""
    return float(np.abs(found - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize("seed", range(8))
def test_random_networks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch, layers = int(rng.integers(1, 41)), int(rng.integers(1, 4))
    sizes = [int(rng.integers(1, 3 * LANES + 1)) for _ in range(layers + 1)]
    where = f"seed {seed}: batch {batch}, sizes {sizes}"
    graph = models.float_mlp(rng, batch, sizes)
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    found = oracle.compile_and_run(graph, TINY, {"x": x}, where, "fp32")[graph.outputs[0]]
    oracle.same_bits(found, mlp(graph, x), where)
    error = error_of(found, exact_mlp(graph, x))
    assert error <= FEW_LAYERS, f"{where}: {error}"


@pytest.mark.parametrize(("chip", "seed"), [(c, s) for c in CHIPS for s in range(4 if c != "tsp1" else 2)])
def test_random_windows(chip: str, seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    machine = CHIPS[chip]
    # Small chips have too few slices to gather, add the correction and write with a step at a time.
    groups, phases = int(rng.choice([1, 1, 2])), 2 if chip == "tsp1" else 1
    shape = (1, int(rng.integers(3, 6)), int(rng.integers(3, 6)))
    channels, columns = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
    rows, _ = window_rows(shape, (3, 2), 1, int(rng.integers(0, 2)))
    rows = rows[: len(rows) // phases * phases]
    x = rng.standard_normal((shape[1] * shape[2], channels)).astype(np.float32)
    weights = rng.standard_normal((phases, rows.shape[1], channels // groups, columns)).astype(np.float32)
    bias = rng.standard_normal(columns).astype(np.float32)
    maker = RowMaker()
    maker.input("x", x.shape, "float32")
    maker.constant("w", weights)
    maker.constant("b", bias)
    maker.node(
        "WindowLinear", ["x", "w", "b"], "y", (len(rows), columns), "float32", rows=rows, groups=groups,
        phases=phases, relu=1, kinds="Conv",
    )  # fmt: skip
    where = f"seed {200 + seed}: {shape} {channels}->{columns}, {groups} groups, {phases} phases"
    found = compile_and_run(maker.graph("y"), machine, {"x": x}, where, precision="fp32")["y"]
    full = dense(weights, groups)
    expected, exact = np.zeros_like(found), np.zeros(found.shape)
    for phase in range(phases):
        own = rows[phase::phases]
        expected[phase::phases] = window(machine, x, full[phase], own, packed(machine, x, rows, phases))
        exact[phase::phases] = np.einsum("rtc,tcn->rn", taken(x, own, 0).astype(np.float64), full[phase])
    oracle.same_bits(found, np.maximum(expected + bias, np.float32(0)), where)
    error = error_of(found, np.maximum(exact + bias, 0))
    assert error <= ONE_LAYER, f"{where}: {error}"


def dense(weights: Float, groups: int) -> Float:
    """Weights [P, T, C/groups, N] as [P, T, C, N] with zeros between groups."""
    phases, taps, width, columns = weights.shape
    found = np.zeros((phases, taps, width * groups, columns), dtype=np.float32)
    each = columns // groups
    for g in range(groups):
        of_group = np.s_[g * each : (g + 1) * each]
        found[:, :, g * width : (g + 1) * width, of_group] = weights[..., of_group]
    return found


def packed(machine: Machine, x: Array, rows: NDArray[np.int32], phases: int) -> int:
    """Taps that share a pass: as many copies of x as fit, if making them saves more passes than it takes."""
    repeats = most_repeats(machine.chip, x.shape[1])
    used = [int((rows[phase::phases] >= 0).any(axis=0).sum()) for phase in range(phases)]
    saved = sum(taps - -(-taps // repeats) for taps in used) * (len(rows) // phases)
    return repeats if saved > len(x) else 1


def window(machine: Machine, x: Float, weights: Float, rows: NDArray[np.int32], repeats: int) -> Float:
    """A convolution in three passes; its weights [taps, C, N]."""
    w = halve(weights)
    high, low = (taken(half, rows, 0) for half in halves_of(x))
    taps = [int(t) for t in np.flatnonzero((rows >= 0).any(axis=0))]

    def steps(vectors: Array, values: Array) -> list[Float]:
        found = []
        for first in range(0, len(taps), repeats):
            some = taps[first : first + repeats]
            flat = np.ascontiguousarray(values[some].reshape(-1, values.shape[-1]))
            found.append(
                np.stack(
                    [mxm.dot_float(np.ascontiguousarray(v[some]).reshape(-1), flat, "fp16") for v in vectors]
                )
            )
        return found

    assert x.shape[1] <= machine.chip.lanes
    main, *others = steps(high, w.high)
    for more in others:
        main = mxm.accumulate(main, more, "fp32")
    correction, *others = [*steps(high, w.low), *steps(low, w.high)]
    for more in others:
        correction = mxm.accumulate(correction, more, "fp32")
    return joined(main, correction, w.exponent)


@pytest.mark.parametrize("size", [2.0**-126, 1e-20, 1e-5, 1e-3, 1.0, 3e4, 1e6, 2.0**120])
def test_weights_of_any_size(size: float) -> None:
    rng = np.random.default_rng(3)
    weights = (rng.uniform(-1, 1, (23, 17)) * size).astype(np.float32)
    halves = halve(weights)
    whole = halves.high.astype(np.float64) + halves.low.astype(np.float64) / LOW_FACTOR
    assert np.abs(whole * 2.0**-halves.exponent - weights).max() <= 2.0**-23 * size, "seed 3"
    assert (halves.exponent == 0) == (1e-3 < size < 1e5)


@pytest.mark.parametrize(("size", "of_weights"), [(1e-3, 1.0), (1.0, 1e-6), (1e4, 1e-4), (6e4, 1e5)])
def test_operands_of_other_sizes(size: float, of_weights: float) -> None:
    rng = np.random.default_rng(4)
    maker = ModelMaker("sizes")
    w = (rng.uniform(-1, 1, (19, 9)) * of_weights).astype(np.float32)
    maker.node("MatMul", [maker.input("x", (5, 19)), maker.constant("w", w)], "y")
    x = (rng.uniform(-1, 1, (5, 19)) * size).astype(np.float32)
    where = f"seed 4: {size} and {of_weights}"
    found = oracle.compile_and_run(maker.graph("y"), TINY, {"x": x}, where, "fp32")["y"]
    oracle.same_bits(found, in_three_passes(x, w, LANES), where)
    error = error_of(found, x.astype(np.float64) @ w.astype(np.float64))
    assert error <= ONE_LAYER, f"{where}: {error}"


def test_activations_beyond_fp16_give_no_number() -> None:
    maker = ModelMaker("beyond")
    maker.node(
        "MatMul", [maker.input("x", (1, 3)), maker.constant("w", np.full((3, 2), 0.3, np.float32))], "y"
    )
    for largest, finite in ((65504.0, True), (65536.0, False)):
        x = np.array([[1.0, largest, 2.0]], dtype=np.float32)
        found = oracle.compile_and_run(maker.graph("y"), TINY, {"x": x}, f"{largest}", "fp32")["y"]
        assert np.isfinite(found).all() == finite


def words_of(graph: Graph, precision: str) -> list[int]:
    """Words of weights of each kernel that has some."""
    prepared, geometry = run_passes(graph, precision), Geometry(TINY)
    kernels = KernelBuilder(graph=prepared, geometry=geometry, precision=precision).build().kernels
    return [weight_words(geometry, kernel) for kernel in kernels if kernel.weights is not None]


def test_weights_take_twice_the_memory() -> None:
    rng = np.random.default_rng(5)
    graph = models.float_mlp(rng, 4, [20, 13])
    assert words_of(graph, "fp32") == [2 * words_of(graph, "fp16")[0], 0]
    assert split_bytes(graph.constants["w0"]) == 4 * 20 * 13


def test_weights_that_fp16_holds_need_no_second_half() -> None:
    maker = ModelMaker("halves")
    w = np.arange(-20, 20, dtype=np.float32).reshape(5, 8) / 8
    maker.node("MatMul", [maker.input("x", (3, 5)), maker.constant("w", w)], "y")
    graph = maker.graph("y")
    assert words_of(graph, "fp32") == [*words_of(graph, "fp16"), 0]
    assert split_bytes(w) == 2 * w.size
    x = np.random.default_rng(6).standard_normal((3, 5)).astype(np.float32)
    found = oracle.compile_and_run(graph, TINY, {"x": x}, "halves", "fp32")["y"]
    high, low = halves_of(x)
    halves = halve(w)
    expected = joined(series(((high, halves.high),), LANES), series(((low, halves.high),), LANES), 0)
    oracle.same_bits(found, expected, "seed 6")


def test_fp16_operands_take_one_pass() -> None:
    rng = np.random.default_rng(7)
    maker = ModelMaker("narrow")
    w = rng.standard_normal((5, 8)).astype(np.float16)
    maker.node("MatMul", [maker.input("x", (3, 5), "float16"), maker.constant("w", w)], "y")
    x = rng.standard_normal((3, 5)).astype(np.float16)
    programs = [
        compile_graph(maker.graph("y"), machine=TINY, options=CompileOptions(precision=p))
        for p in ("fp16", "fp32")
    ]
    outputs = [oracle.run(program, {"x": x}, "seed 7")["y"] for program in programs]
    oracle.same_bits(outputs[1], outputs[0], "seed 7")
    assert programs[0].instruction_count() == programs[1].instruction_count()


def test_everything_else_is_fp32() -> None:
    rng = np.random.default_rng(8)
    maker = ModelMaker("residual")
    w, b = (
        maker.constant("w", rng.standard_normal((9, 9)).astype(np.float32)),
        maker.constant("b", rng.standard_normal(9).astype(np.float32)),
    )
    y = maker.node("Gemm", [maker.input("x", (6, 9)), w, b], "y")
    z = maker.node("Add", [maker.node("Tanh", [y], "t"), y], "z")
    maker.node("Mul", [z, maker.node("Add", [z, "x"], "s")], "m")
    x = rng.standard_normal((6, 9)).astype(np.float32)
    found = oracle.compile_and_run(maker.graph("m"), TINY, {"x": x}, "seed 8", "fp32")["m"]
    y64 = x.astype(np.float64) @ maker.graph("m").constants["w"] + maker.graph("m").constants["b"]
    z64 = np.tanh(y64) + y64
    assert error_of(found, z64 * (z64 + x)) <= FEW_LAYERS


def test_executors_agree() -> None:
    rng = np.random.default_rng(9)
    graph = models.float_mlp(rng, 9, [11, 10, 5])
    x = rng.standard_normal((9, 11)).astype(np.float32)
    program = compile_graph(graph, machine=TINY, options=CompileOptions(precision="fp32"))
    results = [run(program, {"x": x}, strict=False) for run in (reference.run, engine.run)]
    name = graph.outputs[0]
    oracle.same_bits(results[1].outputs[name], results[0].outputs[name], "seed 9")
    assert results[1].cycles == results[0].cycles


def test_models_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(10)
    maker = ModelMaker("large")
    w = rng.standard_normal((8, 1536)).astype(np.float32)
    maker.node("MatMul", [maker.input("x", (1, 8)), maker.constant("w", w)], "y")
    graph, geometry = maker.graph("y"), Geometry(TINY)
    require_weights_fit(run_passes(graph, "fp16"), geometry, "fp16")
    with pytest.raises(CompileError) as caught:
        compile_graph(graph, machine=TINY, options=CompileOptions(precision="fp32"))
    assert "take 49,152 bytes as fp32, which is 16,384 bytes more" in str(caught.value)
    assert "compile it with precision fp16 (its weights take 24,576 bytes then)" in str(caught.value)
    assert "quantise it (int8 weights take 12,288 bytes)" in str(caught.value)


@pytest.mark.parametrize("taps", [3, 5, 8])
def test_maxima_of_many_fp32_rows(taps: int) -> None:
    rng = np.random.default_rng(11)
    x = rng.standard_normal((300, 7)).astype(np.float32)
    rows = rng.integers(0, 20, (300, taps)).astype(np.int32) + np.arange(300, dtype=np.int32)[:, None] - 10
    rows[(rows < 0) | (rows >= 300)] = -1
    maker = RowMaker()
    maker.input("x", x.shape, "float32")
    maker.node("WindowMax", ["x"], "y", x.shape, "float32", rows=rows, kinds="MaxPool")
    found = compile_and_run(maker.graph("y"), CHIPS["tsp1"], {"x": x}, f"seed 11: {taps}", precision="fp32")[
        "y"
    ]
    oracle.same_bits(found, taken(x, rows, -np.inf).max(axis=1), f"seed 11: {taps}")


@pytest.mark.parametrize("chip", ["tiny", "tsp1"])
def test_moved_lanes_of_fp32_are_read_together(chip: str) -> None:
    """Each byte plane is written by a flow of its own; the reader needs all of them from one hemisphere."""
    rng = np.random.default_rng(12)
    maker = RowMaker()
    inputs = {n: rng.standard_normal((20, 3)).astype(np.float32) for n in ("a", "b")}
    for name, values in inputs.items():
        maker.input(name, values.shape, "float32")
    lanes = np.array([4, 0, 5, 1, 2, 3], dtype=np.int32)
    maker.node("LaneMap", ["a", "b"], "m", (20, 6), "float32", lanes=lanes, kinds="Concat")
    weights = rng.standard_normal((6, 4)).astype(np.float32)
    maker.node("Linear", ["m", maker.constant("w", weights)], "y", (20, 4), "float32", relu=0, kinds="MatMul")
    graph, machine = maker.graph("y"), CHIPS[chip]
    lowered = KernelBuilder(graph=graph, geometry=Geometry(machine), precision="fp32").build()
    assert all(region.side for region in lowered.tensors["m"].regions)
    found = compile_and_run(graph, machine, inputs, "seed 12", precision="fp32")["y"]
    moved = np.concatenate([inputs["a"], inputs["b"]], axis=1)[:, lanes]
    oracle.same_bits(found, in_three_passes(moved, weights, machine.chip.lanes), "seed 12")
