"""VXM: one ALU. ``numerics.vxm`` has one function per operation; here is when and where it applies."""

from __future__ import annotations

from lpu_emu.reference.agenda import Phase, Steps
from lpu_emu.reference.numerics.convert import convert as convert_values
from lpu_emu.reference.numerics.dtypes import Array, from_bytes, to_bytes
from lpu_emu.reference.numerics.vxm import BINARY, UNARY, BinaryOp, UnaryOp
from lpu_emu.reference.operation import Bytes, Operation
from lpu_emu.reference.registry import Definition, defines
from lpu_emu.spec.machine import LATCH, NOTHING


def binary(compute: BinaryOp) -> Definition:
    """Return the meaning of an operation on two operands."""

    def run(op: Operation) -> Steps:
        x, y = yield from op.take("x", "y")
        dtype = op.choice("dtype")
        _deliver(op, compute(from_bytes(x, dtype), from_bytes(y, dtype), dtype, _saturates(op)), dtype)

    return run


def unary(compute: UnaryOp) -> Definition:
    """Return the meaning of an operation on one operand."""

    def run(op: Operation) -> Steps:
        (x,) = yield from op.take("x")
        dtype = op.choice("dtype")
        _deliver(op, compute(from_bytes(x, dtype), dtype, _saturates(op)), dtype)

    return run


for _mnemonic, _binary in BINARY.items():
    defines(_mnemonic)(binary(_binary))
for _mnemonic, _unary in UNARY.items():
    defines(_mnemonic)(unary(_unary))


@defines("convert")
def convert(op: Operation) -> Steps:
    """Deliver x as another type."""
    (x,) = yield from op.take("x")
    source, target = op.choice("dtype"), op.choice("result")
    _deliver(op, convert_values(from_bytes(x, source), source, target, _saturates(op)), target)


def _saturates(op: Operation) -> bool:
    return op.choice("overflow") == "sat"


def _deliver(op: Operation, values: Array, dtype: str) -> None:
    """Bring a result [lanes] to every target."""
    result = to_bytes(values, dtype)
    for target in (op["to"], op["to2"], op["to3"]):
        if target == LATCH:
            op.follow(_fill_latch(op, result))
        elif target != NOTHING:
            op.drive(target, result)


def _fill_latch(op: Operation, result: Bytes) -> Steps:
    """Write the latch; the bytes above a narrow result become zero."""
    yield op.at(Phase.DRIVE, "latch")
    latch = op.state.latches[op.queue.queue.number]
    latch.values[:, : op.on] = 0
    latch.values[: len(result), : op.on] = result[:, : op.on]
    latch.written = True
