"""The instruction set of one machine as look-up arrays by opcode, to read whole programs in a few steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from lpu_emu import timing
from lpu_emu.analysis.lattice import Bools, Ints
from lpu_emu.spec.isa import Instruction, Operand
from lpu_emu.spec.machine import DTYPE_BYTES, EAST, WEST, Machine

OPCODES = 256
PORTS = 5
SELECTOR_VALUES = 16


class Role(IntEnum):
    """What the analysis has to know about an instruction beyond its operands and timing."""

    OTHER = 0
    REPEAT = 1
    WAIT = 2
    SYNC = 3
    DESKEW = 4
    NOTIFY = 5
    CONFIG = 6
    LOAD = 7
    INSTALL = 8
    INSTALL_STREAM = 9
    ACTIVATE = 10
    ACCUMULATE = 11
    ROW_READ = 12
    SEND = 13
    RECEIVE = 14
    GATHER = 15
    SCATTER = 16


_ROLES = {
    "repeat": Role.REPEAT, "nop": Role.WAIT, "runtime_deskew": Role.WAIT, "sync": Role.SYNC,
    "deskew": Role.DESKEW, "notify": Role.NOTIFY, "config": Role.CONFIG, "lw": Role.LOAD, "iw": Role.INSTALL,
    "iw_stream": Role.INSTALL_STREAM, "abc": Role.ACTIVATE, "acc": Role.ACCUMULATE, "acc_read": Role.ROW_READ,
    "send": Role.SEND, "receive": Role.RECEIVE, "gather": Role.GATHER, "scatter": Role.SCATTER,
}  # fmt: skip
_SILENT = (Role.REPEAT, Role.WAIT, Role.SYNC, Role.DESKEW)
_TWO_SAMPLES = "ifetch"


@dataclass(frozen=True, kw_only=True, eq=False)
class PortTable:
    """Operands that name a stream or a latch, [opcode, port], in operand order; no port has column -1.

    ``width`` [opcode, port, value] is the number of streams, given the value of the argument in ``selector``.
    ``part`` numbers the first stream inside its operand (1 for the second sample of an ifetch).
    """

    column: Ints
    drives: Bools
    delay: Ints
    latch_delay: Ints
    selector: Ints
    width: Ints
    part: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class AccessTable:
    """SRAM accesses at strided addresses, [opcode, access], and regions, [opcode, base and limit]."""

    column: Ints
    writes: Bools
    delay: Ints
    region: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceTable:
    """Where units meet streams, [queue, direction]: slot that passes in cycle 0, and place along it."""

    slot_in: Ints
    slot_out: Ints
    along_in: Ints
    along_out: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """Arrays by opcode [256]. ``delays`` is by timing key, ``columns`` by operand name (-1: no such operand).

    ``strided`` [opcode, column] says which arguments move with the strides of loops.
    """

    role: Ints
    dispatches: Bools
    strided: Bools
    size_bytes: Ints
    finish: Ints
    finish_wide: Ints
    delays: Mapping[str, Ints]
    columns: Mapping[str, Ints]
    ports: PortTable
    accesses: AccessTable
    places: PlaceTable


_KNOWN: dict[tuple[str, str], Tables] = {}


def tables_of(machine: Machine) -> Tables:
    """Return the tables of a machine; they are made once per chip and instruction set."""
    key = (machine.isa.digest, machine.chip.digest)
    if key not in _KNOWN:
        _KNOWN[key] = _build(machine)
    return _KNOWN[key]


def two_byte_types(machine: Machine) -> Bools:
    """Return, by the number of a type, whether its values have two bytes."""
    return np.array([DTYPE_BYTES[name] == 2 for name in machine.isa.kinds["dtype"].values])


def _build(machine: Machine) -> Tables:
    keys = sorted({key for i in machine.isa.instructions.values() for key in i.timing})
    names = sorted({o.name for i in machine.isa.instructions.values() for o in i.operands})
    role = _each(machine, lambda i: _ROLES.get(i.mnemonic, Role.OTHER))
    known = _each(machine, lambda i: 1).astype(bool)
    return Tables(
        role=role,
        dispatches=known & ~np.isin(role, _SILENT),
        strided=_strided(machine),
        size_bytes=_each(machine, lambda i: i.layout.size_bytes),
        finish=_each(machine, lambda i: timing.finish_cycles(machine, i)),
        finish_wide=_each(machine, lambda i: timing.finish_cycles(machine, i, wide=True)),
        delays={key: _each(machine, _delay(machine, key)) for key in keys},
        columns={name: _each(machine, _column(name), -1) for name in names},
        ports=_port_table(machine),
        accesses=_access_table(machine),
        places=_place_table(machine),
    )


def _each(machine: Machine, value: Callable[[Instruction], int], other: int = 0) -> Ints:
    table = np.full(OPCODES, other, dtype=np.int64)
    for instruction in machine.isa.instructions.values():
        table[instruction.opcode] = int(value(instruction))
    return table


def _delay(machine: Machine, key: str) -> Callable[[Instruction], int]:
    return lambda i: machine.timing(i).get(key, 0)


def _column(name: str) -> Callable[[Instruction], int]:
    return lambda i: i.layout.index.get(name, -1)


def _strided(machine: Machine) -> Bools:
    table = np.zeros((OPCODES, machine.isa.widest), dtype=bool)
    for i in machine.isa.instructions.values():
        table[i.opcode, : len(i.operands)] = [o.strided for o in i.operands]
    return table


def _port_table(machine: Machine) -> PortTable:
    column, delay, latch, selector, part = np.zeros((5, OPCODES, PORTS), dtype=np.int64)
    column -= 1
    drives = np.zeros((OPCODES, PORTS), dtype=bool)
    width = np.zeros((OPCODES, PORTS, SELECTOR_VALUES), dtype=np.int64)
    for i in machine.isa.instructions.values():
        for port, (operand, second) in enumerate(_ports(i)):
            at, times = (i.opcode, port), machine.timing(i)
            drives[at] = operand.role == "out"
            column[at], part[at] = i.operand_index(operand.name), second
            delay[at] = (times["func"] if drives[at] else times[operand.skew]) + second
            latch[at] = times.get("latch", 0) if drives[at] else times.get(operand.skew, 0)
            selector[at], width[at] = _widths(machine, i, operand)
    return PortTable(
        column=column,
        drives=drives,
        delay=delay,
        latch_delay=latch,
        selector=selector,
        width=width,
        part=part,
    )


def _ports(instruction: Instruction) -> Iterator[tuple[Operand, int]]:
    for operand in instruction.operands:
        if operand.is_stream:
            yield operand, 0
            if instruction.mnemonic == _TWO_SAMPLES:
                yield operand, 1


def _widths(machine: Machine, instruction: Instruction, operand: Operand) -> tuple[int, Ints]:
    """Return the argument column that decides an operand's number of streams, and that number by value."""
    name = {"edge2": "edge"}.get(operand.group, operand.group)
    chosen = instruction.layout.index.get(name)
    args = [0] * len(instruction.operands)
    widths = np.zeros(SELECTOR_VALUES, dtype=np.int64)
    for value in range(SELECTOR_VALUES if chosen is None else _values(instruction.operands[chosen])):
        if chosen is not None:
            args[chosen] = value
        widths[value] = machine.group(instruction, operand, args)
    return chosen or 0, widths if chosen is not None else np.full(SELECTOR_VALUES, widths[0])


