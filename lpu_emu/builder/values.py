"""Values: what travels on streams, one per vector of a flow, and the arithmetic on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lpu_emu.builder.location import Place
from lpu_emu.builder.tensors import Tensor
from lpu_emu.spec.machine import DTYPE_BYTES

if TYPE_CHECKING:
    from lpu_emu.builder.flow import Flow


@dataclass(frozen=True, kw_only=True, eq=False)
class Number:
    """A constant inside an instruction, already in the bits of its type."""

    bits: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Latched:
    """One row of a tensor, the same for every vector: it is copied into the latch of the ALU that uses it."""

    tensor: Tensor
    row: int
    block: int
    place: Place
    flow: Flow = field(repr=False)

    @property
    def dtype(self) -> str:
        """The machine type of the row."""
        return self.tensor.dtype


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One stage of a flow as its author wrote it. ``options`` hold what only the stage's kind knows."""

    kind: str
    place: Place
    operands: Mapping[str, Value | Latched | Number] = field(default_factory=dict)
    streams: int = 0
    pinned_stream: int | None = None
    pinned_alu: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Value:
    """A vector per step of a flow, on ``bytes`` consecutive streams from stream ``index`` of a stage's result on.

    Operators and methods add ALU operations. Each takes ``alu=`` (number of an ALU), ``stream=`` (``"e4"``, the first
    stream of the result) and ``saturate=``; what is not given is left to the scheduler. A number becomes an immediate,
    a latched row (``flow.latch``) is held by the ALU. All operands have one type: see :meth:`to`.
    """

    flow: Flow = field(repr=False)
    node: Node
    dtype: str
    index: int = 0

    @property
    def streams(self) -> int:
        """Streams that the value needs."""
        return DTYPE_BYTES[self.dtype]

    # --- arithmetic

    def add(self, y: Operand, **pins: Any) -> Value:
        """Return self + y."""
        return self._binary("add", y, pins)

    def sub(self, y: Operand, **pins: Any) -> Value:
        """Return self - y."""
        return self._binary("sub", y, pins)

    def mul(self, y: Operand, **pins: Any) -> Value:
        """Return self * y."""
        return self._binary("mul", y, pins)

    def max(self, y: Operand, **pins: Any) -> Value:
        """Return the larger one; NaN if either is."""
        return self._binary("max", y, pins)

    def min(self, y: Operand, **pins: Any) -> Value:
        """Return the smaller one; NaN if either is."""
        return self._binary("min", y, pins)

    def bit_and(self, y: Operand, **pins: Any) -> Value:
        """Return the bitwise and of integers."""
        return self._binary("and", y, pins)

    def bit_or(self, y: Operand, **pins: Any) -> Value:
        """Return the bitwise or of integers."""
        return self._binary("or", y, pins)

    def bit_xor(self, y: Operand, **pins: Any) -> Value:
        """Return the bitwise exclusive or of integers."""
        return self._binary("xor", y, pins)

    def shl(self, y: Operand, **pins: Any) -> Value:
        """Return self shifted left by y bits."""
        return self._binary("shl", y, pins)

    def shr(self, y: Operand, **pins: Any) -> Value:
        """Return self shifted right by y bits, arithmetic for signed types."""
        return self._binary("shr", y, pins)

    def eq(self, y: Operand, **pins: Any) -> Value:
        """Return 1 where equal, else 0, in the same type."""
        return self._binary("eq", y, pins)

    def ne(self, y: Operand, **pins: Any) -> Value:
        """Return 1 where different, else 0, in the same type."""
        return self._binary("ne", y, pins)

    def gt(self, y: Operand, **pins: Any) -> Value:
        """Return 1 where self > y, else 0, in the same type."""
        return self._binary("gt", y, pins)

    def ge(self, y: Operand, **pins: Any) -> Value:
        """Return 1 where self >= y, else 0, in the same type."""
        return self._binary("ge", y, pins)

    def lt(self, y: Operand, **pins: Any) -> Value:
        """Return 1 where self < y, else 0, in the same type."""
        return self._binary("lt", y, pins)

    def le(self, y: Operand, **pins: Any) -> Value:
        """Return 1 where self <= y, else 0, in the same type."""
        return self._binary("le", y, pins)

    def mask(self, y: Operand, **pins: Any) -> Value:
        """Return self where the lowest byte of y is not zero, else zero (1.0 has a zero lowest byte: convert first)."""
        return self._binary("mask", y, pins)

    def copy(self, **pins: Any) -> Value:
        """Return self, 3 cycles later."""
        return self._unary("copy", pins)

    def neg(self, **pins: Any) -> Value:
        """Return -self."""
        return self._unary("neg", pins)

    def abs(self, **pins: Any) -> Value:
        """Return the magnitude."""
        return self._unary("abs", pins)

    def bit_not(self, **pins: Any) -> Value:
        """Return the bitwise not of integers."""
        return self._unary("not", pins)

    def relu(self, **pins: Any) -> Value:
        """Return max(self, 0)."""
        return self._unary("relu", pins)

    def tanh(self, **pins: Any) -> Value:
        """Return the hyperbolic tangent."""
        return self._unary("tanh", pins)

    def exp(self, **pins: Any) -> Value:
        """Return e to the power self."""
        return self._unary("exp", pins)

    def rsqrt(self, **pins: Any) -> Value:
        """Return 1 / sqrt(self)."""
        return self._unary("rsqrt", pins)

    def to(self, dtype: str, **pins: Any) -> Value:
        """Return self as another type, rounded to nearest even; ``saturate=True`` clamps instead of wrapping."""
        return self.flow.alu("convert", {"x": self}, self.dtype, result=dtype, **pins)

    def running(self, mnemonic: str, start: float = 0, **pins: Any) -> Value:
        """Return the running result over the vectors: ``y[k] = op(y[k - 1], self[k])`` with ``y[-1] = start``.

        The ALU keeps y in its latch, which takes 3 cycles: the flow needs ``interval=3`` or more.
        """
        return self.flow.running(self, mnemonic, start, **pins)

    def view(self, dtype: str) -> Value:
        """Return the same bits as another type of the same width. This takes no instruction."""
        return self.flow.viewed(self, dtype)

    # --- operators: the same without pins

    def __add__(self, y: Operand) -> Value:
        """Return self + y."""
        return self.add(y)

    def __radd__(self, y: float) -> Value:
        """Return y + self."""
        return self.add(y)

    def __sub__(self, y: Operand) -> Value:
        """Return self - y."""
        return self.sub(y)

    def __rsub__(self, y: float) -> Value:
        """Return y - self."""
        return self.flow.alu("sub", {"x": y, "y": self}, self.dtype)

    def __mul__(self, y: Operand) -> Value:
        """Return self * y."""
        return self.mul(y)

    def __rmul__(self, y: float) -> Value:
        """Return y * self."""
        return self.mul(y)

    def __neg__(self) -> Value:
        """Return -self."""
        return self.neg()

    def __bool__(self) -> bool:
        """Refuse: values are not known while a kernel is being written."""
        return self.flow.refuse_branch()

    def _binary(self, mnemonic: str, y: Operand, pins: Mapping[str, Any]) -> Value:
        return self.flow.alu(mnemonic, {"x": self, "y": y}, self.dtype, **pins)

    def _unary(self, mnemonic: str, pins: Mapping[str, Any]) -> Value:
        return self.flow.alu(mnemonic, {"x": self}, self.dtype, **pins)

    def retyped(self, dtype: str) -> Value:
        """Return the same streams as another type."""
        return replace(self, dtype=dtype)


Operand = Value | Latched | float | int
