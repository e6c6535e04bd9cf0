"""Compares a graph with what the passes make of it, both evaluated in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes import choose_precision, run_passes
from lpu_emu.graph.evaluate import evaluate, run_graph
from lpu_emu.graph.ir import Graph


def random_inputs(graph: Graph, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return an input of the right shape and type for every input of a graph."""
    found: dict[str, NDArray[Any]] = {}
    for name in graph.inputs:
        value = graph.values[name]
        if value.dtype.kind == "f":
            found[name] = rng.standard_normal(value.shape).astype(value.dtype)
        else:
            limits = np.iinfo(value.dtype)
            found[name] = rng.integers(limits.min, limits.max + 1, value.shape).astype(value.dtype)
    return found


def same_value(graph: Graph, where: str, *, seed: int = 0, tolerance: float = 1e-5, ties: int = 0) -> Graph:
    """Check that the passes keep the value of a graph and return what they make.

    Integer outputs may differ by one in ``ties`` places: where the true value lies within rounding of a half.
    """
    inputs = random_inputs(graph, np.random.default_rng(seed))
    expected = run_graph(graph, inputs)
    prepared = run_passes(graph, choose_precision(graph, "auto"))
    found = run_graph(prepared, inputs)
    for name in graph.outputs:
        assert found[name].dtype == expected[name].dtype, f"{where}: {name}"
        assert found[name].shape == expected[name].shape, f"{where}: {name}"
        if expected[name].dtype.kind in "iu":
            distance = np.abs(found[name].astype(np.int64) - expected[name].astype(np.int64))
            assert distance.max(initial=0) <= 1, f"{where}: {name}"
            assert int((distance > 0).sum()) <= ties, f"{where}: {name}"
        else:
            np.testing.assert_allclose(
                found[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=f"{where}: {name}"
            )
    return prepared


def kinds(graph: Graph) -> list[str]:
    """Return the operator types of a graph in order."""
    return [node.op_type for node in graph.nodes]


def layer_differences(graph: Graph, prepared: Graph, inputs: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return by how much the integers of each layer differ when it reads what the layers before it should give.

    Tensors that keep their names are compared, images with their channels moved last.
    """
    expected = run_all(graph, inputs, {})
    found: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]

    def check(name: str, value: NDArray[Any]) -> NDArray[Any]:
        wanted = expected.get(name)
        if wanted is None or value.dtype.kind not in "iu" or value.dtype != wanted.dtype:
            return value
        wanted = np.moveaxis(wanted, 1, -1) if wanted.ndim > 2 else wanted
        if wanted.shape != value.shape:
            return value
        found.append(np.abs(value.astype(np.int64) - wanted).reshape(-1))
        return wanted

    run_all(prepared, inputs, dict.fromkeys(prepared.values, check))
    return np.concatenate(found)


def run_all(
    graph: Graph,
    inputs: dict[str, NDArray[Any]],
    checks: dict[str, Callable[[str, NDArray[Any]], NDArray[Any]]],
) -> dict[str, NDArray[Any]]:
    """Return the value of every tensor; ``checks`` may replace values on the way."""
    tensors: dict[str, NDArray[Any]] = {**graph.constants, **inputs}
    for node in graph.nodes:
        described = [graph.values[name] for name in node.outputs if name]
        given = [tensors[name] if name else None for name in node.inputs]
        results = evaluate(node, given, ordered=False, described=described)
        for name, value in zip(node.outputs, results, strict=True):
            tensors[name] = checks[name](name, value) if name in checks else value
    return tensors
