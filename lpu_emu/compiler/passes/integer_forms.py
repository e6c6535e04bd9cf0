"""Operators on integers, written as products between DequantizeLinear and QuantizeLinear, or as products of integers.

A product whose activation and weights are integers gives the exact int32 sum; ``x_zero`` is the zero point of its x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lpu_emu.compiler.passes.dequantised import centred
from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo

FLOAT = np.dtype(np.float32)
QDQ_OPSET = 13
INTEGER_OPERATORS = frozenset({"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"})


@dataclass(frozen=True, kw_only=True, eq=False)
class _Form:
    """One node that is being rewritten."""

    graph: Graph
    edits: Edits
    node: Node

    def constants(self, *indices: int) -> list[Array] | None:
        """Return constant inputs, None if one of them is absent or no constant."""
        found = [self.graph.constants.get(self.node.input_at(i)) for i in indices]
        return (
            None if any(value is None for value in found) else [value for value in found if value is not None]
        )

    def dequantised(self, index: int, axis: int) -> str:
        """Add a DequantizeLinear of the input at ``index``, whose scale and zero point follow it."""
        names = self.node.inputs[index : index + 3]
        like = _as(self.graph.values[names[0]], FLOAT)
        return self._qdq("DequantizeLinear", names, like, axis)

    def quantised(self, tensor: str, index: int) -> None:
        """Add the QuantizeLinear that makes the node's result; scale and zero point are at ``index``."""
        names = (tensor, *self.node.inputs[index : index + 2])
        result = self.graph.values[self.node.outputs[0]]
        self._qdq("QuantizeLinear", names, result, 1, output=self.node.outputs[0])

    def _qdq(self, op_type: str, names: tuple[str, ...], like: ValueInfo, axis: int, output: str = "") -> str:
        return self.edits.standard(
            self.node, op_type, names, like, output=output, opset=QDQ_OPSET, attributes={"axis": axis}
        )

    def product(self, op_type: str, inputs: tuple[str, ...], like: ValueInfo, **extra: object) -> str:
        """Add the product with the node's own attributes."""
        attributes = {**self.node.attributes, **extra}
        return self.edits.standard(self.node, op_type, inputs, like, opset=QDQ_OPSET, attributes=attributes)


def _as(value: ValueInfo, dtype: np.dtype[np.float32]) -> ValueInfo:
    return ValueInfo(name=value.name, dtype=dtype, shape=value.shape)


def expand_integer_forms(graph: Graph) -> Graph:
    """Return the graph without QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger and casts of integers to floats."""
    edits = Edits(graph)
    for node in graph.nodes:
        rule = _RULES.get(node.op_type)
        if rule is not None and not node.domain:
            rule(_Form(graph=graph, edits=edits, node=node))
    return centre_zero_points(edits.apply())


def _qlinear_conv(form: _Form) -> None:
    known = form.constants(1, 4)
    if known is None:
        return
    inputs = [form.dequantised(0, 1), form.dequantised(3, 0)]
    bias = form.node.input_at(8)
    if bias:
        scale = known[0].astype(np.float64).reshape(-1) * known[1].astype(np.float64).reshape(-1)
        scale = np.broadcast_to(scale, form.graph.values[bias].shape)
        name = form.edits.constant(f"{form.node.name}:scale", scale.astype(np.float32))
        like = _as(form.graph.values[bias], FLOAT)
        inputs.append(
            form.edits.standard(
                form.node, "DequantizeLinear", (bias, name), like, opset=QDQ_OPSET, attributes={"axis": 0}
            )
        )
    result = _as(form.graph.values[form.node.outputs[0]], FLOAT)
    form.quantised(form.product("Conv", tuple(inputs), result), 6)


def _qlinear_matmul(form: _Form) -> None:
    if form.constants(1, 4) is None:
        return
    result = _as(form.graph.values[form.node.outputs[0]], FLOAT)
    inputs = (form.dequantised(0, -2), form.dequantised(3, -1))
    form.quantised(form.product("MatMul", inputs, result), 6)


