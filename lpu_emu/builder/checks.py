"""What can be said about a call at once, at the line where it is made."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lpu_emu.builder.location import Place, error
from lpu_emu.builder.tensors import Tensor
from lpu_emu.builder.values import Latched, Number, Value
from lpu_emu.compiler.lower.expression import NUMPY_TYPES
from lpu_emu.compiler.memory.words import Words
from lpu_emu.errors import did_you_mean
from lpu_emu.spec.machine import DTYPE_BYTES, HEMISPHERES, WEST_STREAM, Machine

if TYPE_CHECKING:
    from lpu_emu.builder.flow import Flow
    from lpu_emu.builder.kernel import Kernel
    from lpu_emu.builder.weights import Loaded

_STREAM = re.compile(r"([ew])(\d+)")
_INTEGERS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
}


# --- kinds of arguments


def require_tensor(place: Place, tensor: object) -> None:
    """Refuse what is no tensor."""
    if not isinstance(tensor, Tensor):
        kind = type(tensor).__name__
        hint = "tensors come from k.input, k.output, k.constant and k.scratch"
        raise error(place, f"a tensor was expected here, not {_article(kind)}", hint=hint)


def require_value(place: Place, flow: Flow, value: object) -> None:
    """Refuse what is no value of the flow."""
    if not isinstance(value, Value):
        kind = type(value).__name__
        hint = "values come from f.read(...), f.fill(...), f.matmul(...) and arithmetic on them"
        raise error(place, f"a value of the flow was expected here, not {_article(kind)}", hint=hint)
    if value.flow is not flow:
        others = [("the value comes from this flow", value.flow.place)]
        hint = "write it to a scratch tensor in its own flow and read it in this one"
        raise error(
            place,
            f"a value of flow {value.flow.name!r} is used in flow {flow.name!r}",
            hint=hint,
            others=others,
        )


def require_dtype(place: Place, dtype: str) -> None:
    """Refuse an unknown type."""
    if dtype not in DTYPE_BYTES:
        hint = f"types: {', '.join(DTYPE_BYTES)}"
        raise error(place, f"no type {dtype!r}{did_you_mean(str(dtype), DTYPE_BYTES)}", hint=hint)


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


# --- pins


def stream(machine: Machine, place: Place, name: str | None, width: int) -> int | None:
    """Return the number of a pinned first stream of ``width`` streams, None if it is left open."""
    if name is None:
        return None
    count = machine.chip.streams
    match = _STREAM.fullmatch(str(name))
    number = int(match.group(2)) if match else -1
    if match is None or not 0 <= number < count:
        hint = f"streams are 'e0' to 'e{count - 1}' (eastward) and 'w0' to 'w{count - 1}' (westward)"
        raise error(place, f"no stream {name!r}", hint=hint)
    if width and (number % width or number + width > count):
        hint = f"the first of {width} streams is a multiple of {width}"
        raise error(place, f"{name} cannot be the first of {width} streams", hint=hint)
    return number + (WEST_STREAM if match.group(1) == "w" else 0)


def alu(machine: Machine, place: Place, number: int | None, mnemonic: str, dtype: str) -> None:
    """Refuse a pinned ALU that the chip has not, or a small one for an operation that needs a large one."""
    if number is None:
        return
    count = int(machine.chip["vxm.rows"]) * int(machine.chip["vxm.columns"])
    if not 0 <= number < count:
        raise error(place, f"no ALU {number}", hint=f"ALUs are 0 to {count - 1}")
    if dtype in machine.isa[mnemonic].large and not machine.is_large(number):
        large = ", ".join(str(n) for n in machine.chip["vxm.large"])
        raise error(
            place,
            f"{mnemonic} of {dtype} needs a large ALU, and {number} is a small one",
            hint=f"large: {large}",
        )


def side(place: Place, name: str | None, default: str) -> str:
    """Return a hemisphere."""
    if name is None:
        return default
    if name not in HEMISPHERES:
        raise error(place, f"no hemisphere {name!r}", hint="'W' or 'E'")
    return name


def numbered(kernel: Kernel, place: Place, hemisphere: str, kind: str, unit: int) -> str:
    """Return the queue of one of several like units of a hemisphere."""
    found = [q.name for q in kernel.machine.queues if q.kind == kind and q.hemisphere == hemisphere]
    if not 0 <= unit < len(found):
        message = f"hemisphere {hemisphere} has no {kind} unit {unit}"
        raise error(place, message, hint=f"units are 0 to {len(found) - 1}")
    return found[unit]


# --- arithmetic


def vxm_types(machine: Machine, place: Place, mnemonic: str, dtype: str, result: str) -> None:
    """Refuse an operation that does not exist for a type."""
    found = machine.isa.instructions.get(mnemonic)
    if found is None or found.unit != "vxm":
        known = [n for n, i in machine.isa.instructions.items() if i.unit == "vxm"]
        raise error(
            place, f"no ALU operation {mnemonic!r}{did_you_mean(mnemonic, known)}", hint=", ".join(known)
        )
    for name in filter(None, (dtype, result)):
        require_dtype(place, name)
    if dtype not in found.dtypes:
        hint = f"{mnemonic} takes {', '.join(found.dtypes)}; convert with .to(...)"
        raise error(place, f"{mnemonic} does not work on {dtype}", hint=hint)


def operand(place: Place, flow: Flow, mnemonic: str, x: object, dtype: str) -> Value | Latched | Number:
    """Return an operand of an operation on ``dtype``; numbers become immediates."""
    if isinstance(x, bool | int | float | np.integer | np.floating):
        return Number(bits=bits(place, float(x) if not isinstance(x, int) else x, dtype))
    if isinstance(x, Latched):
        if x.flow is not flow:
            raise error(place, "the latched row belongs to another flow", hint="call f.latch in this flow")
    else:
        require_value(place, flow, x)
    assert isinstance(x, Value | Latched)
    same = DTYPE_BYTES[x.dtype] == DTYPE_BYTES[dtype] if mnemonic == "mask" else x.dtype == dtype
    if not same:
        others = [("the other operand comes from here", x.node.place if isinstance(x, Value) else x.place)]
        hint = f"convert one of them: .to({dtype!r}), or .view({dtype!r}) for the same bits"
        raise error(place, f"{mnemonic} of {dtype} and {x.dtype}", hint=hint, others=others)
    return x


def bits(place: Place, number: float, dtype: str) -> int:
    """Return a number in the bits of a type."""
    if dtype in _INTEGERS:
        low, high = _INTEGERS[dtype]
        if not (math.isfinite(number) and number == int(number) and low <= number <= high):
            hint = f"{dtype} holds whole numbers from {low} to {high}; for others convert the value first"
            raise error(place, f"{number!r} is no {dtype}", hint=hint)
        number = int(number)
    with np.errstate(over="ignore"):
        array = np.asarray(number).astype(NUMPY_TYPES[dtype])
    return int.from_bytes(array.tobytes(), "little")


def require_few_constants(place: Place, mnemonic: str, operands: Mapping[str, object]) -> None:
    """Refuse two immediates or two latched rows: an instruction has one field, an ALU one latch."""
    for kind, what in ((Number, "numbers"), (Latched, "latched rows")):
        if sum(isinstance(x, kind) for x in operands.values()) > 1:
            raise error(place, f"{mnemonic} of two {what}", hint="an ALU holds one; compute it in Python")


# --- planes


def matmul(
    flow: Flow, place: Place, x: Value, weights: Loaded, row: int | None, add: bool, half: str
) -> None:
    """Refuse a product that the planes cannot do."""
    dtype, stored = x.dtype, weights.weights.dtype
    takes = {"int8": ("int8", "uint8")}.get(stored, (stored,))
    if dtype not in takes:
        hint = f"{stored} weights take {' or '.join(takes)}; convert with .to({takes[0]!r})"
        raise error(place, f"a {dtype} value meets {stored} weights", hint=hint,
                    others=[("the weights are loaded here", weights.place)])  # fmt: skip
    if half not in ("all", "low", "high"):
        raise error(place, f"no half {half!r}", hint="'all', 'low' or 'high'")
    wide = DTYPE_BYTES[dtype] > 1 and half == "all"
    least = flow.kernel.geometry.delay("abc", "interval_wide" if wide else "interval")
    if flow.interval < least and flow.count > 1:
        others = [("the flow begins here", flow.place)]
        hint = f"give the flow interval={least}, or half='low' if K is at most {flow.kernel.lanes // 2}"
        message = f"a {dtype} product over all lanes takes {least} cycles per vector, the flow has interval={flow.interval}"
        raise error(place, message, hint=hint, others=others)
    if add and row is None:
        raise error(place, "add=True without row=", hint="say which accumulator rows to add to: row=0")
    rows = flow.kernel.chip.accumulator_rows
    if row is not None and not 0 <= row <= rows - flow.count:
        message = f"accumulator rows {row} to {row + flow.count - 1} do not exist"
        raise error(place, message, hint=f"a plane has {rows} rows; use several flows of fewer vectors")


# --- movement


def require_map(place: Place, tensor: object, dtype: str) -> None:
    """Refuse what cannot be a map of lanes."""
    require_tensor(place, tensor)
    assert isinstance(tensor, Tensor)
    if tensor.dtype != dtype:
        raise error(place, f"a map of lanes is {dtype}, {tensor} is not", hint=f"declare it as {dtype} [1, lanes]",
                    others=[("it is declared here", tensor.place)])  # fmt: skip


def group(place: Place, flow: Flow, xs: Sequence[Value], streams: int) -> int:
    """Return the streams of values that an instruction takes side by side.

    Raises:
        KernelError: they are of other width than wanted, or come from a unit instead of memory.
    """
    for x in xs:
        require_value(place, flow, x)
        if x.node.kind != "read":
            hint = "write the value to a scratch tensor and read it in another flow"
            raise error(place, "values that an SXM unit takes side by side come straight from memory", hint=hint,
                        others=[("this one does not", x.node.place)])  # fmt: skip
    width = sum(x.streams for x in xs)
    if width != streams:
        raise error(
            place, f"{width} streams are given", hint=f"the unit takes {streams} streams side by side"
        )
    return width


def bypass(place: Place, xs: Sequence[Value], keep: Sequence[bool]) -> int:
    """Return the mask of streams that a distributor leaves alone."""
    if keep and len(keep) != len(xs):
        raise error(place, f"{len(keep)} flags in keep for {len(xs)} values", hint="one per value")
    mask, at = 0, 0
    for x, kept in zip(xs, keep or [False] * len(xs), strict=True):
        mask |= ((1 << x.streams) - 1) << at if kept else 0
        at += x.streams
    return mask


def table(
    place: Place, flow: Flow, addresses: Value, tensor: Tensor, part: int, block: int
) -> tuple[Words, ...]:
    """Return the words of a part of a table for gather and scatter."""
    require_value(place, flow, addresses)
    require_tensor(place, tensor)
    declared = [("the table is declared here", tensor.place)]
    if addresses.streams != 1:
        raise error(place, "addresses are a one-byte value", hint="read a uint8 tensor made by row_addresses")
    if not 0 <= part < tensor.parts:
        raise error(
            place, f"{tensor} has no part {part}", hint=f"parts are 0 to {tensor.parts - 1}", others=declared
        )
    row = tensor.first_row(part)
    words, _ = tensor.words_at(place, row, row, block)
    if not all(w.placed for w in words):
        hint = 'pin it (at=["W0:0", ...]): the addresses in the map are those of the slices'
        raise error(place, f"{tensor} has no fixed address", hint=hint, others=declared)
    if len({flow.kernel.geometry.slices[w.slice].x for w in words}) > 1:
        hint = "pin the bytes of a row to slices of one position, such as W0, W1, W2, W3"
        raise error(place, f"the bytes of {tensor} do not lie side by side", hint=hint, others=declared)
    return words


def number(place: Place, what: str, value: Any, least: int) -> int:
    """Return a whole number of at least ``least``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise error(place, f"{what}={value!r}", hint=f"a whole number of at least {least}")
    return int(value)
