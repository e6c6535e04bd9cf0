"""Ops: what every run of a program does, when, and on what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints
from lpu_emu.analysis.planes import plane_of_queue
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import OPCODES, Tables
from lpu_emu.engine import columns as c
from lpu_emu.engine.planning.fill import (
    ADDRESS_OF,
    COPIED,
    DELAY,
    FIRST_EXTRA,
    KIND_OF,
    LOOKUP_COLUMNS,
    MORE_X,
    OPERANDS,
    SECOND_EXTRA,
    fill,
    widths_of,
)  # fmt: skip
from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import DTYPE_BYTES, LATCH, Machine

_KINDS = {
    "read": c.READ, "write": c.WRITE, "read_write": c.READ, "gather": c.GATHER, "scatter": c.SCATTER, "lw": c.LOAD,
    "iw": c.NOTHING, "iw_stream": c.LOAD, "abc": c.ISSUE, "acc": c.ACCUMULATE, "acc_read": c.UNARY, "send": c.UNARY,
    "receive": c.UNARY, "shift_up": c.SHIFT, "shift_down": c.SHIFT, "permute": c.PERMUTE,
    "distribute": c.DISTRIBUTE, "rotate": c.ROTATE, "transpose": c.TRANSPOSE,
}  # fmt: skip
_VXM_KINDS = {"vxm_binary": c.BINARY, "vxm_unary": c.UNARY, "vxm_convert": c.CONVERT}
# Moves that are copies of packed elements: of rows, or of vectors.
_COPIES = {"acc_read": "int32", "send": "int8", "receive": "int8"}
# Operands that no port describes: an accumulator row, and the vector of a link.
_MORE_SLOTS = {"acc_read": 4, "receive": 1}
_MASKABLE = {"lw": c.STORE_ROWS, "iw": c.SWAP, "iw_stream": c.REPLACE}
# What else a kernel has to know: the operands that become columns A and B.
_EXTRA = {
    "gather": ("base", "limit"), "scatter": ("base", "limit"), "acc": ("mode", ""), "shift_up": ("amount", "mask"),
    "shift_down": ("amount", "mask"), "distribute": ("bypass", ""), "rotate": ("edge", ""), "abc": ("half", ""),
    "lw": ("row_group", ""), "iw_stream": ("row_group", ""),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Ops:
    """All ops of a program. Op r is that of run r; the second ops of runs follow.

    ``table`` as in :mod:`lpu_emu.engine.columns`. By run, or -1: ``stores`` the op that writes for a
    ``read_write``, ``merges`` the op that keeps the lanes which are off. ``ports`` [run, column] is the number
    of the slots of a run before those of the operand in an argument column.
    """

    table: Ints
    stores: Ints
    merges: Ints
    ports: Ints

    def consumer(self, run: Ints) -> Ints:
        """Return the op that takes the streams of runs."""
        return np.where(self.stores[run] >= 0, self.stores[run], run)

    def state(self, run: Ints) -> Ints:
        """Return the op whose result is the latch or the accumulator row after a run."""
        return np.where(self.merges[run] >= 0, self.merges[run], run)


@dataclass(frozen=True, kw_only=True, eq=False)
class _ByOpcode:
    """What the mnemonic decides, by opcode."""

    kind: Ints
    masked_kind: Ints
    dtype: Ints
    delay: Ints
    store_delay: Ints
    extra: Ints


def ops_of(runs: RunTable, machine: Machine, tables: Tables, buffers: int) -> Ops:
    """Return the ops of all runs; ``buffers`` is the address of the weight buffers of planes that need one."""
    known = _by_opcode(machine)
    table = np.zeros((len(runs), c.OP_COLUMNS), dtype=np.int64)
    ports, table[:, c.X], table[:, c.Y] = _ports(runs, tables)
    on = runs.superlanes * machine.chip.lanes_per_superlane
    fill(
        runs.opcode, runs.args, runs.start, runs.interval, runs.count, runs.stride,
        _slice_base(machine)[runs.queue], on, _lookup(machine, tables, known),
        np.stack([tables.columns[name] for name in OPERANDS], axis=1),
        np.array([DTYPE_BYTES[name] for name in machine.isa.kinds["dtype"].values]), _parts(machine),
        machine.chip.lanes, machine.isa["copy"].opcode, machine.isa["shift_down"].opcode, table,
    )  # fmt: skip
    _mask_planes(table, runs, machine, tables, buffers, known)
    table[:, c.SLOTS] = _slots(table)
    writes = np.flatnonzero(tables.accesses.column[runs.opcode, 1] >= 0)
    keeps = np.flatnonzero(on < machine.chip.lanes)
    keeps = keeps[(table[keeps, c.KIND] == c.ACCUMULATE) | _fills_latch(runs, tables, keeps)]
    stores, more = _stores(table, writes, runs, machine, tables, known)
    merges, last = _merges(table, keeps, len(runs) + len(more))
    table[writes, c.SLOTS] = 0
    if len(more) or len(last):
        table = np.concatenate((table, more, last))
    table[:, c.SLOT] = np.cumsum(table[:, c.SLOTS]) - table[:, c.SLOTS]
    return Ops(table=table, stores=stores, merges=merges, ports=ports)


def masked_planes(runs: RunTable, machine: Machine, tables: Tables) -> Ints:
    """Return the planes to which ``config`` gives weights in part, so that they need a buffer of bytes."""
    weights = _each(machine, lambda i: i.mnemonic in _MASKABLE).astype(bool)
    masked = weights[runs.opcode] & (runs.superlanes < machine.chip.superlanes)
    return np.unique(plane_of_queue(machine)[runs.queue[masked]])


def _lookup(machine: Machine, tables: Tables, known: _ByOpcode) -> Ints:
    """Return what ``fill`` looks up by opcode."""
    lookup = np.zeros((OPCODES, LOOKUP_COLUMNS), dtype=np.int64)
    lookup[:, KIND_OF], lookup[:, COPIED], lookup[:, DELAY] = known.kind, known.dtype, known.delay
    lookup[:, FIRST_EXTRA], lookup[:, SECOND_EXTRA] = known.extra.T
    lookup[:, ADDRESS_OF] = tables.accesses.column[:, 0]
    for mnemonic, slots in _MORE_SLOTS.items():
        lookup[machine.isa[mnemonic].opcode, MORE_X] = slots
    return lookup


def _parts(machine: Machine) -> Ints:
    """Return how many vectors the result of an element has, by kind, where no operand says so."""
    parts = np.ones(c.KINDS, dtype=np.int64)
    parts[c.DISTRIBUTE] = 8
    parts[c.TRANSPOSE], parts[c.LOAD] = machine.chip.lanes_per_superlane, machine.chip.weight_streams
    return parts


def _ports(runs: RunTable, tables: Tables) -> tuple[Ints, Ints, Ints]:
    """Return, by run: the slots before each argument column, and the slots of the first and second operand."""
    ports = tables.ports
    before = np.empty((len(runs), runs.args.shape[1]), dtype=np.int64)
    found = np.empty((ports.column.shape[1] + 2, len(runs)), dtype=np.int64)
    widths_of(
        runs.opcode, runs.args, ports.column, ports.drives, ports.selector, ports.width, before, found[:-2]
    )
    found[-2:] = 0
    x, y, *_ = [row for row in found[:-2] if row.max(initial=-1) >= 0] + [found[-2], found[-1]]
    return before, np.maximum(x, 0), np.maximum(y, 0)


def _slots(table: Ints) -> Ints:
    kind = table[:, c.KIND]
    slots = np.where(kind == c.NOTHING, 0, table[:, c.X] + table[:, c.Y])
    slots = np.where(kind == c.ISSUE, 4, slots)
    return np.where(kind == c.ACCUMULATE, c.ACCUMULATE_SLOTS, slots)


def _mask_planes(
    table: Ints, runs: RunTable, machine: Machine, tables: Tables, buffers: int, by_opcode: _ByOpcode
) -> None:
    """Let planes with partial weights work on bytes."""
    lanes, group = machine.chip.lanes, machine.chip.weight_streams
    planes = masked_planes(runs, machine, tables)
    if not len(planes):
        return
    known = by_opcode.masked_kind[runs.opcode]
    plane = plane_of_queue(machine)[runs.queue]
    rows = np.flatnonzero((known >= 0) & np.isin(plane, planes))
    table[rows, c.KIND] = known[rows]
    table[rows, c.PARTS] = np.where(known[rows] == c.STORE_ROWS, 0, lanes)
    buffer = buffers + np.searchsorted(planes, plane[rows]) * lanes * lanes
    table[rows, c.ADDRESS] = buffer + table[rows, c.A] * group * lanes * (known[rows] == c.STORE_ROWS)
    table[rows, c.STRIDE] = runs.stride[rows] * group * lanes
    table[rows, c.X] = np.where(known[rows] == c.SWAP, 0, group)
    table[rows, c.Y] = np.where(known[rows] == c.STORE_ROWS, 0, 1)
    table[rows, c.B] = np.searchsorted(planes, plane[rows])


def _slice_base(machine: Machine) -> Ints:
    """Return the first word of each queue's slice, slices end to end; -1 outside MEM."""
    base, words = np.full(len(machine.queues), -1, dtype=np.int64), machine.chip.words
    mem = [queue.index for queue in machine.queues if queue.unit == "mem"]
    base[mem] = np.arange(len(mem)) * words
    return base


