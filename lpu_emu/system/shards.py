"""What one chip does in a stage, as a graph for the compiler: the representative of all shards of its shape.

Precision ``int8`` stands for FP8 too: on the modelled chips both take one byte per weight and one issue slot per row.
Weights, keys and values are constants: they lie in SRAM and go through the MXM alike, and their values change no cycle.
Results are fp32, because they are parts of sums over chips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import UsageError
from lpu_emu.graph.ir import Graph, Node, ValueInfo

OPSET = 17
SCALE = np.asarray(2.0**-6, np.float32)
PRECISIONS = ("int8", "fp16")
Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The shape of a shard.

    ``kind``: ``linear`` [rows, a] x [a, b]; ``gated`` [rows, a] through a gated layer of width b;
    ``attention`` of rows of width a over b cached tokens; ``sum`` of b tensors [rows, a].
    """

    kind: str
    rows: int
    a: int
    b: int
    precision: str = "int8"

    def __post_init__(self) -> None:
        if self.kind not in _BUILDERS or self.precision not in PRECISIONS:
            raise UsageError(f"no shard {self.kind!r} in {self.precision!r}; kinds: {', '.join(_BUILDERS)}")

    @property
    def text(self) -> str:
        """Name of the shape."""
        return f"{self.kind} {self.rows}x{self.a}x{self.b} {self.precision}"

    def graph(self) -> Graph:
        """Return the graph; weights are small random numbers that depend on the shape only."""
        builder = _Builder(self)
        _BUILDERS[self.kind](builder)
        return builder.graph()


class _Builder:
    """Collects nodes, tensors and constants."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.whole = shard.precision == "int8"
        self._random = np.random.default_rng([shard.rows, shard.a, shard.b])
        self._nodes: list[Node] = []
        self._values: dict[str, ValueInfo] = {}
        self._constants: dict[str, Array] = {}
        self._inputs: list[str] = []
        if self.whole:
            self.constant("scale", SCALE)

    def graph(self) -> Graph:
        return Graph(
            name=self.shard.kind,
            inputs=tuple(self._inputs),
            outputs=self._ends(),
            values=self._values,
            constants=self._constants,
            nodes=tuple(self._nodes),
            source=f"shard {self.shard.text}",
        ).verify()

    def _ends(self) -> tuple[str, ...]:
        """Tensors that no node reads."""
        read = {name for node in self._nodes for name in node.inputs}
        return tuple(name for node in self._nodes for name in node.outputs if name not in read)

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> str:
        self._values[name] = ValueInfo(name=name, dtype=np.dtype(dtype), shape=shape)
        return name

    def entry(self, name: str, columns: int, *, wide: bool = False) -> str:
        """Add an input: bytes that are dequantised, or floats where the precision or ``wide`` says so."""
        shape, whole = (self.shard.rows, columns), self.whole and not wide
        self._inputs.append(self.tensor(name, shape, "int8" if whole else "float32"))
        return self.node("DequantizeLinear", f"{name}_f", shape, name, "scale") if whole else name

    def node(self, kind: str, result: str, shape: tuple[int, ...], *inputs: str, **attributes: Any) -> str:
        dtype = "int8" if kind == "QuantizeLinear" else "float32"
        self._nodes.append(
            Node(
                name=result,
                op_type=kind,
                domain="",
                opset=OPSET,
                inputs=inputs,
                outputs=(result,),
                attributes=attributes,
            )
        )
        return self.tensor(result, shape, dtype)

    def product(self, x: str, name: str, k: int, n: int) -> str:
        """Multiply by weights [k, n]."""
        if self.whole:
            self.constant(f"{name}_w", self._random.integers(-8, 9, (k, n), dtype=np.int8))
            weights = self.node("DequantizeLinear", f"{name}_d", (k, n), f"{name}_w", "scale")
        else:
            weights = self.constant(f"{name}_w", self._random.standard_normal((k, n), np.float32) / 64)
        return self.node("MatMul", name, (self.shard.rows, n), x, weights)

    def narrow(self, x: str, columns: int) -> str:
        """Bring activations to bytes and back, as a matrix product wants them."""
        if not self.whole:
            return x
        shape = (self.shard.rows, columns)
        self.node("QuantizeLinear", f"{x}_q", shape, x, "scale")
        return self.node("DequantizeLinear", f"{x}_n", shape, f"{x}_q", "scale")

    def constant(self, name: str, value: Array) -> str:
        self._constants[name] = value
        return self.tensor(name, value.shape, value.dtype.name)


def _linear(b: _Builder) -> None:
    s = b.shard
    b.product(b.entry("x", s.a), "y", s.a, s.b)


def _gated(b: _Builder) -> None:
    s = b.shard
    x, inner = b.entry("x", s.a), (s.rows, s.b)
    gate, up = b.product(x, "gate", s.a, s.b), b.product(x, "up", s.a, s.b)
    b.node("Sigmoid", "open", inner, gate)
    b.node("Mul", "act", inner, gate, "open")
    b.node("Mul", "inner", inner, "act", up)
    b.product(b.narrow("inner", s.b), "y", s.b, s.a)


def _attention(b: _Builder) -> None:
    s = b.shard
    scores = b.product(b.entry("q", s.a), "scores", s.a, s.b)
    b.node("Softmax", "shares", (s.rows, s.b), scores, axis=-1)
    b.product(b.narrow("shares", s.b), "y", s.b, s.a)


def _sum(b: _Builder) -> None:
    s = b.shard
    total = b.entry("p0", s.a, wide=True)
    for i in range(1, s.b):
        total = b.node("Add", f"t{i}", (s.rows, s.a), total, b.entry(f"p{i}", s.a, wide=True))


def _norm(b: _Builder) -> None:
    s = b.shard
    x = b.entry("x", s.a, wide=True)
    b.node("Mul", "scaled", (s.rows, s.a), x, b.constant("weight", np.ones((s.a,), np.float32)))
    b.node("Mul", "squares", (s.rows, s.a), x, x)
    ones = b.constant("ones", np.ones((s.a, 1), np.float32))
    b.node("MatMul", "sums", (s.rows, 1), "squares", ones)


_BUILDERS: Mapping[str, Callable[[_Builder], None]] = {
    "linear": _linear,
    "gated": _gated,
    "attention": _attention,
    "sum": _sum,
    "norm": _norm,
}
