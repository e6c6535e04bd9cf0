"""The operators of the graph as the compiler sees them: its own ones, and which standard ones it knows."""

from __future__ import annotations

from lpu_emu.graph.ir import Graph, Node

DOMAIN = "lpu"
LINEAR = "Linear"
QUANTISED_LINEAR = "QuantisedLinear"

VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"})
BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Max": "max", "Min": "min"}
UNARY = {"Relu": "relu", "Neg": "neg", "Abs": "abs", "Tanh": "tanh", "Exp": "exp"}
POINTWISE = frozenset({*BINARY, *UNARY, "Sigmoid", "Clip", "Cast", "QuantizeLinear", "DequantizeLinear"})
SOFTMAX = "Softmax"
STANDARD = frozenset({*VIEWS, *POINTWISE, SOFTMAX, "Gemm", "MatMul"})


PLANNED = "planned, not supported yet"
HINTS = {
    "Log": "the chip has no logarithm",
    "LogSoftmax": "the chip has no logarithm; use Softmax and take the logarithm outside",
    "Div": "the chip has no division; multiply by the reciprocal of a constant, or rewrite it with Sigmoid or Softmax",
    "Reciprocal": f"the chip has rsqrt only; {PLANNED}",
    "Sqrt": f"the chip has rsqrt only; {PLANNED}",
    "Gelu": PLANNED,
    "Erf": PLANNED,
    "Conv": PLANNED,
    "MaxPool": PLANNED,
    "AveragePool": PLANNED,
    "GlobalAveragePool": PLANNED,
    "BatchNormalization": PLANNED,
    "LayerNormalization": PLANNED,
    "Transpose": PLANNED,
    "Concat": PLANNED,
    "Slice": PLANNED,
    "Split": PLANNED,
    "Gather": PLANNED,
    "ReduceMean": PLANNED,
    "ReduceSum": PLANNED,
    "LeakyRelu": "write it as Max(x, alpha * x)",
    "HardSigmoid": "write it as Clip(alpha * x + beta, 0, 1)",
}


def is_own(node: Node, kind: str) -> bool:
    """Whether a node is one of the compiler's own operators."""
    return node.domain == DOMAIN and node.op_type == kind


def is_standard(node: Node, *kinds: str) -> bool:
    """Whether a node is one of these standard operators."""
    return not node.domain and node.op_type in kinds


def only_consumer(graph: Graph, tensor: str) -> Node | None:
    """Return the one node that reads a tensor, None if there are others or it leaves the graph."""
    readers = graph.consumers[tensor]
    if tensor in graph.outputs or len(readers) != 1:
        return None
    return readers[0] if readers[0].inputs.count(tensor) == 1 else None


def kinds_of(*nodes: Node) -> str:
    """Return the source operator types of nodes, as ``Gemm+Relu``."""
    return "+".join(str(node.attributes.get("kinds", node.op_type)) for node in nodes)
