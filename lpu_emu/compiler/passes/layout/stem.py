"""Inputs of few channels, written by the host in blocks.

The first convolution of most networks has three channels and a stride. Where blocks as large as the stride become
columns, an image [n, h, w, c] is [n, h / s, w / s, s * s * c]: fewer and fuller rows, fewer taps, and the stride is gone.
The host writes the input so, nothing is moved on the chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from lpu_emu.compiler.passes import window
from lpu_emu.compiler.passes.layout.convolution import emit_window
from lpu_emu.compiler.passes.layout.places import Places, Shape
from lpu_emu.compiler.passes.layout.walk import Array, Walk
from lpu_emu.compiler.passes.layout.weights import weights_of
from lpu_emu.compiler.passes.operators import POINTWISE, is_standard, only_consumer
from lpu_emu.graph.ir import Graph, Node
from lpu_emu.graph.numpy_ops.convolution import Geometry, geometry
from lpu_emu.graph.numpy_ops.registry import Call

# More columns than this fill the lanes well enough without blocks.
MOST_COLUMNS = 64


def stem_blocks(graph: Graph) -> dict[str, Shape]:
    """Return the block size along each spatial axis for every input that only a strided convolution reads."""
    found = {}
    for name in graph.inputs:
        conv = _first_convolution(graph, name)
        block = _block(graph, conv, graph.values[name].shape) if conv is not None else ()
        if block:
            found[name] = block
    return found


def _first_convolution(graph: Graph, name: str) -> Node | None:
    """Follow element-wise nodes with constants from an input to a convolution; None if anything else reads it."""
    shape = graph.values[name].shape
    while True:
        node = only_consumer(graph, name)
        if node is None or (node.inputs[0] != name and not is_standard(node, "Mul", "Add")):
            return None
        if is_standard(node, "Conv"):
            return node
        if not is_standard(node, *POINTWISE) or graph.values[node.outputs[0]].shape != shape:
            return None
        if any(_is_large(graph, other, shape) for other in node.inputs if other and other != name):
            return None
        name = node.outputs[0]


def _is_large(graph: Graph, name: str, shape: Shape) -> bool:
    """Whether an operand is no constant, or another one at every place of the image."""
    if name not in graph.constants:
        return True
    own = graph.values[name].shape
    channels = own[-len(shape) + 1] if len(own) >= len(shape) - 1 else 1
    return graph.values[name].size not in (1, channels)


def _block(graph: Graph, node: Node, shape: Shape) -> Shape:
    weights = graph.values[node.inputs[1]].shape
    if len(shape) < 3 or node.int_attribute("group", 1) != 1 or weights[1] != shape[1]:
        return ()
    found = geometry(Call(node=node, inputs=()), shape[2:], weights[2:])
    divides = all(size % s == 0 for size, s in zip(shape[2:], found.strides, strict=True))
    strided = prod(found.strides) > 1 and shape[1] * prod(found.strides) <= MOST_COLUMNS
    return found.strides if divides and strided and set(found.dilations) == {1} else ()


def blocked_places(walk: Walk, name: str, block: Shape) -> Places:
    """Emit the order of an input in blocks and return where its elements are then."""
    n, channels, *sizes = walk.shape(name)
    rank = len(sizes)
    counts = [size // b for size, b in zip(sizes, block, strict=True)]
    dims = (n, channels, *(d for pair in zip(counts, block, strict=True) for d in pair))
    outer, inner = range(2, 2 + 2 * rank, 2), range(3, 3 + 2 * rank, 2)
    perm = (0, *outer, *inner, 1)
    source = walk.ordered_input(name, dims, perm, (n, *counts, prod(block) * channels))
    back = np.argsort(perm, kind="stable")
    index = np.arange(source.size, dtype=np.int32).reshape([dims[axis] for axis in perm]).transpose(back)
    return Places(
        shape=walk.shape(name), sources=(source,), moved=index.reshape(walk.shape(name)), block=block
    )


def blocked_convolution(walk: Walk, node: Node, places: Places) -> None:
    """Emit a Conv whose strides are the blocks of its operand."""
    source = weights_of(walk, node.inputs[1], axis=0)
    found = geometry(Call(node=node, inputs=()), places.shape[2:], source.array.shape[2:])
    firsts = [-(b // s) - (b % s > 0) for b, s in zip(found.before, found.strides, strict=True)]
    weights = _blocked_weights(source.array, found, firsts)
    stored = places.sources[0]
    sizes, counts = stored.shape[1:-1], walk.shape(node.outputs[0])[2:]
    axes = zip(sizes, counts, weights.shape, firsts, strict=False)
    positions = [window.axis_positions(size, count, taps=k, before=-first) for size, count, k, first in axes]
    rows = window.combine(places.shape[0], sizes, positions)
    matrix = weights.reshape(1, rows.shape[1], stored.columns, -1)
    emit_window(walk, node, rows, source.with_array(matrix), groups=1, x=stored)


def _blocked_weights(array: Array, found: Geometry, firsts: Sequence[int]) -> Array:
    """Return [*taps over blocks, *places in a block, C, M] of weights [M, C, *taps]; what no tap reaches is zero."""
    kernel = array.shape[2:]
    axes = zip(kernel, found.before, found.strides, firsts, strict=True)
    taps = [(k - 1 - b) // s - first + 1 for k, b, s, first in axes]
    result = np.zeros((*taps, *found.strides, array.shape[1], array.shape[0]), dtype=array.dtype)
    for tap in np.ndindex(*kernel):
        distance = [t - b for t, b in zip(tap, found.before, strict=True)]
        outer = [d // s - first for d, s, first in zip(distance, found.strides, firsts, strict=True)]
        inner = [d % s for d, s in zip(distance, found.strides, strict=True)]
        result[(*outer, *inner)] = array[(slice(None), slice(None), *tap)].T
    return result