def _fills_latch(runs: RunTable, tables: Tables, rows: Ints) -> Bools:
    ports, opcode = tables.ports, runs.opcode[rows]
    column = ports.column[opcode]
    value = np.take_along_axis(runs.args[rows], np.maximum(column, 0), axis=1)
    return np.asarray(((column >= 0) & ports.drives[opcode] & (value == LATCH)).any(axis=1))


def _stores(
    table: Ints, rows: Ints, runs: RunTable, machine: Machine, tables: Tables, known: _ByOpcode
) -> tuple[Ints, Ints]:
    """Return the op numbers and rows of what ``read_write`` writes."""
    stores = np.full(len(table), -1, dtype=np.int64)
    stores[rows] = len(table) + np.arange(len(rows))
    more = table[rows].copy()
    lanes, opcode = machine.chip.lanes, runs.opcode[rows]
    address = runs.args[rows, tables.accesses.column[opcode, 1]]
    more[:, c.KIND] = c.WRITE
    more[:, c.ADDRESS] = (_slice_base(machine)[runs.queue[rows]] + address) * lanes
    more[:, c.START] = runs.start[rows] + known.store_delay[opcode]
    return stores, more


def _merges(table: Ints, rows: Ints, first: int) -> tuple[Ints, Ints]:
    """Return the op numbers and rows of what keeps the lanes that are off."""
    merges = np.full(len(table), -1, dtype=np.int64)
    merges[rows] = first + np.arange(len(rows))
    more = table[rows].copy()
    more[:, c.KIND], more[:, c.SLOTS], more[:, c.SIZE] = c.MERGE, c.MERGE_SLOTS, 4
    return merges, more


