"""The command group. Commands live in modules of their own, imported when they are used."""

from __future__ import annotations

import io
import sys

import click

from lpu_emu import __version__
from lpu_emu.cli.group import LazyCommand, LazyGroup
from lpu_emu.cli.settings import debug_option

_PACKAGE = "lpu_emu.cli"
COMMANDS = (
    LazyCommand(name="demo", module=f"{_PACKAGE}.demo", help="Compile, run and check the bundled models."),
    LazyCommand(name="run", module=f"{_PACKAGE}.run", help="Run a model, a kernel or a program file."),
    LazyCommand(
        name="compile",
        module=f"{_PACKAGE}.compile_model",
        help="Compile a model or a Python kernel to a file.",
    ),
    LazyCommand(name="asm", module=f"{_PACKAGE}.asm", help="Assemble a text to a program file."),
    LazyCommand(name="disasm", module=f"{_PACKAGE}.disasm", help="Write the assembly text of a program."),
    LazyCommand(name="verify", module=f"{_PACKAGE}.verify", help="Find every timing hazard of a program."),
    LazyCommand(name="quantise", module=f"{_PACKAGE}.quantise", help="Make an int8 model of a float model."),
    LazyCommand(
        name="networks", module=f"{_PACKAGE}.networks", help="Make well-known networks as ONNX files."
    ),
    LazyCommand(name="report", module=f"{_PACKAGE}.report", help="Say where the cycles of a program go."),
    LazyCommand(name="trace", module=f"{_PACKAGE}.trace", help="Write a trace for Perfetto or Chrome."),
    LazyCommand(
        name="bench", module=f"{_PACKAGE}.bench", help="Measure the chip in cycles, or the emulator."
    ),
    LazyCommand(
        name="validate", module=f"{_PACKAGE}.validate", help="Compare published figures with the emulator."
    ),
    LazyCommand(name="sweep", module=f"{_PACKAGE}.sweep", help="Compute many points of a design space."),
    LazyCommand(name="rack", module=f"{_PACKAGE}.rack", help="Say how fast racks of GPUs and LPUs are."),
    LazyCommand(
        name="split", module=f"{_PACKAGE}.split", help="Run a small model on a GPU and LPUs together."
    ),
    LazyCommand(name="compare", module=f"{_PACKAGE}.compare", help="Say what changed between two programs."),
    LazyCommand(name="inspect", module=f"{_PACKAGE}.inspect", help="Show values on the chip at a cycle."),
    LazyCommand(name="debug", module=f"{_PACKAGE}.debug", help="Step through a program."),
    LazyCommand(name="isa", module=f"{_PACKAGE}.isa", help="Show, list and check instructions."),
    LazyCommand(name="chip", module=f"{_PACKAGE}.chip", help="Show, list and compare chips."),
    LazyCommand(
        name="gpu", module=f"{_PACKAGE}.gpu", help="Show GPUs, and compare their model with measurements."
    ),
    LazyCommand(
        name="kernels", module=f"{_PACKAGE}.kernels", help="List and show the bundled kernels and models."
    ),
)


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lpu-emu")
@debug_option
def cli() -> None:
    """Emulate a Language Processing Unit: assemble, compile, verify, run and report, to the cycle.

    \b
    Examples:
      lpu-emu demo
      lpu-emu run model.onnx --check
      lpu-emu verify kernel.lpu

    Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 input rejected, 130 interrupted.
    """


def main() -> None:
    """Run the command line of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    cli.main(prog_name="lpu-emu")
