"""The integers behind a product's operands: activations, weights and bias with their scales and zero points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.graph.ir import Graph, Node

Float64s = NDArray[np.float64]
BYTES = ("int8", "uint8")


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """An integer tensor, its one scale (None: it is no dequantised tensor but an integer itself) and zero point."""

    tensor: str
    scale: Float64s | None
    zero_point: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """Signed 8-bit weights [.., K, N] and their scale, one or one per column."""

    values: NDArray[np.int8]
    scale: Float64s


def activation_of(graph: Graph, node: Node) -> Activation | None:
    """Return the integers that the activation of a product is, or is dequantised from."""
    tensor = node.inputs[0]
    if graph.values[tensor].dtype.name in BYTES:
        return Activation(tensor=tensor, scale=None, zero_point=node.int_attribute("x_zero", 0))
    source = graph.producers.get(tensor)
    if source is None or not is_standard(source, "DequantizeLinear"):
        return None
    scale, zero_point = graph.constants.get(source.inputs[1]), single_zero_point(graph, source)
    if scale is None or scale.size != 1 or zero_point is None:
        return None
    if graph.values[source.inputs[0]].dtype.name not in BYTES:
        return None
    return Activation(
        tensor=source.inputs[0], scale=scale.reshape(1).astype(np.float64), zero_point=zero_point
    )


def single_zero_point(graph: Graph, node: Node) -> int | None:
    """Return the one zero point of a QuantizeLinear or DequantizeLinear, None if it is not one known value."""
    name = node.input_at(2)
    if not name:
        return 0
    value = graph.constants.get(name)
    if value is None or value.size == 0 or (value != value.flat[0]).any():
        return None
    return int(value.flat[0])


def has_zero_point_zero(graph: Graph, node: Node) -> bool:
    """Whether the zero point of a QuantizeLinear or DequantizeLinear is absent or a constant zero."""
    return single_zero_point(graph, node) == 0


def weights_of(graph: Graph, node: Node) -> Weights | None:
    """Return constant weights that are signed 8-bit integers less their zero point, with their scales."""
    transposed = node.int_attribute("transposed", 0)
    whole = graph.constants.get(node.inputs[1])
    if whole is not None:
        own = _own_integers(whole)
        return None if own is None else Weights(values=own.T if transposed else own, scale=np.ones(1))
    source = graph.producers.get(node.inputs[1])
    if source is None or not is_standard(source, "DequantizeLinear"):
        return None
    whole, scale = graph.constants.get(source.inputs[0]), graph.constants.get(source.inputs[1])
    if whole is None or scale is None or source.int_attribute("block_size", 0):
        return None
    axis = 0 if transposed else whole.ndim - 1
    per_column = source.int_attribute("axis", 1) % whole.ndim == axis and scale.size == whole.shape[axis]
    if scale.size != 1 and not per_column:
        return None
    values = centred(whole, _zero_points(graph, source, axis, whole.ndim))
    if values is None:
        return None
    return Weights(values=values.T if transposed else values, scale=scale.reshape(-1).astype(np.float64))


def _own_integers(whole: NDArray[Any]) -> NDArray[np.int8] | None:
    """Return weights that are small integers as they are, such as the ones of a mean."""
    if whole.dtype == np.int8:
        return whole
    if whole.dtype.kind == "f" and whole.flat[0] != np.rint(whole.flat[0]):
        return None
    return centred(whole, None)


def _zero_points(graph: Graph, node: Node, axis: int, rank: int) -> NDArray[Any] | None:
    name = node.input_at(2)
    if not name or name not in graph.constants:
        return None
    zero = graph.constants[name]
    return zero.reshape([-1 if a == axis else 1 for a in range(rank)]) if zero.size > 1 else zero.reshape(())


def centred(whole: NDArray[Any], zero_point: NDArray[Any] | None) -> NDArray[np.int8] | None:
    """Return weights less their zero point as int8, None if they do not fit."""
    if whole.dtype == np.int8 and (zero_point is None or not zero_point.any()):
        return whole
    wide = whole.astype(np.float64)
    if zero_point is not None:
        wide = wide - zero_point.astype(np.float64)
    narrow = np.clip(np.rint(wide), -128, 127)
    return narrow.astype(np.int8) if bool((narrow == wide).all()) else None


def bias_of(graph: Graph, node: Node, scale: Float64s, columns: int) -> NDArray[np.int32]:
    """Return the bias in units of the product: its own integers where the scales agree, else rounded."""
    beta = node.float_attribute("beta", 1.0)
    source = graph.producers.get(node.inputs[2])
    if source is None:
        real = graph.constants[node.inputs[2]].astype(np.float64)
    else:
        whole = graph.constants[source.inputs[0]]
        own = graph.constants[source.inputs[1]].astype(np.float64).reshape(-1)
        if beta == 1.0 and np.allclose(own, scale, rtol=1e-5, atol=0) and has_zero_point_zero(graph, source):
            return np.broadcast_to(whole.reshape(-1), (columns,)).astype(np.int32)
        zero = graph.constants[source.inputs[2]].astype(np.float64) if source.input_at(2) else np.zeros(1)
        real = (whole.astype(np.float64) - zero) * own
    limits = np.iinfo(np.int32)
    rounded = np.rint(np.broadcast_to(real.reshape(-1), (columns,)) * beta / scale)
    return np.clip(rounded, limits.min, limits.max).astype(np.int32)
