"""Gemm and MatMul with constant weights become one operator: ``Linear``.

``lpu::Linear`` reads x [.., K], weights, and optionally a bias [N]; attributes: ``transposed`` (weights are [N, K]),
``alpha`` (factor of the product), ``beta`` (factor of the bias), ``relu``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lpu_emu.compiler.passes.operators import DOMAIN, LINEAR, is_own, is_standard, kinds_of, only_consumer
from lpu_emu.graph.ir import Graph, Node, ValueInfo
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
    return bool(constant_behind(graph, bias)) and _is_row(graph, bias, output)


def _is_row(graph: Graph, bias: str, output: str) -> bool:
    """Whether a bias is the same for all rows of the output."""
    shape = graph.values[bias].shape
    columns = graph.values[output].shape[-1]
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
            "kinds": node.op_type,
            **attributes,
        },
    )


def fuse_bias(graph: Graph) -> Graph:
    """Take an Add of one constant row into the Linear before it."""
    replacements: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if not is_own(node, LINEAR) or node.input_at(2):
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
    """Take a Relu into the Linear before it."""
    replacements: dict[str, list[Node]] = {}
    for node in graph.nodes:
        relu = only_consumer(graph, node.outputs[0]) if is_own(node, LINEAR) else None
        if relu is not None and is_standard(relu, "Relu"):
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
    """Give every Linear its weights as float32 [K, N] and its bias as float32 [N], alpha and beta multiplied in."""
    replacements: dict[str, list[Node]] = {}
    constants = {}
    for node in graph.nodes:
        if not is_own(node, LINEAR) or node.inputs[1] not in graph.constants:
            continue
        names = [node.inputs[0], f"{node.name}:weights"]
        weights = graph.constants[node.inputs[1]].astype(np.float32)
        weights = weights.T if node.int_attribute("transposed", 0) else weights
        constants[names[1]] = np.ascontiguousarray(weights * np.float32(node.float_attribute("alpha", 1.0)))
        if node.input_at(2):
            bias = graph.constants[node.inputs[2]].astype(np.float32) * np.float32(
                node.float_attribute("beta", 1.0)
            )
            constants[f"{node.name}:bias"] = np.ascontiguousarray(
                np.broadcast_to(bias.reshape(-1), weights.shape[1:])
            )
            names.append(f"{node.name}:bias")
        attributes = {"relu": node.attributes["relu"], "kinds": node.attributes["kinds"]}
        baked = Node(
            name=node.name,
            op_type=LINEAR,
            domain=DOMAIN,
            opset=1,
            inputs=tuple(names),
            outputs=node.outputs,
            attributes=attributes,
        )
        replacements[node.name] = [baked]
    return drop_dead(replace_nodes(graph, replacements, constants=constants))
