"""Flows: what an author says about one pipeline over ``count`` vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lpu_emu.builder import checks
from lpu_emu.builder.location import Place, error
from lpu_emu.builder.tensors import Tensor
from lpu_emu.builder.values import Latched, Node, Number, Operand, Value
from lpu_emu.builder.weights import Loaded
from lpu_emu.spec.machine import DTYPE_BYTES

if TYPE_CHECKING:
    from lpu_emu.builder.kernel import Kernel

_ALL_LANES = (1 << 32) - 1


class Flow:
    """A pipeline: ``count`` vectors, ``interval`` cycles apart, from memory through units to memory.

    Use it in a ``with`` statement; it is complete at its end. Made by :meth:`Kernel.flow`.
    """

    def __init__(
        self,
        kernel: Kernel,
        place: Place,
        *,
        name: str,
        count: int,
        interval: int,
        side: str,
        at: int | None,
        not_before: int,
    ) -> None:
        self.kernel = kernel
        self.place = place
        self.name = name
        self.count = count
        self.interval = interval
        self.side = side
        self.at = at
        self.not_before = not_before
        self.nodes: list[Node] = []
        self.closed = False

    def __enter__(self) -> Flow:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Complete the flow, unless its author's code failed."""
        if kind is None:
            self.closed = True
            self.kernel.add_flow(self)

    # --- memory

    def read(
        self, tensor: Tensor, *, row: int = 0, step: int = 1, block: int = 0, stream: str | None = None
    ) -> Value:
        """Read row ``row + k * step`` of a block of columns for vector k. ``step=0`` reads one row again and again."""
        place = self._here()
        checks.require_tensor(place, tensor)
        words, first = tensor.words_at(place, row, row + (self.count - 1) * step, block)
        if tensor.kind == "output" and not self.kernel.is_written(tensor):
            hint = "write it in an earlier flow; flows take place in the order of the file, as far as memory shows"
            raise error(place, f"{tensor} is read before anything was written to it", hint=hint)
        pin = checks.stream(self.kernel.machine, place, stream, len(words))
        options = {"tensor": tensor, "words": words, "first": first, "step": step}
        return self._node("read", place, {}, tensor.dtype, pin=pin, options=options)

    def write(self, value: Value, tensor: Tensor, *, row: int = 0, step: int = 1, block: int = 0) -> None:
        """Write vector k to row ``row + k * step`` of a block of columns of an output or scratch tensor."""
        place = self._here()
        checks.require_tensor(place, tensor)
        checks.require_value(place, self, value)
        if tensor.kind in ("input", "constant"):
            hint = "write to k.output(...) or k.scratch(...)"
            raise error(
                place,
                f"{tensor} cannot be written",
                hint=hint,
                others=[("it is declared here", tensor.place)],
            )
        if value.dtype != tensor.dtype:
            hint = f"convert it first: .to({tensor.dtype!r})"
            raise error(place, f"a value of type {value.dtype} does not go into {tensor}", hint=hint)
        words, first = tensor.words_at(place, row, row + (self.count - 1) * step, block)
        self.kernel.note_written(tensor)
        options = {"tensor": tensor, "words": words, "first": first, "step": step}
        self._node("write", place, {"data": value}, "", options=options)

    def latch(self, tensor: Tensor, *, row: int = 0, block: int = 0) -> Latched:
        """Return one row as an operand that is the same for every vector; the ALU that uses it keeps it in its latch."""
        place = self._here()
        checks.require_tensor(place, tensor)
        tensor.words_at(place, row, row, block)
        return Latched(tensor=tensor, row=row, block=block, place=place, flow=self)

    def fill(self, number: float, dtype: str, *, alu: int | None = None, stream: str | None = None) -> Value:
        """Return a constant in every lane."""
        return self.alu("copy", {"x": number}, dtype, alu=alu, stream=stream)

    # --- arithmetic

    def alu(
        self,
        mnemonic: str,
        operands: Mapping[str, Operand],
        dtype: str,
        *,
        result: str = "",
        saturate: bool = False,
        alu: int | None = None,
        stream: str | None = None,
    ) -> Value:
        """Add a VXM operation by mnemonic: what the methods of values do."""
        place = self._here()
        machine = self.kernel.machine
        checks.vxm_types(machine, place, mnemonic, dtype, result)
        given = {name: checks.operand(place, self, mnemonic, x, dtype) for name, x in operands.items()}
        checks.require_few_constants(place, mnemonic, given)
        checks.alu(machine, place, alu, mnemonic, dtype)
        pin = checks.stream(machine, place, stream, DTYPE_BYTES[result or dtype])
        options = {"mnemonic": mnemonic, "dtype": dtype, "result": result, "saturate": saturate}
        return self._node("alu", place, given, result or dtype, pin=pin, alu=alu, options=options)

    def running(
        self, x: Value, mnemonic: str, start: float, *, saturate: bool = False, alu: int | None = None,
        stream: str | None = None,
    ) -> Value:  # fmt: skip
        """Add a running operation: see :meth:`Value.running`."""
        place = self._here()
        machine = self.kernel.machine
        checks.require_value(place, self, x)
        checks.vxm_types(machine, place, mnemonic, x.dtype, "")
        checks.alu(machine, place, alu, mnemonic, x.dtype)
        least = self.kernel.geometry.delay(mnemonic, "latch")
        if self.count > 1 and self.interval < least:
            message = (
                f"a running {mnemonic} needs {least} cycles per vector, the flow has interval={self.interval}"
            )
            others = [("the flow begins here", self.place)]
            raise error(place, message, hint=f"give the flow interval={least}", others=others)
        bits = checks.bits(place, start, x.dtype)
        pin = checks.stream(machine, place, stream, x.streams)
        options = {"mnemonic": mnemonic, "dtype": x.dtype, "saturate": saturate}
        operands: dict[str, Value | Latched | Number] = {"x": x, "y": Number(bits=bits)}
        return self._node("running", place, operands, x.dtype, pin=pin, alu=alu, options=options)

    def viewed(self, x: Value, dtype: str) -> Value:
        """Return the same streams as another type of the same width."""
        place = self._here()
        checks.require_dtype(place, dtype)
        if DTYPE_BYTES[dtype] != x.streams:
            raise error(place, f"{x.dtype} and {dtype} have different widths", hint="convert with .to(...)")
        return x.retyped(dtype)

    def byte(self, x: Value, index: int) -> Value:
        """Return byte ``index`` of a wider value, 0 the lowest, as uint8. This takes no instruction."""
        place = self._here()
        if not 0 <= index < x.streams:
            raise error(place, f"{x.dtype} has no byte {index}", hint=f"bytes are 0 to {x.streams - 1}")
        return Value(flow=self, node=x.node, dtype="uint8", index=x.index + index)

    # --- matrix planes

    def matmul(
        self,
        x: Value,
        weights: Loaded,
        *,
        row: int | None = None,
        add: bool = False,
        half: str = "all",
        stream: str | None = None,
    ) -> Value:
        """Multiply every vector with the loaded weights; return the sums (int32, or fp32 for floats).

        With ``row`` vector k uses accumulator row ``row + k``; ``add=True`` adds to what an earlier flow left there.
        Sums that nothing uses stay in the accumulators. ``half`` ("low", "high") takes only half of the lanes of a
        two-byte type, in one cycle instead of two. The first use of ``weights`` installs them.
        """
        place = self._here()
        checks.require_value(place, self, x)
        checks.matmul(self, place, x, weights, row, add, half)
        pin = checks.stream(self.kernel.machine, place, stream, 4)
        install = self.kernel.planes.use(place, weights)
        options = {"weights": weights, "row": row, "add": add, "half": half, "install": install}
        result = "int32" if x.dtype in ("int8", "uint8") else "fp32"
        return self._node("matmul", place, {"x": x}, result, pin=pin, options=options)

    # --- movement between lanes

    def permute(
        self, x: Value, lanes_from: Tensor, *, side: str | None = None, stream: str | None = None
    ) -> Value:
        """Let lane i take lane ``lanes_from[i]``; the map is a uint16-like int16 row, a bijection of all lanes."""
        place = self._here()
        checks.require_value(place, self, x)
        checks.require_map(place, lanes_from, "int16")
        words, first = lanes_from.words_at(place, 0, 0, 0)
        unit = checks.side(place, side, self.side)
        pin = checks.stream(self.kernel.machine, place, stream, x.streams)
        options = {"tensor": lanes_from, "words": words, "first": first, "queue": f"sxm.{unit}.permute"}
        return self._node("permute", place, {"x": x}, x.dtype, pin=pin, options=options)

    def shift(
        self,
        x: Value,
        lanes: int,
        *,
        side: str | None = None,
        mask: int = _ALL_LANES,
        stream: str | None = None,
    ) -> Value:
        """Move lanes up by ``lanes`` (down if negative), zeros behind them; ``mask`` has a bit per superlane that moves."""
        place = self._here()
        checks.require_value(place, self, x)
        unit = checks.side(place, side, self.side)
        if abs(lanes) > self.kernel.lanes:
            raise error(place, f"a shift by {lanes} lanes", hint=f"the chip has {self.kernel.lanes} lanes")
        mnemonic, kind = ("shift_up", "shift_n") if lanes >= 0 else ("shift_down", "shift_s")
        operands = {"amount": abs(lanes), "mask": mask, "width": x.streams.bit_length() - 1}
        pin = checks.stream(self.kernel.machine, place, stream, x.streams)
        options = {"mnemonic": mnemonic, "queue": f"sxm.{unit}.{kind}", "codes": operands}
        return self._node("move", place, {"x": x}, x.dtype, pin=pin, options=options)

    def distribute(
        self, xs: Sequence[Value], lanes_from: Tensor, *, keep: Sequence[bool] = (), side: str | None = None,
        unit: int = 0,
    ) -> list[Value]:  # fmt: skip
        """Move lanes inside each superlane by a uint8 map row: lane l takes lane ``lanes_from[l]``, or 0 from 16 on.

        ``xs`` are values of eight streams in all; those with ``keep`` pass through untouched beside the others.
        """
        place = self._here()
        checks.require_map(place, lanes_from, "uint8")
        width = checks.group(place, self, xs, 8)
        words, first = lanes_from.words_at(place, 0, 0, 0)
        codes = {"bypass": checks.bypass(place, xs, keep)}
        queue = checks.numbered(self.kernel, place, checks.side(place, side, self.side), "distribute", unit)
        options = {"mnemonic": "distribute", "queue": queue, "codes": codes, "xs": tuple(xs), "width": width,
                   "align": 8, "tensor": lanes_from, "words": words, "first": first}  # fmt: skip
        return self._many(self._node("group", place, {}, "uint8", options=options), [x.dtype for x in xs])

    def transpose(self, xs: Sequence[Value], *, side: str | None = None, unit: int = 0) -> list[Value]:
        """Swap streams and lanes of each superlane: lane i of result j is lane j of ``xs[i]``. One-byte values."""
        place = self._here()
        size = self.kernel.chip.lanes_per_superlane
        checks.group(place, self, xs, size)
        queue = checks.numbered(self.kernel, place, checks.side(place, side, self.side), "transpose", unit)
        options = {"mnemonic": "transpose", "queue": queue, "codes": {}, "xs": tuple(xs), "width": size,
                   "align": size}  # fmt: skip
        return self._many(self._node("group", place, {}, "uint8", options=options), [xs[0].dtype] * size)

    def rotate(self, xs: Sequence[Value], *, side: str | None = None) -> list[Value]:
        """Return for each of 3 or 4 one-byte values its n rotations: result i * n + j takes lane l + j of ``xs[i]``."""
        place = self._here()
        edge = len(xs)
        if edge not in (3, 4):
            raise error(place, f"{edge} values to rotate", hint="give 3 or 4 one-byte values")
        checks.group(place, self, xs, edge)
        queue = f"sxm.{checks.side(place, side, self.side)}.rotate"
        options = {"mnemonic": "rotate", "queue": queue, "codes": {"edge": edge}, "xs": tuple(xs),
                   "width": edge * edge, "align": 1}  # fmt: skip
        return self._many(self._node("group", place, {}, "uint8", options=options), [xs[0].dtype] * edge**2)

    # --- addresses from data

    def gather(self, addresses: Value, table: Tensor, *, part: int = 0, block: int = 0) -> Value:
        """Return, per superlane, the row of ``table`` whose number the superlane's first two lanes carry.

        ``addresses`` is a one-byte value (see ``lpu_emu.builder.row_addresses``). The table must be in memory from
        the beginning (an input or a constant) and pinned, so that the map can hold its addresses.
        """
        place = self._here()
        words = checks.table(place, self, addresses, table, part, block)
        options = {"mnemonic": "gather", "words": words, "tensor": table}
        return self._node("gather", place, {"map": addresses}, table.dtype, options=options)

    def scatter(
        self, value: Value, addresses: Value, table: Tensor, *, part: int = 0, block: int = 0
    ) -> None:
        """Store, per superlane, the value in the row of ``table`` whose number the superlane of ``addresses`` carries.

        The whole table must have been written before; it must be pinned.
        """
        place = self._here()
        checks.require_value(place, self, value)
        words = checks.table(place, self, addresses, table, part, block)
        if value.dtype != table.dtype:
            raise error(
                place, f"a value of type {value.dtype} does not go into {table}", hint="convert it first"
            )
        self.kernel.note_written(table)
        options = {"mnemonic": "scatter", "words": words, "tensor": table}
        self._node("scatter", place, {"map": addresses, "data": value}, "", options=options)

    # --- helpers

    def refuse_branch(self) -> bool:
        """Raise: a value has no truth value."""
        hint = "choose per lane with .mask(), .max() or .min(); branch on sizes, which are known"
        raise error(self._here(), "a value is not known while the kernel is written", hint=hint)

    def _here(self) -> Place:
        place = self.kernel.here()
        if self.closed:
            others = [("the flow begins here", self.place)]
            raise error(
                place,
                f"flow {self.name!r} is over",
                hint="indent the call into its with block",
                others=others,
            )
        return place

    def _node(
        self,
        kind: str,
        place: Place,
        operands: Mapping[str, Value | Latched | Number],
        dtype: str,
        *,
        pin: int | None = None,
        alu: int | None = None,
        options: Mapping[str, Any],
    ) -> Value:
        node = Node(
            kind=kind, place=place, operands=operands, pinned_stream=pin, pinned_alu=alu, options=options
        )
        self.nodes.append(node)
        return Value(flow=self, node=node, dtype=dtype)

    def _many(self, value: Value, dtypes: Sequence[str]) -> list[Value]:
        found, index = [], 0
        for dtype in dtypes:
            found.append(Value(flow=self, node=value.node, dtype=dtype, index=index))
            index += DTYPE_BYTES[dtype]
        return found
