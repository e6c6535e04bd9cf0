from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.graph import fold_constants, read_onnx, read_onnx_bytes, run_graph
from lpu_emu.graph.ir import Graph

from .builders import Array, onnx_model

LIGHT_MODELS = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def read(model: onnx.ModelProto, **options: object) -> Graph:
    return read_onnx_bytes(model.SerializeToString(), "m.onnx", **options).verify()  # type: ignore[arg-type]


def linear(batch: int | str = "batch") -> onnx.ModelProto:
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    return onnx_model(nodes, {"x": [batch, 4]}, {"y": [batch, 3]}, {"w": weights})


def test_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "linear.onnx"
    path.write_bytes(linear().SerializeToString())
    graph = read_onnx(path, {"x": (2, 4)}).verify()
    assert (graph.name, graph.source) == ("test", str(path))
    assert (graph.inputs, graph.outputs) == (("x",), ("y",))
    assert {name: str(value) for name, value in graph.values.items()} == {
        "x": "float32[2,4]",
        "w": "float32[4,3]",
        "h": "float32[2,3]",
        "y": "float32[2,3]",
    }
    assert [(n.name, n.op_type, n.domain, n.opset) for n in graph.nodes] == [
        ("product", "MatMul", "", 17),
        ("Relu_1", "Relu", "", 17),
    ]


def test_initialisers_that_are_inputs_become_constants() -> None:
    model = linear(1)
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3]))
    graph = read(model)
    assert graph.inputs == ("x",)
    assert list(graph.constants) == ["w"]


def test_constant_nodes_become_constants() -> None:
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    nodes = [
        helper.make_node("Constant", [], ["a"], value=numpy_helper.from_array(table)),
        helper.make_node("Constant", [], ["b"], value_float=2.5),
        helper.make_node("Constant", [], ["c"], value_ints=[2, 3]),
        helper.make_node("Reshape", ["x", "c"], ["h"]),
        helper.make_node("Sum", ["h", "a", "b"], ["y"]),
    ]
    graph = read(onnx_model(nodes, {"x": [6]}, {"y": None}))
    assert {name: (array.dtype.name, array.tolist()) for name, array in graph.constants.items()} == {
        "a": ("float32", table.tolist()),
        "b": ("float32", 2.5),
        "c": ("int64", [2, 3]),
    }
    assert str(graph.values["y"]) == "float32[2,3]"


def test_names_are_unique_and_given_ones_are_kept() -> None:
    given = ["", "twice", "twice", "Relu_0", "twice_2", ""]
    tensors = ["x", "a", "b", "c", "d", "e", "y"]
    nodes = [
        helper.make_node("Relu", [i], [o], name=name)
        for name, i, o in zip(given, tensors, tensors[1:], strict=False)
    ]
    graph = read(onnx_model(nodes, {"x": [1]}, {"y": [1]}))
    assert [n.name for n in graph.nodes] == ["Relu_0_2", "twice", "twice_3", "Relu_0", "twice_2", "Relu_5"]


def test_unsorted_nodes_are_sorted() -> None:
    model = linear(1)
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    assert [n.op_type for n in read(model).nodes] == ["MatMul", "Relu"]


def test_attributes_become_python_values() -> None:
    node = helper.make_node(
        "Custom",
        ["x"],
        ["y"],
        domain="my",
        number=3,
        ratio=0.5,
        text="up",
        sizes=[1, 2],
        words=["a", "b"],
        table=numpy_helper.from_array(np.asarray([7], dtype=np.int8)),
    )
    model = onnx_model([node], {"x": [1]}, {"y": [1]}, domains={"my": 4})
    attributes = dict(read(model).nodes[0].attributes)
    table = attributes.pop("table")
    assert isinstance(table, np.ndarray)
    assert (table.dtype, table.tolist()) == (np.int8, [7])
    assert attributes == {"number": 3, "ratio": 0.5, "text": "up", "sizes": (1, 2), "words": ("a", "b")}


def test_foreign_operators_with_stated_shapes_pass() -> None:
    node = helper.make_node("Custom", ["x"], ["y"], domain="my")
    model = onnx_model([node], {"x": ["n"]}, {"y": ["n", 2]}, domains={"my": 4})
    assert str(read(model, shapes={"x": (5,)}).values["y"]) == "float32[5,2]"


def test_functions_are_inlined() -> None:
    body = [helper.make_node("Mul", ["a", "a"], ["t"]), helper.make_node("Add", ["t", "b"], ["r"])]
    imports = [helper.make_opsetid("", 17)]
    function = helper.make_function("my", "SquareAdd", ["a", "b"], ["r"], body, imports)
    nodes = [
        helper.make_node("SquareAdd", ["x", "c"], ["h"], domain="my", name="first"),
        helper.make_node("SquareAdd", ["h", "c"], ["y"], domain="my", name="second"),
    ]
    constants = {"c": np.ones(3, dtype=np.float32)}
    model = onnx_model(nodes, {"x": [3]}, {"y": [3]}, constants, domains={"my": 1}, functions=[function])
    graph = read(model)
    assert [n.op_type for n in graph.nodes] == ["Mul", "Add", "Mul", "Add"]
    x = np.asarray([0, 1, 2], dtype=np.float32)
    assert run_graph(graph, {"x": x})["y"].tolist() == [2, 5, 26]


