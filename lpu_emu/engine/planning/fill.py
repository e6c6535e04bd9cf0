"""The tables of ops, filled run by run: what :mod:`lpu_emu.engine.planning.ops` has looked up, by opcode."""

from __future__ import annotations

from lpu_emu.analysis.lattice import Bools, Ints
from lpu_emu.analysis.tables import SELECTOR_VALUES
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, jit
from lpu_emu.spec.machine import LATCH

# Operands by the number of their column in ``operands`` of :func:`fill`; what an instruction does not have is 0.
OPERANDS = ("dtype", "result", "overflow", "immediate", "width", "edge")
_DTYPE, _RESULT, _OVERFLOW, _IMMEDIATE, _WIDTH, _EDGE = range(len(OPERANDS))

# Columns of the arrays by opcode: what the op does, the type that a copy has, delay, operands A and B, address.
KIND_OF, COPIED, DELAY, FIRST_EXTRA, SECOND_EXTRA, ADDRESS_OF, MORE_X, LOOKUP_COLUMNS = range(8)


@inner
def _operand(args: Ints, run: int, column: int) -> int:
    return args[run, column] if column >= 0 else 0


@jit
def widths_of(
    opcode: Ints,
    args: Ints,
    column: Ints,
    drives: Bools,
    selector: Ints,
    width: Ints,
    before: Ints,
    found: Ints,
) -> None:
    """Fill ``before`` [run, column] with the slots before those of an operand, -1 where there is none.

    ``found`` [port, run] becomes the slots of every port that takes something, -1 if the port does not.
    """
    for run in range(opcode.size):
        op, total = opcode[run], 0
        for i in range(before.shape[1]):
            before[run, i] = -1
        for port in range(column.shape[1]):
            place = column[op, port]
            found[port, run] = -1
            if place < 0 or drives[op, port]:
                continue
            slots = 0
            if args[run, place] <= LATCH:
                slots = width[op, port, args[run, selector[op, port]] % SELECTOR_VALUES]
            if before[run, place] < 0:
                before[run, place] = total
            total += slots
            found[port, run] = slots


@jit
def fill(
    opcode: Ints,
    args: Ints,
    start: Ints,
    interval: Ints,
    count: Ints,
    stride: Ints,
    base: Ints,
    on: Ints,
    lookup: Ints,
    operands: Ints,
    sizes: Ints,
    parts: Ints,
    lanes: int,
    copy: int,
    backwards: int,
    table: Ints,
) -> None:
    """Fill in every column of the first op of each run but the slots; X and Y are there.

    ``base`` is the first word of the slice of each run, -1 outside MEM; ``parts`` those by kind, or -1 - i for two to
    the power of operand i, or the square of the edge.
    """
    for run in range(opcode.size):
        code = opcode[run]
        kind, copied = lookup[code, KIND_OF], lookup[code, COPIED]
        row = table[run]
        dtype = copied if copied >= 0 else _operand(args, run, operands[code, _DTYPE])
        row[c.KIND], row[c.DTYPE] = kind, dtype
        row[c.CODE] = copy if copied >= 0 else code
        row[c.RESULT] = _operand(args, run, operands[code, _RESULT]) if kind == c.CONVERT else dtype
        row[c.SATURATE] = _operand(args, run, operands[code, _OVERFLOW])
        row[c.IMMEDIATE] = _operand(args, run, operands[code, _IMMEDIATE])
        row[c.ON], row[c.COUNT], row[c.INTERVAL] = on[run], count[run], interval[run]
        row[c.START], row[c.DISPATCH], row[c.RUN] = start[run] + lookup[code, DELAY], start[run], run
        row[c.A] = _operand(args, run, lookup[code, FIRST_EXTRA])
        row[c.B] = _operand(args, run, lookup[code, SECOND_EXTRA])
        if code == backwards:
            row[c.A] = -row[c.A]
        row[c.X] += lookup[code, MORE_X]
        row[c.SIZE] = 1
        if kind == c.BINARY or kind == c.UNARY or kind == c.CONVERT:
            row[c.SIZE] = sizes[row[c.RESULT]]
        elif kind == c.ACCUMULATE:
            row[c.SIZE] = 4
        row[c.PARTS] = parts[kind]
        if kind == c.SHIFT or kind == c.PERMUTE:
            row[c.PARTS] = 1 << _operand(args, run, operands[code, _WIDTH])
        elif kind == c.ROTATE:
            row[c.PARTS] = _operand(args, run, operands[code, _EDGE]) ** 2
        if base[run] >= 0:
            row[c.ADDRESS] = (base[run] + _operand(args, run, lookup[code, ADDRESS_OF])) * lanes
            if lookup[code, ADDRESS_OF] >= 0:
                row[c.STRIDE] = stride[run] * lanes
        if kind == c.LOAD:
            row[c.STRIDE] = stride[run]
