"""Every operator against onnx.reference on one-node models, exactly where the result is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from lpu_emu.errors import InputError, ModelError
from lpu_emu.graph import can_evaluate, evaluate, run_graph
from lpu_emu.graph.evaluate import NotEvaluatedError
from lpu_emu.graph.ir import Node

from .builders import Array, float_graph, float_node, onnx_model

SEED = 20
RNG = np.random.default_rng(SEED)


def f32(*shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    return RNG.uniform(low, high, shape).astype(np.float32)


def i64(*values: int) -> Array:
    return np.asarray(values, dtype=np.int64)


def scalar(value: float, dtype: Any = np.float32) -> Array:
    return np.asarray(value, dtype=dtype)


@dataclass(frozen=True, kw_only=True)
class Case:
    op_type: str
    inputs: Sequence[Array | None]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 21
    outputs: int = 1
    rtol: float = 0.0


def case(
    op_type: str,
    *inputs: Array | None,
    opset: int = 21,
    outputs: int = 1,
    rtol: float = 0.0,
    **attributes: Any,
) -> Case:
    return Case(
        op_type=op_type, inputs=inputs, attributes=attributes, opset=opset, outputs=outputs, rtol=rtol
    )


X = f32(2, 3, 4)
INT = RNG.integers(-20, 20, (2, 3, 4)).astype(np.int32)
BYTES = RNG.integers(-128, 128, (4, 6)).astype(np.int8)
IMAGE = f32(1, 4, 7, 6)
LAST = 2e-7  # one unit in the last place of a float32

CASES = [
    case("Identity", X),
    case("Constant", value=np.arange(3, dtype=np.int8)),
    case("Constant", value_float=0.5),
    case("Constant", value_floats=(0.5, 1.5)),
    case("Constant", value_int=7),
    case("ConstantOfShape", i64(2, 3)),
    case("ConstantOfShape", i64(2, 3), value=np.asarray([4], dtype=np.int32)),
    case("ConstantOfShape", i64()),
    case("Shape", X),
    case("Shape", X, start=1),
    case("Shape", X, start=-2, end=-1),
    case("Shape", X, start=-9, end=9),
    case("Size", X),
    case("Cast", X, to=TensorProto.INT32),
    case("Cast", X, to=TensorProto.FLOAT16),
    case("Cast", X, to=TensorProto.BOOL),
    case("Cast", X, to=TensorProto.BFLOAT16),
    case("Cast", f32(20, low=-900, high=900), to=TensorProto.FLOAT8E4M3FN),
    case("Cast", INT, to=TensorProto.FLOAT),
    case("Cast", INT, to=TensorProto.INT8),
    case("CastLike", INT, scalar(0.0)),
    case("Reshape", X, i64(4, 6)),
    case("Reshape", X, i64(0, -1)),
    case("Reshape", X, i64(-1, 0, 2, 2)),
    case("Flatten", X),
    case("Flatten", X, axis=0),
    case("Flatten", X, axis=-1),
    case("Squeeze", f32(1, 3, 1, 4)),
    case("Squeeze", f32(1, 3, 1, 4), i64(-2)),
    case("Squeeze", f32(1, 3, 1, 4), opset=11, axes=(0, 2)),
    case("Unsqueeze", X, i64(0, -1)),
    case("Unsqueeze", X, opset=11, axes=(1,)),
    case("Transpose", X),
    case("Transpose", X, perm=(1, 2, 0)),
    case("Concat", X, f32(2, 5, 4), axis=1),
    case("Concat", X, f32(2, 3, 1), axis=-1),
    case("Split", f32(7, 2), num_outputs=3, outputs=3),
    case("Split", f32(2, 7), i64(2, 5), axis=1, outputs=2),
    case("Split", f32(6, 2), opset=11, split=(1, 2, 3), outputs=3),
    case("Slice", X, i64(0, 1), i64(2, 3)),
    case("Slice", X, i64(-1), i64(-(2**63)), i64(2), i64(-2)),
    case("Slice", X, i64(1), i64(2**63 - 1), i64(-1)),
    case("Slice", X, i64(3, 0), i64(-9, 9), i64(2, 1), i64(-1, 2)),
    case("Slice", X, opset=9, starts=(1,), ends=(3,), axes=(1,)),
    case("Gather", X, i64(1, -1, 0)),
    case("Gather", X, np.asarray([[2, 0]], dtype=np.int32), axis=1),
    case("Gather", X, scalar(1, np.int64), axis=-1),
    case("GatherElements", f32(3, 3), np.asarray([[1, -2, 0], [2, 0, 0]]), axis=0),
    case("GatherND", X, np.asarray([[1, 0], [0, 2]])),
    case("GatherND", X, np.asarray([[2], [0]]), batch_dims=1),
    case("ScatterND", X, np.asarray([[1, 0], [0, 2]]), f32(2, 4)),
    case("ScatterND", X, np.asarray([[1], [1]]), f32(2, 3, 4), reduction="add"),
    case("ScatterElements", f32(3, 3), np.asarray([[1, 2, 0]]), f32(1, 3), axis=0),
    case("Expand", f32(3, 1), i64(2, 1, 4)),
    case("Expand", f32(3, 4), i64(1)),
    case("Tile", X, i64(1, 2, 3)),
    case("Pad", X, i64(0, 1, 0, 2, 0, 1)),
    case("Pad", X, i64(0, 1, 0, 2, 0, 1), scalar(3.5)),
    case("Pad", X, i64(1, 1), scalar(3.5), i64(-1)),
    case("Pad", X, i64(0, 1, 2, 0, 0, 1), mode="reflect"),
    case("Pad", X, i64(0, 1, 2, 0, 0, 1), mode="edge"),
    case("Range", scalar(1, np.int64), scalar(10, np.int64), scalar(4, np.int64)),
    case("Range", scalar(5), scalar(-1), scalar(-1.5)),
    case("Range", scalar(5, np.int64), scalar(1, np.int64), scalar(1, np.int64)),
    case("EyeLike", f32(3, 4), k=1),
    case("Trilu", f32(3, 4)),
    case("Trilu", f32(3, 4), scalar(-1, np.int64), upper=0),
    case("NonZero", np.asarray([[1, 0], [2, 3]], dtype=np.float32)),
    case("OneHot", i64(1, -1, 5), scalar(4, np.int64), np.asarray([0, 7], dtype=np.float32)),
    case("DepthToSpace", IMAGE, blocksize=2),
    case("DepthToSpace", IMAGE, blocksize=2, mode="CRD"),
    case("SpaceToDepth", f32(1, 2, 4, 6), blocksize=2),
    case("Where", X > 0, X, f32(4)),
    *[case(op, X, f32(3, 1)) for op in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Less", "Greater")],
    *[case(op, INT, INT[:, :1]) for op in ("Add", "Sub", "Mul", "Equal", "LessOrEqual", "GreaterOrEqual")],
    *[case(op, X > 0, f32(4) > 0) for op in ("And", "Or", "Xor")],
    *[case(op, X) for op in ("Neg", "Abs", "Floor", "Ceil", "Sign", "Relu", "Reciprocal")],
    case("Not", X > 0),
    case("Neg", INT),
    case("Round", np.asarray([0.5, 1.5, -2.5, 2.4, -0.5], dtype=np.float32)),
    case("Sqrt", f32(9, low=0)),
    *[case(op, X, rtol=LAST) for op in ("Exp", "Sin", "Cos", "Tanh", "Sigmoid", "Softplus", "Erf")],
    case("Softsign", X, rtol=LAST),
    case("Log", f32(9, low=0.1), rtol=2e-6),
    case("Gelu", X, rtol=4e-6),
    case("Gelu", X, rtol=4e-6, approximate="tanh"),
    case("HardSigmoid", X, rtol=LAST),
    case("HardSwish", X, rtol=1e-6),
    case("LeakyRelu", X, rtol=LAST, alpha=0.25),
    case("Elu", X, rtol=LAST, alpha=1.5),
    case("Selu", X, rtol=4e-7),
    case("PRelu", X, f32(4)),
    case("Pow", f32(5, low=0.1), f32(5), rtol=LAST),
    case("Pow", f32(5), scalar(2, np.int64), rtol=LAST),
    case("Pow", INT, scalar(2, np.int32)),
    case("Mod", INT, scalar(7, np.int32)),
    case("Mod", X, scalar(0.75), fmod=1),
    case("Sum", X, f32(4), f32(1)),
    case("Mean", X, f32(4), f32(1), rtol=LAST),
    case("Clip", X, scalar(-0.5), scalar(0.5)),
    case("Clip", X, None, scalar(0.5)),
    case("Clip", X, scalar(0.5), scalar(-0.5)),
    case("Clip", X, opset=9, min=-1.0, max=1.0),
    case("IsNaN", np.asarray([np.nan, 1], dtype=np.float32)),
    case("IsInf", np.asarray([np.inf, -np.inf, 1], dtype=np.float32), detect_negative=0),
    *[case(op, X, i64(1), rtol=4e-7) for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")],
    *[case(op, X, i64(-1, 0), rtol=4e-7, keepdims=0) for op in ("ReduceSum", "ReduceProd", "ReduceL2")],
    case("ReduceSum", X, rtol=4e-7),
    case("ReduceSum", X, None, noop_with_empty_axes=1),
    case("ReduceSum", INT, i64(2)),
    case("ReduceMean", X, opset=13, rtol=4e-7, axes=(0, 2)),
    case("ReduceLogSumExp", X, i64(1), rtol=4e-7),
    case("ReduceSumSquare", X, i64(1), rtol=4e-7),
    case("ArgMax", X, axis=1),
    case("ArgMin", X, axis=-1, keepdims=0),
    case("CumSum", X, scalar(1, np.int64), rtol=1e-6),
    case("CumSum", X, scalar(-1, np.int64), rtol=1e-5, exclusive=1, reverse=1),
    case("MatMul", f32(2, 3, 4), f32(4, 5), rtol=2e-6),
    case("MatMul", f32(4), f32(4, 5), rtol=2e-6),
    case("MatMul", f32(5, 4), f32(4), rtol=2e-6),
    case("MatMul", INT, INT.transpose(0, 2, 1)),
    case("Gemm", f32(2, 4), f32(5, 4), f32(5), rtol=2e-6, transB=1),
    case("Gemm", f32(4, 2), f32(4, 5), f32(2, 1), rtol=2e-6, transA=1, alpha=0.5, beta=2.0),
    case("Gemm", f32(2, 4), f32(4, 5), rtol=2e-6),
    case("Einsum", f32(3, 4), f32(4, 5), rtol=2e-6, equation="ij,jk->ik"),
    case("MatMulInteger", BYTES, BYTES.T, scalar(3, np.int8), scalar(-2, np.int8)),
    case("QuantizeLinear", f32(3, 4, high=9), scalar(0.03), scalar(-5, np.int8)),
    case("QuantizeLinear", f32(3, 4), f32(3, low=0.01, high=0.05), np.asarray([1, 2, 3], np.uint8), axis=0),
    case("QuantizeLinear", f32(3, 4), scalar(0.01)),
    case("QuantizeLinear", f32(3, 4), scalar(0.0001), scalar(0, np.int16)),
    case("DequantizeLinear", BYTES, scalar(0.03), scalar(-5, np.int8)),
    case("DequantizeLinear", BYTES, f32(6, low=0.01), np.asarray([0, 1, 2, 3, 4, 5], np.int8), axis=1),
    case("DequantizeLinear", INT.reshape(-1), scalar(0.001)),
    case("DequantizeLinear", BYTES, f32(2, 6, low=0.01), axis=0, block_size=2),
    case("DynamicQuantizeLinear", f32(3, 4), outputs=3),
    case("Softmax", X, rtol=4e-7),
    case("Softmax", X, rtol=4e-7, axis=1),
    case("LogSoftmax", X, rtol=4e-6, axis=0),
    case("BatchNormalization", IMAGE, f32(4), f32(4), f32(4), f32(4, low=0.1), rtol=4e-6),
    case("LayerNormalization", X, f32(4), f32(4), rtol=4e-5),
    case("Conv", IMAGE, f32(6, 4, 3, 2), f32(6), rtol=2e-5, strides=(2, 1), pads=(1, 0, 1, 1)),
    case("Conv", IMAGE, f32(4, 2, 3, 3), rtol=2e-5, group=2, dilations=(2, 1)),
    case("Conv", IMAGE, f32(4, 1, 3, 3), rtol=2e-5, group=4, auto_pad="SAME_UPPER"),
    case("Conv", f32(2, 3, 9), f32(2, 3, 4), rtol=2e-5, strides=(2,)),
    case("ConvInteger", BYTES.reshape(1, 1, 4, 6), BYTES[:2, :4].reshape(2, 1, 2, 2), scalar(2, np.int8)),
    case("ConvTranspose", IMAGE, f32(4, 2, 3, 3), rtol=2e-5, strides=(2, 2), pads=(1, 1, 1, 1)),
    case("ConvTranspose", IMAGE, f32(4, 2, 3, 3), rtol=2e-5, strides=(2, 2), auto_pad="SAME_UPPER"),
    case("ConvTranspose", IMAGE, f32(4, 2, 3, 3), rtol=2e-5, strides=(3, 2), auto_pad="SAME_LOWER"),
    *(
        case("Resize", IMAGE, None, np.asarray(scales, np.float32), rtol=1e-5, **attributes)
        for scales in ([1, 1, 2, 2], [1, 1, 1.5, 0.6], [1, 2, 0.65, 3])
        for attributes in (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"mode": "nearest", "nearest_mode": "ceil"},
            {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
            {"mode": "linear"},
            {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
            {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"},
            {"mode": "cubic", "coordinate_transformation_mode": "align_corners"},
            {"mode": "cubic", "exclude_outside": 1},
        )
    ),
    case("Resize", IMAGE, None, None, i64(14, 5), axes=(2, 3), keep_aspect_ratio_policy="not_larger"),
    case("Resize", IMAGE, None, None, i64(14, 5), axes=(2, 3), keep_aspect_ratio_policy="not_smaller"),
    case("MaxPool", IMAGE, kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1)),
    case("MaxPool", IMAGE, kernel_shape=(2, 2), strides=(2, 2), ceil_mode=1),
    case("AveragePool", IMAGE, rtol=4e-7, kernel_shape=(3, 3), pads=(1, 1, 1, 1)),
    case("AveragePool", IMAGE, rtol=4e-7, kernel_shape=(3, 3), pads=(1, 1, 1, 1), count_include_pad=1),
    case("GlobalAveragePool", IMAGE, rtol=4e-7),
    case("GlobalMaxPool", IMAGE),
]  # fmt: skip


def reference(c: Case) -> list[Array]:
    names = [f"i{k}" if value is not None else "" for k, value in enumerate(c.inputs)]
    outputs = [f"o{k}" for k in range(c.outputs)]
    attributes = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in c.attributes.items()
    }
    node = helper.make_node(c.op_type, names, outputs, **attributes)
    given = {name: value for name, value in zip(names, c.inputs, strict=True) if value is not None}
    types = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in given.items()}
    model = onnx_model(
        [node],
        {name: value.shape for name, value in given.items()},
        dict.fromkeys(outputs),
        opset=c.opset,
        types=types,
    )
    return [np.asarray(array) for array in ReferenceEvaluator(model).run(None, given)]


def node_of(c: Case) -> Node:
    return Node(
        name="n",
        op_type=c.op_type,
        domain="",
        opset=c.opset,
        inputs=tuple(f"i{k}" if value is not None else "" for k, value in enumerate(c.inputs)),
        outputs=tuple(f"o{k}" for k in range(c.outputs)),
        attributes=c.attributes,
    )


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{i}-{c.op_type}" for i, c in enumerate(CASES)])
def test_against_the_reference(number: int) -> None:
    c = CASES[number]
    assert can_evaluate(node_of(c))
    for ordered in (True, False):
        results = evaluate(node_of(c), c.inputs, ordered=ordered)
        for found, expected in zip(results, reference(c), strict=True):
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape), f"seed {SEED}"
            np.testing.assert_allclose(
                found.astype(np.float64),
                expected.astype(np.float64),
                rtol=c.rtol,
                atol=c.rtol,
                err_msg=f"seed {SEED}",
            )


def test_softmax_before_opset_13_runs_over_all_later_dimensions() -> None:
    old = case("Softmax", X, opset=11, axis=1)
    flat = case("Softmax", X.reshape(2, 12), axis=1)
    (found,), (expected,) = evaluate(node_of(old), [X]), evaluate(node_of(flat), [X.reshape(2, 12)])
    assert np.array_equal(found.reshape(2, 12), expected)


def test_integer_division_drops_the_fraction() -> None:
    a, b = np.asarray([7, -7, 7, -7, 5]), np.asarray([2, 2, -2, -2, 0])
    (found,) = evaluate(node_of(case("Div", a, b)), [a, b])
    assert found.tolist() == [3, -3, -3, 3, 0]


def test_negative_padding_cuts_elements_off() -> None:
    (found,) = evaluate(node_of(case("Pad", X, i64())), [X, i64(0, -1, 1, 0, 0, -2)])
    assert np.array_equal(found, np.pad(X[:, 1:, :2], [(0, 0), (0, 0), (1, 0)]))


def test_ordered_products_are_exact_sums_rounded_once() -> None:
    a, b = f32(3, 300), f32(300, 2)
    (found,) = evaluate(node_of(case("MatMul", a, b)), [a, b], ordered=True)
    total = np.zeros((3, 2))
    for k in range(300):
        total += np.outer(a[:, k].astype(np.float64), b[k].astype(np.float64))
    assert np.array_equal(found, total.astype(np.float32)), f"seed {SEED}"


def test_integer_products_are_exact_at_the_limits() -> None:
    a = np.full((2, 1000), -128, dtype=np.int8)
    (found,) = evaluate(node_of(case("MatMulInteger", a, a.T)), [a, a.T])
    assert found.tolist() == [[16384000, 16384000]] * 2


def test_qlinear_operators_saturate() -> None:
    a, w = np.full((1, 4), 127, dtype=np.int8), np.full((4, 2), 127, dtype=np.int8)
    one, zero = scalar(1.0), scalar(0, np.int8)
    inputs = [a, one, zero, w, one, zero, scalar(0.5), scalar(3, np.int8)]
    (found,) = evaluate(node_of(Case(op_type="QLinearMatMul", inputs=inputs)), inputs)
    assert found.tolist() == [[127, 127]]
    inputs[6] = scalar(1000.0)
    (found,) = evaluate(node_of(Case(op_type="QLinearMatMul", inputs=inputs)), inputs)
    assert found.tolist() == [[68, 68]]


def test_unknown_operators_are_refused() -> None:
    unknown = float_node("n", "LSTM", ["x"], ["y"])
    foreign = Node(name="f", op_type="Add", domain="my", opset=1, inputs=("x",), outputs=("y",))
    assert not can_evaluate(unknown)
    assert not can_evaluate(foreign)
    with pytest.raises(NotEvaluatedError, match=r"^node 'n' \(LSTM\): NumPy evaluation does not know"):
        evaluate(unknown, [X])


@pytest.mark.parametrize(
    ("c", "message"),
    [
        (case("Add", X), "needs at least 2 inputs"),
        (case("Add", X, f32(5)), "inputs do not fit the operator: operands could not be broadcast"),
        (case("Gather", X, i64(2)), "an index lies outside the 2 elements of its axis"),
        (case("Concat", X, axis=5), "inputs do not fit the operator: axis 5 is out of bounds"),
        (case("Softmax", X, axis=3), "axis 3 is outside the 3 dimensions of its input"),
        (case("Reshape", X, i64(5, 5)), "inputs do not fit the operator: cannot reshape array"),
        (case("Split", X, i64(1, 2), outputs=2), r"parts \[1, 2\] do not add up to the dimension 2"),
        (case("Range", scalar(1), scalar(2), scalar(0)), "delta is 0; a range needs a step"),
        (case("Pad", X, i64(0, 0, 0, 0, 0, 0), mode="odd"), "padding mode 'odd' is unknown"),
        (case("Conv", IMAGE, f32(1, 4, 1, 1), auto_pad="ODD"), "auto_pad 'ODD' is unknown"),
        (case("MaxPool", IMAGE), "needs the attribute kernel_shape"),
        (case("Dropout", X, None, scalar(1, np.bool_)), "training mode drops random elements"),
        (case("MatMul", X, f32(5, 2)), "inputs do not fit the operator: inner dimensions 4 and 5 differ"),
    ],
)
def test_wrong_inputs_name_the_node(c: Case, message: str) -> None:
    with pytest.raises(ModelError, match=rf"^node 'n' \({c.op_type}\): {message}"):
        evaluate(node_of(c), c.inputs)


def test_running_a_graph() -> None:
    nodes = [
        float_node("a", "Add", ["x", "c"], ["h"]),
        float_node("b", "Split", ["h"], ["p", "q"], axis=1),
        float_node("c", "Sub", ["p", "x"], ["z"]),
    ]
    graph = float_graph(
        nodes, outputs=["z", "h"], constants={"c": np.ones(2, dtype=np.float32)}, shape=(1, 2)
    )
    x = np.asarray([[1, 2]], dtype=np.float32)
    results = run_graph(graph, {"x": x})
    assert {name: array.tolist() for name, array in results.items()} == {"z": [[1, 0]], "h": [[2, 3]]}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "test.onnx: input 'x' (float32[2,3]) is missing"),
        ({"xx": X}, "test.onnx has no input 'xx'; its inputs are x; did you mean 'x'?"),
        ({"x": np.ones((2, 3))}, "test.onnx: input 'x' must be float32[2,3], not float64[2,3]"),
        ({"x": X}, "test.onnx: input 'x' must be float32[2,3], not float32[2,3,4]"),
    ],
)
def test_wrong_graph_inputs_are_refused(inputs: dict[str, Array], message: str) -> None:
    graph = float_graph([float_node("a", "Relu", ["x"], ["y"])])
    with pytest.raises(InputError) as caught:
        run_graph(graph, inputs)
    assert str(caught.value) == message


def test_graphs_with_unknown_operators_are_refused() -> None:
    nodes = [float_node("a", "LSTM", ["x"], ["h"]), float_node("b", "GRU", ["h"], ["y"])]
    with pytest.raises(ModelError) as caught:
        run_graph(float_graph(nodes), {"x": X[:, :, 0]})
    assert str(caught.value) == "test.onnx: NumPy evaluation does not know GRU, LSTM"
