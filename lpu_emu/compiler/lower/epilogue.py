"""What follows a product, and what every value is given before it goes to memory."""

from __future__ import annotations

import numpy as np

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Product, Scalar, Vector
from lpu_emu.compiler.passes.support import MACHINE_TYPES
from lpu_emu.graph.ir import Graph, Node


def float_epilogue(graph: Graph, node: Node, product: Expr | None = None) -> Expr:
    """Return what follows a float product (fp32, by default what leaves the planes): bias and relu."""
    value = product or Product(dtype="fp32")
    if node.input_at(2):
        value = ex.op("add", value, Vector(dtype="fp32", values=graph.constants[node.inputs[2]]))
    return ex.op("relu", value) if node.int_attribute("relu", 0) else value


def integer_epilogue(graph: Graph, node: Node, *, biased: bool = False) -> Expr:
    """Return what follows an integer product; ``biased`` when it has the bias in it already."""
    value: Expr = Product(dtype="int32")
    if node.input_at(2) and not biased:
        value = ex.op("add", value, Vector(dtype="int32", values=graph.constants[node.inputs[2]]))
    factors = graph.constants[node.inputs[3]]
    factor: Expr = Vector(dtype="fp32", values=factors)
    if factors.size == 1:
        factor = Scalar(dtype="fp32", value=float(factors[0]))
    value = ex.op("mul", ex.convert(value, "fp32"), factor)
    if node.int_attribute("relu", 0):
        value = ex.op("relu", value)
    result = MACHINE_TYPES[graph.values[node.outputs[0]].dtype.name]
    return ex.convert(value, result, saturate=True) if result in ("int8", "uint8") else value


def finished(value: Expr, dtype: str, columns: int, lanes: int) -> Expr:
    """Convert a value to the type it is stored in, with finite unused lanes."""
    value = ex.convert(value, dtype, saturate=dtype in ("int8", "uint8"))
    if columns % lanes == 0 or np.isfinite(ex.pad_of(value)):
        return value
    ones = np.ones(columns, dtype=np.int32).view(np.float32)
    if dtype in ("fp16", "bf16"):
        ones = np.ones(columns, dtype=np.int16).view(ex.NUMPY_TYPES[dtype])
    return ex.op("mask", value, Vector(dtype=dtype, values=ones))
