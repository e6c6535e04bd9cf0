"""Random fully connected networks on the tiny chip, bit for bit, and large ones on the real chip by analysis."""

from __future__ import annotations

import numpy as np
import pytest

from compiler import models, oracle
from compiler.models import ModelMaker
from lpu_emu.analysis import analyse
from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import load_machine

TINY = load_machine("tiny")
TSP1 = load_machine("tsp1")
LANES = TINY.chip.lanes


def sizes_of(rng: np.random.Generator) -> tuple[int, list[int]]:
    layers = int(rng.integers(1, 4))
    return int(rng.integers(1, 51)), [int(rng.integers(1, 3 * LANES + 1)) for _ in range(layers + 1)]


@pytest.mark.parametrize("seed", range(12))
def test_random_float_networks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch, sizes = sizes_of(rng)
    where = f"seed {seed}: batch {batch}, sizes {sizes}"
    graph = models.float_mlp(rng, batch, sizes)
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    outputs = oracle.compile_and_run(graph, TINY, {"x": x}, where)
    oracle.same_bits(outputs[graph.outputs[0]], oracle.float_mlp(graph, x, LANES), where)


@pytest.mark.parametrize("seed", range(12))
def test_random_integer_networks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch, sizes = sizes_of(rng)
    where = f"seed {seed}: batch {batch}, sizes {sizes}"
    graph = models.integer_mlp(rng, batch, sizes, per_channel=seed % 2 == 0)
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    outputs = oracle.compile_and_run(graph, TINY, {"x": x}, where)
    oracle.same_bits(outputs[graph.outputs[0]], oracle.integer_mlp(graph, x), where)


def test_a_float_output_of_an_integer_network() -> None:
    rng = np.random.default_rng(5)
    graph = models.integer_mlp(rng, 7, [20, 11], float_output=True)
    x = rng.standard_normal((7, 20)).astype(np.float32)
    outputs = oracle.compile_and_run(graph, TINY, {"x": x}, "float output")
    expected = oracle.integer_mlp(graph, x).astype(np.float32) * graph.constants["s0"]
    oracle.same_bits(outputs[graph.outputs[0]], expected, "float output")


def test_a_quantised_model_as_fp16() -> None:
    rng = np.random.default_rng(6)
    graph = models.integer_mlp(rng, 4, [12, 9], float_output=True)
    x = rng.standard_normal((4, 12)).astype(np.float32)
    outputs = oracle.compile_and_run(graph, TINY, {"x": x}, "as fp16", precision="fp16")
    step = float(graph.constants["s0"])
    expected = oracle.integer_mlp(graph, x) * step
    assert np.abs(outputs[graph.outputs[0]] - expected).max() <= 1.01 * step


def test_weights_shared_across_the_chip_when_memory_is_short() -> None:
    rng = np.random.default_rng(7)
    graph = models.integer_mlp(rng, 3, [100, 100])
    x = rng.standard_normal((3, 100)).astype(np.float32)
    outputs = oracle.compile_and_run(graph, TINY, {"x": x}, "shared")
    oracle.same_bits(outputs[graph.outputs[0]], oracle.integer_mlp(graph, x), "shared")


def test_unsigned_activations() -> None:
    rng = np.random.default_rng(8)
    maker = ModelMaker("unsigned")
    zero, scale = maker.constant("zero", np.uint8(0)), maker.constant("s", np.float32(0.02))
    q = maker.node("QuantizeLinear", [maker.input("x", (6, 13)), scale, zero], "q")
    x = maker.node("DequantizeLinear", [q, scale, zero], "d")
    whole = rng.integers(-127, 128, (13, 10)).astype(np.int8)
    w = maker.constant("w", whole)
    wd = maker.node(
        "DequantizeLinear", [w, maker.constant("ws", np.float32(0.5)), maker.constant("wz", np.int8(0))], "wd"
    )
    y = maker.node(
        "QuantizeLinear",
        [maker.node("MatMul", [x, wd], "y"), maker.constant("so", np.float32(0.25)), zero],
        "qy",
    )
    values = rng.uniform(-1, 6, (6, 13)).astype(np.float32)
    outputs = oracle.compile_and_run(maker.graph(y), TINY, {"x": values}, "unsigned")
    activations = np.clip(np.rint(values * (np.float32(1) / np.float32(0.02))), 0, 255).astype(np.int64)
    factor = np.float32(np.float64(np.float32(0.02)) * 0.5 / 0.25)
    expected = np.rint((activations @ whole).astype(np.float32) * factor)
    oracle.same_bits(outputs["qy"], np.clip(expected, 0, 255).astype(np.uint8), "unsigned")


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_other_chips_by_analysis(precision: str) -> None:
    rng = np.random.default_rng(9)
    make = models.float_mlp if precision == "fp16" else models.integer_mlp
    program = compile_graph(make(rng, 70, [700, 330, 10]), machine=load_machine("lp30"))
    analysis = analyse(program)
    assert analysis.hazards == ()
    assert analysis.cycles == int(program.attributes["predicted_cycles"])


def gemm(m: int, k: int, n: int, precision: str) -> Program:
    rng = np.random.default_rng(0)
    if precision == "int8":
        graph = models.integer_mlp(rng, m, [k, n], integer_input=True)
    else:
        maker = ModelMaker("gemm")
        x = maker.input("x", (m, k), "float16")
        w = maker.constant("w", (rng.standard_normal((k, n)) / np.sqrt(k)).astype(np.float16))
        graph = maker.graph(maker.node("MatMul", [x, w], "y"))
    return compile_graph(graph, machine=TSP1, options=CompileOptions(verify=False))


@pytest.mark.parametrize(
    ("shape", "precision", "least"),
    [
        ((512, 1024, 640), "fp16", 0.85),
        ((512, 960, 640), "int8", 0.68),
        ((2048, 1280, 1280), "int8", 0.88),
        ((2048, 1280, 1280), "fp16", 0.97),
    ],
)
def test_large_products_keep_the_planes_busy(
    shape: tuple[int, int, int], precision: str, least: float
) -> None:
    program = gemm(*shape, precision)
    analysis = analyse(program)
    ideal = next(o.ideal_cycles for o in program.operators if o.macs)
    assert analysis.hazards == ()
    assert analysis.cycles == int(program.attributes["predicted_cycles"])
    assert ideal / analysis.cycles >= least
