"""Where programs are tried: assembled, analysed, run on the reference, and looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lpu_emu.analysis.core import Analysis, analyse
from lpu_emu.asm import assemble
from lpu_emu.bench.micro.script import Script
from lpu_emu.errors import AssemblyError, HazardError, LpuError
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine

T = TypeVar("T")
ONE_BY_ONE = 8


class MeasurementError(LpuError):
    """A benchmark's program gave other values than it must, or no program of the kind is legal."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A program that was found free of hazards, and ran with the right values if values were asked for."""

    program: Program
    analysis: Analysis

    @property
    def cycles(self) -> int:
        """Cycles of the program."""
        return self.analysis.cycles

    def dispatches(self, queue: str) -> list[tuple[int, int]]:
        """Return first and last dispatch cycle of every run of a queue, in order of the cycles."""
        runs = self.analysis.runs
        rows = np.flatnonzero(runs.queue == self.program.machine.queue_by_name[queue].index)
        last = runs.start + (runs.count - 1) * runs.interval
        return sorted((int(runs.start[r]), int(last[r])) for r in rows)

    def first(self, queue: str, number: int = 0) -> int:
        """Return the cycle of the first dispatch of a queue's run."""
        return self.dispatches(queue)[number][0]

    def last(self, queue: str) -> int:
        """Return the cycle of a queue's last dispatch."""
        return max(last for _, last in self.dispatches(queue))

    def count(self, unit: str) -> int:
        """Return the dispatches of a unit."""
        return self.analysis.accounts.units[unit].dispatches

    def dispatched(self, queue: str) -> int:
        """Return the dispatches of a queue."""
        runs = self.analysis.runs
        return int(runs.count[runs.queue == self.program.machine.queue_by_name[queue].index].sum())

    @property
    def moved_words(self) -> int:
        """Words that memory read and wrote."""
        return self.analysis.accounts.memory.reads + self.analysis.accounts.memory.writes


class Lab:
    """Tries programs on one machine and keeps the texts of those that were measured.

    With ``values`` every program also runs on the reference, and what it stores is compared with what it must store.
    """

    def __init__(self, machine: Machine, *, values: bool = True) -> None:
        """Begin without programs."""
        self.machine = machine
        self.values = values
        self.programs: dict[str, Trial] = {}
        self.texts: dict[str, str] = {}
        self._refusal = ""
        self._known: dict[Callable[[Lab], object], object] = {}

    def once(self, measure: Callable[[Lab], T]) -> T:
        """Return what a function measures in this lab, measured the first time only."""
        if measure not in self._known:
            self._known[measure] = measure(self)
        return self._known[measure]  # type: ignore[return-value]

    def trial(self, script: Script) -> Trial:
        """Assemble, verify and run a script.

        Raises:
            HazardError: the program breaks a timing rule, warnings included.
            MeasurementError: it stores other words than the script expects.
        """
        text = script.text()
        trial = self._verified(script, text)
        if trial is None:
            raise HazardError(f"benchmark {script.name}: {self._hazards(text)}")
        if self.values:
            self._run(script, trial)
        self.keep(script.name, trial, text)
        return trial

    def keep(self, name: str, trial: Trial, text: str = "") -> None:
        """Remember a measured program; its text is made from the program when none is given."""
        self.programs[name] = trial
        if text:
            self.texts[name] = text

    def legal(self, script: Script) -> bool:
        """Return whether a script can be written down and has no hazard."""
        try:
            return self._verified(script, script.text()) is not None
        except AssemblyError as error:
            self._refusal = str(error.diagnostics[0])
            return False

    def refusals(self, script: Script) -> list[str]:
        """Return the kinds of hazards of a script, sorted."""
        return sorted({hazard.kind for hazard in self._analysed(script.text()).hazards})

    def smallest(self, make: Callable[[int], Script], last: int = 10_000) -> int:
        """Return the smallest number, from 1 on, for which a script is legal.

        The first numbers are tried one by one; beyond them a number that is larger than a legal one is taken for
        legal, and the smallest is found by halving.

        Raises:
            MeasurementError: no number up to ``last`` is.
        """
        low, high = 0, 1
        while not self.legal(make(high)):
            low, high = high, high + 1 if high < ONE_BY_ONE else 2 * high
            if high > last:
                raise MeasurementError(
                    f"benchmark {make(1).name}: no legal program for 1 to {low}; {self._refusal}"
                )
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.legal(make(middle)) else (middle, high)
        return high

    def shortest(self, make: Callable[[int], Script], last: int = 10_000) -> tuple[int, Trial]:
        """Return the smallest legal number and the trial of its script. Raises as :meth:`smallest`."""
        number = self.smallest(make, last)
        return number, self.trial(make(number))

    def _analysed(self, text: str) -> Analysis:
        return analyse(assemble(text, chip=self.machine.chip))

    def _verified(self, script: Script, text: str) -> Trial | None:
        analysis = self._analysed(text)
        if analysis.hazards:
            return None
        return Trial(program=analysis.program, analysis=analysis)

    def _hazards(self, text: str) -> str:
        analysis = self._analysed(text)
        return "; ".join(f"{h.kind} at {h.resource} in cycle {h.cycle}" for h in analysis.hazards[:3])

    def _run(self, script: Script, trial: Trial) -> None:
        from lpu_emu import reference

        result = reference.run(trial.program)
        if result.cycles != trial.cycles:
            raise MeasurementError(
                f"benchmark {script.name}: {trial.cycles} cycles by analysis, {result.cycles} by execution"
            )
        for want in script.expected:
            found = result.memory[want.place][want.address : want.address + len(want.words)]
            if not np.array_equal(found, want.words):
                raise MeasurementError(
                    f"benchmark {script.name}: {int(np.sum(found != want.words))} bytes from {want.place}:"
                    f"{want.address} on differ from what they must be"
                )
