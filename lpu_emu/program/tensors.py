"""Named tensors on their way into SRAM and out of it, for every executor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError, did_you_mean
from lpu_emu.program import layout
from lpu_emu.program.model import Binding, Program

Tensor = NDArray[np.generic]
Memory = Mapping[str, NDArray[np.uint8]]

_NUMPY_NAMES = {"fp16": "float16", "fp32": "float32"}
_EXTENDED_NAMES = {"bf16": "bfloat16", "fp8": "float8_e4m3fn"}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the NumPy type of a machine type, or of ``bool``."""
    if name in _EXTENDED_NAMES:
        import ml_dtypes

        extended: np.dtype[Any] = np.dtype(getattr(ml_dtypes, _EXTENDED_NAMES[name]))
        return extended
    return np.dtype(_NUMPY_NAMES.get(name, name))


def require_inputs(program: Program, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the inputs as arrays.

    Raises:
        InputError: an input is missing, unknown, or has the wrong shape or type.
    """
    _require_names(program, inputs)
    return {b.name: _require_tensor(program, b, inputs[b.name]) for b in program.inputs}


def write_image(program: Program, inputs: Mapping[str, Tensor], memory: Memory) -> None:
    """Write data sections and inputs into SRAM, uint8 [words, lanes] by slice name."""
    for section in program.data:
        last = section.address + section.step * (len(section.words) - 1)
        stop = last + (1 if section.step > 0 else -1)
        memory[section.slice][section.address : stop if stop >= 0 else None : section.step] = section.words
    for binding in program.inputs:
        layout.store(binding.layout, inputs[binding.name], memory, program.machine.chip.lanes)


def read_outputs(program: Program, memory: Memory) -> dict[str, Tensor]:
    """Return the outputs as they lie in SRAM."""
    return {binding.name: _fetch(program, binding, memory) for binding in program.outputs}


def _fetch(program: Program, binding: Binding, memory: Memory) -> Tensor:
    stored = np.dtype(np.uint8) if binding.dtype == "bool" else numpy_dtype(binding.dtype)
    values = layout.fetch(binding.layout, memory, stored, program.machine.chip.lanes)
    return values.astype(np.bool_) if binding.dtype == "bool" else values


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
    values, wanted = np.asarray(value), numpy_dtype(binding.dtype)
    if values.shape != tuple(binding.layout.shape) or values.dtype != wanted:
        raise InputError(
            f"program {program.name!r}: input {binding.name!r} is {values.dtype}{list(values.shape)}, "
            f"expected {wanted}{list(binding.layout.shape)}; convert or reshape it first"
        )
    return values
