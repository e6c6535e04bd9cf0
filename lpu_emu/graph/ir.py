"""The tensor graph: what the importer hands out and every compiler pass rewrites.

A graph is immutable. All shapes are static, all constants are NumPy arrays that nobody may write to,
and the nodes stand in an order in which every tensor is produced before it is read. Passes build new
graphs with the functions of :mod:`lpu_emu.graph.rewrite`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lpu_emu.errors import ModelError
from lpu_emu.graph.verify import findings_of

Array = npt.NDArray[Any]
DType = np.dtype[Any]


@dataclass(frozen=True, kw_only=True)
class ValueInfo:
    """Name, element type and static shape of one tensor."""

    name: str
    dtype: DType
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements; 1 for a scalar."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Number of bytes in NumPy's representation of the tensor."""
        return self.size * self.dtype.itemsize

    def __str__(self) -> str:
        """Return type and shape as in ``float32[1,64]``."""
        return f"{self.dtype.name}[{','.join(str(d) for d in self.shape)}]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operator application.

    ``inputs`` and ``outputs`` hold tensor names; the empty string stands for an absent optional one.
    ``domain`` is empty for the standard operators and ``opset`` is the version that defines the meaning.
    Attribute values are int, float, str, a NumPy array, or a tuple of these.
    """

    name: str
    op_type: str
    domain: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return name and operator as messages cite them."""
        kind = f"{self.domain}::{self.op_type}" if self.domain else self.op_type
        return f"node {self.name!r} ({kind})"

    def input_at(self, index: int) -> str:
        """Return the tensor name of an input, the empty string when it is absent."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def output_at(self, index: int) -> str:
        """Return the tensor name of an output, the empty string when it is absent."""
        return self.outputs[index] if index < len(self.outputs) else ""

    def int_attribute(self, name: str, default: int) -> int:
        """Return an integer attribute. Raises ModelError when it has another type."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self._wrong_type(name, "an integer", value)
        return value

    def float_attribute(self, name: str, default: float) -> float:
        """Return a float attribute. Raises ModelError when it has another type."""
        value = self.attributes.get(name, default)
        if not isinstance(value, (int, float)):
            raise self._wrong_type(name, "a number", value)
        return float(value)

    def text_attribute(self, name: str, default: str) -> str:
        """Return a text attribute. Raises ModelError when it has another type."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self._wrong_type(name, "a text", value)
        return value

    def ints_attribute(self, name: str) -> tuple[int, ...] | None:
        """Return a list-of-integers attribute or None. Raises ModelError when it has another type."""
        value = self.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise self._wrong_type(name, "a list of integers", value)
        return value

    def tensor_attribute(self, name: str) -> Array | None:
        """Return a tensor attribute or None. Raises ModelError when it has another type."""
        value = self.attributes.get(name)
        if value is not None and not isinstance(value, np.ndarray):
            raise self._wrong_type(name, "a tensor", value)
        return value

    def _wrong_type(self, name: str, expected: str, value: object) -> ModelError:
        return ModelError(f"{self}: attribute {name!r} must be {expected}, not {value!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A whole model.

    ``inputs`` and ``outputs`` are tensor names in the model's order. ``values`` describes every tensor,
    ``constants`` holds those whose value is known. ``source`` says where the model came from and
    starts every error message about it.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Mapping[str, ValueInfo]
    constants: Mapping[str, Array]
    nodes: tuple[Node, ...]
    source: str

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that produces each tensor; inputs and constants have none."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each tensor, each once, in graph order."""
        readers: dict[str, list[Node]] = {name: [] for name in self.values}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                if name:
                    readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    @cached_property
    def nodes_by_name(self) -> Mapping[str, Node]:
        """Every node under its unique name."""
        return {node.name: node for node in self.nodes}

    def with_nodes(self, nodes: Sequence[Node]) -> Graph:
        """Return the same graph with other nodes. The nodes must be in topological order."""
        return replace(self, nodes=tuple(nodes))

    def with_constants(self, constants: Mapping[str, Array]) -> Graph:
        """Return the graph with more constants; names already present get the new value."""
        added = {name: frozen(array) for name, array in constants.items()}
        values = {
            name: ValueInfo(name=name, dtype=array.dtype, shape=array.shape) for name, array in added.items()
        }
        return replace(self, constants={**self.constants, **added}, values={**self.values, **values})

    def with_values(self, values: Sequence[ValueInfo]) -> Graph:
        """Return the graph with more tensor descriptions; names already present get the new one."""
        return replace(self, values={**self.values, **{value.name: value for value in values}})

    def verify(self) -> Graph:
        """Check the rules every graph keeps and return the graph itself.

        Raises:
            ModelError: listing every finding: a tensor defined twice, read before it is produced or not
                described, a constant that contradicts its description, a node name used twice.
        """
        findings = findings_of(self)
        if findings:
            raise ModelError("\n".join(f"{self.source}: {finding}" for finding in findings))
        return self


def frozen(array: Array) -> Array:
    """Return a view of the array that refuses writes."""
    view = array.view()
    view.flags.writeable = False
    return view
