"""Ops: what every run of a program does, when, and on what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints
from lpu_emu.analysis.planes import plane_of_queue
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import OPCODES, SELECTOR_VALUES, Tables
from lpu_emu.engine import columns as c
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
    table = np.zeros((c.OP_COLUMNS, len(runs)), dtype=np.int64).T  # columns together while they are filled in
    ports, x, y = _ports(runs, tables)
    _fill_common(table, runs, machine, tables, known)
    table[:, c.X], table[:, c.Y] = (
        x + 4 * _runs(runs, machine, "acc_read") + _runs(runs, machine, "receive"),
        y,
    )
    _fill_addresses(table, runs, machine, tables)
    _mask_planes(table, runs, machine, tables, buffers)
    table[:, c.SLOTS] = _slots(table)
    writes = tables.accesses.column[runs.opcode, 1] >= 0
    loses = table[:, c.ON] < machine.chip.lanes
    keeps = loses
    if loses.any():
        keeps = loses & ((table[:, c.KIND] == c.ACCUMULATE) | _fills_latch(runs, tables))
    stores, more = _stores(table, np.flatnonzero(writes), runs, machine, tables, known)
    merges, last = _merges(table, np.flatnonzero(keeps), len(runs) + len(more))
    table[writes, c.SLOTS] = 0
    table = np.concatenate((np.ascontiguousarray(table), more, last))
    table[:, c.SLOT] = np.cumsum(table[:, c.SLOTS]) - table[:, c.SLOTS]
    return Ops(table=table, stores=stores, merges=merges, ports=ports)


def masked_planes(runs: RunTable, machine: Machine, tables: Tables) -> Ints:
    """Return the planes to which ``config`` gives weights in part, so that they need a buffer of bytes."""
    weights = _each(machine, lambda i: i.mnemonic in _MASKABLE).astype(bool)
    masked = weights[runs.opcode] & (runs.superlanes < machine.chip.superlanes)
    return np.unique(plane_of_queue(machine)[runs.queue[masked]])


def argument(runs: RunTable, tables: Tables, name: str) -> Ints:
    """Return an argument of every run, 0 where it has none of that name."""
    column = tables.columns[name][runs.opcode]
    return np.where(column >= 0, runs.args[np.arange(len(runs)), np.maximum(column, 0)], 0)


def _fill_common(table: Ints, runs: RunTable, machine: Machine, tables: Tables, known: _ByOpcode) -> None:
    opcode = runs.opcode
    copies = known.dtype[opcode] >= 0
    table[:, c.KIND] = known.kind[opcode]
    table[:, c.CODE] = np.where(copies, machine.isa["copy"].opcode, opcode)
    table[:, c.DTYPE] = np.where(copies, known.dtype[opcode], argument(runs, tables, "dtype"))
    table[:, c.RESULT] = np.where(
        known.kind[opcode] == c.CONVERT, argument(runs, tables, "result"), table[:, c.DTYPE]
    )
    table[:, c.SATURATE] = argument(runs, tables, "overflow")
    table[:, c.ON] = runs.superlanes * machine.chip.lanes_per_superlane
    table[:, c.COUNT], table[:, c.INTERVAL] = runs.count, runs.interval
    table[:, c.START] = runs.start + known.delay[opcode]
    table[:, c.DISPATCH], table[:, c.RUN] = runs.start, np.arange(len(runs))
    table[:, c.IMMEDIATE] = argument(runs, tables, "immediate")
    table[:, c.A], table[:, c.B] = (_extra(runs, known, i) for i in (0, 1))
    down = opcode == machine.isa["shift_down"].opcode
    table[down, c.A] = -table[down, c.A]
    _fill_shapes(table, runs, machine, tables)


def _extra(runs: RunTable, known: _ByOpcode, number: int) -> Ints:
    column = known.extra[runs.opcode, number]
    return np.where(column >= 0, runs.args[np.arange(len(runs)), np.maximum(column, 0)], 0)


def _fill_shapes(table: Ints, runs: RunTable, machine: Machine, tables: Tables) -> None:
    """Say how results lie: packed elements of SIZE bytes, or PARTS vectors."""
    kind = table[:, c.KIND]
    sizes = np.array([DTYPE_BYTES[name] for name in machine.isa.kinds["dtype"].values])
    table[:, c.SIZE], table[:, c.PARTS] = 1, 1
    vector = np.isin(kind, (c.BINARY, c.UNARY, c.CONVERT))
    table[vector, c.SIZE] = sizes[table[vector, c.RESULT]]
    table[kind == c.ACCUMULATE, c.SIZE] = 4
    width = 1 << argument(runs, tables, "width")
    for which, parts in (
        (c.SHIFT, width), (c.PERMUTE, width), (c.DISTRIBUTE, 8), (c.ROTATE, argument(runs, tables, "edge") ** 2),
        (c.TRANSPOSE, machine.chip.lanes_per_superlane), (c.LOAD, machine.chip.weight_streams),
    ):  # fmt: skip
        table[:, c.PARTS] = np.where(kind == which, parts, table[:, c.PARTS])


def _ports(runs: RunTable, tables: Tables) -> tuple[Ints, Ints, Ints]:
    """Return, by run: the slots before each argument column, and the slots of the first and second operand."""
    ports = tables.ports
    before = np.full((len(runs), runs.args.shape[1]), -1, dtype=np.int64)
    total = np.zeros(len(runs), dtype=np.int64)
    widths: list[Ints] = []
    rows = np.arange(len(runs))
    for port in range(ports.column.shape[1]):
        column = ports.column[runs.opcode, port]
        used = (column >= 0) & ~ports.drives[runs.opcode, port]
        if not used.any():
            continue
        value = runs.args[rows, np.maximum(column, 0)]
        selected = runs.args[rows, ports.selector[runs.opcode, port]] % SELECTOR_VALUES
        width = np.where(used & (value <= LATCH), ports.width[runs.opcode, port, selected], 0)
        first = used & (before[rows, np.maximum(column, 0)] < 0)
        before[rows[first], column[first]] = total[first]
        total = total + width
        widths.append(width)
    x, y, *_ = [*widths, np.zeros_like(total), np.zeros_like(total)]
    return before, x, y


def _runs(runs: RunTable, machine: Machine, mnemonic: str) -> Bools:
    return np.asarray(runs.opcode == machine.isa[mnemonic].opcode)


def _slots(table: Ints) -> Ints:
    kind = table[:, c.KIND]
    slots = np.where(kind == c.NOTHING, 0, table[:, c.X] + table[:, c.Y])
    slots = np.where(kind == c.ISSUE, 4, slots)
    return np.where(kind == c.ACCUMULATE, c.ACCUMULATE_SLOTS, slots)


def _fill_addresses(table: Ints, runs: RunTable, machine: Machine, tables: Tables) -> None:
    lanes = machine.chip.lanes
    base = _slice_base(machine)[runs.queue]
    memory = base >= 0
    column = tables.accesses.column[runs.opcode, 0]
    address = np.where(column >= 0, runs.args[np.arange(len(runs)), np.maximum(column, 0)], 0)
    table[:, c.ADDRESS] = np.where(memory, (base + address) * lanes, 0)
    table[:, c.STRIDE] = np.where(memory & (column >= 0), runs.stride * lanes, 0)
    loads = table[:, c.KIND] == c.LOAD
    table[loads, c.STRIDE] = runs.stride[loads]


def _mask_planes(table: Ints, runs: RunTable, machine: Machine, tables: Tables, buffers: int) -> None:
    """Let planes with partial weights work on bytes."""
    lanes, group = machine.chip.lanes, machine.chip.weight_streams
    planes = masked_planes(runs, machine, tables)
    known = _by_opcode(machine).masked_kind[runs.opcode]
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


def _fills_latch(runs: RunTable, tables: Tables) -> Bools:
    ports = tables.ports
    column = ports.column[runs.opcode]
    value = np.take_along_axis(runs.args, np.maximum(column, 0), axis=1)
    return np.asarray(((column >= 0) & ports.drives[runs.opcode] & (value == LATCH)).any(axis=1))


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
