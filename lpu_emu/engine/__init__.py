"""The fast executor: it resolves the schedule statically, then runs stretches of elements through compiled kernels.

It gives what the reference gives, bit for bit. ``docs/engine.md`` says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lpu_emu.analysis.core import Analysis
    from lpu_emu.engine.executor import Prepared
    from lpu_emu.program.model import Program
    from lpu_emu.program.result import RunResult

__all__ = ["prepare", "run", "warm_up"]


def run(
    program: Program,
    inputs: Mapping[str, NDArray[np.generic]] | None = None,
    *,
    strict: bool = True,
    verify: bool = True,
    analysis: Analysis | None = None,
    threads: int | None = None,
) -> RunResult:
    """Run a program.

    Args:
        program: what to run; it is checked against its chip first.
        inputs: one array per input binding, of exactly the binding's shape and type.
        strict: raise when the program has hazards that are not warnings. Otherwise such a program gives its
            cycles and hazards, but no values: they are defined for programs that keep the rules only.
        verify: ``False`` trusts a program that was verified before, by this or an earlier process, and found
            without hazards: its chip's rules are not checked again. Any other program is verified all the same.
        analysis: the analysis of this very program, if there is one already.
        threads: how many threads large products may use; by default all. No result depends on it.

    Raises:
        ProgramError: the program does not fit its chip.
        InputError: an input is missing, unknown, or has the wrong shape or type.
        HazardError: ``strict`` and there are hazards that are not warnings; it holds all hazards.
        FaultError: a value broke a rule at run time (a gather address, a permute map).
    """
    from lpu_emu.engine import executor

    return executor.run(
        program, inputs or {}, strict=strict, verify=verify, analysis=analysis, threads=threads
    )


def prepare(program: Program, *, verify: bool = True, analysis: Analysis | None = None) -> Prepared:
    """Analyse and plan a program once, to run it several times; arguments as for :func:`run`.

    Raises:
        ProgramError: the program does not fit its chip.
        HazardError: there are hazards that are not warnings: such a program has no values.
    """
    from lpu_emu.engine import executor

    return executor.prepare(program, verify=verify, analysis=analysis)


def warm_up() -> None:
    """Compile the engine for this machine, or load what an earlier process compiled."""
    from lpu_emu.engine import executor

    executor.warm_up()
