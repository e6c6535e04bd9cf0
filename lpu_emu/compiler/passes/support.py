"""The last pass: every node that is left must be one the compiler can lower; all others are named at once."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from lpu_emu.compiler.passes.operators import (
    BINARY,
    DOMAIN,
    FORMS,
    HINTS,
    LANE_MAP,
    LOWERED,
    PRODUCTS,
    REWRITTEN,
    SOFTMAX,
    STANDARD,
    is_own,
)
from lpu_emu.compiler.passes.quantise import has_zero_point_zero
from lpu_emu.errors import ModelError, did_you_mean
from lpu_emu.graph.ir import Array, Graph, Node

MACHINE_TYPES = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float8_e4m3fn": "fp8",
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "int32": "int32",
}
_TYPE_ADVICE = {
    "float64": "export the model with float32",
    "int64": "make it a constant, or use int32",
    "bool": "logical values are not supported yet",
}
_WHERE = "docs/compiler.md lists the operators that are"
_FLOATS = ("float32", "float16", "bfloat16", "float8_e4m3fn")


def require_supported(graph: Graph) -> Graph:
    """Return the graph if everything in it can be lowered.

    Raises:
        ModelError: one line for every node and tensor that cannot, with the reason and what to do.
    """
    findings = [f"{where}: {reason}" for where, reason in _findings(graph)]
    if findings:
        raise ModelError("\n".join(f"{graph.source}: {finding}" for finding in findings))
    return graph


def _findings(graph: Graph) -> list[tuple[str, str]]:
    found = []
    for node in graph.nodes:
        reason = _reason(graph, node)
        if reason:
            domain = node.domain or "ai.onnx"
            found.append(
                (f"node {node.name!r} ({node.op_type}, domain {domain}, opset {node.opset})", reason)
            )
    for name in dict.fromkeys((*graph.inputs, *graph.outputs)):
        reason = _type_reason(graph, name)
        if reason:
            found.append((f"tensor {name!r}", reason))
    return found


def _type_reason(graph: Graph, tensor: str) -> str:
    value = graph.values[tensor]
    if value.dtype.name in MACHINE_TYPES:
        return ""
    advice = _TYPE_ADVICE.get(value.dtype.name, f"the chip computes with {', '.join(MACHINE_TYPES)}")
    return f"the chip has no {value.dtype.name} ({value}); {advice}"


def _reason(graph: Graph, node: Node) -> str:
    refused = node.text_attribute("refused", "")
    if refused:
        return f"not supported: {refused}"
    if node.domain == DOMAIN:
        return _own(graph, node)
    if node.domain or node.op_type not in LOWERED:
        return _unknown(node)
    for name in (*node.inputs[:1], *node.outputs):
        reason = _type_reason(graph, name) if name else ""
        if reason:
            return reason
    check = _CHECKS.get(node.op_type)
    return check(graph, node) if check else ""


def _own(graph: Graph, node: Node) -> str:
    """Products of integers that did not become integer operators, and weights that are no constant."""
    if is_own(node, *PRODUCTS):
        if graph.values[node.inputs[0]].dtype.kind in "iu":
            return (
                "its integers have a zero point that is not zero, and padding or phases; "
                "quantise symmetrically (zero point 0)"
            )
        if node.inputs[1] not in graph.constants:
            return f"its weights {node.inputs[1]!r} are no constant"
    if is_own(node, LANE_MAP) and node.float_attribute("fill", 0.0) and (_lanes(node) < 0).any():
        return "channels can be padded with zero only"
    return ""


def _lanes(node: Node) -> Array:
    lanes = node.tensor_attribute("lanes")
    assert lanes is not None
    return lanes


def _unknown(node: Node) -> str:
    if node.domain:
        return f"operators of this domain are not supported; {_WHERE}"
    if node.op_type in REWRITTEN:
        return FORMS.get(node.op_type, "supported for floats only")
    hint = HINTS.get(node.op_type)
    if hint:
        return f"not supported: {hint}"
    return f"not supported{did_you_mean(node.op_type, sorted(STANDARD))}; {_WHERE}"


def _matrix_product(graph: Graph, node: Node) -> str:
    if node.op_type == "Gemm" and node.int_attribute("transA", 0):
        return "a transposed activation needs a Transpose, which is planned; export it with transA=0"
    right = node.inputs[1]
    if right not in graph.constants:
        return f"its right operand {right!r} is no constant; products of two activations are planned"
    if node.op_type == "MatMul":
        return f"its right operand {right!r} has the shape {list(graph.values[right].shape)}; expected [K, N]"
    return f"beta = {node.float_attribute('beta', 1.0)} of a bias that is no constant row; multiply it in beforehand"


def _pointwise(graph: Graph, node: Node) -> str:
    size = graph.values[node.outputs[0]].size
    for name in node.inputs:
        if name and name not in graph.constants and graph.values[name].size != size:
            return (
                f"its operand {name!r} ({graph.values[name]}) is spread over {graph.values[node.outputs[0]]}; only "
                f"constants may be, spreading an activation is planned"
            )
    if all(name in graph.constants for name in node.inputs if name):
        return "all its operands are constant, but it could not be folded"
    return ""


def _floating(graph: Graph, node: Node) -> str:
    dtype = graph.values[node.inputs[0]].dtype.name
    return "" if dtype in _FLOATS else f"its operand is {dtype}; the chip computes it for floats only"


def _clip(graph: Graph, node: Node) -> str:
    for name in node.inputs[1:]:
        if name and name not in graph.constants:
            return f"its limit {name!r} is no constant"
    return _pointwise(graph, node)


def _cast(graph: Graph, node: Node) -> str:
    names = [graph.values[t].dtype.name for t in (node.inputs[0], node.outputs[0])]
    return (
        ""
        if all(n in _FLOATS for n in names)
        else f"from {names[0]} to {names[1]}: only casts between floats"
    )


def _dropout(graph: Graph, node: Node) -> str:
    training = node.input_at(2)
    asked = bool(training) and (training not in graph.constants or bool(graph.constants[training].any()))
    return "it drops elements (training_mode); export the model for inference" if asked else ""


def _scale(graph: Graph, node: Node) -> str:
    scale = graph.constants.get(node.inputs[1])
    if scale is None:
        return "its scale is no constant"
    if scale.size != 1:
        return "it has one scale per channel; only constant weights of a Gemm or MatMul may have that"
    if not has_zero_point_zero(graph, node):
        return "its zero point is not zero; quantise symmetrically (zero point 0)"
    return ""


def _quantised(graph: Graph, node: Node) -> str:
    whole = graph.values[(node.outputs if node.op_type == "QuantizeLinear" else node.inputs)[0]].dtype.name
    if whole not in ("int8", "uint8", "int32"):
        return f"integers of type {whole} are not supported; use int8 or uint8"
    return _scale(graph, node)


def _softmax(graph: Graph, node: Node) -> str:
    shape = graph.values[node.inputs[0]].shape
    axis = node.int_attribute("axis", -1 if node.opset >= 13 else 1)
    if not shape:
        return "its input is a scalar"
    if node.opset >= 13 and axis % len(shape) != len(shape) - 1:
        return f"its axis {axis} is not the last one; other axes need a Transpose, which is planned"
    return _floating(graph, node)


def softmax_columns(graph: Graph, node: Node) -> int:
    """Return over how many elements a Softmax normalises: the last axis, before opset 13 all axes from ``axis`` on."""
    shape = graph.values[node.inputs[0]].shape
    if node.opset >= 13:
        return shape[-1]
    return prod(shape[node.int_attribute("axis", 1) % len(shape) :])


_Check = Callable[[Graph, Node], str]
_CHECKS: dict[str, _Check] = {
    "Gemm": _matrix_product,
    "MatMul": _matrix_product,
    "Clip": _clip,
    "Dropout": _dropout,
    "Cast": _cast,
    "QuantizeLinear": _quantised,
    "DequantizeLinear": _quantised,
    SOFTMAX: _softmax,
    **dict.fromkeys((*BINARY, "Relu", "Neg", "Abs"), _pointwise),
    **dict.fromkeys(("Tanh", "Exp", "Sigmoid"), _floating),
}
