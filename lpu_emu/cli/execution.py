"""From a request to a finished, judged run, without printing results."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from lpu_emu.cli.inputs import Filled, Given, fill
from lpu_emu.cli.output import Progress
from lpu_emu.cli.target import KERNEL, Request, Target, open_target
from lpu_emu.library import engines, judge, kernels
from lpu_emu.library.checks import Verdict
from lpu_emu.library.tensors import Array, signature
from lpu_emu.program.result import RunResult


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished run: what ran, on what, what came out, how it was judged, and host seconds."""

    target: Target
    filled: Filled
    result: RunResult
    engine: str
    jit_s: float
    run_s: float
    verdict: Verdict | None

    @property
    def time_us(self) -> float:
        """Microseconds of the run on the chip."""
        return self.result.cycles * 1e6 / self.target.executable.program.machine.chip.clock_hz

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell the user beside the results."""
        why = self.verdict.note if self.verdict is not None else ""
        return (*self.filled.notes, *([f"note: {why}"] if why else []))

    @property
    def host(self) -> dict[str, float]:
        """Host seconds by phase."""
        return {
            "load_s": self.target.load_s,
            "compile_s": self.target.compile_s,
            "jit_s": self.jit_s,
            "run_s": self.run_s,
        }


def execute(
    request: Request,
    given: Given,
    *,
    seed: int,
    check: bool,
    progress: Progress,
    engine: str = engines.AUTO,
    verify: bool = True,
) -> Ran:
    """Get the program, fill its inputs, run it, and compare the result when asked to."""
    target = open_target(request, progress)
    beside = _companion(target)
    filled = fill(signature(target.executable.program), given, seed, beside)
    trusting = engine == engines.FAST and not verify
    chosen = engine if trusting else engines.choose(engine, target.executable.analysis)
    jit_s = _compiled(progress) if chosen == engines.FAST else 0.0
    progress(f"running {target.executable.name}")
    started = time.perf_counter()
    result = target.executable.run(filled.arrays, engine=chosen, verify=verify)
    run_s = time.perf_counter() - started
    progress("checking")
    verdict = judged(target, filled.arrays, result, beside) if check else None
    progress.clear()
    return Ran(
        target=target, filled=filled, result=result, engine=chosen, jit_s=jit_s, run_s=run_s, verdict=verdict
    )


def prepare(request: Request, given: Given, *, seed: int, progress: Progress) -> tuple[Target, Filled]:
    """Get the program and fill its inputs."""
    target = open_target(request, progress)
    return target, fill(signature(target.executable.program), given, seed, _companion(target))


def _companion(target: Target) -> kernels.Companion | None:
    return kernels.companion(target.path) if target.kind == KERNEL else target.companion


def _compiled(progress: Progress) -> float:
    """Get the fast engine's machine code, from its cache or by compiling it; return the seconds it took."""
    from lpu_emu import engine

    progress("getting the fast engine ready (its first use on a machine compiles it, about a minute)")
    started = time.perf_counter()
    engine.warm_up()
    return time.perf_counter() - started


def judged(
    target: Target, inputs: Mapping[str, Array], result: RunResult, beside: kernels.Companion | None
) -> Verdict:
    """Compare a run with the independent result that goes with its kind of file."""
    executable = target.executable
    if target.graph is not None:
        return judge.check_model(target.path, target.graph, inputs, result, executable.precision)
    if beside is not None and beside.expected is not None:
        return judge.check_kernel(beside, inputs, result)
    return judge.check_analysis(executable.analysis, result)
