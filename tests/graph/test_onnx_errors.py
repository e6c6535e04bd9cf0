"""Every way a model file can be refused, with the whole message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.errors import MissingExtraError, ModelError
from lpu_emu.graph import read_onnx, read_onnx_bytes

from .builders import Array, onnx_model

KNOWN_TYPES = (
    "float32, uint8, int8, uint16, int16, int32, int64, bool, float16, float64, uint32, uint64, "
    "bfloat16, float8_e4m3fn, float8_e5m2, uint4, int4"
)


def refusal(model: onnx.ModelProto | bytes, **options: Any) -> str:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ModelError) as caught:
        read_onnx_bytes(data, "m.onnx", **options)
    return str(caught.value)


def relu(**options: Any) -> onnx.ModelProto:
    return onnx_model(
        [helper.make_node("Relu", ["x"], ["y"], name="r")], {"x": [2, 3]}, {"y": [2, 3]}, **options
    )


def product(weights: Array) -> onnx.ModelProto:
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")
    return onnx_model([node], {"x": [1, weights.shape[0]]}, {"y": None}, {"w": weights})


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read_onnx(tmp_path / "no.onnx")
    assert str(caught.value) == f"{tmp_path}/no.onnx: there is no such file"


def test_folder_instead_of_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read_onnx(tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04rest", "a zip archive (a PyTorch or NumPy file?)"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b'{"a": 1}', "a JSON text"),
        (b"\x80\x04\x95", "a Python pickle"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer whose content was not fetched"),
    ],
)
def test_foreign_files_are_recognised(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_onnx(path)
    assert str(caught.value) == f"{path}: this is {kind}, not an ONNX model"


def test_damaged_protobuf() -> None:
    data = relu().SerializeToString()
    expected = "m.onnx: not an ONNX model, or a damaged one: {} bytes that are no valid protobuf"
    assert refusal(data[:-3]) == expected.format(len(data) - 3)
    assert refusal(b"hello, world") == expected.format(12)


def test_every_truncation_is_refused() -> None:
    data = product(np.ones((3, 2), dtype=np.float32)).SerializeToString()
    messages = [refusal(data[:length]) for length in range(len(data))]
    assert all(message.startswith("m.onnx: ") for message in messages)


def test_random_damage_never_escapes_as_another_error() -> None:
    data = bytearray(product(np.ones((3, 2), dtype=np.float32)).SerializeToString())
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            damaged[place] = rng.integers(0, 256)
        try:
            read_onnx_bytes(bytes(damaged), "m.onnx")
        except ModelError:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


def test_empty_file() -> None:
    assert refusal(b"") == "m.onnx: not an ONNX model: it holds no graph (0 bytes)"


def test_no_outputs() -> None:
    model = relu()
    del model.graph.output[:]
    assert refusal(model) == "m.onnx: the model has no outputs"


def test_no_opset() -> None:
    model = relu()
    del model.opset_import[:]
    assert refusal(model) == "m.onnx: the model does not say which opset it uses; export it again"


def test_opset_too_old() -> None:
    assert refusal(relu(opset=6)) == (
        "m.onnx: uses opset 6; 7 is the oldest that is understood: convert it with onnx.version_converter"
    )


def test_opset_too_new() -> None:
    newest = onnx.defs.onnx_opset_version()
    assert refusal(relu(opset=newest + 1)) == (
        f"m.onnx: uses opset {newest + 1}; the installed onnx knows {newest}: upgrade onnx"
    )


def test_domain_without_opset() -> None:
    model = onnx_model([helper.make_node("F", ["x"], ["y"], domain="my")], {"x": [1]}, {"y": [1]})
    assert refusal(model) == (
        "m.onnx: node 'F_0' (F) is of domain 'my', whose opset the file does not state; it states ai.onnx"
    )


def test_undefined_input() -> None:
    model = relu()
    model.graph.node[0].input[0] = "xx"
    assert refusal(model) == (
        "m.onnx: node 'r' (Relu) reads 'xx', which is no input, no initialiser and no other node's output; "
        "did you mean 'x'?"
    )


def test_missing_initialiser() -> None:
    model = product(np.ones((3, 2), dtype=np.float32))
    del model.graph.initializer[:]
    assert refusal(model) == (
        "m.onnx: node 'fc' (MatMul) reads 'w', which is no input, no initialiser and no other node's output"
    )


def test_undefined_output() -> None:
    model = relu()
    model.graph.output[0].name = "z"
    assert refusal(model) == "m.onnx: output 'z' is produced by no node"


def test_tensor_defined_twice() -> None:
    nodes = [helper.make_node(kind, ["x"], ["y"], name=kind) for kind in ("Relu", "Neg")]
    assert refusal(onnx_model(nodes, {"x": [1]}, {"y": [1]})) == (
        "m.onnx: tensor 'y' is defined twice: by node 'Relu' (Relu) and by node 'Neg' (Neg)"
    )


def test_constant_defined_twice() -> None:
    model = product(np.ones((3, 2), dtype=np.float32))
    model.graph.initializer.append(model.graph.initializer[0])
    assert refusal(model) == "m.onnx: two initialisers are named 'w'"
    model = product(np.ones((3, 2), dtype=np.float32))
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value_int=1))
    assert refusal(model) == "m.onnx: tensor 'w' is defined twice, last by node 'Constant_0' (Constant)"


def test_cycle() -> None:
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], name="one"),
        helper.make_node("Relu", ["a"], ["b"], name="two"),
    ]
    assert refusal(onnx_model(nodes, {"x": [1]}, {"b": [1]})) == (
        "m.onnx: node 'one' (Add) depends on its own result; a graph may have no cycle"
    )


@pytest.mark.parametrize(("kind", "first"), [("If", "else_branch"), ("Loop", "body"), ("Scan", "body")])
def test_subgraphs_are_refused_by_name(kind: str, first: str) -> None:
    body = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])], "body", [], [helper.make_tensor_value_info("r", 1, [1])]
    )
    attributes = {"If": {"then_branch": body, "else_branch": body}}.get(kind, {"body": body})
    node = helper.make_node(kind, ["c"], ["y"], name="choice", **attributes)
    model = onnx_model([node], {"x": [1], "c": []}, {"y": [1]}, types={"c": TensorProto.BOOL})
    assert refusal(model) == (
        f"m.onnx: node 'choice' ({kind}) chooses or repeats a subgraph ({first!r}) while the model runs; an "
        f"LPU program is fixed before it runs, so export the model without control flow"
    )


def test_string_input() -> None:
    model = relu(types={"x": TensorProto.STRING})
    assert refusal(model) == (
        f"m.onnx: input 'x' has the element type string, which is not understood; known: {KNOWN_TYPES}"
    )


def test_complex_initialiser() -> None:
    model = product(np.ones((3, 2), dtype=np.complex64))
    assert refusal(model) == (
        "m.onnx: initialiser 'w' has the element type complex64, which is not understood; "
        f"known: {KNOWN_TYPES}"
    )


def test_untyped_input_and_unknown_code() -> None:
    model = relu()
    model.graph.input[0].type.tensor_type.elem_type = 0
    assert refusal(model).startswith("m.onnx: input 'x' has the element type undefined, which is not")
    model.graph.input[0].type.tensor_type.elem_type = 99
    assert refusal(model).startswith("m.onnx: input 'x' has the element type number 99, which is not")


def test_sequence_input() -> None:
    model = relu()
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [1]))
    model.graph.input[0].CopyFrom(helper.make_value_info("x", kind))
    assert refusal(model) == "m.onnx: input 'x' is a sequence; only tensors are understood"


def test_sequence_inside() -> None:
    nodes = [
        helper.make_node("SplitToSequence", ["x"], ["s"], name="split"),
        helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0),
    ]
    model = onnx_model(nodes, {"x": [2]}, {"y": None})
    assert refusal(model) == "m.onnx: node 'split' (SplitToSequence): output 's' is a sequence, not a tensor"


def test_sparse_initialiser() -> None:
    model = relu()
    values = numpy_helper.from_array(np.ones(1, dtype=np.float32), "w")
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.zeros(1, dtype=np.int64)), [4])
    )
    assert refusal(model) == "m.onnx: initialiser 'w' is sparse; only dense tensors are understood"


def test_damaged_initialiser() -> None:
    model = product(np.ones((3, 2), dtype=np.float32))
    model.graph.initializer[0].raw_data = b"\x00" * 20
    assert refusal(model).startswith(
        "m.onnx: initialiser 'w' is damaged: its data does not fill the shape [3, 2]: "
    )
    model.graph.initializer[0].dims[0] = -3
    assert refusal(model) == "m.onnx: initialiser 'w' has a negative dimension: [-3, 2]"


def test_zero_sized_input() -> None:
    model = onnx_model([helper.make_node("Relu", ["x"], ["y"])], {"x": [0, 3]}, {"y": None})
    assert refusal(model) == (
        "m.onnx: tensor 'x' (float32[0,3], from the file) has no elements; "
        "a tensor on the chip needs at least one"
    )


def test_zero_sized_weights() -> None:
    assert refusal(product(np.zeros((3, 0), dtype=np.float32))) == (
        "m.onnx: tensor 'w' (float32[3,0], from the file) has no elements; "
        "a tensor on the chip needs at least one"
    )


def test_zero_sized_result() -> None:
    constants: dict[str, Array] = {"start": np.asarray([2]), "end": np.asarray([2])}
    node = helper.make_node("Slice", ["x", "start", "end"], ["y"], name="cut")
    assert refusal(onnx_model([node], {"x": [4, 2]}, {"y": None}, constants)) == (
        "m.onnx: tensor 'y' (float32[0,2], from node 'cut' (Slice)) has no elements; "
        "a tensor on the chip needs at least one"
    )


def test_nan_in_weights() -> None:
    weights = np.ones((3, 2), dtype=np.float32)
    weights[1] = np.nan
    assert (
        refusal(product(weights)) == "m.onnx: constant 'w' holds NaN in 2 of 6 elements; repair the weights"
    )


def test_infinity_in_weights() -> None:
    weights = np.ones((3, 2), dtype=np.float16)
    weights[2, 1] = -np.inf
    model = product(weights)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    assert refusal(model) == (
        "m.onnx: constant 'w', read by node 'fc' (MatMul), holds infinity in 1 of 6 elements; "
        "repair the weights"
    )


def test_positive_infinity_in_a_bias() -> None:
    node = helper.make_node("Add", ["x", "b"], ["y"], name="add")
    bias = np.asarray([0, np.inf], dtype=np.float32)
    assert refusal(onnx_model([node], {"x": [2]}, {"y": None}, {"b": bias})) == (
        "m.onnx: constant 'b', read by node 'add' (Add), holds infinity in 1 of 2 elements; "
        "repair the weights"
    )


def test_shape_that_depends_on_data() -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["n"], name="find"),
        helper.make_node("Cast", ["n"], ["y"], to=1),
    ]
    assert refusal(onnx_model(nodes, {"x": [4]}, {"y": None})) == (
        "m.onnx: node 'find' (NonZero): the shape of its output 'n' depends on data or cannot be inferred; "
        "every shape must be known at compile time: make 'x' a constant, or write the shape "
        "into the file's value_info"
    )


def test_unknown_operators_are_listed_together() -> None:
    nodes = [
        helper.make_node("Foo", ["x"], ["a"], name="f"),
        helper.make_node("Bar", ["a"], ["b"], name="g", domain="my"),
        helper.make_node("Foo", ["b"], ["y"], name="h"),
    ]
    rest = "is not in the ONNX standard (opset {}) and the file does not state the shapes of its outputs"
    model = onnx_model(nodes, {"x": [4]}, {"y": None}, domains={"my": 3})
    assert refusal(model) == (
        f"m.onnx: node 'f' (Foo): operator ai.onnx::Foo {rest.format(17)}\n"
        f"m.onnx: node 'g' (my::Bar): operator my::Bar {rest.format(3)}"
    )


def test_shapes_that_do_not_fit() -> None:
    model = product(np.ones((3, 2), dtype=np.float32))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    assert refusal(model) == (
        "m.onnx: node 'fc' (MatMul) is invalid: Incompatible dimensions for matrix multiplication "
        "(inputs: 'x' float32[1,4], 'w' float32[3,2])"
    )


def test_attribute_the_operator_does_not_have() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="r", alpha=1.0)
    assert refusal(onnx_model([node], {"x": [4]}, {"y": None})).startswith(
        "m.onnx: node 'r' (Relu) is invalid: "
    )


def test_types_that_do_not_fit() -> None:
    node = helper.make_node("Add", ["x", "z"], ["y"], name="add")
    model = onnx_model([node], {"x": [4], "z": [4]}, {"y": None}, types={"z": TensorProto.FLOAT16})
    assert refusal(model).startswith("m.onnx: node 'add' (Add) is invalid: ")
    assert refusal(model).endswith("(inputs: 'x' float32[4], 'z' float16[4])")


def test_output_declared_with_another_type() -> None:
    assert refusal(relu(types={"y": TensorProto.FLOAT16})) == (
        "m.onnx: output 'y' is declared as float16, but the nodes make it float32"
    )


def test_string_constant() -> None:
    nodes = [
        helper.make_node("Constant", [], ["c"], value_string="text", name="word"),
        helper.make_node("Relu", ["x"], ["y"]),
    ]
    assert refusal(onnx_model(nodes, {"x": [4]}, {"y": None})) == (
        "m.onnx: node 'word' (Constant): holds no numeric value; strings and sparse tensors "
        "cannot be evaluated"
    )


def test_unknown_attribute_type() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="r", kind=helper.make_tensor_type_proto(1, [1]))
    assert refusal(onnx_model([node], {"x": [4]}, {"y": None})) == (
        "m.onnx: node 'r' (Relu): attribute 'kind' is a TypeProto, which is not understood"
    )


def test_function_that_cannot_be_inlined() -> None:
    body = [helper.make_node("F", ["a"], ["r"], domain="my")]
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    function = helper.make_function("my", "F", ["a"], ["r"], body, imports)
    node = helper.make_node("F", ["x"], ["y"], domain="my")
    model = onnx_model([node], {"x": [3]}, {"y": None}, domains={"my": 1}, functions=[function])
    assert refusal(model).startswith("m.onnx: ")


def test_bound_inputs_are_checked() -> None:
    assert refusal(relu(), bound={"xx": np.ones(1)}) == "m.onnx: has no input 'xx' to bind; did you mean 'x'?"
    assert (
        refusal(relu(), bound={"x": np.ones((2, 3))})
        == "m.onnx: input 'x' is float32, but is bound to float64"
    )


def external(tmp_path: Path) -> tuple[Path, onnx.ModelProto]:
    path = tmp_path / "m.onnx"
    model = product(np.ones((3, 2), dtype=np.float32))
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    return path, onnx.load(path, load_external_data=False)


def external_refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_onnx(path)
    return str(caught.value).removeprefix(f"{path}: initialiser 'w' ")


def test_missing_external_data(tmp_path: Path) -> None:
    path, _ = external(tmp_path)
    (tmp_path / "w.bin").unlink()
    assert external_refusal(path) == "is kept in 'w.bin', which is missing beside the model file"


def test_short_external_data(tmp_path: Path) -> None:
    path, _ = external(tmp_path)
    (tmp_path / "w.bin").write_bytes(b"\x00" * 10)
    assert external_refusal(path) == "needs 24 bytes at 0 of 'w.bin', which is too short"


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", ""])
def test_external_data_elsewhere(tmp_path: Path, location: str) -> None:
    path, model = external(tmp_path)
    model.graph.initializer[0].external_data[0].value = location
    path.write_bytes(model.SerializeToString())
    assert external_refusal(path) == (
        f"refers to {location!r}, which does not lie beside or below the model file"
    )


def test_external_data_with_a_broken_offset(tmp_path: Path) -> None:
    path, model = external(tmp_path)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "offset":
            entry.value = "-7"
    path.write_bytes(model.SerializeToString())
    assert external_refusal(path).startswith("is kept in 'w.bin', which cannot be read: ")


def test_missing_onnx_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError) as caught:
        read_onnx_bytes(b"", "m.onnx")
    assert str(caught.value) == (
        "reading an ONNX model needs the package 'onnx', which is not installed; "
        'run: pip install "lpu-emu[onnx]"'
    )
