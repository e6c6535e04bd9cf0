"""Softmax along any axis: that axis becomes the columns."""

from __future__ import annotations

from dataclasses import replace

from lpu_emu.compiler.passes.layout.walk import Walk
from lpu_emu.compiler.passes.softmax_axis import SINCE_ONE_AXIS, single_axis
from lpu_emu.graph.ir import Node


def softmax(walk: Walk, node: Node) -> None:
    """Emit a Softmax over the last axis of its operand in a suitable axis order."""
    shape = walk.shape(node.inputs[0])
    axis = single_axis(node, shape)
    if axis is None:
        own = tuple(range(len(shape)))
        x = walk.stored(node.inputs[0], own)
        walk.append(replace(node, inputs=(x.name,), outputs=(walk.define(node.outputs[0], own),)))
        return
    perm = walk.perm(node.inputs[0])
    perm = (*[a for a in perm if a != axis], axis)
    x = walk.stored(node.inputs[0], perm)
    attributes = {**node.attributes, "axis": len(shape) - 1}
    opset = max(node.opset, SINCE_ONE_AXIS)
    output = walk.define(node.outputs[0], perm)
    walk.append(replace(node, inputs=(x.name,), outputs=(output,), attributes=attributes, opset=opset))
