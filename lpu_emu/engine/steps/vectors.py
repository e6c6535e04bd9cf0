"""VXM operations, copies, and the merging of what is on with what was there."""

from __future__ import annotations

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.kernels import alu, conversions
from lpu_emu.engine.kernels.codes import element_bytes
from lpu_emu.engine.steps.operands import clear_lanes, operand, result_place
from lpu_emu.engine.steps.state import State


@inner
def compute(t: State, i: int, skip: int, count: int, thread: int) -> int:
    """Compute some elements of a step; none of them takes results of another."""
    out_of_line()
    op, lanes, row = t.steps[i, c.OP], t.grid.shape[1], t.steps[i, c.SOURCES]
    kind, code, dtype, saturate = (
        t.ops[op, c.KIND],
        t.ops[op, c.CODE],
        t.ops[op, c.DTYPE],
        t.ops[op, c.SATURATE],
    )
    size = t.ops[op, c.SIZE]
    place = result_place(t, i) + skip * size * lanes
    out = t.memory[place : place + count * size * lanes]
    first, length = _source(t, op, row, t.ops[op, c.X], skip, count, 3 * thread)
    x, status = t.memory[first : first + length], 0
    if kind == c.BINARY:
        first, length = _source(t, op, row + t.ops[op, c.X], t.ops[op, c.Y], skip, count, 3 * thread + 1)
        status = alu.binary(code, dtype, saturate, x, t.memory[first : first + length], out)
    elif kind == c.UNARY:
        status = alu.unary(code, dtype, saturate, x, out)
    else:
        conversions.convert(dtype, t.ops[op, c.RESULT], saturate, x, out)
    clear_lanes(t, op, place, size, count)
    return status


@inner
def _source(t: State, op: int, row: int, width: int, skip: int, count: int, number: int) -> tuple[int, int]:
    """Return address and size of an operand: the immediate if it has no slots."""
    if width == 0:
        return t.immediates + 4 * op, element_bytes(t.ops[op, c.DTYPE])
    return operand(t, row, width, skip, count, number)


@inner
def merge(t: State, i: int) -> None:
    """Take the lanes that are on from the new bytes, the others from the old ones."""
    op, lanes, row = t.steps[i, c.OP], t.grid.shape[1], t.steps[i, c.SOURCES]
    place, on = result_place(t, i), t.ops[op, c.ON]
    for k in range(t.steps[i, c.NUMBER]):
        for part in range(4):
            for lane in range(lanes):
                source = row + part + (c.NEW_SLOT if lane < on else c.OLD_SLOT)
                base = t.sources[source, c.BASE] + k * t.sources[source, c.MOVE]
                byte = t.memory[base + lane * t.sources[source, c.LANE]]
                t.memory[place + (k * lanes + lane) * 4 + part] = byte
