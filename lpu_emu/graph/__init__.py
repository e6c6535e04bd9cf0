"""The tensor graph: its form, the ONNX importer, NumPy evaluation and constant folding."""

from __future__ import annotations

from lpu_emu.graph.evaluate import can_evaluate, evaluate, run_graph
from lpu_emu.graph.fold import fold_constants
from lpu_emu.graph.ir import Graph, Node, ValueInfo
from lpu_emu.graph.onnx_reader import read_onnx, read_onnx_bytes

__all__ = [
    "Graph",
    "Node",
    "ValueInfo",
    "can_evaluate",
    "evaluate",
    "fold_constants",
    "read_onnx",
    "read_onnx_bytes",
    "run_graph",
]
