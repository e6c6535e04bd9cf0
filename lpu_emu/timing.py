"""The one home of cycle arithmetic. Analysis, executors, compiler and reports call it; nobody else adds cycles.

All cycles are those of the southernmost superlane. Each superlane works one cycle after the one below, which
shifts every event alike and costs ``superlanes`` cycles once, at the end of a program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import EAST, Machine, Queue


@dataclass(frozen=True, kw_only=True)
class Loop:
    """One repeat: ``count`` further iterations, ``interval`` cycles apart, strided operands moving by ``stride``."""

    count: int
    interval: int
    stride: int


def slot(cycle: int, x: int, direction: int) -> int:
    """Return the moving-register number that passes position ``x`` in ``cycle``: t - x eastward, t + x westward."""
    return cycle - x if direction == EAST else cycle + x


def cycle_at(slot_number: int, x: int, direction: int) -> int:
    """Return the cycle in which a slot passes position ``x``: the inverse of :func:`slot`."""
    return slot_number + x if direction == EAST else slot_number - x


def hops(x_from: int, x_to: int, direction: int) -> int:
    """Return the cycles a value needs from ``x_from`` to ``x_to``; negative means that it moves the other way."""
    return x_to - x_from if direction == EAST else x_from - x_to


def stream_hops(machine: Machine, producer: Queue, consumer: Queue, direction: int) -> int:
    """Return the hops from where one queue's unit drives to where another's samples; negative if unreachable."""
    return hops(machine.x_out(producer, direction), machine.x_in(consumer, direction), direction)


def consumer_dispatch(producer_dispatch: int, func: int, distance: int, skew: int) -> int:
    """Return when a consumer dispatches so that t_c + d_skew = t_p + d_func + distance."""
    return producer_dispatch + func + distance - skew


def body_spans(loops: Sequence[Loop]) -> list[int]:
    """Return, for 0, 1, ... loops applied (innermost first), the cycles from the first to the last dispatch."""
    spans = [0]
    for loop in loops:
        spans.append(spans[-1] + loop.count * loop.interval)
    return spans


def iterations(loops: Sequence[Loop]) -> int:
    """Return how many times the repeated instruction is dispatched in all."""
    total = 1
    for loop in loops:
        total *= loop.count + 1
    return total


def finish_cycles(machine: Machine, instruction: Instruction, *, wide: bool = False) -> int:
    """Return the cycles from a dispatch until everything it does in the southernmost superlane is done.

    ``wide`` selects ``interval_wide`` for a two-byte MXM issue over all lanes.
    """
    timing = machine.timing(instruction)
    last = max((v for k, v in timing.items() if not k.startswith("interval")), default=0)
    if "product" in timing and wide:
        last = max(last, timing["interval_wide"] - 1)
    if instruction.mnemonic == "ifetch":
        last += 1
    return last


def program_cycles(machine: Machine, last_queue_end: int, last_finish: int) -> int:
    """Return the cycles of a program.

    Args:
        machine: the modelled chip.
        last_queue_end: the largest cycle after which a queue has nothing left to dispatch (0 if there is none).
        last_finish: the largest dispatch cycle + :func:`finish_cycles` + 1 over all dispatches (0 if there is none).
    """
    last = max(last_queue_end, last_finish)
    return last + machine.chip.superlanes if last else 0


def seconds(machine: Machine, cycles: int) -> float:
    """Return the time that ``cycles`` take at the chip's clock."""
    return cycles / machine.chip.clock_hz


def loop_from_args(instruction: Instruction, args: Sequence[int]) -> Loop:
    """Return the loop that the arguments of a ``repeat`` describe."""
    named: Mapping[str, int] = {o.name: int(a) for o, a in zip(instruction.operands, args, strict=False)}
    return Loop(count=named["count"], interval=named["interval"], stride=named["stride"])
