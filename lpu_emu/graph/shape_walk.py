"""From a model file's content to a graph in which every tensor has a static shape.

One walk in topological order: each node's outputs are inferred from the static shapes and the small
known values of its inputs. Shape arithmetic is evaluated on the way, so that a Reshape whose target is
computed by other nodes has a known result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lpu_emu.errors import ModelError, did_you_mean
from lpu_emu.graph.evaluate import NotEvaluatedError, can_evaluate, evaluate, shape_value
from lpu_emu.graph.finite import check_finite
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo, frozen
from lpu_emu.graph.operands import check_operands
from lpu_emu.graph.raw_model import Inference, RawModel, RawValue
from lpu_emu.graph.rewrite import sort_nodes
from lpu_emu.graph.shape_request import Shapes, resolve_inputs

# Values up to this size may decide shapes; larger ones are data.
KNOWN_LIMIT_ELEMENTS = 1 << 14


def resolve(raw: RawModel, shapes: Shapes, inference: Inference) -> Graph:
    """Return the graph of a model with static shapes.

    Raises:
        ModelError: see :func:`lpu_emu.graph.onnx_reader.read_onnx`.
    """
    _check_defined(raw)
    check_finite(raw.source, raw.constants, raw.nodes)
    inputs, sizes = resolve_inputs(raw, shapes)
    nodes = sort_nodes(raw.nodes, raw.source)
    _check_operators(raw, nodes, sizes, inference)
    walk = _Walk(raw, inputs, sizes, inference)
    nodes = tuple(walk.visit(node) for node in nodes)
    _check_declared_types(raw, walk.values)
    graph = Graph(
        name=raw.name,
        inputs=tuple(inputs),
        outputs=tuple(value.name for value in raw.outputs),
        values=walk.values,
        constants={name: frozen(array) for name, array in raw.constants.items()},
        nodes=nodes,
        source=raw.source,
    )
    return check_operands(graph.verify())


class _Walk:
    """The tensors described so far and the small values known so far."""

    def __init__(
        self, raw: RawModel, inputs: Mapping[str, ValueInfo], sizes: Mapping[str, int], inference: Inference
    ) -> None:
        self._raw, self._sizes, self._inference = raw, sizes, inference
        self._read = {name for node in raw.nodes for name in node.inputs}
        self._read.update(value.name for value in raw.outputs)
        self.values: dict[str, ValueInfo] = dict(inputs)
        self._known: dict[str, Array] = {}
        for name, array in raw.constants.items():
            self.values[name] = ValueInfo(name=name, dtype=array.dtype, shape=array.shape)
            if array.size <= KNOWN_LIMIT_ELEMENTS:
                self._known[name] = array
        for value in self.values.values():
            self._check_size(value, "the file")

    def visit(self, node: Node) -> Node:
        """Describe the outputs of one node and return it without those that are unknown and unread."""
        try:
            inferred = self._inference.infer(node, self.values, self._known)
            described = {name: self._described(name, inferred) for name in node.outputs if name}
            results = self._results(node, described)
        except ModelError as error:
            raise ModelError(f"{self._raw.source}: {error}") from error
        self._known.update(
            {name: array for name, array in results.items() if array.size <= KNOWN_LIMIT_ELEMENTS}
        )
        unread = {name for name, value in described.items() if not value and name not in self._read}
        for name, value in described.items():
            if name not in unread:
                self.values[name] = self._settled(node, value, results.get(name), name)
        return _without(node, unread) if unread else node

    def _described(self, name: str, inferred: Mapping[str, RawValue]) -> ValueInfo | None:
        value = inferred[name].resolved(self._sizes) if name in inferred else None
        declared = self._raw.declared.get(name)
        return value if value or not declared else declared.resolved(self._sizes)

    def _results(self, node: Node, described: Mapping[str, ValueInfo | None]) -> dict[str, Array]:
        if not can_evaluate(node):
            return {}
        if node.op_type in ("Shape", "Size"):
            results = [shape_value(node, self.values[node.inputs[0]])]
        elif all(name in self._known for name in node.inputs if name) and all(
            value is None or value.size <= KNOWN_LIMIT_ELEMENTS for value in described.values()
        ):
            try:
                results = evaluate(node, [self._known[name] if name else None for name in node.inputs])
            except NotEvaluatedError:
                return {}
        else:
            return {}
        return {name: array for name, array in zip(node.outputs, results, strict=True) if name}

    def _settled(self, node: Node, value: ValueInfo | None, result: Array | None, name: str) -> ValueInfo:
        if result is not None:
            value = ValueInfo(name=name, dtype=result.dtype, shape=result.shape)
        if value is None:
            raise ModelError(
                f"{self._raw.source}: {node}: the shape of its output {name!r} depends on data or cannot be "
                f"inferred; every shape must be known at compile time: {self._advice(node)}"
            )
        self._check_size(value, str(node))
        return value

    def _advice(self, node: Node) -> str:
        unknown = [repr(name) for name in node.inputs if name and name not in self._known]
        computed = f"make {' or '.join(unknown)} a constant, or " if unknown else ""
        return f"{computed}write the shape into the file's value_info"

    def _check_size(self, value: ValueInfo, where: str) -> None:
        parameter_list = value.name in self._known and len(value.shape) == 1
        if 0 in value.shape and not parameter_list:
            raise ModelError(
                f"{self._raw.source}: tensor {value.name!r} ({value}, from {where}) has no elements; "
                f"a tensor on the chip needs at least one"
            )


def _without(node: Node, unread: Collection[str]) -> Node:
    outputs = ["" if name in unread else name for name in node.outputs]
    while len(outputs) > 1 and not outputs[-1]:
        outputs.pop()
    return replace(node, outputs=tuple(outputs))


def _check_defined(raw: RawModel) -> None:
    defined = {*raw.constants, *(value.name for value in raw.inputs)}
    defined.update(name for node in raw.nodes for name in node.outputs if name)
    findings = [
        f"{node} reads {name!r}, which is no input, no initialiser and no other node's output"
        f"{did_you_mean(name, sorted(defined))}"
        for node in raw.nodes
        for name in dict.fromkeys(node.inputs)
        if name and name not in defined
    ]
    findings += [f"output {v.name!r} is produced by no node" for v in raw.outputs if v.name not in defined]
    if findings:
        raise ModelError("\n".join(f"{raw.source}: {finding}" for finding in findings))


def _check_operators(
    raw: RawModel, nodes: Sequence[Node], sizes: Mapping[str, int], inference: Inference
) -> None:
    """Refuse, all at once, operators of no known standard whose outputs the file does not describe."""
    first: dict[str, Node] = {}
    for node in nodes:
        declared = [raw.declared.get(name) for name in node.outputs if name]
        described = all(value is not None and value.resolved(sizes) for value in declared)
        if not inference.knows(node) and not described:
            first.setdefault(f"{node.domain or 'ai.onnx'}::{node.op_type}", node)
    if first:
        lines = [
            f"{raw.source}: {node}: operator {kind} is not in the ONNX standard (opset {node.opset}) and the "
            f"file does not state the shapes of its outputs"
            for kind, node in first.items()
        ]
        raise ModelError("\n".join(lines))


def _check_declared_types(raw: RawModel, values: Mapping[str, ValueInfo]) -> None:
    for output in raw.outputs:
        found = values[output.name].dtype
        if output.dtype is not None and output.dtype != found:
            raise ModelError(
                f"{raw.source}: output {output.name!r} is declared as {output.dtype.name}, "
                f"but the nodes make it {found.name}"
            )
