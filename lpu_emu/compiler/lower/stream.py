"""Expressions as stages of a flow."""

from __future__ import annotations

from collections.abc import Mapping

from lpu_emu.compiler.flow.builder import FlowBuilder, Immediate, Operand, Reading
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.constants import Constants
from lpu_emu.compiler.lower.expression import Expr, Leaf, Op, Product, Scalar, Vector
from lpu_emu.compiler.lower.tensors import Tensor

_OPERANDS = ("x", "y")


class Streamer:
    """Adds the operations of an expression to a flow, for one part and block."""

    def __init__(
        self,
        builder: FlowBuilder,
        tensors: Mapping[str, Tensor],
        constants: Constants,
        *,
        name: str,
        part: int,
        block: int,
        product: Edge | None = None,
        again: bool = False,
        known: Mapping[int, Edge] | None = None,
    ) -> None:
        self._builder = builder
        self._tensors = tensors
        self._constants = constants
        self._name = name
        self._part = part
        self._block = block
        self._product = product
        self._again = again
        self._done: dict[int, Edge] = dict(known or {})
        self._vectors = 0

    def edge(self, value: Expr) -> Edge:
        """Return the edge that carries a value; shared values are computed once."""
        known = self._done.get(id(value))
        if known is None:
            known = self._done[id(value)] = self._new(value)
        return known

    def _new(self, value: Expr) -> Edge:
        if isinstance(value, Product):
            assert self._product is not None
            return self._product
        if isinstance(value, Leaf):
            words = self._tensors[value.tensor].words(self._part, self._block)
            return self._builder.read(Reading(words=words))
        assert isinstance(value, Op)
        operands = {name: self._operand(arg) for name, arg in zip(_OPERANDS, value.args, strict=False)}
        result = value.dtype if value.mnemonic == "convert" else ""
        return self._builder.alu(
            value.mnemonic, value.operand_dtype, operands, result=result, saturate=value.saturate
        )

    def _operand(self, value: Expr) -> Operand:
        if isinstance(value, Scalar):
            return Immediate(bits=ex.bits_of(value))
        if isinstance(value, Vector):
            self._vectors += 1
            name = f"{self._name}.{self._vectors}"
            return self._constants.vector(name, value, self._block, again=self._again)
        return self.edge(value)
