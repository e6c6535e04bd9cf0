"""The check of every layer: which tensors, what they should be, and that the faulty layer is the one named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu import _resources, reference
from lpu_emu.compiler import compile_graph
from lpu_emu.errors import CompileError
from lpu_emu.graph import Graph, read_onnx, run_graph
from lpu_emu.library import layers
from lpu_emu.library.layer_oracle import cut, expected_tensors
from lpu_emu.library.layers import LayerCheck, check_layers, layer_tensors
from lpu_emu.library.tensors import Array
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult
from lpu_emu.spec.machine import load_machine

MODELS = _resources.kernels_folder() / "models"
SHAPES = {"x": (4, 64)}
X: dict[str, NDArray[Any]] = {"x": np.load(MODELS / "digits_heldout.npz")["x"][:4]}
FLOAT_TENSORS = ("relu1_out", "relu2_out", "logits", "probabilities")
INT8_TENSORS = tuple(f"{name}_QuantizeLinear_Output" for name in ("x", *FLOAT_TENSORS[:3]))


def graph_of(name: str) -> Graph:
    return read_onnx(MODELS / f"{name}.onnx", SHAPES)


def checked(name: str, run: Callable[[Program, Mapping[str, Array]], RunResult]) -> LayerCheck:
    return check_layers(
        MODELS / f"{name}.onnx", graph_of(name), X, machine=load_machine("tsp1"), precision="auto", run=run
    )


def spoiled(tensor: str, where: tuple[int, ...]) -> Callable[[Program, Mapping[str, Array]], RunResult]:
    """Return a run in which one element of a tensor comes out wrong, and nothing else."""

    def run(program: Program, inputs: Mapping[str, Array]) -> RunResult:
        result = reference.run(program, inputs)
        wrong = result.outputs[tensor].copy()
        wrong[where] = 100 if wrong[where] < 50 else -100
        return replace(result, outputs={**result.outputs, tensor: wrong})

    return run


@pytest.mark.parametrize(
    ("name", "precision", "tensors"),
    [
        ("digits_mlp", "fp16", FLOAT_TENSORS),
        ("digits_mlp_int8", "int8", (*INT8_TENSORS[1:3], "probabilities")),
    ],
)
def test_tensors_are_those_that_the_program_makes(
    name: str, precision: str, tensors: tuple[str, ...]
) -> None:
    graph = graph_of(name)
    found = layer_tensors(graph, load_machine("tsp1"), precision)
    assert [tensor for tensor in found if tensor in tensors] == list(tensors)
    assert {"relu1_out", "relu2_out"} & set(found) == {"relu1_out", "relu2_out"} & set(tensors)
    order = [name for node in graph.nodes for name in node.outputs]
    assert list(found) == sorted(found, key=order.index)


@pytest.mark.parametrize("name", ["digits_mlp", "digits_mlp_int8"])
def test_a_sound_program_passes(name: str) -> None:
    check = checked(name, reference.run)
    assert check.passed
    assert check.first is None
    assert check.against == "ONNX Runtime"
    kinds = [layer.kinds for layer in check.layers if "Gemm" in layer.kinds]
    assert kinds[0].startswith("Gemm+Relu")
    assert all(layer.whole.passed for layer in check.layers)
    assert all(layer.local.max_abs_err <= 1 for layer in check.layers)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("digits_mlp", "relu2_out"), ("digits_mlp", "logits"), ("digits_mlp_int8", INT8_TENSORS[2])],
)
def test_the_faulty_layer_is_named(name: str, tensor: str) -> None:
    check = checked(name, spoiled(tensor, (1, 3)))
    assert not check.passed
    assert check.first is not None
    assert check.first.tensor == tensor
    assert check.first.local.mismatches == 1
    assert "first at [1, 3]" in check.first.local.details[0]
    # The layers behind it were computed from the good tensor, but are judged by the one that came out.
    places = [layer.tensor for layer in check.layers]
    assert all(not layer.departs for layer in check.layers[: places.index(tensor)])


def test_tensors_are_fetched_in_several_programs_where_one_has_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = []

    def compile_few(graph: Graph, **options: Any) -> Program:
        compiled.append(len(graph.outputs))
        if len(graph.outputs) > 2 or FLOAT_TENSORS[1] in graph.outputs:
            raise CompileError("no room")
        return compile_graph(graph, **options)

    monkeypatch.setattr(layers, "compile_graph", compile_few)
    check = checked("digits_mlp", reference.run)
    assert check.passed
    assert check.unseen == FLOAT_TENSORS[1:2]
    assert [layer.tensor for layer in check.layers] == [n for n in FLOAT_TENSORS if n not in check.unseen]
    assert [layer.kinds for layer in check.layers] == ["Gemm+Relu", "Gemm+Relu+Gemm", "Softmax"]
    assert compiled == [4, 3, 2, 2, 2]


def test_numpy_takes_the_place_of_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    check = checked("digits_mlp_int8", reference.run)
    assert check.passed
    assert check.against == "NumPy evaluation of the model"
    assert "ONNX Runtime is not installed" in check.note


@pytest.mark.parametrize("name", ["digits_mlp", "digits_mlp_int8"])
def test_both_oracles_agree_on_given_tensors(name: str) -> None:
    graph = graph_of(name)
    precision = "int8" if name.endswith("int8") else "fp16"
    extended = replace(graph, outputs=layer_tensors(graph, load_machine("tsp1"), precision))
    whole = run_graph(extended, X)
    given = {tensor: array[::-1] for tensor, array in whole.items()}
    by_onnxruntime = expected_tensors(MODELS / f"{name}.onnx", extended, X, given=given)
    by_numpy = run_graph(cut(extended, given), {**X, **{f"{n}:given": a for n, a in given.items()}})
    for tensor, array in by_numpy.items():
        np.testing.assert_allclose(by_onnxruntime.outputs[tensor], array, rtol=1e-4, atol=1e-4)
    first, second = extended.outputs[:2]
    np.testing.assert_allclose(by_numpy[first], whole[first])
    np.testing.assert_allclose(by_numpy[second], whole[second][::-1], rtol=1e-4, atol=1e-4)
