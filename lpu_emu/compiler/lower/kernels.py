"""From the graph to kernels: what the chip computes between two visits to memory.

Element-wise operators that follow one another become one expression; an expression may begin with the product of a
Linear. A value goes to memory when more than one operator reads it, when it leaves the model, when the chain of
ALUs would become too long, or when an operator needs it as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Leaf, Product, Scalar, Vector
from lpu_emu.compiler.lower.pointwise import Context, express
from lpu_emu.compiler.lower.tensors import Tensor, parts_of
from lpu_emu.compiler.lower.views import Views, find_views
from lpu_emu.compiler.passes.operators import (
    DOMAIN,
    LINEAR,
    POINTWISE,
    QUANTISED_LINEAR,
    SOFTMAX,
    VIEWS,
    kinds_of,
)
from lpu_emu.compiler.passes.support import MACHINE_TYPES
from lpu_emu.graph.ir import Graph, Node
from lpu_emu.spec.machine import DTYPE_BYTES

# ALU operations of one flow. A chain of this length still leaves half of the mesh to others.
LONGEST_CHAIN = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """A matrix [K, N] for the planes: ``activation`` is the type of what it is multiplied with."""

    name: str
    values: NDArray[Any]
    activation: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """One result tensor and how it comes about.

    ``kind``: ``pointwise`` (``value`` has no product), ``linear`` (``value`` begins with x times ``weights``), or
    ``softmax`` (of x). ``nodes`` are the source operators.
    """

    kind: str
    target: Tensor
    nodes: tuple[Node, ...]
    value: Expr | None = None
    x: Tensor | None = None
    weights: Weights | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that the kernel reads."""
        names = [leaf.tensor for leaf in ex.leaves(self.value)] if self.value is not None else []
        return tuple(dict.fromkeys([*([self.x.name] if self.x else []), *names]))

    @property
    def macs(self) -> int:
        """Useful multiply-accumulates."""
        return self.target.rows * self.weights.values.size if self.weights is not None else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Lowered:
    """Kernels in order, all tensors by name, the tensor behind every name of the graph, and those that leave the chip."""

    kernels: tuple[Kernel, ...]
    tensors: dict[str, Tensor]
    root: dict[str, str]
    leaving: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class _Pending:
    """A value that has not gone to memory: its expression, product and nodes."""

    value: Expr
    nodes: tuple[Node, ...]
    x: Tensor | None = None
    weights: Weights | None = None


