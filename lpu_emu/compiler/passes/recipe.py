"""Writing one node as several simpler ones: a small vocabulary of element-wise operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import DOMAIN, RSQRT
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo

# Roots that are drawn before a logarithm; 2 to this power divides it. Odd: rsqrt turns the sign each time.
_ROOTS = 5
# The formula 7.1.26 of Abramowitz and Stegun for erf, with an error below 1.5e-7.
_ERF_SCALE = 0.3275911
_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
# The smallest operand of rsqrt by type, where its reciprocal is finite.
_TINY = {"float16": 6e-8}
_TINY_FLOAT32 = 1e-37


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """Adds nodes in the place of one; operands are tensor names or numbers, all results have the shape of the last."""

    graph: Graph
    edits: Edits
    node: Node

    @property
    def result(self) -> ValueInfo:
        """What the node's result looks like."""
        return self.graph.values[self.node.outputs[0]]

    def number(self, value: float | Array) -> str:
        """Return a constant in the type of the result."""
        return self.edits.constant(f"{self.node.name}:number", np.asarray(value).astype(self.result.dtype))

    def _name(self, operand: str | float) -> str:
        return operand if isinstance(operand, str) else self.number(operand)

    def make(
        self, op_type: str, *operands: str | float, like: ValueInfo | None = None, **attributes: Any
    ) -> str:
        """Add a node and return its result."""
        names = tuple(self._name(operand) for operand in operands)
        shape = like or self.result
        domain, opset = (DOMAIN, 1) if op_type == RSQRT else ("", 18)
        return self.edits.standard(
            self.node, op_type, names, shape, domain=domain, opset=opset, attributes=attributes
        )

    def finish(self, tensor: str) -> None:
        """Let the node's own result be this tensor."""
        self.edits.rename_last(self.node, tensor, self.node.outputs[0])

    # --- words

    def add(self, a: str | float, b: str | float) -> str:
        """a + b."""
        return self.make("Add", a, b)

    def mul(self, a: str | float, b: str | float) -> str:
        """a * b."""
        return self.make("Mul", a, b)

    def clip(self, x: str, low: float, high: float) -> str:
        """X limited to [low, high]."""
        return self.make("Clip", x, low, high)

    def rsqrt(self, x: str, like: ValueInfo | None = None) -> str:
        """1 / sqrt(x) for x > 0."""
        return self.make(RSQRT, x, like=like)

    def sqrt(self, x: str) -> str:
        """sqrt(x) for x >= 0, as x / sqrt(x)."""
        return self.mul(x, self.rsqrt(self.make("Max", x, self._tiny())))

    def _tiny(self) -> float:
        return _TINY.get(self.result.dtype.name, _TINY_FLOAT32)

    def reciprocal(self, x: str, like: ValueInfo | None = None, *, positive: bool = False) -> str:
        """1 / x, as rsqrt(x) squared where x is positive, else x times rsqrt(x * x) squared."""
        square = x if positive else self.make("Mul", x, x, like=like)
        root = self.rsqrt(square, like)
        inverse = self.make("Mul", root, root, like=like)
        return inverse if positive else self.make("Mul", inverse, x, like=like)

    def log(self, x: str, like: ValueInfo | None = None) -> str:
        """Ln x for x > 0: from that of a high root, then one step on x itself, which heals what was rounded between."""
        x = self.make("Max", x, self._tiny(), like=like)
        root = x
        for _ in range(_ROOTS):
            root = self.rsqrt(root, like)
        above, below = self.make("Add", root, -1.0, like=like), self.make("Add", root, 1.0, like=like)
        inverse = self.reciprocal(below, like, positive=True)
        value = self.make("Mul", self.make("Mul", above, inverse, like=like), 2.0, like=like)
        for _ in range(2):
            value = self._nearer_log(root, value, like)
        return self._nearer_log(x, self.make("Mul", value, -(2.0**_ROOTS), like=like), like)

    def _nearer_log(self, x: str, value: str, like: ValueInfo | None) -> str:
        """Return value + 2 (x - exp(value)) / (x + exp(value)): the error becomes a twelfth of its cube."""
        power = self.make("Exp", value, like=like)
        distance, total = self.make("Sub", x, power, like=like), self.make("Add", x, power, like=like)
        step = self.make("Mul", distance, self.reciprocal(total, like, positive=True), like=like)
        return self.make("Add", value, self.make("Mul", step, 2.0, like=like), like=like)

    def erf(self, x: str) -> str:
        """The error function: 1 - t * polynomial(t) * exp(-x * x) for |x|, with the sign of x."""
        size = self.make("Abs", x)
        t = self.reciprocal(self.add(self.mul(size, _ERF_SCALE), 1.0), positive=True)
        total = self.mul(t, _ERF[0])
        for factor in _ERF[1:]:
            total = self.mul(self.add(total, factor), t)
        square = self.mul(x, x)
        rest = self.mul(total, self.make("Exp", self.make("Neg", square)))
        sign = self.mul(x, self.rsqrt(self.make("Max", square, self._tiny())))
        return self.mul(self.make("Sub", 1.0, rest), sign)
