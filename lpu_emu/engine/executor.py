"""From a program and inputs to outputs, cycles and hazards."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.analysis import analyse, require_no_hazards
from lpu_emu.analysis.core import Analysis
from lpu_emu.engine import trust, warming
from lpu_emu.engine.planning.plan import WINDOW_CYCLES, Plan, plan_of
from lpu_emu.engine.session import Inputs, Session
from lpu_emu.errors import LpuError
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult
from lpu_emu.program.tensors import require_inputs
from lpu_emu.program.validate import require_valid
from lpu_emu.spec.machine import load_machine


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A program that is ready to run, any number of times."""

    program: Program
    plan: Plan

    def run(self, inputs: Inputs | None = None, *, threads: int | None = None) -> RunResult:
        """Run the program once, as :func:`lpu_emu.engine.run` does.

        Raises:
            InputError: an input is missing, unknown, or has the wrong shape or type.
            FaultError: a value broke a rule at run time.
        """
        return self.session(threads=threads).run(inputs)

    def session(self, *, threads: int | None = None) -> Session:
        """Return an SRAM of its own for many runs, which is filled only once with what the program never changes."""
        return Session(self.program, self.plan, threads)


def prepare(
    program: Program,
    *,
    verify: bool = True,
    analysis: Analysis | None = None,
    window: int = WINDOW_CYCLES,
) -> Prepared:
    """Analyse and plan a program; ``window`` decides the course of execution and never its results."""
    analysis = _analysed(program, verify, analysis)
    require_no_hazards(analysis)
    return Prepared(program=program, plan=plan_of(analysis, window=window))


def run(
    program: Program,
    inputs: Inputs,
    *,
    strict: bool = True,
    verify: bool = True,
    analysis: Analysis | None = None,
    threads: int | None = None,
    window: int = WINDOW_CYCLES,
) -> RunResult:
    """Run a program as :func:`lpu_emu.engine.run` says."""
    analysis = _analysed(program, verify, analysis)
    require_inputs(program, inputs)
    if any(not hazard.is_warning for hazard in analysis.hazards):
        if strict:
            require_no_hazards(analysis)
        return RunResult(outputs={}, cycles=analysis.cycles, hazards=analysis.hazards)
    return Prepared(program=program, plan=plan_of(analysis, window=window)).run(inputs, threads=threads)


def warm_up() -> None:
    """Get everything compiled: in two processes if nothing is yet, else by loading it."""
    with warming.helper():
        warming.compile_loop()
    program = Program(name="", machine=load_machine("tiny"), queues={})
    run(program, {}, analysis=analyse(program))


def _analysed(program: Program, verify: bool, analysis: Analysis | None) -> Analysis:
    """Return the analysis: the given one, a short one of a program that was verified before, or a new one."""
    if analysis is not None and analysis.program is not program:
        raise LpuError(f"engine: the analysis given for program {program.name!r} is that of another program")
    if not verify:
        if analysis is not None:
            return analysis
        if trust.is_trusted(program):
            return analyse(program, hazard_free=True)
    require_valid(program)
    found = analyse(program) if analysis is None else analysis
    if not found.hazards and (not verify or analysis is None):
        trust.trust(program)
    return found
