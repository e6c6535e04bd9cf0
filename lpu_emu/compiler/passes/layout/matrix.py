"""Gemm and MatMul of images: the rows of an image that make one row of the matrix are the taps of a window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lpu_emu.compiler.passes.layout.places import Places
from lpu_emu.compiler.passes.layout.walk import Array, Walk
from lpu_emu.compiler.passes.layout.weights import emit_weights, weights_of
from lpu_emu.compiler.passes.operators import WINDOW_LINEAR
from lpu_emu.compiler.passes.window import Rows
from lpu_emu.graph.ir import Node


def matrix_product(walk: Walk, node: Node) -> None:
    """Emit a Gemm or MatMul; a moved left operand with constant weights makes a WindowLinear."""
    x, weights = node.inputs[:2]
    if node.int_attribute("transA", 0) and not walk.is_constant(x):
        node = _with_transposed_left(walk, node)
        x = node.inputs[0]
    if not walk.is_constant(x) and walk.is_constant(weights) and not node.int_attribute("transA", 0):
        found = _taps(walk.places(x))
        if found is not None and len(walk.shape(weights)) == 2:
            _emit(walk, node, *found)
            return
    inputs = [
        name if not name or walk.is_constant(name) else walk.stored(name, _own(walk, name)).name
        for name in node.inputs
    ]
    walk.append(replace(node, inputs=tuple(inputs), outputs=(walk.define(node.outputs[0]),)))


def _with_transposed_left(walk: Walk, node: Node) -> Node:
    """Return a Gemm whose left operand is transposed beforehand."""
    x = node.inputs[0]
    places = walk.places(x)
    turned = replace(places, shape=places.shape[::-1], moved=places.index.T)
    name = walk.described(f"{x}:transposed", turned, x)
    return replace(node, inputs=(name, *node.inputs[1:]), attributes={**node.attributes, "transA": 0})


def _own(walk: Walk, name: str) -> tuple[int, ...]:
    return tuple(range(len(walk.shape(name))))


def _taps(places: Places) -> tuple[Places, Rows, Rows, Rows] | None:
    """Return rows [R, T], and for each k its tap and lane, of a moved tensor that a window can read."""
    if len(places.sources) != 1 or not places.shape:
        return None
    if places.is_flat(tuple(range(len(places.shape)))) and _same_rows(places):
        return None
    matrix = places.index.reshape(-1, places.shape[-1])
    row, lane = np.divmod(matrix, np.int32(places.sources[0].columns))
    row[matrix < 0] = -1
    first, tap = np.unique(row[0], return_inverse=True)
    chosen = [int(np.flatnonzero(tap == t)[0]) for t in range(first.size)]
    rows = row[:, chosen]
    if (row != rows[:, tap]).any() or (lane != lane[0]).any() or (matrix < 0).any():
        return None
    return places, rows.astype(np.int32), tap.astype(np.int32), lane[0]


def _same_rows(places: Places) -> bool:
    return places.sources[0].columns == places.shape[-1]


def _emit(walk: Walk, node: Node, places: Places, rows: Rows, tap: Rows, lane: Rows) -> None:
    transposed = node.int_attribute("transB", 0)
    source = weights_of(walk, node.inputs[1], axis=0 if transposed else 1)
    array = source.array.T if transposed else source.array
    columns = places.sources[0].columns
    window = _window_weights(array, tap, lane, rows.shape[1], columns)
    name = emit_weights(walk, node, source.with_array(window[np.newaxis]))
    bias = node.input_at(2)
    attributes: dict[str, object] = {
        "rows": rows,
        "groups": 1,
        "phases": 1,
        "transposed": 0,
        "relu": 0,
        "alpha": node.float_attribute("alpha", 1.0),
        "beta": node.float_attribute("beta", 1.0),
        "kinds": str(node.attributes.get("kinds", node.op_type)),
        **({"x_zero": node.attributes["x_zero"]} if "x_zero" in node.attributes else {}),
    }
    joins = bool(bias) and _is_row(walk, bias, node.outputs[0])
    output = walk.define(node.outputs[0])
    value = walk.graph.values[node.outputs[0]]
    target = output
    if bias and not joins:
        target = walk.temporary(f"{node.name}:product", value.shape, value.dtype)
    inputs = [places.sources[0].name, name, *([bias] if joins else [])]
    walk.add(WINDOW_LINEAR, inputs, target, attributes=attributes, name=node.name)
    if bias and not joins:
        perm = _own(walk, node.outputs[0])
        other = bias if walk.is_constant(bias) else walk.spread(bias, value.shape, perm).name
        walk.add("Add", [target, other], output, domain="", opset=node.opset)


def _is_row(walk: Walk, bias: str, output: str) -> bool:
    shape = walk.shape(bias)
    columns = walk.shape(output)[-1]
    return (
        walk.is_constant(bias)
        and all(d == 1 for d in shape[:-1])
        and (not shape or shape[-1] in (1, columns))
    )


def _window_weights(array: Array, tap: Rows, lane: Rows, taps: int, columns: int) -> Array:
    """Return weights [taps, columns, N] of a matrix [K, N] whose k-th row belongs to a tap and lane."""
    k = np.arange(tap.size)
    if tap.size == taps * columns and bool((tap == k % taps).all() and (lane == k // taps).all()):
        return array.reshape(columns, taps, -1).transpose(1, 0, 2)
    result = np.zeros((taps, columns, array.shape[1]), dtype=array.dtype)
    result[tap, lane] = array
    return result
