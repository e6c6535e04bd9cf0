"""Normalisations and softmax, computed in float64 and rounded once."""

from __future__ import annotations

from math import prod

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, axis_of, kernel


def _softmax(x: Array, axis: int) -> Array:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


@kernel("Softmax", "LogSoftmax")
def softmax(call: Call) -> list[Array]:
    """Softmax along one axis; before opset 13 over all dimensions from ``axis`` on."""
    x = call.need(0)
    function = _softmax if call.node.op_type == "Softmax" else _log_softmax
    wide = x.astype(np.float64)
    if call.node.opset >= 13:
        axis = axis_of(call.node.int_attribute("axis", -1), x.ndim, call)
        return [function(wide, axis).astype(x.dtype)]
    axis = axis_of(call.node.int_attribute("axis", 1), x.ndim, call)
    matrix = wide.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))
    return [function(matrix, 1).reshape(x.shape).astype(x.dtype)]


def _scaled(x: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    return np.asarray((x - mean) / np.sqrt(variance + epsilon))


def _channels(parameter: Array, rank: int) -> Array:
    return parameter.astype(np.float64).reshape(-1, *([1] * (rank - 2)))


@kernel("BatchNormalization")
def batch_normalization(call: Call) -> list[Array]:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias with stored statistics."""
    if call.node.int_attribute("training_mode", 0):
        raise call.decline("training mode cannot be evaluated")
    x = call.need(0)
    scale, bias, mean, variance = (_channels(call.need(index), max(x.ndim, 2)) for index in range(1, 5))
    epsilon = call.node.float_attribute("epsilon", 1e-5)
    return [(_scaled(x.astype(np.float64), mean, variance, epsilon) * scale + bias).astype(x.dtype)]


@kernel("InstanceNormalization")
def instance_normalization(call: Call) -> list[Array]:
    """Normalise every channel of every sample by its own statistics."""
    x = call.need(0)
    wide, axes = x.astype(np.float64), tuple(range(2, x.ndim))
    mean, variance = wide.mean(axis=axes, keepdims=True), wide.var(axis=axes, keepdims=True)
    scale, bias = (_channels(call.need(index), x.ndim) for index in (1, 2))
    epsilon = call.node.float_attribute("epsilon", 1e-5)
    return [(_scaled(wide, mean, variance, epsilon) * scale + bias).astype(x.dtype)]


@kernel("GroupNormalization")
def group_normalization(call: Call) -> list[Array]:
    """Normalise groups of channels; scale and bias are per channel (opset 21) or per group (18)."""
    x, groups = call.need(0), call.node.int_attribute("num_groups", 1)
    rows = x.astype(np.float64).reshape(x.shape[0], groups, -1)
    mean, variance = rows.mean(axis=2, keepdims=True), rows.var(axis=2, keepdims=True)
    epsilon = call.node.float_attribute("epsilon", 1e-5)
    normal = _scaled(rows, mean, variance, epsilon).reshape(x.shape)
    repeat = x.shape[1] // call.need(1).size
    scale, bias = (_channels(np.repeat(call.need(index), repeat), x.ndim) for index in (1, 2))
    return [(normal * scale + bias).astype(x.dtype)]


@kernel("LayerNormalization")
def layer_normalization(call: Call) -> list[Array]:
    """Normalise over the dimensions from ``axis`` on; also gives mean and inverse deviation."""
    x, scale, bias = call.need(0), call.need(1), call.optional(2)
    axis = axis_of(call.node.int_attribute("axis", -1), x.ndim, call)
    wide, axes = x.astype(np.float64), tuple(range(axis, x.ndim))
    mean, variance = wide.mean(axis=axes, keepdims=True), wide.var(axis=axes, keepdims=True)
    epsilon = call.node.float_attribute("epsilon", 1e-5)
    result = _scaled(wide, mean, variance, epsilon) * scale.astype(np.float64)
    if bias is not None:
        result = result + bias.astype(np.float64)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    return [result.astype(x.dtype), mean.astype(np.float32), inverse.astype(np.float32)]


@kernel("RMSNormalization")
def rms_normalization(call: Call) -> list[Array]:
    """x / sqrt(mean(x * x) + epsilon) * scale over the dimensions from ``axis`` on."""
    x, scale = call.need(0), call.need(1)
    axis = axis_of(call.node.int_attribute("axis", -1), x.ndim, call)
    wide = x.astype(np.float64)
    square = np.mean(wide * wide, axis=tuple(range(axis, x.ndim)), keepdims=True)
    normal = wide / np.sqrt(square + call.node.float_attribute("epsilon", 1e-5))
    return [(normal * scale.astype(np.float64)).astype(x.dtype)]


@kernel("LpNormalization")
def lp_normalization(call: Call) -> list[Array]:
    """Divide by the 1-norm or 2-norm along one axis; a zero norm gives zeros."""
    x = call.need(0)
    axis = axis_of(call.node.int_attribute("axis", -1), x.ndim, call)
    norm = np.linalg.norm(x.astype(np.float64), ord=call.node.int_attribute("p", 2), axis=axis, keepdims=True)
    return [np.where(norm == 0, 0.0, x / np.where(norm == 0, 1.0, norm)).astype(x.dtype)]


@kernel("LRN")
def local_response(call: Call) -> list[Array]:
    """Divide by a power of the squares summed over ``size`` neighbouring channels."""
    x, size = call.need(0), call.node.int_attribute("size", 1)
    before = (size - 1) // 2
    widths = [(0, 0), (before, size - 1 - before), *[(0, 0)] * (x.ndim - 2)]
    squares = np.pad(x.astype(np.float64) ** 2, widths)
    total = sum(squares[:, shift : shift + x.shape[1]] for shift in range(size))
    alpha, beta = call.node.float_attribute("alpha", 1e-4), call.node.float_attribute("beta", 0.75)
    scale = call.node.float_attribute("bias", 1.0) + alpha / size * total
    return [np.asarray(x / scale**beta).astype(x.dtype)]
