"""Rules for the operands of instructions, checked on all rows of one queue and instruction at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.spec.isa import Instruction, Operand, OperandKind
from lpu_emu.spec.machine import (
    DTYPE_BYTES,
    IMMEDIATE,
    LATCH,
    NOTHING,
    WEST_STREAM,
    Machine,
    Queue,
    stream_name,
)

STREAM_GROUP = 4  # streams that an ALU reaches together

Mask = NDArray[np.bool_]
Column = NDArray[np.int64]
Verdict = tuple[Mask, str, Callable[[int], str]]  # rows at fault, operand, message for a row


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All rows of one queue that hold one instruction.

    ``args`` int64 [n, isa.widest]; ``low`` and ``high`` int64 [n] are the furthest that repeats move strided
    operands.
    """

    machine: Machine
    queue: Queue
    instruction: Instruction
    args: Column
    low: Column
    high: Column

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Argument columns by operand name."""
        return {name: self.args[:, i] for name, i in self.instruction.layout.index.items()}

    @cached_property
    def none(self) -> Mask:
        """A mask without rows."""
        return np.zeros(len(self.args), dtype=bool)

    def of_kind(self, *texts: str) -> list[Operand]:
        """Return the operands that are written in one of the given ways."""
        return [o for o in self.instruction.operands if o.kind.text in texts]


def findings(rows: Rows) -> Iterator[tuple[int, str, str]]:
    """Yield (row, operand, message) for every broken rule."""
    fits: dict[str, Mask] = {}
    for operand in rows.instruction.operands:
        wrong = rows.none
        for mask, name, message in _operand(rows, operand):
            if not mask.any():
                continue
            fresh = mask & ~wrong  # one finding per operand: what follows from another is not reported
            wrong = wrong | mask
            yield from ((row, name, message(row)) for row in np.flatnonzero(fresh).tolist())
        fits[operand.name] = ~wrong
    for mask, name, message in _between(rows, fits):
        if mask.any():
            yield from ((row, name, message(row)) for row in np.flatnonzero(mask).tolist())


def _operand(rows: Rows, operand: Operand) -> Iterator[Verdict]:
    column = rows.columns[operand.name]
    kind = operand.kind
    yield (
        (column < kind.minimum) | (column > kind.maximum),
        operand.name,
        lambda row: f"{operand.name} {column[row]} does not fit; the field holds {_range(kind)}",
    )
    if kind.name == "dtype":
        yield from _dtype(rows, operand)
    elif operand.is_stream:
        yield from _stream(rows, operand)
    else:
        yield from _number(rows, operand)


def _range(kind: OperandKind) -> str:
    return f"{kind.minimum}..{kind.maximum}"


# Numbers


def limits(machine: Machine, queue: Queue) -> dict[str, tuple[int, int, str]]:
    """Return, by operand kind, the first and last value that a queue of a chip takes, and what they are."""
    chip = machine.chip
    links = machine.links_of(queue) if queue.unit == "c2c" else range(0)
    return {
        "address": (0, chip.words - 1, "the words of a slice"),
        "row": (0, chip.accumulator_rows - 1, "the accumulator rows"),
        "row_group": (0, chip.row_groups - 1, "the row groups of a plane"),
        "superlanes": (0, chip.superlanes, "the superlanes"),
        "amount": (0, chip.lanes, "lanes"),
        "edge": (3, 4, "the edges there are"),
        "link": (links.start, links.stop - 1, f"the links of {queue.name}"),
    }


def _number(rows: Rows, operand: Operand) -> Iterator[Verdict]:
    limit = limits(rows.machine, rows.queue).get(operand.kind.name)
    if limit is None:
        return
    least, most, what = limit
    column = rows.columns[operand.name]
    write = f"{{:#0{5}x}}".format if operand.kind.name == "address" else str
    allowed = f"{write(least)}..{write(most)}, {what}"
    yield (
        (column < least) | (column > most),
        operand.name,
        lambda row: f"{operand.name} {write(int(column[row]))} is outside {allowed}",
    )
    if operand.strided:
        low, high = column + rows.low, column + rows.high
        yield (
            (low < least) | (high > most),
            operand.name,
            lambda row: (
                f"{operand.name} {write(int(column[row]))} reaches "
                + write(int(low[row] if low[row] < least else high[row]))
                + f" with its repeats, outside {allowed}"
            ),
        )


# Types


def _dtype(rows: Rows, operand: Operand) -> Iterator[Verdict]:
    instruction, column, kind = rows.instruction, rows.columns[operand.name], operand.kind
    chip = rows.machine.chip

    def name(row: int) -> str:
        return kind.values[int(column[row])]

    expected = f"expected one of {', '.join(instruction.dtypes)}"
    yield (
        ~_is_one_of(kind, column, instruction.dtypes),
        operand.name,
        lambda row: f"{operand.name} is {name(row)}; {expected}",
    )
    if rows.queue.unit == "mxm":
        yield (
            ~_is_one_of(kind, column, chip["mxm.dtypes"]),
            operand.name,
            lambda row: f"planes of chip {chip.name} take {', '.join(chip['mxm.dtypes'])}, not {name(row)}",
        )
        if rows.queue.number % 2:
            yield (
                _is_one_of(kind, column, [t for t in kind.values if DTYPE_BYTES[t] == 2]),
                operand.name,
                lambda row: f"{name(row)} runs on two planes in tandem; dispatch it on the even one",
            )
    if instruction.large and not rows.machine.is_large(rows.queue.number):
        yield (
            _is_one_of(kind, column, instruction.large),
            operand.name,
            lambda row: f"{name(row)} needs a large ALU; {rows.queue.name} is a small one",
        )


def _is_one_of(kind: OperandKind, column: Column, names: tuple[str, ...] | list[str]) -> Mask:
    return _is_any(column, [i for i, name in enumerate(kind.values) if name in names])


def _is_any(column: Column, values: Iterable[int]) -> Mask:
    mask = np.zeros(len(column), dtype=bool)
    for value in values:
        mask |= column == value
    return mask


# Streams


def _stream(rows: Rows, operand: Operand) -> Iterator[Verdict]:
    column = rows.columns[operand.name]
    special = _special(rows, operand)
    is_stream = (column >= 0) & (column < 2 * WEST_STREAM)
    yield (
        ~(is_stream | _is_any(column, special)),
        operand.name,
        lambda row: f"{operand.name} {column[row]} means nothing; expected a stream{_listed(special)}",
    )
    yield from ((is_stream & mask, name, message) for mask, name, message in _placed(rows, operand, column))


def _special(rows: Rows, operand: Operand) -> dict[int, str]:
    """Return the values of an operand that are no streams."""
    special = {}
    if operand.kind.text != "stream" and "latch" in rows.instruction.timing:
        special[LATCH] = "the latch"
    if operand.kind.text == "source":
        special[IMMEDIATE] = "an immediate"
    if operand.kind.text == "target":
        special[NOTHING] = "nothing"
    return special


def _listed(special: Mapping[int, str]) -> str:
    return "".join(f" or {meaning} ({value})" for value, meaning in special.items())


def _placed(rows: Rows, operand: Operand, column: Column) -> Iterator[Verdict]:
    streams, chip = rows.machine.chip.streams, rows.machine.chip.name
    number = column % WEST_STREAM
    size = group_sizes(rows, operand)

    def name(row: int) -> str:
        return f"{operand.name} {stream_name(int(column[row]))}"

    yield (
        number >= streams,
        operand.name,
        lambda row: f"{name(row)} does not exist; chip {chip} has {streams} streams per direction",
    )
    if operand.group not in ("edge", "edge2"):
        yield (
            number % size != 0,
            operand.name,
            lambda row: f"{name(row)} covers {size[row]} streams; it must be a multiple of that",
        )
    yield (
        number + size > streams,
        operand.name,
        lambda row: f"{name(row)} covers {size[row]} streams and ends past the last, {streams - 1}",
    )
    if rows.queue.unit == "vxm":
        reach = sorted(rows.machine.reach(rows.queue.number))
        ranges = ", ".join(f"{STREAM_GROUP * g}..{STREAM_GROUP * g + STREAM_GROUP - 1}" for g in reach)
        yield (
            ~_is_any(number // STREAM_GROUP, reach),
            operand.name,
            lambda row: f"{name(row)} is out of reach; the row of {rows.queue.name} reaches {ranges}",
        )


def group_sizes(rows: Rows, operand: Operand) -> Column:
    """Return how many streams an operand covers in each row, 1 where the operand that says so is wrong."""
    controlling = rows.instruction.layout.index.get("edge" if operand.group == "edge2" else operand.group)
    sizes = np.ones(len(rows.args), dtype=np.int64)
    if controlling is None:
        sizes[:] = rows.machine.group(rows.instruction, operand, ())
        return sizes
    kind = rows.instruction.operands[controlling].kind
    column = rows.args[:, controlling]
    for value in np.unique(column).tolist():
        if kind.minimum <= value <= kind.maximum:
            chosen = column == value
            row: list[int] = rows.args[int(np.argmax(chosen))].tolist()
            sizes[chosen] = rows.machine.group(rows.instruction, operand, row)
    return sizes


# Between operands


def _between(rows: Rows, fits: Mapping[str, Mask]) -> Iterator[Verdict]:
    """Yield the rules between operands; ``fits`` says by operand which rows keep the rules before."""
    for pair in combinations(rows.of_kind("source"), 2):
        yield from _facing(rows, fits, *pair)
    for pair in combinations(rows.of_kind("target"), 2):
        yield from _same_target(rows, fits, *pair)
    yield from _immediate(rows)
    if {"base", "limit"} <= set(rows.columns):
        base, limit = rows.columns["base"], rows.columns["limit"]
        yield limit < base, "limit", lambda row: f"limit {limit[row]:#05x} lies before base {base[row]:#05x}"


def _facing(rows: Rows, fits: Mapping[str, Mask], first: Operand, second: Operand) -> Iterator[Verdict]:
    x, y = rows.columns[first.name], rows.columns[second.name]
    streams = fits[first.name] & fits[second.name] & (x < LATCH) & (y < LATCH)
    same = (x % WEST_STREAM) // STREAM_GROUP == (y % WEST_STREAM) // STREAM_GROUP
    facing = (x < WEST_STREAM) != (y < WEST_STREAM)

    def message(row: int) -> str:
        names = f"{stream_name(int(x[row]))} and {stream_name(int(y[row]))}"
        return f"{names} are one group of {STREAM_GROUP} streams in both directions; an ALU takes it from one"

    yield streams & same & facing, second.name, message


def _same_target(rows: Rows, fits: Mapping[str, Mask], first: Operand, second: Operand) -> Iterator[Verdict]:
    x, y = rows.columns[first.name], rows.columns[second.name]
    same = fits[first.name] & fits[second.name] & (x == y) & (x != NOTHING)

    def message(row: int) -> str:
        return f"{'latch' if x[row] == LATCH else stream_name(int(x[row]))} is a target twice"

    yield same, second.name, message


def _immediate(rows: Rows) -> Iterator[Verdict]:
    sources = [rows.columns[o.name] for o in rows.of_kind("source")]
    for operand in rows.of_kind("immediate"):
        bits = rows.columns[operand.name]
        used = np.any([source == IMMEDIATE for source in sources], axis=0) if sources else rows.none
        yield (
            (bits != 0) & ~used,
            operand.name,
            lambda row, bits=bits: f"immediate {bits[row]:#x} is given, but no operand is an immediate",  # type: ignore[misc]
        )
