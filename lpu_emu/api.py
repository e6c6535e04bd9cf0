"""The Python interface: compile, assemble or load a program, run it, and see where its cycles go."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpu_emu.errors import InputError
from lpu_emu.program.hazard import Hazard
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lpu_emu.analysis import Analysis
    from lpu_emu.spec.machine import Machine

MICROSECONDS = 1_000_000
NOTEBOOK_HEIGHT_PX = 900


@dataclass(frozen=True, kw_only=True, repr=False)
class Report:
    """A cycle report: as text, as the content of ``lpu-emu report --json``, and as a page for browsers.

    In a notebook it shows the page.
    """

    text: str
    data: Mapping[str, Any]
    make_page: Callable[[], str] = field(default=str, compare=False)

    @cached_property
    def page(self) -> str:
        """One HTML document that needs nothing else; made when it is first asked for."""
        return self.make_page()

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def __repr__(self) -> str:
        """Return the text, so that it shows in a notebook and at a prompt."""
        return self.text

    def _repr_html_(self) -> str:
        if not self.page:
            return f"<pre>{html.escape(self.text)}</pre>"
        style = f"width:100%;height:{NOTEBOOK_HEIGHT_PX}px;border:0"
        return f'<iframe title="cycle report" style="{style}" srcdoc="{html.escape(self.page)}"></iframe>'


class Executable:
    """A program and what can be asked of it. Everything but :meth:`run` needs no execution."""

    def __init__(self, program: Program) -> None:
        """Wrap a program."""
        self.program = program

    @property
    def name(self) -> str:
        """Name of the program."""
        return self.program.name

    @property
    def chip(self) -> str:
        """Name of the chip it is for."""
        return self.program.machine.chip.name

    @property
    def precision(self) -> str:
        """Number format of a compiled model (``fp16``, ``fp32``, ``int8``), empty for assembled programs."""
        return self.program.attributes.get("precision", "")

    @cached_property
    def analysis(self) -> Analysis:
        """The static analysis: hazards, cycles, occupancy."""
        from lpu_emu.analysis import analyse

        return analyse(self.program)

    @property
    def cycles(self) -> int:
        """Cycles of one execution."""
        return self.analysis.cycles

    @property
    def time_us(self) -> float:
        """Microseconds of one execution at the chip's clock."""
        return self.cycles * MICROSECONDS / self.program.machine.chip.clock_hz

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        """Every hazard, warnings too."""
        return self.analysis.hazards

    @property
    def inputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type name and shape of each input by name."""
        return {b.name: (b.dtype, b.layout.shape) for b in self.program.inputs}

    @property
    def outputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type name and shape of each output by name."""
        return {b.name: (b.dtype, b.layout.shape) for b in self.program.outputs}

    def run(
        self,
        inputs: Mapping[str, ArrayLike] | None = None,
        *,
        strict: bool = True,
        engine: str = "auto",
        verify: bool = True,
    ) -> RunResult:
        """Execute the program.

        Args:
            inputs: one array per input, in the shapes and types of :attr:`inputs`; lists and numbers are
                converted.
            strict: raise on hazards; otherwise they are in the result.
            engine: ``"reference"`` is the definition, ``"fast"`` gives the same bits through compiled code
                (compiled once per machine, which takes a while), ``"auto"`` takes the fast one for large
                programs.
            verify: ``False`` lets the fast engine trust a program that was verified before (by any process of
                this user) and found without hazards; any other program is verified all the same.

        Raises:
            UsageError: there is no such engine.
            InputError: an input is missing, unknown, or has another shape or type.
            HazardError: ``strict`` and the program breaks a timing rule.
            FaultError: a value known only at run time broke a rule.
        """
        import numpy as np

        from lpu_emu.library import engines, tensors

        types = tensors.signature(self.program)
        arrays = {
            name: tensors.converted(name, value, types[name][0]) if name in types else np.asarray(value)
            for name, value in (inputs or {}).items()
        }
        known = None if not verify and engine == engines.FAST else self.analysis
        if known is None or engines.choose(engine, known) == engines.FAST:
            from lpu_emu import engine as fast

            return fast.run(self.program, arrays, strict=strict, verify=verify, analysis=known)
        from lpu_emu import reference

        return reference.run(self.program, arrays, strict=strict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of the program's content, as in its file."""
        from lpu_emu.program.file import content_digest

        return content_digest(self.program)

    def summary(self) -> dict[str, Any]:
        """Return what identifies the program: the ``program`` object of every JSON document."""
        return {
            "name": self.name,
            "chip": self.chip,
            "precision": self.precision,
            "instructions": self.program.instruction_count(),
            "text_bytes": self.program.text_bytes(),
            "digest": self.digest,
        }

    def report(self) -> Report:
        """Return where the cycles go."""
        from lpu_emu.report import html_report, json_report, text_report

        return Report(
            text=text_report(self.program, self.analysis),
            data=json_report(self.program, self.analysis),
            make_page=lambda: html_report(self.program, self.analysis),
        )

    def plot(self, kind: str = "operators") -> Any:
        """Return a Matplotlib figure to show or adapt: ``operators`` in time, ``roofline``, or ``losses``.

        Raises:
            UsageError: there is no such kind.
            MissingExtraError: Matplotlib is not installed.
        """
        from lpu_emu.report import plot

        return plot(self.program, self.analysis, kind)

    def save(self, path: str | Path) -> None:
        """Write the program to an HDF5 file that :func:`load` reads.

        Raises:
            ProgramFileError: the file cannot be written.
        """
        from lpu_emu.program.file import save

        save(self.program, Path(path))

    def __repr__(self) -> str:
        """Return name, chip and size."""
        return f"<Executable {self.name!r} for {self.chip}: {self.program.instruction_count()} instructions>"

    def _repr_html_(self) -> str:
        rows = {
            "chip": self.chip,
            "precision": self.precision or "as written",
            "instructions": f"{self.program.instruction_count():,}",
            "text": f"{self.program.text_bytes():,} bytes",
            "cycles": f"{self.cycles:,}",
            "time": f"{self.time_us:,.3f} µs",
            "inputs": _tensors(self.inputs),
            "outputs": _tensors(self.outputs),
        }
        cells = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in rows.items())
        return f"<table><caption>{html.escape(self.name)}</caption>{cells}</table>"


