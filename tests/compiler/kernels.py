"""Programs from hand-made flows: what Python-written kernels will do."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_emu.compiler.emit.image import predicted_cycles
from lpu_emu.compiler.emit.texts import queue_texts
from lpu_emu.compiler.lower.tensors import Part, Tensor
from lpu_emu.compiler.schedule.scheduler import Scheduler
from lpu_emu.program.model import Binding, Program


def matrix(name: str, dtype: str, rows: int, columns: int, lanes: int, *, preloaded: bool = False) -> Tensor:
    """Return a tensor of one part."""
    part = Part(index=0, first=0, rows=rows)
    return Tensor(
        name=name, dtype=dtype, rows=rows, columns=columns, parts=(part,), lanes=lanes, preloaded=preloaded
    )


def program(
    scheduler: Scheduler, inputs: Sequence[Tensor], outputs: Sequence[Tensor], name: str = "kernel"
) -> Program:
    """Return the program of a schedule whose inputs and outputs are matrices."""
    geometry = scheduler.geometry
    bindings = [
        Binding(name=t.name, kind=kind, dtype=t.dtype, layout=t.layout((t.rows, t.columns)))
        for kind, tensors in (("input", inputs), ("output", outputs))
        for t in tensors
    ]
    return Program(
        name=name,
        machine=geometry.machine,
        queues=queue_texts(geometry, scheduler.board.runs),
        bindings=tuple(bindings),
        attributes={"predicted_cycles": str(predicted_cycles(geometry, scheduler.board.end))},
    )
