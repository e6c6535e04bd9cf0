"""Operators that make constants and read shapes."""

from __future__ import annotations

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, kernel


@kernel("Identity", "Dropout")
def identity(call: Call) -> list[Array]:
    """The input itself; Dropout in inference keeps every element and its mask is all true."""
    x = call.need(0)
    training = call.optional(2)
    if training is not None and bool(training.reshape(-1)[0]):
        raise call.decline("training mode drops random elements and cannot be evaluated")
    return [x, np.ones(x.shape, dtype=np.bool_)]


@kernel("Constant")
def constant(call: Call) -> list[Array]:
    """The value held in one of the attributes."""
    attributes = call.node.attributes
    value = call.node.tensor_attribute("value")
    if value is not None:
        return [value]
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32)):
        if name in attributes:
            return [np.asarray(attributes[name], dtype=dtype)]
    for name in ("value_int", "value_ints"):
        if name in attributes:
            return [np.asarray(attributes[name], dtype=np.int64)]
    raise call.decline("holds no numeric value; strings and sparse tensors cannot be evaluated")


@kernel("ConstantOfShape")
def constant_of_shape(call: Call) -> list[Array]:
    """A tensor of the given shape filled with one value, float32 zero unless told."""
    value = call.node.tensor_attribute("value")
    fill = np.zeros(1, dtype=np.float32) if value is None else value.reshape(-1)
    shape = tuple(int(d) for d in call.need(0))
    return [np.full(shape, fill[0], dtype=fill.dtype)]


@kernel("Shape")
def shape(call: Call) -> list[Array]:
    """The dimensions of the input from ``start`` to ``end``."""
    return [np.asarray(shape_slice(call.need(0).shape, call), dtype=np.int64)]


def shape_slice(dimensions: tuple[int, ...], call: Call) -> tuple[int, ...]:
    """Return the dimensions that a Shape node reports; both ends are clamped as the standard asks."""
    rank = len(dimensions)
    start = call.node.int_attribute("start", 0)
    end = call.node.int_attribute("end", rank)
    start, end = (max(0, min(rank, d + rank if d < 0 else d)) for d in (start, end))
    return dimensions[start:end]


@kernel("Size")
def size(call: Call) -> list[Array]:
    """The number of elements."""
    return [np.asarray(call.need(0).size, dtype=np.int64)]


@kernel("Range")
def arithmetic_range(call: Call) -> list[Array]:
    """Numbers from start up to, not including, limit in steps of delta."""
    start, limit, delta = (call.need(index).reshape(()) for index in range(3))
    if delta == 0:
        raise call.refuse("delta is 0; a range needs a step")
    count = max(0, int(np.ceil((float(limit) - float(start)) / float(delta))))
    steps = np.arange(count, dtype=start.dtype)
    return [np.asarray(start + steps * delta, dtype=start.dtype)]


@kernel("EyeLike")
def eye_like(call: Call) -> list[Array]:
    """Ones on the k-th diagonal of a matrix shaped like the input (whose type is kept)."""
    x = call.need(0)
    if "dtype" in call.node.attributes:
        raise call.decline("a changed element type is not evaluated here")
    return [np.eye(x.shape[0], x.shape[1], k=call.node.int_attribute("k", 0), dtype=x.dtype)]
