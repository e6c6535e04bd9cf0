"""Channels-last layout: images become rows of channels, image operators windows of rows."""

from __future__ import annotations

from collections.abc import Mapping

from lpu_emu.compiler.passes.layout.convolution import convolution, transposed_convolution
from lpu_emu.compiler.passes.layout.elementwise import elementwise
from lpu_emu.compiler.passes.layout.matrix import matrix_product
from lpu_emu.compiler.passes.layout.movement import concat, pad, rearrange
from lpu_emu.compiler.passes.layout.pooling import (
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
)
from lpu_emu.compiler.passes.layout.reduction import reduction
from lpu_emu.compiler.passes.layout.softmax import softmax
from lpu_emu.compiler.passes.layout.spatial import constant_tensors
from lpu_emu.compiler.passes.layout.stem import blocked_convolution, blocked_places, stem_blocks
from lpu_emu.compiler.passes.layout.walk import Handler, Walk
from lpu_emu.compiler.passes.operators import DOMAIN, POINTWISE, RSQRT, SOFTMAX, is_standard
from lpu_emu.compiler.passes.softmax_axis import SINCE_ONE_AXIS
from lpu_emu.graph.ir import Graph, Node


def _convolution(walk: Walk, node: Node) -> None:
    places = walk.places(node.inputs[0])
    if places.block:
        blocked_convolution(walk, node, places)
    else:
        convolution(walk, node)


_REARRANGING = (
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Expand", "Tile", "Gather",
    "DepthToSpace", "SpaceToDepth", "Identity",
)  # fmt: skip
_LEFT_ALONE = frozenset({
    *POINTWISE, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Gemm", "MatMul", SOFTMAX,
})  # fmt: skip
HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(POINTWISE, elementwise),
    f"{DOMAIN}::{RSQRT}": elementwise,
    **dict.fromkeys(_REARRANGING, rearrange),
    "AveragePool": average_pool,
    "Concat": concat,
    "Conv": _convolution,
    "ConvTranspose": transposed_convolution,
    "Gemm": matrix_product,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "MatMul": matrix_product,
    "MaxPool": max_pool,
    "Pad": pad,
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"), reduction),
    "Softmax": softmax,
}


def channels_last_graph(graph: Graph) -> Graph:
    """Return the graph with all images channels-last; one without images and movements is returned as it is.

    Nodes that cannot be brought into this form stay, with the attribute ``refused`` if there is a reason to give.
    """
    kinds = {node.op_type for node in graph.nodes if not node.domain}
    needed = kinds & (HANDLERS.keys() - _LEFT_ALONE) or any(_turns(graph, node) for node in graph.nodes)
    if not needed and not _spreads(graph):
        return graph
    walk = Walk(graph)
    for name, block in stem_blocks(graph).items():
        walk.place(name, blocked_places(walk, name, block))
    return walk.run(HANDLERS)


def _turns(graph: Graph, node: Node) -> bool:
    """Whether a node needs its operand in another axis order."""
    if is_standard(node, "Gemm"):
        return bool(node.int_attribute("transA", 0))
    rank = len(graph.values[node.inputs[0]].shape) if is_standard(node, SOFTMAX) else 0
    return rank > 0 and node.opset >= SINCE_ONE_AXIS and node.int_attribute("axis", -1) % rank != rank - 1


def _spreads(graph: Graph) -> bool:
    """Whether an element-wise node spreads an activation."""
    constant = constant_tensors(graph)
    return any(
        graph.values[name].size != graph.values[node.outputs[0]].size
        for node in graph.nodes
        if node.op_type in POINTWISE and not node.domain
        for name in node.inputs
        if name and name not in constant
    )
