"""What a QuantizeLinear or DequantizeLinear does, when it is the same for the whole tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.compiler.passes.dequantised import BYTES, single_zero_point
from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.graph.ir import Graph, Node


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Integer type, scale and zero point."""

    dtype: str
    scale: float
    zero_point: int

    def quantised(self, value: float) -> int:
        """Return the integer that stands for a value, saturated."""
        limits = np.iinfo(self.dtype)
        if np.isinf(value):
            return int(limits.max if value > 0 else limits.min)
        whole = int(np.rint(np.float32(value) / np.float32(self.scale))) + self.zero_point
        return min(max(whole, int(limits.min)), int(limits.max))

    def represents(self, value: float) -> bool:
        """Whether an integer stands for exactly this value."""
        whole = self.quantised(value) - self.zero_point
        return bool(np.float32(whole) * np.float32(self.scale) == np.float32(value))


def scale_of(graph: Graph, node: Node | None) -> Scale | None:
    """Return the scale of a node that quantises or dequantises bytes, None if it is another or has several."""
    if node is None or not is_standard(node, "QuantizeLinear", "DequantizeLinear"):
        return None
    scale, zero_point = graph.constants.get(node.inputs[1]), single_zero_point(graph, node)
    whole = node.outputs[0] if node.op_type == "QuantizeLinear" else node.inputs[0]
    dtype = graph.values[whole].dtype.name
    if scale is None or scale.size != 1 or zero_point is None or dtype not in BYTES:
        return None
    return Scale(dtype=dtype, scale=float(scale.reshape(())), zero_point=zero_point)


def dequantised_from(graph: Graph, tensor: str) -> tuple[str, Scale] | None:
    """Return the integers behind a dequantised activation and their scale."""
    node = graph.producers.get(tensor)
    scale = scale_of(graph, node)
    if (
        node is None
        or scale is None
        or node.op_type != "DequantizeLinear"
        or node.inputs[0] in graph.constants
    ):
        return None
    return node.inputs[0], scale