@dataclass(eq=False)
class KernelBuilder:
    """Walks the graph once and collects kernels."""

    graph: Graph
    geometry: Geometry
    precision: str
    views: Views = field(init=False)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)
    _pending: dict[str, _Pending] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.views = find_views(self.graph, self.geometry.lanes)
        self._readers = self._count_readers()
        outside = {self.views.root[name]: name for name in reversed(self.graph.outputs)}
        self._leaving = outside

    def build(self) -> Lowered:
        """Return the kernels of the whole graph."""
        for name in self.graph.inputs:
            self._add_tensor(name, MACHINE_TYPES[self.graph.values[name].dtype.name], 0.0, preloaded=True)
        for name in self.graph.outputs:
            if name in self.graph.constants:
                self._constant(name)
        for node in self.graph.nodes:
            self._visit(node)
        for name in self.graph.outputs:
            self._stored(name)
        return Lowered(
            kernels=tuple(self.kernels),
            tensors=self.tensors,
            root=dict(self.views.root),
            leaving=tuple(self._leaving),
        )

    # --- nodes

    def _visit(self, node: Node) -> None:
        if node.domain == DOMAIN:
            self._pending[self._root(node.outputs[0])] = self._linear(node)
        elif node.op_type in POINTWISE:
            self._pending[self._root(node.outputs[0])] = self._pointwise(node)
        elif node.op_type == SOFTMAX:
            self._softmax(node)
        else:
            assert node.op_type in VIEWS
            return
        name = self._root(node.outputs[0])
        if name in self._pending and (self._readers.get(name, 0) != 1 or name in self._leaving):
            self._stored(name)

    def _linear(self, node: Node) -> _Pending:
        if node.op_type == QUANTISED_LINEAR:
            activation = MACHINE_TYPES[self.graph.values[node.inputs[0]].dtype.name]
        else:
            activation = "fp16"
        x = self._as_type(node.inputs[0], activation)
        values = self.graph.constants[node.inputs[1]]
        weights = Weights(name=node.name, values=values, activation=activation)
        value = self._quantised(node) if node.op_type == QUANTISED_LINEAR else self._float_linear(node)
        return _Pending(value=value, nodes=(node,), x=x, weights=weights)

    def _float_linear(self, node: Node) -> Expr:
        value: Expr = Product(dtype="fp32")
        if node.input_at(2):
            value = ex.op("add", value, Vector(dtype="fp32", values=self.graph.constants[node.inputs[2]]))
        return ex.op("relu", value) if node.int_attribute("relu", 0) else value

    def _quantised(self, node: Node) -> Expr:
        value: Expr = Product(dtype="int32")
        if node.input_at(2):
            value = ex.op("add", value, Vector(dtype="int32", values=self.graph.constants[node.inputs[2]]))
        factors = self.graph.constants[node.inputs[3]]
        factor: Expr = Vector(dtype="fp32", values=factors)
        if factors.size == 1:
            factor = Scalar(dtype="fp32", value=float(factors[0]))
        value = ex.op("mul", ex.convert(value, "fp32"), factor)
        if node.int_attribute("relu", 0):
            value = ex.op("relu", value)
        result = MACHINE_TYPES[self.graph.values[node.outputs[0]].dtype.name]
        return ex.convert(value, result, saturate=True) if result in ("int8", "uint8") else value

    def _pointwise(self, node: Node) -> _Pending:
        taken: list[_Pending] = []

        def operand(name: str) -> Expr:
            root = self._root(name)
            pending = self._pending.get(root)
            if pending is None:
                return self._leaf(self.tensors[root])
            taken.append(pending)
            return pending.value

        def stored(name: str) -> Expr:
            return self._leaf(self._stored(name))

        value = express(node, self._context(node, operand))
        if not self._fits(value, taken):
            taken.clear()
            value = express(node, self._context(node, stored))
        for name in dict.fromkeys(node.inputs):
            if name and name not in self.graph.constants and taken:
                self._pending.pop(self._root(name), None)
        products = [p for p in taken if p.weights is not None]
        nodes = tuple(n for p in taken for n in p.nodes)
        first = products[0] if products else None
        return _Pending(
            value=value,
            nodes=(*nodes, node),
            x=first.x if first else None,
            weights=first.weights if first else None,
        )

    def _fits(self, value: Expr, taken: list[_Pending]) -> bool:
        """Whether an expression can run as one flow, which reads every tensor at most once."""
        read = ex.leaves(value)
        multiplied = [p.x.name for p in taken if p.x is not None]
        names = [*multiplied, *(leaf.tensor for leaf in read)]
        return (
            ex.operations(value) <= LONGEST_CHAIN
            and len(multiplied) <= 1
            and len(set(names)) == len(names)
            and sum(DTYPE_BYTES[leaf.dtype] for leaf in read) <= self.geometry.chip.slices
        )

    def _context(self, node: Node, operand: Callable[[str], Expr]) -> Context:
        name = node.outputs[0]
        columns = self.views.columns[name]
        return Context(
            graph=self.graph, columns=columns, root=self._root, operand=operand, constant=self._matrix
        )

    def _softmax(self, node: Node) -> None:
        x = self._stored(node.inputs[0])
        name = self._root(node.outputs[0])
        dtype = self._storage_type(name)
        target = self._add_tensor(name, dtype, 1.0)
        self.kernels.append(Kernel(kind="softmax", target=target, nodes=(node,), x=x))

    # --- tensors

    def _stored(self, name: str) -> Tensor:
        """Return a tensor in memory, adding the kernel that puts it there if there is none yet."""
        root = self._root(name)
        pending = self._pending.pop(root, None)
        if pending is None:
            return self.tensors[root]
        value = self._finished(pending.value, self._storage_type(root), self.views.columns[root])
        target = self._add_tensor(root, value.dtype, ex.pad_of(value))
        self._add_kernel(target, value, pending)
        return target

    def _add_kernel(self, target: Tensor, value: Expr, pending: _Pending) -> None:
        kind = "linear" if pending.weights is not None else "pointwise"
        if kind == "pointwise" and not ex.operations(value):
            value = ex.op("copy", value)
        kernel = Kernel(
            kind=kind, target=target, nodes=pending.nodes, value=value, x=pending.x, weights=pending.weights
        )
        self.kernels.append(kernel)

    def _finished(self, value: Expr, dtype: str, columns: int) -> Expr:
        """Convert a value to the type it is stored in, with finite unused lanes."""
        value = ex.convert(value, dtype, saturate=dtype in ("int8", "uint8"))
        if columns % self.geometry.lanes == 0 or np.isfinite(ex.pad_of(value)):
            return value
        ones = np.ones(columns, dtype=np.int32).view(np.float32)
        if dtype in ("fp16", "bf16"):
            ones = np.ones(columns, dtype=np.int16).view(ex.NUMPY_TYPES[dtype])
        return ex.op("mask", value, Vector(dtype=dtype, values=ones))

    def _as_type(self, name: str, dtype: str) -> Tensor:
        """Return a tensor in memory in a type, adding a conversion if it is there in another."""
        tensor = self._stored(name)
        if tensor.dtype == dtype:
            return tensor
        converted = f"{tensor.name}:{dtype}"
        if converted not in self.tensors:
            value = self._finished(ex.convert(self._leaf(tensor), dtype), dtype, tensor.columns)
            target = self._new_tensor(converted, dtype, tensor.rows, tensor.columns, ex.pad_of(value))
            node = self._reader_of(name)
            self.kernels.append(Kernel(kind="pointwise", target=target, nodes=(node,), value=value))
        return self.tensors[converted]

    def _reader_of(self, name: str) -> Node:
        root = self._root(name)
        for node in self.graph.nodes:
            if node.domain == DOMAIN and self._root(node.inputs[0]) == root:
                return node
        raise KeyError(name)

    def _leaf(self, tensor: Tensor) -> Leaf:
        return Leaf(tensor=tensor.name, dtype=tensor.dtype, pad=tensor.pad)

    def _root(self, name: str) -> str:
        return self.views.root[name]

    def _storage_type(self, root: str) -> str:
        """The type a tensor has in memory: the model's own where it leaves the chip, else that of the precision."""
        leaving = self._leaving.get(root)
        own = MACHINE_TYPES[self.graph.values[leaving or root].dtype.name]
        if leaving is not None or own not in ("fp32", "fp16"):
            return own
        return "fp16" if self.precision == "fp16" else "fp32"

    def _add_tensor(self, name: str, dtype: str, pad: float, *, preloaded: bool = False) -> Tensor:
        value = self.graph.values[name]
        columns = self.views.columns[name]
        return self._new_tensor(
            self._root(name), dtype, value.size // columns, columns, pad, preloaded=preloaded
        )

    def _new_tensor(
        self,
        name: str,
        dtype: str,
        rows: int,
        columns: int,
        pad: float,
        *,
        preloaded: bool = False,
        content: NDArray[Any] | None = None,
    ) -> Tensor:
        tensor = Tensor(
            name=name,
            dtype=dtype,
            rows=rows,
            columns=columns,
            parts=parts_of(self.geometry, rows),
            lanes=self.geometry.lanes,
            pad=pad,
            preloaded=preloaded,
            content=content,
        )
        self.tensors[name] = tensor
        return tensor

    def _matrix(self, name: str, values: NDArray[Any], dtype: str) -> Leaf:
        """Return a constant matrix [rows, columns] as a tensor in memory."""
        if name not in self.tensors:
            array = np.ascontiguousarray(values.astype(ex.NUMPY_TYPES[dtype]))
            rows, columns = array.shape
            self._new_tensor(name, dtype, rows, columns, 0.0, content=array)
        return self._leaf(self.tensors[name])

    def _constant(self, name: str) -> None:
        values = self.graph.constants[name]
        columns = self.views.columns[name]
        dtype = MACHINE_TYPES[values.dtype.name]
        rows = values.size // columns
        self._new_tensor(name, dtype, rows, columns, 0.0, content=values.reshape(rows, columns))

    def _count_readers(self) -> dict[str, int]:
        """Nodes that read each tensor's memory, views of it included."""
        readers: dict[str, int] = {}
        for node in self.graph.nodes:
            if not node.domain and node.op_type in VIEWS:
                continue
            names = {self.views.root[n] for n in node.inputs if n in self.views.root}
            for name in sorted(names):
                readers[name] = readers.get(name, 0) + 1
        return readers


def name_of(kernel: Kernel) -> tuple[str, str]:
    """Return the operator name and type that reports show for a kernel."""
    linear = next((n for n in kernel.nodes if n.op_type in (LINEAR, QUANTISED_LINEAR)), None)
    named = linear or kernel.nodes[-1]
    if kernel.kind == "pointwise" and kernel.nodes[0].domain == DOMAIN:
        return f"{kernel.target.name}", "Cast"
    return named.name, kinds_of(*kernel.nodes)