def _by_opcode(machine: Machine) -> _ByOpcode:
    types = machine.isa.kinds["dtype"].values
    extra = np.full((OPCODES, 2), -1, dtype=np.int64)
    for mnemonic, names in _EXTRA.items():
        layout = machine.isa[mnemonic].layout.index
        extra[machine.isa[mnemonic].opcode] = [layout.get(name, -1) for name in names]
    return _ByOpcode(
        kind=_each(machine, lambda i: _VXM_KINDS.get(i.layout.name, _KINDS.get(i.mnemonic, c.NOTHING))),
        masked_kind=_each(machine, lambda i: _MASKABLE.get(i.mnemonic, -1), -1),
        dtype=_each(machine, lambda i: types.index(_COPIES[i.mnemonic]) if i.mnemonic in _COPIES else -1, -1),
        delay=_each(machine, lambda i: _delay(machine, i)),
        store_delay=_each(machine, lambda i: machine.timing(i).get("access_store", 0)),
        extra=extra,
    )


def _delay(machine: Machine, instruction: Instruction) -> int:
    """Return the cycles from dispatch until an instruction has all it takes, or accesses its bank."""
    times = machine.timing(instruction)
    return times.get("access", max((v for k, v in times.items() if k.startswith("skew")), default=0))


def _each(machine: Machine, value: object, other: int = 0) -> Ints:
    table = np.full(OPCODES, other, dtype=np.int64)
    for instruction in machine.isa.instructions.values():
        table[instruction.opcode] = int(value(instruction))  # type: ignore[operator]
    return table
