"""The operators of the graph as the compiler sees them: its own ones, and which standard ones it knows."""

from __future__ import annotations

from lpu_emu.graph.ir import Graph, Node

DOMAIN = "lpu"
LINEAR = "Linear"
QUANTISED_LINEAR = "QuantisedLinear"
WINDOW_LINEAR = "WindowLinear"
QUANTISED_WINDOW_LINEAR = "QuantisedWindowLinear"
WINDOW_MAX = "WindowMax"
GATHER_ROWS = "GatherRows"
LANE_MAP = "LaneMap"
ORDER = "Order"
RSQRT = "Rsqrt"
PRODUCTS = frozenset({LINEAR, WINDOW_LINEAR})
QUANTISED_PRODUCTS = frozenset({QUANTISED_LINEAR, QUANTISED_WINDOW_LINEAR})
MOVEMENTS = frozenset({WINDOW_MAX, GATHER_ROWS, LANE_MAP})

VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"})
BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Max": "max", "Min": "min"}
UNARY = {"Relu": "relu", "Neg": "neg", "Abs": "abs", "Tanh": "tanh", "Exp": "exp"}
POINTWISE = frozenset({*BINARY, *UNARY, "Sigmoid", "Clip", "Cast", "QuantizeLinear", "DequantizeLinear"})
SOFTMAX = "Softmax"
LOWERED = frozenset({*VIEWS, *POINTWISE, SOFTMAX, "Gemm", "MatMul"})
REWRITTEN = frozenset({
    "Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN",
    "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool",
    "Concat", "Split", "Slice", "Pad", "Transpose", "Expand", "Tile", "Gather", "DepthToSpace", "SpaceToDepth",
    "Resize", "Upsample", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
    "ReduceSumSquare", "LeakyRelu", "PRelu", "HardSigmoid", "HardSwish", "Elu", "Celu", "Selu", "Swish", "Mish",
    "Softsign", "Softplus", "Gelu", "Erf", "Log", "LogSoftmax", "ThresholdedRelu", "Sign", "Sqrt", "Reciprocal", "Div",
    "Pow", "Sum", "Mean",
    "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger",
})  # fmt: skip
STANDARD = LOWERED | REWRITTEN

PLANNED = "planned, not supported yet"
# Operators that are not supported at all.
HINTS = {
    "LayerNormalization": PLANNED,
    "LpPool": "planned; use AveragePool of squares and Sqrt",
    "DynamicQuantizeLinear": "scales must be known when a program is compiled; quantise with calibration data",
    "Where": PLANNED,
    "ArgMax": "indices are not computed; take the largest element outside",
    "TopK": "indices are not computed; sort outside",
    "NonMaxSuppression": "its result has no fixed size; do it outside",
}
# Why an operator that is supported was left over.
FORMS = {
    "BatchNormalization": "supported with constant parameters and without training_mode",
    "InstanceNormalization": "supported for images [n, c, ...] with constant scale and bias",
    "GroupNormalization": "supported for images [n, c, ...] with constant scale and bias",
    "LRN": "supported with beta 0.5, 0.75 or 1",
    "LogSoftmax": "before opset 13 supported where one axis from `axis` on is longer than one",
    "Pow": "supported for floats with one of the exponents -1, -0.5, 0.5, 1, 2, 3 as a constant",
    "Resize": "supported with constant scales or sizes, without antialias and tf_crop_and_resize",
    "Upsample": "supported with constant scales",
    "QLinearConv": "supported with constant scales and weights",
    "QLinearMatMul": "supported with constant scales and weights",
    "ConvInteger": "supported with constant weights that fit int8 less their zero point, and one constant zero point of x",
    "MatMulInteger": "supported with constant weights that fit int8 less their zero point, and one constant zero point of x",
}


def is_own(node: Node, *kinds: str) -> bool:
    """Whether a node is one of these operators of the compiler's own."""
    return node.domain == DOMAIN and node.op_type in kinds


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
