"""MXM: one plane, or two in tandem for two-byte types."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.reference.agenda import Phase, Steps
from lpu_emu.reference.numerics.dtypes import from_bits, from_bytes, to_bits
from lpu_emu.reference.numerics.mxm import accumulate, dot_float, dot_int
from lpu_emu.reference.operation import Bytes, Operation
from lpu_emu.reference.planes import Plane, Product
from lpu_emu.reference.registry import defines
from lpu_emu.spec.machine import DTYPE_BYTES, NOTHING

Bits = NDArray[np.uint32]


@defines("lw")
def lw(op: Operation) -> Steps:
    """Load a group of weight rows into the buffer."""
    plane = _plane(op)
    plane.begin_load(op.number, op.after("land"))
    (rows,) = yield from op.take("rows")
    yield op.at(Phase.LAND, "land")
    plane.buffer[_first_row(op) :][: len(rows), : op.on] = rows[:, : op.on]


@defines("iw")
def iw(op: Operation) -> Steps:
    """Move the buffer into the array and leave zeros."""
    plane = _plane(op)
    plane.require_loads_landed(op.number, op.cycle)
    plane.begin_install(op.number, op.after("land"))
    weights = plane.swap(op.on)
    yield op.at(Phase.LAND, "land")
    plane.install(0, weights)


@defines("iw_stream")
def iw_stream(op: Operation) -> Steps:
    """Install a group of weight rows past the buffer."""
    plane = _plane(op)
    plane.begin_load(op.number, op.after("land"))
    plane.begin_install(op.number, op.after("land"))
    (rows,) = yield from op.take("rows")
    yield op.at(Phase.LAND, "land")
    plane.install(_first_row(op), rows[:, : op.on])


@defines("abc")
def abc(op: Operation) -> Steps:
    """Multiply an activation vector by the array as it is now; the product arrives `product` cycles later."""
    planes = _planes(op)
    yield op.now(Phase.CHECK)
    _occupy(op, planes)
    weights = [plane.array for plane in planes]
    (x,) = yield from op.take("x")
    bits, dtype = _multiply(op, x, np.stack(weights))
    bits[op.on :] = 0
    yield op.at(Phase.DRIVE, "product")
    planes[0].product = Product(op.number, bits, dtype)
    yield op.at(Phase.END, "product")
    planes[0].lose_product(op.state.cycle)


@defines("acc")
def acc(op: Operation) -> Steps:
    """Set a row to the arriving product, or add it to the row; drive the row if a stream is given."""
    plane, row = _plane(op), op["row"]
    adds = op.choice("mode") == "add"
    if adds:
        plane.require_row(row, op.number, op.cycle)
    plane.begin_row(row, op.number, op.after("land"))
    yield op.at(Phase.SAMPLE, "skew")
    product = plane.take_product(op.number, op.state.cycle)
    total = _add(plane.rows[row], product) if adds else product.bits
    op.follow(_complete_row(op, plane, total))
    if op["to"] != NOTHING:
        op.drive(op["to"], to_streams(total))


@defines("acc_read")
def acc_read(op: Operation) -> Steps:
    """Drive a row."""
    plane = _plane(op)
    plane.require_row(op["row"], op.number, op.cycle)
    yield op.now(Phase.SAMPLE)
    op.drive(op["to"], to_streams(plane.rows[op["row"]]))


def to_streams(bits: Bits) -> Bytes:
    """Return bit patterns uint32 [lanes] as bytes [4, lanes], low byte first."""
    return bits.astype("<u4").view(np.uint8).reshape(-1, 4).T


def _plane(op: Operation) -> Plane:
    return op.state.planes[op.queue.queue.number]


def _planes(op: Operation) -> list[Plane]:
    """Return the plane of an issue, or the even and the odd plane of a tandem."""
    first = op.queue.queue.number
    return op.state.planes[first : first + DTYPE_BYTES[op.choice("dtype")]]


def _first_row(op: Operation) -> int:
    return op["row_group"] * op.state.machine.chip.weight_streams


def _occupy(op: Operation, planes: list[Plane]) -> None:
    end = op.after("interval_wide" if op.wide else "interval")
    for plane in planes:
        plane.require_weights(op.number, op.cycle)
        plane.occupy(op.number, op.cycle, end)


def _multiply(op: Operation, x: Bytes, weights: Bytes) -> tuple[Bits, str]:
    """Return the sums over the lanes that take part as bit patterns [lanes], and their type.

    ``x`` is [type bytes, lane], ``weights`` [type bytes, row, lane].
    """
    dtype = op.choice("dtype")
    middle = x.shape[1] // 2
    part = {"all": slice(None), "low": slice(middle), "high": slice(middle, None)}[op.choice("half")]
    activations = from_bytes(x[:, part], dtype)
    if dtype in ("int8", "uint8"):
        return to_bits(dot_int(activations, weights[0, :, part].view(np.int8).T), "int32"), "int32"
    return to_bits(dot_float(activations, from_bytes(weights[:, :, part], dtype).T, dtype), "fp32"), "fp32"


def _add(row: Bits, product: Product) -> Bits:
    total = accumulate(from_bits(row, product.dtype), from_bits(product.bits, product.dtype), product.dtype)
    bits: Bits = to_bits(total, product.dtype)
    return bits


def _complete_row(op: Operation, plane: Plane, total: Bits) -> Steps:
    yield op.at(Phase.LAND, "land")
    plane.rows[op["row"], : op.on] = total[: op.on]
