"""The definition of the modelled machine, in plain NumPy.

It steps every cycle, moves every stream register and checks every rule of ``docs/machine.md`` where and
when the rule applies. Speed is somebody else's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lpu_emu.program.model import Program
    from lpu_emu.program.result import RunResult

__all__ = ["run"]


def run(
    program: Program,
    inputs: Mapping[str, NDArray[np.generic]] | None = None,
    *,
    strict: bool = True,
    max_cycles: int | None = None,
) -> RunResult:
    """Run a program cycle by cycle.

    Args:
        program: what to run; it is checked against its chip first.
        inputs: one array per input binding, of exactly the binding's shape and type.
        strict: raise when a hazard was found; otherwise the result holds the hazards. Warnings never raise.
        max_cycles: stop a program that takes longer than this.

    Raises:
        ProgramError: the program does not fit its chip, or takes more than ``max_cycles``.
        InputError: an input is missing, unknown, or has the wrong shape or type.
        HazardError: ``strict`` and there are hazards that are not warnings; it holds all hazards.
        FaultError: a value broke a rule at run time (a gather address, a permute map).
    """
    from lpu_emu.reference import executor

    return executor.run(program, inputs or {}, strict=strict, max_cycles=max_cycles)