def _tensors(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{n} {t}[{','.join(map(str, s))}]" for n, (t, s) in tensors.items()) or "none"


def compile(
    model: str | Path,
    *,
    chip: str | Path | Machine = "tsp1",
    precision: str = "auto",
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Executable:
    """Compile an ONNX model.

    Args:
        model: path of the model.
        chip: name of a chip, path of a chip file, or a loaded machine.
        precision: ``"fp16"``, ``"fp32"``, ``"int8"`` (models with QuantizeLinear and DequantizeLinear), or ``"auto"``.
        shapes: sizes for inputs whose dimensions the model leaves open.
        progress: called with what is being done and the share of the work that is over, 0 to 1.

    Raises:
        ModelError: the model cannot be read, or uses what the compiler does not know.
        CompileError: the model does not fit the chip.
        MissingExtraError: the package onnx is not installed.
    """
    from lpu_emu.compiler import CompileOptions, compile_onnx

    options = CompileOptions(precision=precision, shapes=dict(shapes or {}))
    return Executable(compile_onnx(Path(model), machine=_machine(chip), options=options, progress=progress))


def load(path: str | Path) -> Executable:
    """Load a program file.

    Raises:
        ProgramFileError: the file is missing, foreign, damaged, or made for another instruction set.
    """
    from lpu_emu.program.file import load as load_program

    return Executable(load_program(Path(path)))


def assemble(path_or_text: str | Path, *, chip: str | Path | None = None) -> Executable:
    """Assemble a file, or a text (anything of more than one line).

    Raises:
        AssemblyError: the text has errors; all are listed, each with its line.
        InputError: there is no such file.
    """
    from lpu_emu.asm import assemble as assemble_text
    from lpu_emu.asm import assemble_file

    if isinstance(path_or_text, str) and "\n" in path_or_text:
        return Executable(assemble_text(path_or_text, chip=chip))
    path = Path(path_or_text)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return Executable(assemble_file(path, chip=chip))


def _machine(chip: str | Path | Machine) -> Machine:
    from lpu_emu.spec.machine import Machine, load_machine

    return chip if isinstance(chip, Machine) else load_machine(str(chip))
