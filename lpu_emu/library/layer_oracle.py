"""What tensors inside a model should be: computed from the inputs, or each from given tensors before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lpu_emu.errors import ModelError
from lpu_emu.graph import Graph, run_graph
from lpu_emu.library import oracle
from lpu_emu.library.tensors import Array

_GIVEN = ":given"


def expected_tensors(
    path: Path, graph: Graph, inputs: Mapping[str, Array], *, given: Mapping[str, Array] | None = None
) -> oracle.Expectation:
    """Return the outputs of a graph, which may be any tensors of the model in a file.

    Args:
        path: file of the model, which ONNX Runtime runs as written.
        graph: the same model, for the NumPy evaluation.
        inputs: one array per input of the model.
        given: values that readers of some tensors get instead of what was computed for them.

    Raises:
        ModelError: neither ONNX Runtime nor the NumPy evaluation can run the model.
    """
    given = given or {}
    fed = {**inputs, **{name + _GIVEN: array for name, array in given.items()}}
    if not oracle.has_onnxruntime():
        note = 'ONNX Runtime is not installed (pip install "lpu-emu[verify]")'
        return oracle.Expectation(by=oracle.NUMPY, outputs=run_graph(cut(graph, given), fed), note=note)
    try:
        outputs = oracle.run_onnxruntime(_cut_file(path, graph, given), str(path), graph.outputs, fed)
        return oracle.Expectation(by=oracle.ONNX_RUNTIME, outputs=outputs)
    except ModelError as error:
        outputs = run_graph(cut(graph, given), fed)
        return oracle.Expectation(by=oracle.NUMPY, outputs=outputs, note=str(error))


def cut(graph: Graph, given: Mapping[str, Array]) -> Graph:
    """Return the graph in which the readers of given tensors read inputs named ``tensor:given`` instead."""
    new = {name: name + _GIVEN for name in given}
    values = [replace(graph.values[name], name=value) for name, value in new.items()]
    nodes = [replace(node, inputs=tuple(new.get(n, n) for n in node.inputs)) for node in graph.nodes]
    return replace(graph.with_values(values), nodes=tuple(nodes), inputs=(*graph.inputs, *new.values()))


def _cut_file(path: Path, graph: Graph, given: Mapping[str, Array]) -> bytes:
    """Do the same to the model of a file, and return it with the outputs of the graph."""
    import onnx

    model = onnx.load(str(path))
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = name + _GIVEN if name in given else name
    for name in given:
        model.graph.input.append(_value(name + _GIVEN, graph, name, shaped=True))
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(_value(n, graph, n, shaped=False) for n in graph.outputs if n not in known)
    del model.graph.value_info[:]
    data: bytes = model.SerializeToString()
    return data


def _value(name: str, graph: Graph, like: str, *, shaped: bool) -> object:
    from onnx import helper

    value = graph.values[like]
    code = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, code, value.shape if shaped else None)
