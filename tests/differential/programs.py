"""Random programs by seed, three ways, and a listing of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import Program
from lpu_emu.program.text import unpack_text
from lpu_emu.spec.machine import Machine, stream_name

from .breaking import broken
from .chains import CHAINS
from .chips import machine as machine_of
from .planner import NoRoomError, Planner
from .soup import soup

KINDS = ("planned", "broken", "soup")


def random_program(kind: str, seed: int, chip: str = "tiny") -> Program:
    """Return a program: ``planned`` keeps the timing rules, ``broken`` has one edit, ``soup`` no plan."""
    machine = machine_of(chip)
    if kind == "soup":
        return soup(machine, seed)
    program = planned(machine, seed)
    return program if kind == "planned" else broken(program, np.random.default_rng(seed + 1_000_000))


def planned(machine: Machine, seed: int) -> Program:
    """Return a program of a few plans that share the chip."""
    planner = Planner(machine=machine, rng=np.random.default_rng(seed))
    wanted, tries = planner.pick(1, 6), 0
    while wanted and tries < 60:
        tries += 1
        wires, image, written = list(planner.wires), dict(planner.image), list(planner.written)
        try:
            planner.place(planner.choose(CHAINS)(planner).draft)
            wanted -= 1
        except NoRoomError:
            planner.wires, planner.image, planner.written = wires, image, written
    return planner.program(f"planned {seed}")


def random_inputs(program: Program) -> dict[str, NDArray[np.uint8]]:
    """Return zeros for every input."""
    return {b.name: np.zeros(b.layout.shape, dtype=np.uint8) for b in program.inputs}


def listing(program: Program) -> str:
    """Return a program as text: queues, data and wires."""
    lines = [f"{program.name} on {program.machine.chip.name}"]
    for name, text in program.queues.items():
        lines.append(f".queue {name}")
        for index, item in enumerate(unpack_text(program.machine.isa, text)):
            operands = ", ".join(
                f"{o.name}={stream_name(a) if o.is_stream and a < 64 else a}"
                for o, a in zip(item.instruction.operands, item.args, strict=True)
            )
            lines.append(f"  {index:3} {item.instruction.mnemonic} {operands}")
    lines += [f".data {s.slice} {s.address} + {s.step} * {len(s.words)}" for s in program.data]
    lines += [
        f".{b.kind} {b.name} " + ", ".join(f"{p.slice}:{p.address}+{p.rows}" for p in b.layout.pieces)
        for b in program.bindings
    ]
    return "\n".join([*lines, *(f".wire {a} -> {b}" for a, b in program.wires)])
