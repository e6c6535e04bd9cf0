"""Every image operator, over its parameters: what the passes make of it has the value of the original graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.models import ModelMaker
from compiler.passes_check import kinds, same_value
from lpu_emu.compiler.passes.operators import DOMAIN, ORDER
from lpu_emu.graph.ir import Graph

Rng = np.random.Generator
CASES = range(12)


def floats(rng: Rng, *shape: int) -> NDArray[np.float32]:
    return (rng.standard_normal(shape) * 0.4).astype(np.float32)


def image(maker: ModelMaker, rng: Rng, rank: int = 2, channels: int = 0) -> tuple[str, tuple[int, ...]]:
    """Add an input that a convolution reads, so that it is an image, and return what the convolution makes."""
    shape = (
        int(rng.integers(1, 3)),
        channels or int(rng.integers(1, 7)),
        *rng.integers(4, 10, rank).tolist(),
    )
    x = maker.input("x", shape)
    weights = maker.constant("image_w", floats(rng, shape[1], shape[1], *(1,) * rank))
    return maker.node("Conv", [x, weights], "image"), shape


def choice(rng: Rng, *options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def window(rng: Rng, rank: int, reach: int = 4) -> dict[str, Any]:
    kernel = rng.integers(1, reach + 1, rank).tolist()
    found = {
        "strides": tuple(rng.integers(1, 4, rank).tolist()),
        "dilations": tuple(1 if k > 2 else int(rng.integers(1, 3)) for k in kernel),
    }
    mode = choice(rng, "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
    if mode == "NOTSET":
        found["pads"] = tuple(int(rng.integers(0, k)) for k in (*kernel, *kernel))
    else:
        found["auto_pad"] = mode
    return {"kernel": tuple(kernel), **found}


@pytest.mark.parametrize("seed", range(40))
def test_conv(seed: int) -> None:
    rng, maker = np.random.default_rng(seed), ModelMaker()
    rank = choice(rng, 1, 2, 2, 2, 3)
    groups = choice(rng, 1, 1, 2, 3)
    channels, outputs = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
    x = maker.input("x", (int(rng.integers(1, 3)), channels, *rng.integers(5, 9, rank).tolist()))
    attributes = window(rng, rank)
    kernel = attributes.pop("kernel")
    inputs = [x, maker.constant("w", floats(rng, outputs, channels // groups, *kernel))]
    if rng.integers(2):
        inputs.append(maker.constant("b", floats(rng, outputs)))
    y = maker.node("Conv", inputs, "y", group=groups, **attributes)
    same_value(maker.graph(maker.node("Relu", [y], "z")), f"seed {seed}")


@pytest.mark.parametrize("seed", range(40))
def test_transposed_conv(seed: int) -> None:
    rng, maker = np.random.default_rng(seed), ModelMaker()
    rank, groups = choice(rng, 1, 2, 2), choice(rng, 1, 1, 2, 3)
    channels, per_group = groups * int(rng.integers(1, 4)), int(rng.integers(1, 4))
    spatial = rng.integers(2, 6, rank).tolist()
    x = maker.input("x", (int(rng.integers(1, 3)), channels, *spatial))
    strides = rng.integers(1, 4, rank).tolist()
    kernel = [int(rng.integers(1, 5)) for _ in strides]
    attributes: dict[str, Any] = {"strides": tuple(strides)}
    kind = choice(rng, "pads", "pads", "VALID", "SAME_UPPER", "SAME_LOWER", "output_shape")
    if kind == "pads":
        attributes["pads"] = tuple(int(rng.integers(0, (k + 1) // 2)) for k in (*kernel, *kernel))
        attributes["output_padding"] = tuple(int(rng.integers(0, s)) for s in strides)
        attributes["dilations"] = tuple(rng.integers(1, 3, rank).tolist())
    elif kind == "output_shape":
        full = [(i - 1) * s + k for i, s, k in zip(spatial, strides, kernel, strict=True)]
        attributes["output_shape"] = tuple(max(1, f - int(rng.integers(0, 3))) for f in full)
    else:
        attributes["auto_pad"] = kind
    w = maker.constant("w", floats(rng, channels, per_group, *kernel))
    b = maker.constant("b", floats(rng, groups * per_group))
    same_value(
        maker.graph(maker.node("ConvTranspose", [x, w, b], "y", group=groups, **attributes)), f"seed {seed}"
    )


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("seed", range(25))
def test_pool(seed: int, op_type: str) -> None:
    rng, maker = np.random.default_rng(seed), ModelMaker()
    rank = choice(rng, 1, 2, 2, 3)
    x, _ = image(maker, rng, rank)
    attributes = window(rng, rank, reach=4 if rank > 1 else 11)
    if rank == 1:
        attributes["dilations"] = (1,)
        attributes["kernel"] = (min(attributes["kernel"][0], 4),)
    attributes["kernel_shape"] = attributes.pop("kernel")
    if "pads" in attributes:
        attributes["pads"] = tuple(
            min(p, k - 1) for p, k in zip(attributes["pads"], attributes["kernel_shape"] * 2, strict=True)
        )
    if attributes.get("auto_pad", "NOTSET") == "NOTSET":
        attributes["ceil_mode"] = int(rng.integers(2))
    if op_type == "AveragePool":
        attributes["count_include_pad"] = int(rng.integers(2))
    same_value(maker.graph(maker.node(op_type, [x], "y", opset=19, **attributes)), f"seed {seed}")


def test_a_large_window_is_taken_in_stages() -> None:
    rng, maker = np.random.default_rng(0), ModelMaker()
    x = maker.input("x", (1, 2, 30, 21))
    y = maker.node("MaxPool", [x], "y", kernel_shape=(20, 9), pads=(5, 4, 5, 4))
    graph = same_value(maker.graph(y), "large window")
    taps = [n.attributes["rows"].shape[1] for n in graph.nodes if n.op_type == "WindowMax"]  # type: ignore[attr-defined]
    assert max(taps) <= 8
    assert len(taps) == 4
    del rng


@pytest.mark.parametrize("op_type", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pool(op_type: str) -> None:
    for seed in CASES:
        rng, maker = np.random.default_rng(seed), ModelMaker()
        x, _ = image(maker, rng, choice(rng, 1, 2, 3))
        same_value(maker.graph(maker.node(op_type, [x], "y")), f"seed {seed}")


@pytest.mark.parametrize("seed", CASES)
def test_reductions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for op_type in (
        "ReduceSum",
        "ReduceMean",
        "ReduceMax",
        "ReduceMin",
        "ReduceL2",
        "ReduceL1",
        "ReduceSumSquare",
    ):
        maker = ModelMaker()
        x, shape = image(maker, rng)
        axes = sorted(rng.choice(4, int(rng.integers(1, 5)), replace=False).tolist())
        axes = [a - 4 if rng.integers(2) else a for a in axes]
        named = maker.constant("axes", np.asarray(axes, dtype=np.int64))
        y = maker.node(op_type, [x, named], "y", opset=18, keepdims=int(rng.integers(2)))
        same_value(maker.graph(y), f"seed {seed} {op_type} {axes} of {shape}", tolerance=1e-4)


@pytest.mark.parametrize("seed", CASES)
def test_movements(seed: int) -> None:
    for name, build in MOVEMENTS.items():
        rng, maker = np.random.default_rng(seed), ModelMaker()
        x, shape = image(maker, rng, channels=6)
        y = build(maker, rng, x, shape)
        z = maker.node("Neg", [y], "z")
        same_value(maker.graph(y, z), f"seed {seed} {name}")


def _concat(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    other = maker.node("Neg", [x], "other")
    return maker.node("Concat", [x, other, x], "y", axis=int(rng.integers(-4, 4)))


def _split(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    axis = int(rng.integers(1, 4))
    first = int(rng.integers(1, shape[axis]))
    starts, ends = maker.constant("s", np.array([first])), maker.constant("e", np.array([1 << 40]))
    tail = maker.node("Slice", [x, starts, ends, maker.constant("a", np.array([axis]))], "tail")
    return maker.node("Concat", [tail, x], "y", axis=axis)


def _slice(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    steps = [int(choice(rng, -2, -1, 1, 2, 3)) for _ in shape]
    starts = [0 if s > 0 else -1 for s in steps]
    ends = [1 << 40 if s > 0 else -(1 << 40) for s in steps]
    names = [
        maker.constant(f"c{i}", np.array(v)) for i, v in enumerate((starts, ends, range(len(shape)), steps))
    ]
    return maker.node("Slice", [x, *names], "y")


def _pad(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    mode = choice(rng, "constant", "reflect", "edge", "wrap")
    pads = [0, 0, *rng.integers(0, 3, 2).tolist(), 0, 0, *rng.integers(-1, 3, 2).tolist()]
    inputs = [x, maker.constant("p", np.array(pads))]
    if mode == "constant" and rng.integers(2):
        inputs.append(maker.constant("v", np.float32(-3.5)))
    return maker.node("Pad", inputs, "y", opset=19, mode=mode)


def _pad_channels(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    pads = rng.integers(0, 3, 8).tolist()
    return maker.node("Pad", [x, maker.constant("p", np.array(pads))], "y", opset=19)


def _transpose(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    perm = choice(rng, (0, 2, 3, 1), (0, 1, 3, 2), (2, 3, 0, 1), (3, 0, 2, 1))
    return maker.node("Transpose", [x], "y", perm=perm)


def _shuffle(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    n, c, h, w = shape
    split = maker.node("Reshape", [x, maker.constant("r1", np.array([n, 2, c // 2, h, w]))], "r_1")
    turned = maker.node("Transpose", [split], "r_2", perm=(0, 2, 1, 3, 4))
    return maker.node("Reshape", [turned, maker.constant("r3", np.array(shape))], "y")


def _flatten(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    return maker.node("Flatten", [x], "y", axis=int(rng.integers(1, 3)))


def _expand(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    pooled = maker.node("GlobalAveragePool", [x], "pooled")
    return maker.node("Expand", [pooled, maker.constant("to", np.array(shape))], "y")


def _gather(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    axis = int(rng.integers(0, 4))
    indices = rng.integers(-shape[axis], shape[axis], 5)
    return maker.node("Gather", [x, maker.constant("i", indices)], "y", axis=axis)


def _tile(maker: ModelMaker, rng: Rng, x: str, shape: tuple[int, ...]) -> str:
    return maker.node("Tile", [x, maker.constant("t", rng.integers(1, 3, 4))], "y")


MOVEMENTS: dict[str, Callable[[ModelMaker, Rng, str, tuple[int, ...]], str]] = {
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Pad": _pad,
    "Pad of channels": _pad_channels,
    "Transpose": _transpose,
    "channel shuffle": _shuffle,
    "Flatten": _flatten,
    "Expand": _expand,
    "Gather": _gather,
    "Tile": _tile,
}


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_and_space(mode: str) -> None:
    maker = ModelMaker()
    x, _ = image(maker, np.random.default_rng(1), channels=8)
    y = maker.node("DepthToSpace", [x], "y", blocksize=2, mode=mode)
    z = maker.node("SpaceToDepth", [y], "z", blocksize=2)
    same_value(maker.graph(y, z), mode)


@pytest.mark.parametrize("seed", CASES)
def test_spreading_activations(seed: int) -> None:
    rng, maker = np.random.default_rng(seed), ModelMaker()
    x, shape = image(maker, rng)
    pooled = maker.node("GlobalAveragePool", [x], "pooled")
    one = maker.node("ReduceMean", [x], "one", axes=(1,), opset=13)
    flat = maker.node("Flatten", [pooled], "flat")
    gate = maker.node("Sigmoid", [flat], "gate")
    back = maker.node("Reshape", [gate, maker.constant("back", np.array([0, -1, 1, 1]))], "gates")
    y = maker.node("Mul", [x, back], "y")
    z = maker.node("Sub", [one, y], "z")
    row = maker.constant("row", floats(rng, shape[1], 1, 1))
    same_value(maker.graph(maker.node("Add", [z, row], "out"), y), f"seed {seed}")


def test_transposes_around_convolutions_vanish() -> None:
    rng, maker = np.random.default_rng(0), ModelMaker()
    x = maker.input("x", (1, 6, 5, 3))
    y = maker.node("Transpose", [x], "first", perm=(0, 3, 1, 2))
    y = maker.node("Conv", [y, maker.constant("w", floats(rng, 4, 3, 3, 3))], "c", pads=(1, 1, 1, 1))
    y = maker.node("Relu", [y], "r")
    graph = same_value(maker.graph(maker.node("Transpose", [y], "y", perm=(0, 2, 3, 1))), "NHWC")
    assert kinds(graph) == ["WindowLinear", "Reshape"]


def test_orders_stand_at_the_border_only() -> None:
    rng, maker = np.random.default_rng(0), ModelMaker()
    x = maker.input("x", (1, 3, 8, 8))
    y = maker.node("Conv", [x, maker.constant("w", floats(rng, 4, 3, 3, 3))], "y")
    graph = same_value(maker.graph(maker.node("Relu", [y], "z"), y), "border")
    assert_orders_at_border(graph)


def assert_orders_at_border(graph: Graph) -> None:
    for node in graph.nodes:
        if node.domain == DOMAIN and node.op_type == ORDER:
            assert node.inputs[0] in graph.inputs or node.outputs[0] in graph.outputs


def test_a_flattened_image_is_multiplied_as_a_window() -> None:
    rng, maker = np.random.default_rng(0), ModelMaker()
    x, shape = image(maker, rng)
    flat = maker.node("Flatten", [maker.node("Relu", [x], "a")], "flat")
    flat = maker.node("Relu", [flat], "b")
    w = maker.constant("w", floats(rng, 5, int(np.prod(shape[1:]))))
    y = maker.node("Gemm", [flat, w, maker.constant("c", floats(rng, 5))], "y", transB=1, alpha=0.5, beta=2.0)
    graph = same_value(maker.graph(y), "flatten", tolerance=1e-4)
    assert "GatherRows" not in kinds(graph)
    assert "LaneMap" not in kinds(graph)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_along_any_axis(axis: int, opset: int) -> None:
    rng, maker = np.random.default_rng(2), ModelMaker()
    if opset == 11:
        x = maker.node("GlobalAveragePool", [image(maker, rng)[0]], "pooled")
    else:
        x, _ = image(maker, rng)
    same_value(maker.graph(maker.node("Softmax", [x], "y", axis=axis, opset=opset)), f"axis {axis}")


RESIZES: list[dict[str, Any]] = [
    {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    {"mode": "nearest"},
    {"mode": "nearest", "nearest_mode": "ceil", "coordinate_transformation_mode": "align_corners"},
    {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    {"mode": "linear"},
    {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
    {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"},
    {"mode": "cubic"},
    {"mode": "cubic", "exclude_outside": 1},
]


@pytest.mark.parametrize("attributes", RESIZES, ids=lambda a: "-".join(map(str, a.values())))
def test_resize(attributes: dict[str, Any]) -> None:
    for seed, scales in enumerate([(2, 2), (1.5, 2.5), (0.6, 1), (3, 0.5)]):
        rng, maker = np.random.default_rng(seed), ModelMaker()
        x, _ = image(maker, rng)
        sizes = maker.constant("scales", np.asarray([1, 1, *scales], dtype=np.float32))
        y = maker.node("Resize", [x, "", sizes], "y", **attributes)
        same_value(maker.graph(y), f"scales {scales}", tolerance=1e-4)


@pytest.mark.parametrize("seed", range(30))
def test_inputs_of_few_channels_are_written_in_blocks(seed: int) -> None:
    rng, maker = np.random.default_rng(seed), ModelMaker()
    rank = choice(rng, 1, 2, 2, 3)
    strides = rng.integers(1, 4, rank).tolist()
    strides[0] = max(2, strides[0])
    channels = int(rng.integers(1, 4))
    kernel = rng.integers(1, 8 if rank < 3 else 4, rank).tolist()
    x = maker.input("x", (int(rng.integers(1, 3)), channels, *(s * int(rng.integers(3, 6)) for s in strides)))
    if rng.integers(2):
        mean = maker.constant("mean", floats(rng, channels, *(1,) * rank))
        x = maker.node(
            "Mul", [maker.node("Sub", [x, mean], "centred"), maker.constant("two", np.float32(2))], "in"
        )
    pads = tuple(int(rng.integers(0, k)) for k in kernel * 2)
    w = maker.constant("w", floats(rng, 5, channels, *kernel))
    y = maker.node("Conv", [x, w], "y", strides=tuple(strides), pads=pads)
    graph = same_value(maker.graph(maker.node("Relu", [y], "z")), f"seed {seed}", tolerance=1e-4)
    (window,) = [node for node in graph.nodes if node.op_type in ("WindowLinear", "Linear")]
    assert graph.values[window.inputs[0]].shape[-1] == channels * np.prod(strides), f"seed {seed}"
    assert_orders_at_border(graph)
