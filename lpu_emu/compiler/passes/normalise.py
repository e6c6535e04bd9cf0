"""Normalisations of images, written as means over the image, sums over channels and element-wise operators."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.compiler.passes.recipe import Recipe
from lpu_emu.graph.ir import Graph, ValueInfo

Floats = NDArray[np.float32]


def expand_normalisations(graph: Graph) -> Graph:
    """Return the graph with InstanceNormalization, GroupNormalization and LRN written in simpler operators."""
    edits = Edits(graph)
    for node in graph.nodes:
        recipe = Recipe(graph=graph, edits=edits, node=node)
        if is_standard(node, "InstanceNormalization", "GroupNormalization") and _is_image(recipe):
            _normalise(recipe)
        elif is_standard(node, "LRN") and node.float_attribute("beta", 0.75) in _POWERS and _is_image(recipe):
            _local_response(recipe)
    return edits.apply()


def _is_image(r: Recipe) -> bool:
    return len(r.result.shape) > 2 and all(name in r.graph.constants for name in r.node.inputs[1:])


def _normalise(r: Recipe) -> None:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, statistics per channel or group of channels."""
    x = r.node.inputs[0]
    mean = _mean_over_image(r, x)
    distance = r.make("Sub", x, mean)
    variance = _mean_over_image(r, r.mul(distance, distance))
    like = _per_channel(r)
    epsilon = r.node.float_attribute("epsilon", 1e-5)
    root = r.rsqrt(r.make("Add", variance, epsilon, like=like), like)
    scale, bias = (_channel_constant(r, index) for index in (1, 2))
    factor = r.make("Mul", root, scale, like=like)
    r.finish(r.add(r.mul(distance, factor), bias))


def _per_channel(r: Recipe) -> ValueInfo:
    shape = r.result.shape
    return replace(r.result, shape=(*shape[:2], *(1,) * (len(shape) - 2)))


def _mean_over_image(r: Recipe, x: str) -> str:
    mean = r.make("GlobalAveragePool", x, like=_per_channel(r))
    if r.node.op_type == "InstanceNormalization":
        return mean
    channels, groups = r.result.shape[1], r.node.int_attribute("num_groups", 1)
    size = channels // groups
    block = np.kron(np.eye(groups), np.full((size, size), 1.0 / size))
    return _mix(r, mean, block, _per_channel(r))


def _mix(r: Recipe, x: str, matrix: NDArray[Any], like: ValueInfo) -> str:
    """Return sums over channels: a matrix [outputs, channels] at every place."""
    weights = r.number(matrix.reshape(*matrix.shape, *(1,) * (len(like.shape) - 2)))
    return r.make("Conv", x, weights, like=like)


def _channel_constant(r: Recipe, index: int) -> str:
    values = r.graph.constants[r.node.inputs[index]]
    channels = r.result.shape[1]
    whole = np.repeat(values, channels // values.size)
    return r.number(whole.reshape(-1, *(1,) * (len(r.result.shape) - 2)))


def _local_response(r: Recipe) -> None:
    """X / (bias + alpha / size * sum of squares over neighbouring channels) ** beta.

    The factor goes in before squaring, so that squares of large activations stay within fp16.
    """
    x, size, channels = r.node.inputs[0], r.node.int_attribute("size", 1), r.result.shape[1]
    scaled = r.mul(x, sqrt(r.node.float_attribute("alpha", 1e-4) / size))
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2
    distance = np.arange(channels)[np.newaxis, :] - np.arange(channels)[:, np.newaxis]
    band = ((distance >= -before) & (distance <= after)).astype(np.float32)
    total = r.add(_mix(r, r.mul(scaled, scaled), band, r.result), r.node.float_attribute("bias", 1.0))
    root = r.rsqrt(total)
    r.finish(r.mul(x, _POWERS[r.node.float_attribute("beta", 0.75)](r, root)))


def _half(r: Recipe, root: str) -> str:
    return root


def _three_quarters(r: Recipe, root: str) -> str:
    """Root * root ** 0.5, the latter as root / sqrt(root)."""
    return r.mul(root, r.mul(root, r.rsqrt(root)))


def _one(r: Recipe, root: str) -> str:
    return r.mul(root, root)


_POWERS = {0.5: _half, 0.75: _three_quarters, 1.0: _one}
