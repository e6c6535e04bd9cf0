"""C2C: vectors to and from other chips, and alignment of queues in time."""

from __future__ import annotations

from lpu_emu.reference.agenda import Steps
from lpu_emu.reference.operation import Operation
from lpu_emu.reference.registry import defines


@defines("deskew")
def deskew(op: Operation) -> None:
    """Go on at the next boundary of the alignment epoch."""
    epoch = int(op.state.machine.chip["c2c.epoch_cycles"])
    op.queue.cursor = (op.cycle // epoch + 1) * epoch


@defines("runtime_deskew")
def runtime_deskew(op: Operation) -> None:
    """Dispatch nothing for `count` cycles; there is no drift."""
    op.queue.cursor = op.cycle + op["count"]


@defines("send")
def send(op: Operation) -> Steps:
    """Sample a vector and send it."""
    (data,) = yield from op.take("data")
    op.state.links.send(op.number, _link(op), op.masked(data)[0], op.state.cycle)


@defines("receive")
def receive(op: Operation) -> None:
    """Take the next vector of a link and drive it."""
    vector = op.state.links.receive(op.number, _link(op), op.cycle)
    op.drive(op["to"], vector[None])


def _link(op: Operation) -> str:
    return f"{op.queue.queue.hemisphere}{op['link']}"
