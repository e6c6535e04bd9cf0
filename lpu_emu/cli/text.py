"""Programs, hazards and checks as text for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.api import Executable
    from lpu_emu.library.checks import Verdict


def program_text(executable: Executable) -> str:
    """Return one line about a program."""
    program = executable.program
    precision = f", {executable.precision}" if executable.precision else ""
    return (
        f"{executable.name} on {executable.chip}{precision}: {program.instruction_count():,} instructions "
        f"({program.text_bytes():,} bytes of text)"
    )


def cycles_text(executable: Executable) -> str:
    """Return cycles and time of one execution."""
    return f"{executable.cycles:,} cycles, {time_text(executable.time_us)}"


def time_text(time_us: float) -> str:
    """Return a time in microseconds with a sensible number of digits."""
    return f"{time_us:,.3f} us"


def host_text(host: Mapping[str, float]) -> str:
    """Return where the host's time went."""
    return ", ".join(
        f"{name.removesuffix('_s')} {seconds:.2f} s" for name, seconds in host.items() if seconds
    )


def hazard_text(executable: Executable) -> str:
    """Return every hazard with both instructions and advice, and a last line that counts them."""
    from lpu_emu.analysis import describe

    hazards = executable.hazards
    errors = sum(not hazard.is_warning for hazard in hazards)
    warnings = len(hazards) - errors
    counts = f"{count(errors, 'error')}, {count(warnings, 'warning')}" if hazards else "no hazards"
    blocks = [describe(hazard, executable.analysis) for hazard in hazards]
    return "\n\n".join([*blocks, f"{program_text(executable)}, {executable.cycles:,} cycles: {counts}"])


def count(number: int, what: str) -> str:
    """Return ``1 error``, ``2 errors``."""
    return f"{number} {what}{'s' if number != 1 else ''}"


def verdict_text(verdict: Verdict) -> str:
    """Return the outcome of a check with its figures and tolerance."""
    outcome = "passed" if verdict.passed else "FAILED"
    lines = [
        f"check {outcome} against {verdict.against}: {verdict.mismatches:,} of {verdict.compared:,} differ"
    ]
    lines += [f"  largest error {verdict.max_abs_err:.3g} (relative {verdict.max_rel_err:.3g})"]
    lines += [f"  tolerance: {verdict.tolerance}"]
    if verdict.argmax_agreement is not None:
        lines.append(f"  same largest element in {verdict.argmax_agreement:.2%} of the rows")
    return "\n".join([*lines, *(f"  {detail}" for detail in verdict.details)])
