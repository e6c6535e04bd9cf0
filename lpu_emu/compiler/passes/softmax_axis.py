"""Which axis a Softmax or LogSoftmax normalises."""

from __future__ import annotations

from math import prod

from lpu_emu.graph.ir import Node

SINCE_ONE_AXIS = 13


def single_axis(node: Node, shape: tuple[int, ...]) -> int | None:
    """Return the one axis that is normalised, None if there are several (before opset 13) or none."""
    rank = len(shape)
    if node.opset >= SINCE_ONE_AXIS:
        return node.int_attribute("axis", -1) % rank if rank else None
    first = node.int_attribute("axis", 1) % rank
    several = [axis for axis in range(first, rank) if shape[axis] > 1]
    return several[0] if len(several) == 1 and prod(shape[first:]) > 1 else None
