"""Pixels in groups give the same convolution."""

from __future__ import annotations

import numpy as np
import pytest

from compiler import oracle
from compiler.windows import RowMaker, compile_and_run, requantised, sums, window_rows
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.grouping import group_pixels
from lpu_emu.compiler.passes.operators import DOMAIN, POINTWISE
from lpu_emu.graph.evaluate import run_graph
from lpu_emu.graph.ir import Graph
from lpu_emu.spec.machine import load_machine

TINY = load_machine("tiny")


def first_convolution(seed: int, *, ordered: bool) -> tuple[Graph, dict[str, np.ndarray], np.ndarray]:
    """An integer convolution of a picture of one channel, channels first or last; its input and its result."""
    rng = np.random.default_rng(seed)
    height, width, channels, columns = 5, 8, 1, 3
    stride = 1 + seed % 2
    rows, _ = window_rows((1, height, width), (3, 3), stride, 1)
    image = rng.integers(-128, 128, (1, height, width, channels)).astype(np.int8)
    weights = rng.integers(-127, 128, (1, 9, channels, columns)).astype(np.int8)
    factors = rng.uniform(0.001, 0.002, columns).astype(np.float32)
    maker = RowMaker()
    given = image.transpose(0, 3, 1, 2).copy() if ordered else image
    x = maker.input("x", given.shape, "int8")
    if ordered:
        x = maker.node("Order", [x], "o", image.shape, "int8", perm=(0, 2, 3, 1), dims=given.shape)
    maker.constant("w", weights)
    maker.constant("f", factors)
    maker.node(
        "QuantisedWindowLinear", [x, "w", "", "f"], "y", (len(rows), columns), "int8", rows=rows, groups=1, phases=1,
        relu=0, kinds="Conv",
    )  # fmt: skip
    total = sums(image.reshape(-1, channels), weights, rows)
    return maker.graph("y"), {"x": given}, requantised(total, None, factors, False, "int8")


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_groups_of_pixels_change_nothing(seed: int, ordered: bool) -> None:
    graph, inputs, expected = first_convolution(seed, ordered=ordered)
    grouped = group_pixels(graph, Geometry(TINY), POINTWISE)
    node = next(n for n in grouped.nodes if n.op_type == "QuantisedWindowLinear")
    assert grouped.values[node.inputs[0]].shape[-1] > 1
    assert [n.domain for n in grouped.nodes if n.op_type == "Order"] == [DOMAIN]
    for g in (graph, grouped):
        found = run_graph(g, inputs)
        oracle.same_bits(found["y"], expected, f"seed {seed}, evaluated")
    outputs = compile_and_run(graph, TINY, inputs, f"seed {seed}")
    oracle.same_bits(outputs["y"], expected, f"seed {seed}, compiled")
