"""Collecting the edits of a pass: which nodes are replaced by which, with what new tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo
from lpu_emu.graph.rewrite import FreshNames, drop_dead, replace_nodes

# Versions whose Clip, Max, Pad and reductions read their parameters from inputs.
OPSET = 18


class Edits:
    """Edits of one graph, applied together."""

    def __init__(self, graph: Graph) -> None:
        """Begin without edits."""
        self._graph = graph
        self._names = FreshNames(graph)
        self._values: list[ValueInfo] = []
        self._constants: dict[str, Array] = {}
        self.replacements: dict[str, list[Node]] = {}

    def constant(self, stem: str, value: Any) -> str:
        """Add a constant and return its name."""
        name = self._names.take(stem)
        self._constants[name] = np.asarray(value)
        return name

    def value(self, stem: str, like: ValueInfo, shape: tuple[int, ...] | None = None) -> str:
        """Describe a new tensor like another and return its name."""
        name = self._names.take(stem)
        self._values.append(replace(like, name=name, shape=like.shape if shape is None else shape))
        return name

    @staticmethod
    def shaped(value: ValueInfo, shape: tuple[int, ...]) -> ValueInfo:
        """Return a description with another shape."""
        return replace(value, shape=shape)

    def replace(self, node: Node, *new: Node) -> None:
        """Put nodes in the place of one; without any, it is removed."""
        self.replacements.setdefault(node.name, []).extend(new)

    def standard(
        self,
        node: Node,
        op_type: str,
        inputs: tuple[str, ...],
        like: ValueInfo,
        *,
        output: str = "",
        domain: str = "",
        opset: int = OPSET,
        attributes: Mapping[str, object] | None = None,
    ) -> str:
        """Add a node in the place of ``node``, whose result is described by ``like`` unless it has a name already."""
        result = output or self.value(f"{node.name}:{op_type.lower()}", like)
        new = Node(
            name=self._names.take(f"{node.name}:{op_type.lower()}") if output else result,
            op_type=op_type,
            domain=domain,
            opset=opset,
            inputs=inputs,
            outputs=(result,),
            attributes={"kinds": str(node.attributes.get("kinds", node.op_type)), **(attributes or {})},
        )
        self.replace(node, new)
        return result

    def rename_last(self, node: Node, tensor: str, output: str) -> None:
        """Give the last result in the place of a node another name."""
        made = self.replacements[node.name][-1]
        assert made.outputs == (tensor,)
        self.replacements[node.name][-1] = replace(made, outputs=(output,))

    def like(self, node: Node, inputs: tuple[str, ...], outputs: tuple[str, ...], *, name: str) -> Node:
        """Return a node with other tensors."""
        return replace(node, name=name, inputs=inputs, outputs=outputs)

    def apply(self) -> Graph:
        """Return the new graph."""
        if not self.replacements:
            return self._graph
        return drop_dead(
            replace_nodes(self._graph, self.replacements, values=self._values, constants=self._constants)
        )
