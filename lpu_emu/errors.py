"""Every error that lpu-emu raises on purpose.

Library code raises; only ``lpu_emu.cli`` prints and exits. Each message says where, what, what was
expected and what to do. ``exit_code`` is what the command line returns: 1 a check failed, 2 wrong
usage, 3 input rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class LpuError(Exception):
    """Base of all errors of this package."""

    exit_code = 3


class ResourceError(LpuError):
    """A data file that ships with the package is missing."""


class SpecError(LpuError):
    """A file of the instruction set or of a chip breaks a rule. Lists every finding of the file."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(self.findings))


class EncodingError(LpuError):
    """A value does not fit its field, or bytes do not decode to an instruction."""


class ProgramError(LpuError):
    """A program does not fit its chip or contradicts itself."""


class ProgramFileError(LpuError):
    """A program file is foreign, truncated, altered, or made for another machine."""


class ModelError(LpuError):
    """A model file cannot be read or uses what the compiler does not know."""


class KernelError(LpuError):
    """A kernel written in Python asks for something that the chip or its own other lines do not allow."""


class CompileError(LpuError):
    """A model is understood but does not fit the chip or the schedule."""


class InputError(LpuError):
    """A tensor handed to a program has the wrong name, shape or type."""


class UsageError(LpuError):
    """Options contradict each other."""

    exit_code = 2


class MissingExtraError(LpuError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed; "
            f'run: pip install "lpu-emu[{extra}]"'
        )


class HazardError(LpuError):
    """A program breaks the timing rules of its chip. ``hazards`` holds all of them."""

    exit_code = 1

    def __init__(self, message: str, hazards: Sequence[object] = ()) -> None:
        self.hazards = tuple(hazards)
        super().__init__(message)


class FaultError(LpuError):
    """A value that was only known at run time broke a rule, such as a gather address out of range."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One finding in a source text: 1-based line and column, the line itself, and advice."""

    file: str
    line: int
    column: int
    length: int
    message: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        caret = " " * (self.column - 1) + "^" * max(1, self.length)
        head = f"{self.file}:{self.line}:{self.column}: error: {self.message}"
        lines = [head, f"  {self.text}", f"  {caret}"]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class AssemblyError(LpuError):
    """An assembly text has errors. ``diagnostics`` holds all of them, in order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` when a known name is near, else the empty string."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
