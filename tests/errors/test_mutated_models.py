"""Models with random damage are read and prepared, or refused with an error of the package: nothing else happens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lpu_emu.compiler.passes import choose_precision, run_passes
from lpu_emu.errors import LpuError
from lpu_emu.graph import read_onnx_bytes
from lpu_emu.library.networks.catalogue import make

MODELS = {precision: make("tiny_cnn", precision=precision) for precision in ("fp32", "int8")}
TYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")
KINDS = (
    "Add", "AveragePool", "Concat", "Conv", "ConvTranspose", "DequantizeLinear", "Flatten", "Gemm", "LRN", "LeakyRelu",
    "MatMul", "MaxPool", "Mul", "PRelu", "Pad", "QuantizeLinear", "ReduceMean", "Relu", "Resize", "Sigmoid", "Slice",
    "Softmax", "Split", "Transpose",
)  # fmt: skip
VALUES = (0.0, np.inf, -np.inf, np.nan, 1e38, 1e-42)
Random = np.random.Generator


def _pick(generator: Random, count: int) -> int:
    return int(generator.integers(count))


def attribute(graph: onnx.GraphProto, generator: Random) -> None:
    node = graph.node[_pick(generator, len(graph.node))]
    if not node.attribute:
        return
    found = node.attribute[_pick(generator, len(node.attribute))]
    if found.ints and generator.random() < 0.3:
        del found.ints[-1]
    elif found.ints:
        found.ints[_pick(generator, len(found.ints))] = int(generator.choice([-1, 0, 1, 2, 3, 7, 100]))
    else:
        found.i = int(generator.choice([-3, -1, 0, 1, 2, 3, 7, 16]))


def constant_shape(graph: onnx.GraphProto, generator: Random) -> None:
    tensor = graph.initializer[_pick(generator, len(graph.initializer))]
    values = numpy_helper.to_array(tensor)
    shape = list(values.shape) or [1]
    place = _pick(generator, len(shape))
    shape[place] = max(0, shape[place] + int(generator.choice([-1, 1, 2])))
    tensor.CopyFrom(numpy_helper.from_array(np.resize(values, shape).astype(values.dtype), tensor.name))


def constant_type(graph: onnx.GraphProto, generator: Random) -> None:
    tensor = graph.initializer[_pick(generator, len(graph.initializer))]
    values = numpy_helper.to_array(tensor).astype(str(generator.choice(TYPES)))
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def constant_value(graph: onnx.GraphProto, generator: Random) -> None:
    tensor = graph.initializer[_pick(generator, len(graph.initializer))]
    values = numpy_helper.to_array(tensor).copy()
    if values.size:
        new = generator.choice(VALUES) if values.dtype.kind == "f" else generator.choice([0, 1, 127])
        values.reshape(-1)[_pick(generator, values.size)] = new
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def wiring(graph: onnx.GraphProto, generator: Random) -> None:
    node = graph.node[_pick(generator, len(graph.node))]
    names = [name for n in graph.node for name in n.output] + [t.name for t in graph.initializer]
    node.input[_pick(generator, len(node.input))] = names[_pick(generator, len(names))]


def operator(graph: onnx.GraphProto, generator: Random) -> None:
    graph.node[_pick(generator, len(graph.node))].op_type = str(generator.choice(KINDS))


def operands(graph: onnx.GraphProto, generator: Random) -> None:
    node = graph.node[_pick(generator, len(graph.node))]
    if len(node.input) > 1:
        del node.input[-1]


def input_shape(graph: onnx.GraphProto, generator: Random) -> None:
    dimensions = graph.input[0].type.tensor_type.shape.dim
    if generator.random() < 0.3:
        del dimensions[-1]
    else:
        place = _pick(generator, len(dimensions))
        dimensions[place].dim_value = int(generator.choice([0, 1, 2, 3, 4, 5, 7, 33, 64]))


MUTATIONS: tuple[Callable[[onnx.GraphProto, Random], None], ...] = (
    attribute, constant_shape, constant_type, constant_value, wiring, operator, operands, input_shape,
)  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@pytest.mark.parametrize("precision", MODELS)
@pytest.mark.filterwarnings("ignore:.*encountered in cast:RuntimeWarning")
def test_damage_is_refused_or_harmless(
    mutation: Callable[[onnx.GraphProto, Random], None], precision: str
) -> None:
    for seed in range(12):
        generator = np.random.default_rng([seed, MUTATIONS.index(mutation)])
        model = onnx.ModelProto()
        model.CopyFrom(MODELS[precision])
        mutation(model.graph, generator)
        if generator.random() < 0.3:
            MUTATIONS[_pick(generator, len(MUTATIONS))](model.graph, generator)
        try:
            graph = read_onnx_bytes(model.SerializeToString())
            run_passes(graph, choose_precision(graph, "auto"))
        except LpuError:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed} of {mutation.__name__}") from error
