"""The suite ``micro``: peak and latency of every unit and path of a modelled chip, in exact cycles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.bench.suites import Benchmark, Options, Progress, Report

DEFAULT_CHIP = "tsp1"


def benchmarks() -> Sequence[Benchmark]:
    """Return the benchmarks of the 2020 chip."""
    from lpu_emu.bench.micro.suite import suite
    from lpu_emu.bench.suites import Benchmark
    from lpu_emu.spec.machine import load_machine

    return [Benchmark(name=m.name, asks=m.asks) for m in suite(load_machine(DEFAULT_CHIP))]


def run(options: Options, progress: Progress) -> Report:
    """Run benchmarks; ``only`` holds names or patterns. ``quick`` verifies programs and executes none.

    Raises:
        UsageError: a name or pattern fits no benchmark.
        SpecError: no such chip.
    """
    from lpu_emu.bench.micro.runner import run_suite

    chip = options.chip or DEFAULT_CHIP
    return run_suite(chip, only=options.only, values=not options.quick, progress=progress)
