from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from onnx import helper

from lpu_emu.errors import ModelError
from lpu_emu.graph import Graph, read_onnx_bytes

from .builders import onnx_model


def read(
    inputs: Mapping[str, Sequence[int | str] | None], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Graph:
    nodes = [helper.make_node("Relu", [name], [f"{name}_out"]) for name in inputs]
    model = onnx_model(nodes, inputs, {f"{name}_out": None for name in inputs})
    return read_onnx_bytes(model.SerializeToString(), "m.onnx", shapes)


def refusal(
    inputs: Mapping[str, Sequence[int | str] | None], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> str:
    with pytest.raises(ModelError) as caught:
        read(inputs, shapes)
    return str(caught.value)


def test_fixed_shapes_need_no_request() -> None:
    assert read({"x": [2, 3]}).values["x_out"].shape == (2, 3)
    assert read({"x": []}).values["x_out"].shape == ()


def test_open_dimensions_take_the_given_size() -> None:
    assert read({"x": ["batch", 64]}, {"x": (5, 64)}).values["x_out"].shape == (5, 64)
    assert read({"x": ["", 64]}, {"x": (5, 64)}).values["x_out"].shape == (5, 64)


def test_unknown_rank_takes_the_given_shape() -> None:
    assert read({"x": None}, {"x": (5, 64)}).values["x_out"].shape == (5, 64)


def test_a_name_means_one_size() -> None:
    graph = read({"x": ["n", 4], "z": ["n", "m"], "q": ["m"]}, {"z": (3, 7)})
    assert [graph.values[name].shape for name in ("x", "z", "q")] == [(3, 4), (3, 7), (7,)]


def test_an_open_dimension_is_refused_with_advice() -> None:
    assert refusal({"x": ["batch", 64]}) == (
        "m.onnx: input 'x' [batch, 64] has open dimension batch; give it a size, for example --shape x=1x64"
    )


def test_all_open_inputs_are_named() -> None:
    assert refusal({"x": ["b", "", 3], "y": None, "z": [2]}) == (
        "m.onnx: input 'x' [b, ?, 3] has open dimension b, ?; give it a size, for example --shape x=1x1x3\n"
        "m.onnx: input 'y' of unknown rank has no known rank; "
        "give its sizes, for example --shape y=1x3x224x224"
    )


def test_a_shape_for_an_unknown_input_is_refused() -> None:
    assert refusal({"image": [1]}, {"imag": (1,)}) == (
        "m.onnx: a shape is given for 'imag'; the inputs are: image; did you mean 'image'?"
    )


def test_another_rank_is_refused() -> None:
    assert refusal({"x": ["batch", 64]}, {"x": (1, 2, 64)}) == (
        "m.onnx: shape 1x2x64 for input 'x' has 3 dimensions; the model has [batch, 64]"
    )


def test_a_fixed_dimension_cannot_change() -> None:
    assert refusal({"x": ["batch", 64]}, {"x": (1, 65)}) == (
        "m.onnx: shape 1x65 for input 'x': dimension 1 is 65, but the model fixes it to 64"
    )


def test_one_name_cannot_have_two_sizes() -> None:
    assert refusal({"x": ["n"], "z": ["n"]}, {"x": (1,), "z": (2,)}) == (
        "m.onnx: shape 2 for input 'z': dimension 0 ('n') is 2, but the model fixes it to 1"
    )


def test_sizes_below_one_are_refused() -> None:
    assert refusal({"x": ["n", 2]}, {"x": (0, 2)}) == (
        "m.onnx: shape 0x2 for input 'x': every size must be at least 1"
    )
