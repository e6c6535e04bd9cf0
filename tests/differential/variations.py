"""Variations of programs that keep their timing: superlanes off, and more of everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lpu_emu.program.model import Program
from lpu_emu.program.text import Issue, issue, pack_text, unpack_text


def dimmed(program: Program, rng: np.random.Generator) -> Program:
    """Return a program in which some gaps begin with a ``config``, so that queues work with fewer superlanes."""
    machine = program.machine
    queues = {}
    for name, text in program.queues.items():
        found: list[Issue] = []
        for item in unpack_text(machine.isa, text):
            if item.instruction.mnemonic == "nop" and item.arg("count") and rng.random() < 0.5:
                number = int(rng.integers(0, machine.chip.superlanes + 1))
                found.append(issue(machine.isa, "config", superlanes=number))
                if item.arg("count") > 1:
                    found.append(issue(machine.isa, "nop", count=item.arg("count") - 1))
            else:
                found.append(item)
        queues[name] = pack_text(machine.isa, found)
    return replace(program, name=f"{program.name}, dimmed", queues=queues)
