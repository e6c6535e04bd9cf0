"""Gemm and MatMul with constant weights become one operator: ``Linear``.

``lpu::Linear`` reads x [.., K], weights, and optionally a bias [N]; attributes: ``transposed`` (weights are [N, K]),
``alpha`` (factor of the product), ``beta`` (factor of the bias), ``relu``. ``lpu::WindowLinear`` (see the package
``layout``) has the same attributes and is completed by the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lpu_emu.compiler.passes.operators import (
    DOMAIN,
    LINEAR,
    PRODUCTS,
    QUANTISED_PRODUCTS,
    is_own,
    is_standard,
    kinds_of,
    only_consumer,
)
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo
from lpu_emu.graph.rewrite import FreshNames, drop_dead, replace_nodes


def constant_behind(graph: Graph, tensor: str) -> str:
    """Return the constant that a tensor is, or is dequantised from; the empty string if it is neither."""
    if tensor in graph.constants:
        return tensor
    producer = graph.producers.get(tensor)
    if (
        producer is not None
        and is_standard(producer, "DequantizeLinear")
        and producer.inputs[0] in graph.constants
    ):
        return producer.inputs[0]
    return ""


def make_linear(graph: Graph) -> Graph:
    """Replace every Gemm and MatMul whose right operand is constant.

    A bias that is no constant row becomes an Add behind the product.
    """
    names = FreshNames(graph)
    replacements: dict[str, list[Node]] = {}
    values: list[ValueInfo] = []
    for node in graph.nodes:
        if is_standard(node, "MatMul") and _takes_matmul(graph, node):
            replacements[node.name] = [_linear(node, node.inputs[:2], {})]
        elif is_standard(node, "Gemm") and _takes_gemm(graph, node):
            replacements[node.name] = _from_gemm(graph, node, names, values)
    return replace_nodes(graph, replacements, values=values)


def _takes_matmul(graph: Graph, node: Node) -> bool:
    x, weights = graph.values[node.inputs[0]], graph.values[node.inputs[1]]
    return bool(constant_behind(graph, node.inputs[1])) and len(weights.shape) == 2 and bool(x.shape)


def _takes_gemm(graph: Graph, node: Node) -> bool:
    if not constant_behind(graph, node.inputs[1]) or node.int_attribute("transA", 0):
        return False
    bias = node.input_at(2)
    separate = bool(bias) and not _is_constant_row(graph, bias, node.outputs[0])
    return not separate or node.float_attribute("beta", 1.0) == 1.0


def _from_gemm(graph: Graph, node: Node, names: FreshNames, values: list[ValueInfo]) -> list[Node]:
    attributes = {
        "transposed": node.int_attribute("transB", 0),
        "alpha": node.float_attribute("alpha", 1.0),
        "beta": node.float_attribute("beta", 1.0),
    }
    bias = node.input_at(2)
    if not bias or _is_constant_row(graph, bias, node.outputs[0]):
        return [_linear(node, node.inputs, attributes)]
    product = replace(graph.values[node.outputs[0]], name=names.take(f"{node.outputs[0]}:product"))
    values.append(product)
    linear = replace(_linear(node, node.inputs[:2], attributes), outputs=(product.name,))
    add = Node(
        name=names.take(f"{node.name}:bias"),
        op_type="Add",
        domain="",
        opset=node.opset,
        inputs=(product.name, bias),
        outputs=node.outputs,
    )
    return [linear, add]


def _is_constant_row(graph: Graph, bias: str, output: str) -> bool:
    return bool(constant_behind(graph, bias)) and is_row(graph, bias, output)


def is_row(graph: Graph, bias: str, output: str) -> bool:
    """Whether a bias is the same for all rows of the output."""
    shape = graph.values[bias].shape
    columns = next(iter(graph.values[output].shape[-1:]), 1)
    return all(d == 1 for d in shape[:-1]) and (not shape or shape[-1] in (1, columns))


def _linear(node: Node, inputs: tuple[str, ...], attributes: Mapping[str, object]) -> Node:
    return Node(
        name=node.name,
        op_type=LINEAR,
        domain=DOMAIN,
        opset=1,
        inputs=inputs,
        outputs=node.outputs,
        attributes={
            "transposed": 0,
            "alpha": 1.0,
            "beta": 1.0,
            "relu": 0,
            "kinds": str(node.attributes.get("kinds", node.op_type)),
            **({"x_zero": node.attributes["x_zero"]} if "x_zero" in node.attributes else {}),
            **attributes,
        },
    )


def fuse_bias(graph: Graph) -> Graph:
    """Take an Add of one constant row into the Linear before it."""
    replacements: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if not is_own(node, *PRODUCTS) or node.input_at(2):
            continue
        add = only_consumer(graph, node.outputs[0])
        if add is None or not is_standard(add, "Add") or add.name in replacements:
            continue
        bias = next((name for name in add.inputs if name != node.outputs[0]), "")
        if _is_constant_row(graph, bias, node.outputs[0]) and _keeps_shape(graph, node, add):
            replacements[node.name] = []
            replacements[add.name] = [_joined(node, add, inputs=(*node.inputs[:2], bias), attributes={})]
    return drop_dead(replace_nodes(graph, replacements))


def _keeps_shape(graph: Graph, node: Node, other: Node) -> bool:
    return graph.values[node.outputs[0]].shape == graph.values[other.outputs[0]].shape


def fuse_relu(graph: Graph) -> Graph:
    """Take a Relu into the product before it, of integers too: rounding and saturation keep order and zero."""
    replacements: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if not is_own(node, *PRODUCTS, *QUANTISED_PRODUCTS) or node.name in replacements:
            continue
        relu = only_consumer(graph, node.outputs[0])
        exact_sum = graph.values[node.outputs[0]].dtype == np.int32
        if relu is not None and is_standard(relu, "Relu") and not exact_sum:
            replacements[node.name] = []
            replacements[relu.name] = [_joined(node, relu, inputs=node.inputs, attributes={"relu": 1})]
    return drop_dead(replace_nodes(graph, replacements))


def _joined(node: Node, last: Node, *, inputs: tuple[str, ...], attributes: Mapping[str, object]) -> Node:
    """Return ``node`` with the output of ``last``, which it takes in."""
    return Node(
        name=node.name,
        op_type=node.op_type,
        domain=node.domain,
        opset=node.opset,
        inputs=inputs,
        outputs=last.outputs,
        attributes={**node.attributes, **attributes, "kinds": kinds_of(node, last)},
    )


def bake_weights(graph: Graph) -> Graph:
    """Give every product its weights as float32 [.., K, N] and its bias as float32 [N], alpha and beta multiplied in."""
    replacements: dict[str, list[Node]] = {}
    constants: dict[str, Array] = {}
    names = FreshNames(graph)
    values: list[ValueInfo] = []
    for node in graph.nodes:
        if is_own(node, *PRODUCTS) and node.inputs[1] in graph.constants:
            replacements[node.name] = _with_factor(graph, node, constants, names, values)
    return drop_dead(replace_nodes(graph, replacements, constants=constants, values=values))


def _with_factor(
    graph: Graph, node: Node, constants: dict[str, Array], names: FreshNames, values: list[ValueInfo]
) -> list[Node]:
    """Return a baked product; where weights are ones and alpha is inexact in fp16, alpha becomes a Mul behind it."""
    alpha = node.float_attribute("alpha", 1.0)
    exact = float(np.float16(alpha)) == alpha
    if exact or not node.int_attribute("ones", 0) or node.input_at(2) or alpha < 0:
        return [_baked(graph, node, constants)]
    result = graph.values[node.outputs[0]]
    total = replace(result, name=names.take(f"{result.name}:total"))
    values.append(total)
    factor = names.take(f"{node.name}:factor")
    constants[factor] = np.asarray(alpha).astype(result.dtype)
    ones = replace(node, outputs=(total.name,), attributes={**node.attributes, "alpha": 1.0})
    mul = Node(
        name=names.take(f"{node.name}:scale"),
        op_type="Mul",
        domain="",
        opset=14,
        inputs=(total.name, factor),
        outputs=node.outputs,
        attributes={"kinds": node.attributes["kinds"]},
    )
    return [_baked(graph, ones, constants), mul]


def _baked(graph: Graph, node: Node, constants: dict[str, Array]) -> Node:
    weights = graph.constants[node.inputs[1]].astype(np.float32, copy=False)
    weights = weights.T if node.int_attribute("transposed", 0) else weights
    alpha = np.float32(node.float_attribute("alpha", 1.0))
    names = [node.inputs[0], f"{node.name}:weights"]
    constants[names[1]] = weights if alpha == 1 else weights * alpha
    if node.input_at(2):
        names.append(f"{node.name}:bias")
        bias = graph.constants[node.inputs[2]].astype(np.float32).reshape(-1)
        bias = np.broadcast_to(bias * np.float32(node.float_attribute("beta", 1.0)), weights.shape[-1:])
        constants[names[2]] = np.ascontiguousarray(bias)
    return replace(node, inputs=tuple(names), attributes=finished(node))


def finished(node: Node, **others: object) -> dict[str, object]:
    """Return the attributes that a product keeps when its weights have their last form."""
    kept = ("rows", "groups", "phases", "relu", "kinds")
    return {**{key: node.attributes[key] for key in kept if key in node.attributes}, **others}
