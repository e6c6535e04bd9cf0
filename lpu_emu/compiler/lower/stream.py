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
    """Adds the operations of an expression to a flow, for one part and block.

    ``turn`` chooses among copies of tensors; ``rows`` are the first row and the step of a flow that takes not all rows of
    the part.
    """

    def __init__(
        self,
        builder: FlowBuilder,
        tensors: Mapping[str, Tensor],
        constants: Constants,
        *,
        name: str,
        part: int,
        block: int,
        turn: int = 0,
        repeats: int = 1,
        rows: tuple[int, int] | None = None,
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
        self._turn = turn
        self._repeats = repeats
        self._rows = rows
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
            return self._builder.read(self._reading(self._tensors[value.tensor]))
        assert isinstance(value, Op)
        operands = {name: self._operand(arg) for name, arg in zip(_OPERANDS, value.args, strict=False)}
        result = value.dtype if value.mnemonic == "convert" else ""
        return self._builder.alu(
            value.mnemonic, value.operand_dtype, operands, result=result, saturate=value.saturate
        )

    def _reading(self, tensor: Tensor) -> Reading:
        reading = tensor.reading(self._part, self._block, self._turn)
        if self._rows is None:
            return reading
        first, step = self._rows
        offset = first - tensor.parts[self._part].first
        return Reading(words=reading.words, first=reading.first + offset, step=step)

    def _operand(self, value: Expr) -> Operand:
        if isinstance(value, Scalar):
            return Immediate(bits=ex.bits_of(value))
        if isinstance(value, Vector):
            self._vectors += 1
            name = f"{self._name}.{self._vectors}"
            return self._constants.vector(name, value, self._block, repeats=self._repeats, again=self._again)
        return self.edge(value)
