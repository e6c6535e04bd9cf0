"""VXM: latency and issue of every operation, all ALUs at once, the latch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured, from_trial, mean, slope
from lpu_emu.bench.micro.memory import noise
from lpu_emu.bench.micro.script import CATCH, Bytes, Script, each, stream
from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import DTYPE_BYTES, EAST, WEST, Machine, stream_name

SIZES = (8, 24)
COPY = "copy.int8.mod"
# What the ALUs compute as NumPy does, with the same rounding.
LIKE_NUMPY: dict[str, Callable[..., NDArray[Any]]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.maximum, "min": np.minimum, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor, "copy": np.positive, "neg": np.negative, "abs": np.abs,
    "not": np.invert, "relu": np.abs,
}  # fmt: skip
PREFERRED = ("fp32", "int32", "int8")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of the VXM on its widest type: text of mnemonic and suffixes, operands, bytes of the types."""

    name: str
    text: str
    operands: int
    size: int
    result_size: int


def operations(machine: Machine) -> list[Operation]:
    """Return every operation of the instruction set that the VXM runs."""
    return [_operation(i) for i in machine.isa.instructions.values() if i.unit == "vxm"]


def _operation(instruction: Instruction) -> Operation:
    names = {o.name for o in instruction.operands}
    dtype = next((t for t in PREFERRED if t in instruction.dtypes), instruction.dtypes[0])
    result = "int8" if "result" in names else dtype
    middle = f".{result}" if "result" in names else ""
    return Operation(
        name=instruction.mnemonic,
        text=f"{instruction.mnemonic}.{dtype}{middle}.mod",
        operands=1 + ("y" in names),
        size=DTYPE_BYTES[dtype],
        result_size=DTYPE_BYTES[result],
    )


def large_alu(machine: Machine) -> int:
    """Return a large ALU that has a neighbour in the east."""
    columns = int(machine.chip["vxm.columns"])
    return next(int(a) for a in machine.chip["vxm.large"] if int(a) % columns < columns - 1)


def _numbers(script: Script, operation: Operation) -> list[NDArray[Any]]:
    """Return operands [lanes]: fp32 from 1 to 2, rising and falling, or numbers of the same bits in another type."""
    rising = np.linspace(1, 2, script.lanes, endpoint=False, dtype=np.float32)
    kind = {"fp32": np.float32, "int32": np.int32}.get(operation.text.split(".")[1])
    both = [rising, rising[::-1].copy()]
    return [v.view(kind) if kind else v.view(np.uint8)[::4].copy() for v in both][: operation.operands]


def _bytes(values: NDArray[Any]) -> Bytes:
    """Return numbers [lanes] as one row of lanes per byte, low byte first."""
    return np.ascontiguousarray(values.view(np.uint8).reshape(len(values), -1).T)


def _expected(operation: Operation, operands: list[NDArray[Any]], byte: int) -> Bytes | None:
    """Return a byte of the results as a word, None for operations that NumPy has no like of."""
    function = LIKE_NUMPY.get(operation.name)
    return _bytes(function(*operands))[byte][None] if function else None


def chain(lab: Lab, operation: Operation | None, count: int = 1, interval: int = 1) -> Script:
    """Return a program that sends operands through an ALU, and a byte of the result through its neighbour to memory.

    Without an operation, the operand passes the first ALU by and goes through the neighbour as it is.
    """
    machine, alu = lab.machine, large_alu(lab.machine)
    script = Script(machine, f"vxm {operation.name if operation else 'passing by'} {count}")
    x, y, to = (stream(EAST, 4 * group) for group in sorted(machine.reach(alu))[:3])
    first = operation or Operation(name="copy", text=COPY, operands=1, size=1, result_size=1)
    operands = _numbers(script, first)
    queue, neighbour = f"vxm.{alu}", f"vxm.{alu + 1}"
    for base, values in zip((x, y), operands, strict=False):
        for number, word in enumerate(_bytes(values)):
            script.feed(queue, base + number, 0, word[None], each(count, interval))
    sources = ", ".join(stream_name(s) for s in (x, y)[: first.operands])
    text = f"{first.text} {sources} -> {stream_name(to)}"
    dispatch = script.issue(queue, -script.time(text, "skew"), text, each(count, interval))
    # The third byte of a wide result tells most.
    byte = 2 if first.result_size > 2 else 0
    seen, arrives = (to + byte, dispatch + script.time(text, "func") + 1) if operation else (x, 2)
    second = f"{COPY} {stream_name(seen)} -> {stream_name(y)}"
    again = script.issue(neighbour, arrives - script.time(second, "skew"), second, each(count, interval))
    script.catch(
        neighbour, y, again + script.time(second, "func"), 1, each(count, interval),
        words=_expected(first, operands, byte), place=script.unused(neighbour, y, CATCH),
    )  # fmt: skip
    return script


