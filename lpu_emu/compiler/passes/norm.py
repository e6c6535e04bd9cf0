"""Batch normalisation with stored statistics: taken into the product before it, else one product and one sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import is_standard, only_consumer
from lpu_emu.graph.ir import Array, Graph, Node

Float64s = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """What a BatchNormalization does to each channel: times ``factor``, plus ``offset``."""

    factor: Float64s
    offset: Float64s


def fold_batch_normalisation(graph: Graph) -> Graph:
    """Take every BatchNormalization behind a Conv, ConvTranspose or Gemm into its weights; make Mul and Add of others."""
    edits = Edits(graph)
    for node in graph.nodes:
        if not is_standard(node, "BatchNormalization"):
            continue
        affine = _affine(graph, node)
        if affine is None:
            continue
        before = graph.producers.get(node.inputs[0])
        if before is not None and _takes(graph, before, node) and before.name not in edits.replacements:
            _fold(graph, edits, before, node, affine)
        else:
            _spell_out(graph, edits, node, affine)
    return edits.apply()


def _affine(graph: Graph, node: Node) -> Affine | None:
    named = [graph.constants.get(name) for name in node.inputs[1:5]]
    if node.int_attribute("training_mode", 0) or any(value is None for value in named):
        return None
    scale, bias, mean, variance = (value.astype(np.float64) for value in named if value is not None)
    factor = scale / np.sqrt(variance + node.float_attribute("epsilon", 1e-5))
    return Affine(factor=factor, offset=bias - mean * factor)


def _takes(graph: Graph, node: Node, norm: Node) -> bool:
    if not is_standard(node, "Gemm", "Conv", "ConvTranspose") or node.inputs[1] not in graph.constants:
        return False
    if only_consumer(graph, node.outputs[0]) is not norm:
        return False
    bias = node.input_at(2)
    if bias and (bias not in graph.constants or graph.constants[bias].ndim != 1):
        return False
    return all(node.float_attribute(name, 1.0) == 1.0 for name in ("alpha", "beta"))


def _fold(graph: Graph, edits: Edits, node: Node, norm: Node, affine: Affine) -> None:
    weights = graph.constants[node.inputs[1]]
    factor = affine.factor.astype(np.float32)
    bias = affine.offset
    if node.input_at(2):
        bias = bias + graph.constants[node.inputs[2]].astype(np.float64) * affine.factor
    names = [
        edits.constant(f"{node.name}:{norm.name}:weights", _scaled(node, weights, factor)),
        edits.constant(f"{node.name}:{norm.name}:bias", bias.astype(weights.dtype)),
    ]
    edits.replace(node)
    edits.replace(norm, edits.like(node, (node.inputs[0], *names), norm.outputs[:1], name=node.name))


def _scaled(node: Node, weights: Array, factor: NDArray[np.float32]) -> Array:
    """Return weights times one factor per output channel, in their own type."""
    if is_standard(node, "Gemm"):
        column = factor[:, np.newaxis] if node.int_attribute("transB", 0) else factor
        return np.asarray(weights * column).astype(weights.dtype)
    spatial = (1,) * (weights.ndim - 2)
    if is_standard(node, "Conv"):
        return np.asarray(weights * factor.reshape(-1, 1, *spatial)).astype(weights.dtype)
    groups = node.int_attribute("group", 1)
    grouped = weights.reshape(groups, -1, *weights.shape[1:])
    scaled = grouped * factor.reshape(groups, 1, -1, *spatial)
    return np.asarray(scaled).reshape(weights.shape).astype(weights.dtype)


def _spell_out(graph: Graph, edits: Edits, node: Node, affine: Affine) -> None:
    value = graph.values[node.inputs[0]]
    shape = (-1, *(1,) * (len(value.shape) - 2))
    factor = edits.constant(f"{node.name}:factor", affine.factor.reshape(shape).astype(value.dtype))
    offset = edits.constant(f"{node.name}:offset", affine.offset.reshape(shape).astype(value.dtype))
    product = edits.standard(node, "Mul", (node.inputs[0], factor), value)
    edits.standard(node, "Add", (product, offset), value, output=node.outputs[0])
