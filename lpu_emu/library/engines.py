"""Which executor runs a program. Both give the same bits and cycles, so only waiting time depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpu_emu.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from lpu_emu.analysis import Analysis

AUTO, FAST, REFERENCE = "auto", "fast", "reference"
ENGINES = (AUTO, FAST, REFERENCE)

# What the reference takes on one core, measured roughly: it only has to be right within a factor of a few.
_SECONDS_PER_DISPATCH = 30e-6
_SECONDS_PER_PRODUCT = 15e-9  # per weight of the plane
_PATIENCE_SECONDS = 2.0


def choose(engine: str, analysis: Analysis) -> str:
    """Return ``fast`` or ``reference``.

    ``auto`` takes the reference for programs that it finishes within about two seconds, since nothing has to
    be compiled for it. The choice depends on the program only.

    Raises:
        UsageError: there is no such executor.
    """
    if engine not in ENGINES:
        raise UsageError(
            f"no engine {engine!r}; engines: {', '.join(ENGINES)}{did_you_mean(engine, ENGINES)}"
        )
    if engine != AUTO:
        return engine
    return REFERENCE if reference_seconds(analysis) <= _PATIENCE_SECONDS else FAST


def reference_seconds(analysis: Analysis) -> float:
    """Estimate what the reference takes for a program, in seconds."""
    lanes = analysis.program.machine.chip.lanes
    dispatches = int(analysis.runs.count.sum())
    products = int(analysis.flows.products.links.count.sum())
    return dispatches * _SECONDS_PER_DISPATCH + products * lanes * lanes * _SECONDS_PER_PRODUCT