def _values(operand: Operand) -> int:
    return min(SELECTOR_VALUES, operand.kind.maximum + 1)


def _access_table(machine: Machine) -> AccessTable:
    column = np.full((OPCODES, 2), -1, dtype=np.int64)
    writes = np.zeros((OPCODES, 2), dtype=bool)
    delay = np.zeros((OPCODES, 2), dtype=np.int64)
    region = np.full((OPCODES, 2), -1, dtype=np.int64)
    for i in machine.isa.instructions.values():
        times = machine.timing(i)
        addresses = [o for o in i.operands if o.kind.name == "address"]
        for number, operand in enumerate(addresses):
            if not operand.strided:
                region[i.opcode, number] = i.operand_index(operand.name)
                continue
            at = (i.opcode, number)
            column[at], writes[at] = i.operand_index(operand.name), operand.role == "out"
            delay[at] = times.get("access_store", times["access"]) if writes[at] else times["access"]
    return AccessTable(column=column, writes=writes, delay=delay, region=region)


def _place_table(machine: Machine) -> PlaceTable:
    slot_in, slot_out, along_in, along_out = np.zeros((4, len(machine.queues), 2), dtype=np.int64)
    for queue in machine.queues:
        for direction in (EAST, WEST):
            at = (queue.index, direction)
            x_in, x_out = machine.x_in(queue, direction), machine.x_out(queue, direction)
            slot_in[at], slot_out[at] = timing.slot(0, x_in, direction), timing.slot(0, x_out, direction)
            along_in[at], along_out[at] = (timing.hops(0, x, direction) for x in (x_in, x_out))
    return PlaceTable(slot_in=slot_in, slot_out=slot_out, along_in=along_in, along_out=along_out)
