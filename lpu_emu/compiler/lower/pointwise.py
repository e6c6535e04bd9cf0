"""Element-wise operators as expressions.

Floats are computed in fp32 whatever they are stored in; integers in their own type. A constant operand becomes an
immediate when it is one value, a latched vector when all rows are alike, else a matrix in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.exact import factor_of
from lpu_emu.compiler.lower.expression import Expr, Leaf, Scalar, Vector
from lpu_emu.compiler.passes.operators import BINARY, RSQRT, UNARY
from lpu_emu.compiler.passes.support import MACHINE_TYPES
from lpu_emu.graph.ir import Graph, Node

_FLOAT_SOURCES = ("fp16", "fp32", "bf16", "fp8")


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """What an operator is expressed in: ``operand`` gives activations, ``constant`` puts a matrix into memory.

    Activations with one ``root`` are the same elements in memory.
    """

    graph: Graph
    columns: int
    root: Callable[[str], str]
    operand: Callable[[str], Expr]
    constant: Callable[[str, NDArray[Any], str], Leaf]


def express(node: Node, context: Context) -> Expr:
    """Return the value of an element-wise node."""
    return _EXPRESSIONS[node.op_type](node, context)


def _working_type(node: Node, context: Context) -> str:
    """The type an operator computes in."""
    own = MACHINE_TYPES[context.graph.values[node.outputs[0]].dtype.name]
    return "fp32" if own in _FLOAT_SOURCES else own


def _operands(node: Node, context: Context) -> list[Expr]:
    dtype = _working_type(node, context)
    shared: dict[str, Expr] = {}
    keys = [name if name in context.graph.constants else context.root(name) for name in node.inputs if name]
    for key, name in zip(keys, filter(None, node.inputs), strict=True):
        if key not in shared:
            shared[key] = _operand(node, name, dtype, context)
    return [shared[key] for key in keys]


def _operand(node: Node, name: str, dtype: str, context: Context) -> Expr:
    if name in context.graph.constants:
        return _constant(node, name, dtype, context)
    return ex.convert(context.operand(name), dtype)


def _constant(node: Node, name: str, dtype: str, context: Context) -> Expr:
    values = context.graph.constants[name].astype(ex.NUMPY_TYPES[dtype])
    if values.size == 1:
        return Scalar(dtype=dtype, value=float(values.reshape(())))
    shape = context.graph.values[node.outputs[0]].shape
    matrix = np.broadcast_to(values, shape).reshape(-1, context.columns)
    if (matrix == matrix[:1]).all():
        return Vector(dtype=dtype, values=np.ascontiguousarray(matrix[0]))
    return context.constant(f"{node.name}:{name}", matrix, dtype)


def _binary(node: Node, context: Context) -> Expr:
    operands = _operands(node, context)
    value = operands[0]
    for other in operands[1:]:
        value = ex.op(BINARY[node.op_type], value, other)
    return value


def _unary(node: Node, context: Context) -> Expr:
    return ex.op(UNARY[node.op_type], _operands(node, context)[0])


def _sigmoid(node: Node, context: Context) -> Expr:
    """1 / (1 + exp(-x)), the reciprocal as the square of rsqrt, which is right for positive values."""
    x = _operands(node, context)[0]
    return reciprocal(ex.op("add", ex.op("exp", ex.op("neg", x)), ex.scalar(1.0, "fp32")))


def reciprocal(x: Expr) -> Expr:
    """Return 1 / x for x > 0, as rsqrt(x) squared."""
    root = ex.op("rsqrt", x)
    return ex.op("mul", root, root)


def _rsqrt(node: Node, context: Context) -> Expr:
    return ex.op("rsqrt", _operands(node, context)[0])


def _clip(node: Node, context: Context) -> Expr:
    dtype = _working_type(node, context)
    value = ex.convert(context.operand(node.inputs[0]), dtype)
    for mnemonic, index, attribute in (("max", 1, "min"), ("min", 2, "max")):
        limit = _limit(node, index, attribute, context)
        if limit is not None:
            value = ex.op(mnemonic, value, ex.scalar(limit, dtype))
    return value if isinstance(value, ex.Op) else ex.op("copy", value)


def _limit(node: Node, index: int, attribute: str, context: Context) -> float | None:
    name = node.input_at(index)
    if name:
        return float(context.graph.constants[name].reshape(()))
    return node.float_attribute(attribute, 0.0) if attribute in node.attributes else None


def _cast(node: Node, context: Context) -> Expr:
    target = MACHINE_TYPES[context.graph.values[node.outputs[0]].dtype.name]
    return ex.convert(context.operand(node.inputs[0]), target)


def _quantise(node: Node, context: Context) -> Expr:
    """x times a factor in the place of x divided by the scale, rounded to nearest even and saturated: see ``exact``."""
    scale = np.float32(context.graph.constants[node.inputs[1]].reshape(()))
    target = MACHINE_TYPES[context.graph.values[node.outputs[0]].dtype.name]
    x = ex.convert(context.operand(node.inputs[0]), "fp32")
    factor = factor_of(x, scale, target)
    return ex.convert(ex.op("mul", x, ex.scalar(float(factor), "fp32")), target, saturate=True)


def _dequantise(node: Node, context: Context) -> Expr:
    scale = float(context.graph.constants[node.inputs[1]].astype(np.float32).reshape(()))
    return ex.op("mul", ex.convert(context.operand(node.inputs[0]), "fp32"), ex.scalar(scale, "fp32"))


_EXPRESSIONS: dict[str, Callable[[Node, Context], Expr]] = {
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(UNARY, _unary),
    RSQRT: _rsqrt,
    "Sigmoid": _sigmoid,
    "Clip": _clip,
    "Cast": _cast,
    "QuantizeLinear": _quantise,
    "DequantizeLinear": _dequantise,
}
EXPRESSED = frozenset(_EXPRESSIONS)
