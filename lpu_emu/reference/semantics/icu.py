"""ICU: control of a queue."""

from __future__ import annotations

from lpu_emu import timing
from lpu_emu.reference.agenda import Moment, Phase, Steps
from lpu_emu.reference.operation import Operation
from lpu_emu.reference.registry import defines


@defines("nop")
def nop(op: Operation) -> None:
    """Dispatch nothing for `count` cycles."""
    op.queue.cursor = op.cycle + op["count"]


@defines("repeat")
def repeat(op: Operation) -> None:
    """Put a loop around the instruction before it and the loops it has already."""
    op.queue.open_loop(timing.loop_from_args(op.instruction, op.args))


@defines("ifetch")
def ifetch(op: Operation) -> Steps:
    """Sample two vectors of text, one after the other; the text of the queue stays as it is."""
    for vector in range(2):
        yield op.at(Phase.SAMPLE, "skew", later=vector)
        op.sample("stream")


@defines("sync")
def sync(op: Operation) -> None:
    """Hold the queue until a notify arrives; one that arrives in this cycle lets it go on in the next."""
    if op.state.notified != op.cycle:
        op.queue.park(op)


@defines("notify")
def notify(op: Operation) -> Steps:
    """Reach every parked queue `barrier` cycles later."""
    arrival = op.cycle + int(op.state.machine.chip["icu.barrier_cycles"])
    yield Moment(arrival, Phase.RELEASE)
    op.state.release_queues()


@defines("config")
def config(op: Operation) -> None:
    """Switch on the first superlanes, for later instructions of the queue."""
    op.queue.superlanes = op["superlanes"]