def _integer_product(op_type: str, axis: int) -> Callable[[_Form], None]:
    """Return the rule of an integer product whose weights have their outputs along ``axis``."""

    def rule(form: _Form) -> None:
        node = form.node
        weights = form.constants(1)
        zeros = [form.constants(i) if node.input_at(i) else [np.zeros(1)] for i in (2, 3)]
        if weights is None or zeros[0] is None or zeros[1] is None or zeros[0][0].size != 1:
            return
        zero = zeros[1][0].reshape(-1)
        if zero.size > 1:
            shape = [1] * weights[0].ndim
            shape[axis] = zero.size
            zero = zero.reshape(shape)
        values = centred(weights[0], zero)
        if values is None:
            return
        name = form.edits.constant(f"{node.name}:centred", values)
        result = form.graph.values[node.outputs[0]]
        x_zero = int(zeros[0][0].reshape(()))
        made = form.product(op_type, (node.inputs[0], name), result, x_zero=x_zero)
        form.edits.rename_last(node, made, node.outputs[0])

    return rule


def _cast(form: _Form) -> None:
    """Integers become floats like dequantised ones with the scale one."""
    node = form.node
    source, result = (form.graph.values[name].dtype.name for name in (node.inputs[0], node.outputs[0]))
    if source not in ("int8", "uint8", "int32") or result not in ("float32", "float16"):
        return
    one = form.edits.constant(f"{node.name}:one", np.ones((), dtype=result))
    like = form.graph.values[node.outputs[0]]
    form.edits.standard(
        node, "DequantizeLinear", (node.inputs[0], one), like, output=node.outputs[0], opset=QDQ_OPSET
    )


_RULES: dict[str, Callable[[_Form], None]] = {
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
    "ConvInteger": _integer_product("Conv", 0),
    "MatMulInteger": _integer_product("MatMul", -1),
    "Cast": _cast,
}

# Zero points that another byte type represents as zero.
_CENTRES: dict[tuple[str, int], type[np.int8] | type[np.uint8]] = {
    ("uint8", 128): np.int8,
    ("int8", -128): np.uint8,
}


def centre_zero_points(graph: Graph) -> Graph:
    """Let what is quantised around 128 (or from -128 on) be quantised around zero in the other byte type.

    The integers differ by 128 then, so this is done where only DequantizeLinear nodes with the same zero point read them.
    """
    edits = Edits(graph)
    for node in graph.nodes:
        if node.op_type == "QuantizeLinear" and not node.domain:
            _centre(graph, edits, node)
    return edits.apply()


def _centre(graph: Graph, edits: Edits, node: Node) -> None:
    integers = node.outputs[0]
    value = graph.values[integers]
    centre = _centre_of(graph, node, value)
    if centre is None or integers in graph.outputs:
        return
    readers = graph.consumers[integers]
    if any(r.op_type != "DequantizeLinear" or _centre_of(graph, r, value) != centre for r in readers):
        return
    zero = edits.constant(f"{node.name}:zero", centre(0))
    like = ValueInfo(name=value.name, dtype=np.dtype(centre), shape=value.shape)
    made = edits.standard(
        node, "QuantizeLinear", (*node.inputs[:2], zero), like, opset=node.opset, attributes=node.attributes
    )
    for reader in readers:
        edits.standard(
            reader,
            "DequantizeLinear",
            (made, reader.inputs[1], zero),
            graph.values[reader.outputs[0]],
            output=reader.outputs[0],
            opset=reader.opset,
            attributes=reader.attributes,
        )


def _centre_of(graph: Graph, node: Node, value: ValueInfo) -> type[np.int8] | type[np.uint8] | None:
    zero = graph.constants.get(node.input_at(2))
    if zero is None or zero.size != 1:
        return None
    return _CENTRES.get((value.dtype.name, int(zero.reshape(()))))
