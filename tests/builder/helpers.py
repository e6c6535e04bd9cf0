"""Kernels that tests write in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.analysis import analyse
from lpu_emu.builder import Kernel, finish
from lpu_emu.program.model import Program
from lpu_emu.program.validate import require_valid
from lpu_emu.reference import run
from lpu_emu.spec.machine import load_machine

Array = NDArray[Any]
Build = Callable[[Kernel], None]


def program_of(build: Build, chip: str = "tsp1") -> Program:
    """Return a program that is valid, free of hazards, and takes the predicted cycles."""
    kernel = Kernel(load_machine(chip))
    build(kernel)
    program = finish(kernel)
    require_valid(program)
    analysis = analyse(program)
    assert analysis.hazards == ()
    assert analysis.cycles == int(program.attributes["predicted_cycles"])
    return program


def outputs_of(build: Build, inputs: Mapping[str, Array], chip: str = "tsp1") -> Mapping[str, Array]:
    """Run a kernel on the reference and return its outputs."""
    return run(program_of(build, chip), inputs).outputs


def random(dtype: str, *shape: int, seed: int = 1) -> Array:
    """Return random values of a type."""
    rng = np.random.default_rng(seed)
    if dtype.startswith("f"):
        return rng.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
