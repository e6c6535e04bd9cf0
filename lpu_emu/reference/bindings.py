"""Named tensors: into SRAM before cycle 0, and out of it at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError, did_you_mean
from lpu_emu.program import layout
from lpu_emu.program.model import Binding, Program
from lpu_emu.reference.audit import Audit
from lpu_emu.reference.memory import Sram
from lpu_emu.reference.numerics.dtypes import dtype_of

Tensor = NDArray[np.generic]


def write_image(program: Program, inputs: Mapping[str, Tensor], memory: Sram) -> None:
    """Write data sections and inputs into SRAM.

    Raises:
        InputError: an input is missing, unknown, or has the wrong shape or type.
    """
    _require_names(program, inputs)
    for section in program.data:
        addresses = section.address + section.step * np.arange(len(section.words))
        memory.words[section.slice][addresses] = section.words
        memory.written[section.slice][addresses] = True
    for binding in program.inputs:
        values = _require_tensor(program, binding, inputs[binding.name])
        layout.store(binding.layout, values, memory.words, program.machine.chip.lanes)
        for slice_name, addresses in _words(binding):
            memory.written[slice_name][addresses] = True


def read_outputs(program: Program, memory: Sram) -> dict[str, Tensor]:
    """Return the outputs as they lie in SRAM."""
    return {binding.name: _fetch(program, binding, memory) for binding in program.outputs}


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


def _fetch(program: Program, binding: Binding, memory: Sram) -> Tensor:
    stored = np.dtype(np.uint8) if binding.dtype == "bool" else _numpy_dtype(binding)
    values = layout.fetch(binding.layout, memory.words, stored, program.machine.chip.lanes)
    return values.astype(np.bool_) if binding.dtype == "bool" else values


def _numpy_dtype(binding: Binding) -> np.dtype[np.generic]:
    return np.dtype(np.bool_) if binding.dtype == "bool" else dtype_of(binding.dtype).numpy


def _words(binding: Binding) -> list[tuple[str, NDArray[np.int64]]]:
    pieces = binding.layout.pieces
    return [(p.slice, p.address + p.step * np.arange(p.rows, dtype=np.int64)) for p in pieces]


def _require_names(program: Program, inputs: Mapping[str, Tensor]) -> None:
    names = [binding.name for binding in program.inputs]
    expected = ", ".join(names) or "none"
    for name in inputs:
        if name not in names:
            hint = did_you_mean(name, names)
            raise InputError(f"program {program.name!r} has no input {name!r}; its inputs: {expected}{hint}")
    missing = [name for name in names if name not in inputs]
    if missing:
        raise InputError(
            f"program {program.name!r}: no value for input {', '.join(missing)}; its inputs: {expected}"
        )


def _require_tensor(program: Program, binding: Binding, value: Tensor) -> Tensor:
    values = np.asarray(value)
    expected = f"{_numpy_dtype(binding)}{list(binding.layout.shape)}"
    if values.shape != tuple(binding.layout.shape) or values.dtype != _numpy_dtype(binding):
        raise InputError(
            f"program {program.name!r}: input {binding.name!r} is {values.dtype}{list(values.shape)}, "
            f"expected {expected}; convert or reshape it first"
        )
    return values
