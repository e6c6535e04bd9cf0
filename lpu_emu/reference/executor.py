"""The cycle loop: from a program and inputs to outputs, cycles and hazards."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult
from lpu_emu.reference.state import State
from lpu_emu.reference.stepper import Stepper

Observer = Callable[[State], None]


def run(
    program: Program,
    inputs: Mapping[str, NDArray[np.generic]],
    *,
    strict: bool = True,
    max_cycles: int | None = None,
    observe: Observer | None = None,
) -> RunResult:
    """Run a program as :func:`lpu_emu.reference.run` says.

    ``observe`` is shown the state at the end of every cycle in which anything but movement happened, before the
    accesses of that cycle are forgotten.
    """
    return Stepper(program, inputs, max_cycles=max_cycles, observe=observe).finish(strict=strict)
