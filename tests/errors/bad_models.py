"""Models that are wrong, one way each: a name, how the file is made, and what the message must say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Write = Callable[[Path], None]
FLOAT = TensorProto.FLOAT
WEIGHTS: NDArray[np.float32] = np.linspace(-1, 1, 8 * 8, dtype=np.float32).reshape(8, 8)
KERNEL: NDArray[np.float32] = np.linspace(-1, 1, 4 * 3 * 9, dtype=np.float32).reshape(4, 3, 3, 3)


@dataclass(frozen=True, kw_only=True)
class BadModel:
    """A model file that every command must refuse with one message.

    ``says`` are parts of that message. ``options`` go to all commands, ``run_options`` to ``run``. ``accepted_by`` are
    commands for which the model is fine.
    """

    name: str
    write: Write
    says: Sequence[str]
    options: Sequence[str] = ()
    accepted_by: Sequence[str] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def gemm(
    weights: NDArray[Any] | None = WEIGHTS,
    *,
    x: Sequence[int | str] = (2, 8),
    dtype: int = FLOAT,
    op_type: str = "Gemm",
    opset: int = 17,
    change: Callable[[onnx.ModelProto], None] | None = None,
) -> Write:
    """Return what writes ``y = op(x, w)``; without weights the constant is missing."""

    def write(path: Path) -> None:
        constants = [] if weights is None else [numpy_helper.from_array(weights, "w")]
        model = _model(
            [helper.make_node(op_type, ["x", "w"], ["y"], name="layer")],
            helper.make_tensor_value_info("x", dtype, x),
            helper.make_tensor_value_info("y", dtype, None),
            constants,
            opset,
        )
        if change is not None:
            change(model)
        path.write_bytes(model.SerializeToString())

    return write


def conv(kernel: NDArray[Any] = KERNEL, *, x: Sequence[int | str] = (1, 3, 8, 8), **attributes: Any) -> Write:
    """Return what writes a convolution."""

    def write(path: Path) -> None:
        model = _model(
            [helper.make_node("Conv", ["x", "w"], ["y"], name="layer", **attributes)],
            helper.make_tensor_value_info("x", FLOAT, x),
            helper.make_tensor_value_info("y", FLOAT, None),
            [numpy_helper.from_array(kernel, "w")],
            17,
        )
        path.write_bytes(model.SerializeToString())

    return write


def _model(
    nodes: Sequence[onnx.NodeProto],
    x: onnx.ValueInfoProto,
    y: onnx.ValueInfoProto,
    constants: Sequence[onnx.TensorProto],
    opset: int,
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "m", [x], [y], list(constants))
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )
    return model


def damaged(change: Callable[[bytes], bytes]) -> Write:
    """Return what writes the bytes of a good model after a change."""

    def write(path: Path) -> None:
        gemm()(path)
        path.write_bytes(change(path.read_bytes()))

    return write


def with_value(value: float) -> NDArray[np.float32]:
    """Return the weights with one of another value."""
    weights = WEIGHTS.copy()
    weights[3, 3] = value
    return weights


def external(location: str, length: int = WEIGHTS.nbytes) -> Write:
    """Return what writes a model whose weights are said to lie in another file."""

    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, "offset": "0", "length": str(length)}.items():
            tensor.external_data.add(key=key, value=value)

    return gemm(change=change)


def content(data: bytes) -> Write:
    """Return what writes some bytes."""

    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def control_flow(path: Path) -> None:
    """Write a model that chooses between two subgraphs."""
    value = helper.make_tensor_value_info("y", FLOAT, [2, 8])
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "branch", [], [value])
    node = helper.make_node("If", ["flag"], ["y"], name="layer", then_branch=branch, else_branch=branch)
    model = _model([node], helper.make_tensor_value_info("x", FLOAT, [2, 8]), value, [], 17)
    model.graph.input.append(helper.make_tensor_value_info("flag", TensorProto.BOOL, []))
    path.write_bytes(model.SerializeToString())


def _cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "z"
    model.graph.node.append(helper.make_node("Relu", ["y"], ["z"], name="behind"))


def _no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def _no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def _twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def _short_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"\0" * 12


QUANTISE = ("quantise",)
BAD_MODELS = (
    BadModel(name="empty", write=content(b""), says=["m.onnx", "no graph"]),
    BadModel(name="text", write=content(b"hello"), says=["not an ONNX model"]),
    BadModel(name="zip", write=damaged(lambda data: b"PK\x03\x04" + data), says=["a zip archive"]),
    BadModel(name="truncated", write=damaged(lambda data: data[: len(data) // 2]), says=["m.onnx"]),
    BadModel(name="cut-by-one", write=damaged(lambda data: data[:-1]), says=["m.onnx"]),
    BadModel(
        name="corrupt", write=damaged(lambda data: data[:40] + b"\xff" * 16 + data[56:]), says=["m.onnx"]
    ),
    BadModel(name="missing-initialiser", write=gemm(None), says=["'w'"]),
    BadModel(name="short-initialiser", write=gemm(change=_short_data), says=["'w'"]),
    BadModel(name="initialiser-twice", write=gemm(change=_twice), says=["two initialisers are named 'w'"]),
    BadModel(name="no-opset", write=gemm(change=_no_opset), says=["opset"]),
    BadModel(name="new-opset", write=gemm(opset=999), says=["uses opset 999"]),
    BadModel(name="old-opset", write=gemm(opset=3), says=["uses opset 3"]),
    BadModel(name="no-outputs", write=gemm(change=_no_outputs), says=["no outputs"]),
    BadModel(name="cycle", write=gemm(change=_cycle), says=["m.onnx"]),
    BadModel(name="unknown-operator", write=gemm(op_type="Gemmm"), says=["Gemmm"]),
    BadModel(
        name="unsupported-operator",
        write=gemm(np.zeros((2, 8), dtype=np.int64), op_type="GatherElements"),
        says=["GatherElements"],
        accepted_by=QUANTISE,
    ),
    BadModel(name="control-flow", write=control_flow, says=["'layer'", "subgraph"]),
    BadModel(
        name="unsupported-type",
        write=gemm(WEIGHTS.astype(np.float64), dtype=TensorProto.DOUBLE),
        says=["float64"],
        accepted_by=QUANTISE,
    ),
    BadModel(
        name="open-dimension", write=gemm(x=("batch", 8)), says=["open dimension batch", "--shape x=1x8"]
    ),
    BadModel(
        name="shape-of-other-rank",
        write=gemm(x=("batch", 8)),
        says=["x", "dimensions"],
        options=["--shape", "x=1x8x8"],
    ),
    BadModel(
        name="shape-of-unknown-input",
        write=gemm(),
        says=["'z'", "the inputs are: x"],
        options=["--shape", "z=1x8"],
    ),
    BadModel(name="zero-sized-input", write=gemm(x=(0, 8)), says=["no elements"]),
    BadModel(name="zero-sized-weights", write=gemm(np.zeros((8, 0), dtype=np.float32)), says=["no elements"]),
    BadModel(name="nan-weights", write=gemm(with_value(np.nan)), says=["'w' holds NaN in 1 of 64"]),
    BadModel(name="infinite-weights", write=gemm(with_value(np.inf)), says=["'w'", "infinity in 1 of 64"]),
    BadModel(name="ranks-do-not-fit", write=gemm(x=(2, 3, 8)), says=["layer"]),
    BadModel(name="sizes-do-not-fit", write=gemm(x=(2, 7)), says=["layer"]),
    BadModel(name="image-of-wrong-rank", write=conv(x=(3, 8)), says=["layer"]),
    BadModel(name="channels-do-not-fit", write=conv(x=(1, 5, 8, 8)), says=["layer"]),
    BadModel(name="window-larger-than-image", write=conv(x=(1, 3, 2, 2)), says=["layer"]),
    BadModel(name="stride-zero", write=conv(strides=[0, 0]), says=["layer"]),
    BadModel(name="group-zero", write=conv(group=0), says=["layer"]),
    BadModel(name="external-missing", write=external("weights.bin"), says=["'weights.bin'", "missing"]),
    BadModel(
        name="external-short",
        write=external("weights.bin"),
        says=["'weights.bin'", "too short"],
        files={"weights.bin": b"\0" * 16},
    ),
    BadModel(name="external-outside", write=external("../weights.bin"), says=["does not lie beside"]),
    BadModel(
        name="too-large",
        write=gemm(np.ones((8, 4096), dtype=np.float32)),
        says=["65,536 bytes as fp16", "32,768 bytes more", "chip tiny", "--chip tsp1"],
        options=["--chip", "tiny"],
        accepted_by=QUANTISE,
    ),
)