def pitch(lab: Lab) -> Measured:
    """From one column of ALUs to the next: two stages."""
    alu = large_alu(lab.machine)
    trial = lab.trial(chain(lab, None))
    return from_trial(trial.first(f"vxm.{alu + 1}") - trial.first(f"vxm.{alu}"), trial)


def chain_interval(lab: Lab, name: str) -> Measured:
    """From an operation to one that takes its result, in the neighbouring column."""
    alu = large_alu(lab.machine)
    operation = next(o for o in operations(lab.machine) if o.name == name)
    trial = lab.trial(chain(lab, operation))
    return from_trial(trial.first(f"vxm.{alu + 1}") - trial.first(f"vxm.{alu}"), trial)


def latency(lab: Lab, name: str) -> Measured:
    """From the operands' arrival to the result: a chain of two less the stage between them."""
    found = chain_interval(lab, name)
    stage = lab.once(pitch).value / 2
    return Measured(value=found.value - stage, programs=found.programs, cycles=found.cycles)


def issue_rate(lab: Lab, name: str) -> Measured:
    """Elements per cycle of an operation on one ALU."""
    operation = next(o for o in operations(lab.machine) if o.name == name)
    interval = lab.smallest(lambda i: chain(lab, operation, 3, i))
    queue, lanes = f"vxm.{large_alu(lab.machine)}", lab.machine.chip.lanes
    return slope(
        lab, lambda n: chain(lab, operation, n, interval), SIZES, lambda t: t.dispatched(queue) * lanes
    )


def all_alus(lab: Lab) -> Measured:
    """Elements per cycle when every ALU has an operation in every cycle."""

    def make(count: int) -> Script:
        script = Script(lab.machine, f"all alus {count}")
        for queue in lab.machine.queues:
            if queue.unit == "vxm":
                script.issue(queue.name, 0, f"{COPY} #1 -> latch", each(count))
        return script

    return slope(lab, make, SIZES, lambda t: t.count("vxm") * lab.machine.chip.lanes)


def latch_loop(lab: Lab) -> Measured:
    """From filling an ALU's latch to the first operation that may take it."""

    def make(gap: int) -> Script:
        script = Script(lab.machine, "latch")
        script.issue("vxm.0", 0, f"{COPY} #3 -> latch")
        script.issue("vxm.0", gap, f"{COPY} latch -> e0")
        return script

    gap, trial = lab.shortest(make)
    return from_trial(gap, trial)


def far_write(lab: Lab) -> Measured:
    """From an ALU to the write in the outermost slice of a hemisphere, over the columns."""
    return mean([_far(lab, column) for column in range(int(lab.machine.chip["vxm.columns"]))])


def _far(lab: Lab, column: int) -> Measured:
    script = Script(lab.machine, f"column {column} to the outermost slice")
    queue, text = f"vxm.{column}", f"{COPY} #5 -> w0"
    place = f"W{lab.machine.chip.slices - 1}"
    script.issue(queue, 0, text)
    words = np.full((1, script.lanes), 5, dtype=np.uint8)
    script.catch(queue, stream(WEST, 0), script.time(text, "func"), words=words, place=place)
    trial = lab.trial(script)
    return from_trial(trial.first(f"mem.{place}") - trial.first(queue), trial)


def round_trip(lab: Lab) -> Measured:
    """From the first read of nine words in slice 0 through two chained ALUs to when all are back, over the columns."""
    return mean([_loop(lab, column) for column in range(int(lab.machine.chip["vxm.columns"]) - 1)])


def _loop(lab: Lab, column: int, count: int = 9) -> Measured:
    script = Script(lab.machine, f"two ALUs from column {column}")
    first, second = f"vxm.{column}", f"vxm.{column + 1}"
    words = noise(script, count)
    script.feed(first, stream(EAST, 0), 0, words, place="W0")
    start = script.issue(first, -script.time(f"{COPY} e0", "skew"), f"{COPY} e0 -> e1", each(count))
    passed = start + script.time(COPY, "func") + 1
    text = f"{COPY} e1 -> w0"
    again = script.issue(second, passed - script.time(text, "skew"), text, each(count))
    script.catch(second, stream(WEST, 0), again + script.time(text, "func"), count, words=words, place="W1")
    trial = lab.trial(script)
    return from_trial(trial.last("mem.W1") + 1 - trial.first("mem.W0"), trial)