def test_functions_of_another_opset_are_inlined() -> None:
    body = [helper.make_node("Relu", ["a"], ["r"])]
    function = helper.make_function("my", "F", ["a"], ["r"], body, [helper.make_opsetid("", 13)])
    node = helper.make_node("F", ["x"], ["y"], domain="my")
    model = onnx_model([node], {"x": [3]}, {"y": [3]}, domains={"my": 1}, functions=[function])
    assert [n.op_type for n in read(model).nodes] == ["Relu"]


def test_standard_operators_can_be_expanded() -> None:
    model = onnx_model([helper.make_node("Gelu", ["x"], ["y"])], {"x": [4]}, {"y": [4]}, opset=20)
    x = np.linspace(-2, 2, 4, dtype=np.float32)
    whole = run_graph(read(model), {"x": x})["y"]
    graph = fold_constants(read(model, expand=("Gelu",))).verify()
    assert "Erf" in [n.op_type for n in graph.nodes]
    np.testing.assert_allclose(run_graph(graph, {"x": x})["y"], whole, rtol=1e-6)


def test_external_data_is_read_beside_the_model(tmp_path: Path) -> None:
    path = tmp_path / "linear.onnx"
    onnx.save(linear(1), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    graph = read_onnx(path)
    assert graph.constants["w"].tolist() == np.arange(12, dtype=np.float32).reshape(4, 3).tolist()


def test_computed_reshape_targets_are_followed() -> None:
    constants: dict[str, Array] = {
        "zero": np.asarray([0]),
        "minus": np.asarray([-1]),
        "two": np.asarray([2]),
    }
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Mul", ["batch", "two"], ["rows"]),
        helper.make_node("Concat", ["rows", "minus"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["h"]),
        helper.make_node("Shape", ["h"], ["again"]),
        helper.make_node("ConstantOfShape", ["again"], ["zeros"]),
        helper.make_node("Add", ["h", "zeros"], ["y"]),
    ]
    model = onnx_model(nodes, {"x": ["n", 4, 6]}, {"y": None}, constants)
    graph = read(model, shapes={"x": (3, 4, 6)})
    assert str(graph.values["y"]) == "float32[6,12]"
    assert [n.op_type for n in fold_constants(graph).verify().nodes] == ["Reshape", "Add"]


def test_inputs_can_be_bound_to_values() -> None:
    node = helper.make_node("Reshape", ["x", "target"], ["y"])
    model = onnx_model([node], {"x": [6], "target": [2]}, {"y": None}, types={"target": TensorProto.INT64})
    graph = read(model, bound={"target": np.asarray([3, 2])})
    assert graph.inputs == ("x",)
    assert str(graph.values["y"]) == "float32[3,2]"


def test_unread_outputs_of_unknown_shape_are_dropped() -> None:
    node = helper.make_node("Dropout", ["x"], ["y", "mask"])
    graph = read(onnx_model([node], {"x": [6]}, {"y": None}, opset=9))
    assert graph.nodes[0].outputs == ("y",)


def test_empty_lists_of_parameters_pass() -> None:
    node = helper.make_node("Resize", ["x", "roi", "scales"], ["y"])
    constants: dict[str, Array] = {
        "roi": np.zeros(0, dtype=np.float32),
        "scales": np.asarray([1, 1, 2, 2], dtype=np.float32),
    }
    graph = read(onnx_model([node], {"x": [1, 1, 2, 2]}, {"y": None}, constants, opset=11))
    assert str(graph.values["y"]) == "float32[1,1,4,4]"


def test_infinity_passes_as_limit_mask_and_scalar() -> None:
    infinity = np.float32(np.inf)
    constants: dict[str, Array] = {
        "mask": np.asarray([0, -infinity], dtype=np.float32),
        "fill": np.asarray([-infinity, infinity], dtype=np.float32),
        "scalar": np.asarray(infinity),
        "condition": np.asarray([True, False]),
    }
    nodes = [
        helper.make_node("Add", ["x", "mask"], ["a"]),
        helper.make_node("Where", ["condition", "a", "fill"], ["b"]),
        helper.make_node("Mul", ["b", "scalar"], ["y"]),
    ]
    assert len(read(onnx_model(nodes, {"x": [2]}, {"y": [2]}, constants)).nodes) == 3


def test_an_old_and_large_model_is_read_quickly() -> None:
    start = time.process_time()
    graph = fold_constants(read_onnx(LIGHT_MODELS / "light_resnet50.onnx")).verify()
    assert time.process_time() - start < 2
    assert len(graph.nodes) == 176
    assert str(graph.values[graph.outputs[0]]) == "float32[1,1000]"


def test_large_weights_are_read_quickly(tmp_path: Path) -> None:
    weights = {f"w{i}": np.full((2048, 1024), 0.5, dtype=np.float32) for i in range(12)}
    nodes = [helper.make_node("MatMul", ["x", name], [f"y{i}"]) for i, name in enumerate(weights)]
    nodes.append(helper.make_node("Sum", [f"y{i}" for i in range(12)], ["y"]))
    path = tmp_path / "large.onnx"
    path.write_bytes(onnx_model(nodes, {"x": [1, 2048]}, {"y": [1, 1024]}, weights).SerializeToString())
    start = time.process_time()
    graph = read_onnx(path)
    assert time.process_time() - start < 2
    assert sum(array.nbytes for array in graph.constants.values()) == 12 * 2048 * 1024 * 4


def test_importing_the_front_end_does_not_import_onnx() -> None:
    code = "import sys, lpu_emu.graph; print('onnx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
