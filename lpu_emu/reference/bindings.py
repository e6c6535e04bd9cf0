"""Words that are there before cycle 0, and words that should be there at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program import tensors
from lpu_emu.program.model import Binding, Program
from lpu_emu.reference.audit import Audit
from lpu_emu.reference.memory import Sram


def write_image(program: Program, inputs: Mapping[str, tensors.Tensor], memory: Sram) -> None:
    """Write data sections and inputs into SRAM, and mark their words as written.

    Raises:
        InputError: an input is missing, unknown, or has the wrong shape or type.
    """
    tensors.write_image(program, tensors.require_inputs(program, inputs), memory.words)
    for section in program.data:
        addresses = section.address + section.step * np.arange(len(section.words))
        memory.written[section.slice][addresses] = True
    for binding in program.inputs:
        for slice_name, addresses in _words(binding):
            memory.written[slice_name][addresses] = True


def judge_outputs(program: Program, memory: Sram, audit: Audit, cycle: int) -> None:
    """Report outputs with words that were never written."""
    for binding in program.outputs:
        missing = {
            (slice_name, int(address))
            for slice_name, addresses in _words(binding)
            for address in addresses[~memory.written[slice_name][addresses]]
        }
        if missing:
            audit.report("unwritten_output", f"output {binding.name}", cycle, count=len(missing))


def _words(binding: Binding) -> list[tuple[str, NDArray[np.int64]]]:
    pieces = binding.layout.pieces
    return [(p.slice, p.address + p.step * np.arange(p.rows, dtype=np.int64)) for p in pieces]
