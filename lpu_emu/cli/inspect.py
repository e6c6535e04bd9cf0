"""``lpu-emu inspect``: values on the chip at a cycle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpu_emu.cli.options import file_argument, input_options, program_options, size_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.cli.target import Request
    from lpu_emu.debugger.debugger import Debugger
    from lpu_emu.debugger.places import Cycles
    from lpu_emu.debugger.sights import Sight

SCHEMA = "lpu-emu/inspect/1"
DTYPES = ("int8", "uint8", "int16", "int32", "fp16", "fp32", "bf16", "fp8")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to look at: at most one of slice (or queue), stream, plane and address; nothing means what is dispatched."""

    slice: str | None
    stream: str | None
    plane: int | None
    at: str | None
    dtype: str

    def given(self) -> list[str]:
        """Return the options that were given."""
        options = {"--slice": self.slice, "--stream": self.stream, "--plane": self.plane, "--at": self.at}
        return [name for name, value in options.items() if value is not None]


@click.command("inspect")
@file_argument
@program_options
@size_option
@input_options
@click.option("--cycle", "cycles", metavar="N | N:M", help="Cycle, or a range of cycles with both ends.")
@click.option("--slice", "slice_", metavar="E5", help="What a slice (or queue) does and what passes it.")
@click.option("--stream", metavar="3E", help="Where a stream holds values, and who put them there.")
@click.option("--plane", type=int, metavar="N", help="An MXM plane and its accumulator rows.")
@click.option("--at", metavar="E5:0x10[+N]", help="Words of SRAM.")
@click.option("--watch", is_flag=True, help="With --at: the cycles in which the words change.")
@click.option(
    "--as", "dtype", type=click.Choice(DTYPES), default="int8", show_default=True, help="Type of values."
)
@click.option(
    "--lanes", metavar="FIRST:LAST", default="0:7", show_default=True, help="Lanes shown in the table."
)
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    inputs: Sequence[str],
    seed: int,
    cycles: str | None,
    slice_: str | None,
    stream: str | None,
    plane: int | None,
    at: str | None,
    watch: bool,
    dtype: str,
    lanes: str,
    as_json: bool,
) -> None:
    """Show values on the chip while FILE runs, at the end of a cycle.

    The reference executor steps to the cycle. Without a place, what is dispatched in the cycle is listed. A
    range of cycles makes a table; --watch finds the cycles in which words change.

    \b
    Examples:
      lpu-emu inspect vector_add --cycle 12 --stream e1
      lpu-emu inspect program.h5 --cycle 100:140 --slice E5
      lpu-emu inspect program.h5 --at E0:0x10+3 --watch
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.cli.target import Request
    from lpu_emu.debugger.places import cycles_of

    wanted = Wanted(slice=slice_, stream=stream, plane=plane, at=at, dtype=dtype)
    _check(wanted, cycles, watch)
    span = cycles_of(cycles) if cycles is not None else None
    shown = cycles_of(lanes)
    request = Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size)
    debugger = open_debugger(request, inputs, seed)
    found = _changes(debugger, wanted, span) if watch else _range(debugger, wanted, span)
    if as_json:
        print_json(document(SCHEMA, program=debugger.program.name, sights=[s.as_json() for s in found]))
        return
    click.echo(_table(found, shown.first, shown.last - shown.first + 1))


def _check(wanted: Wanted, cycles: str | None, watch: bool) -> None:
    from lpu_emu.errors import UsageError

    given = wanted.given()
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are different places; give one of them")
    if watch and wanted.at is None:
        raise UsageError("--watch watches words of SRAM; say which with --at E5:0x10")
    if not watch and cycles is None:
        raise UsageError("say when: --cycle 1234, or --cycle 100:140 for a range")


def open_debugger(request: Request, inputs: Sequence[str], seed: int) -> Debugger:
    """Get the program and its inputs, as ``lpu-emu run`` does, and stop it in cycle 0.

    Raises:
        LpuError: whatever the file or an input has wrong with it.
    """
    from lpu_emu.cli.execution import prepare
    from lpu_emu.cli.inputs import read_inputs
    from lpu_emu.cli.output import Progress, note
    from lpu_emu.debugger.debugger import Debugger

    given = read_inputs(inputs)
    progress = Progress()
    request = replace(request, fallback_shapes=given.shapes)
    target, filled = prepare(request, given, seed=seed, progress=progress)
    progress.clear()
    for line in filled.notes:
        note(line)
    return Debugger(target.executable.program, filled.arrays)


def _range(debugger: Debugger, wanted: Wanted, span: Cycles | None) -> list[Sight]:
    assert span is not None
    return [s for _ in debugger.cycles(span.first, span.last) for s in _sights(debugger, wanted)]


def _sights(debugger: Debugger, wanted: Wanted) -> Iterator[Sight]:
    from lpu_emu.debugger import places, sights

    machine = debugger.machine
    if wanted.stream is not None:
        return sights.stream(debugger, places.stream_of(wanted.stream, machine), wanted.dtype)
    if wanted.plane is not None:
        rows = range(machine.chip.accumulator_rows)
        dtype = "int32" if wanted.dtype in ("int8", "uint8", "int32") else "fp32"
        return sights.plane(debugger, places.plane_of(wanted.plane, machine), rows, dtype)
    if wanted.at is not None:
        return sights.words(debugger, places.words_of(wanted.at, machine), wanted.dtype)
    if wanted.slice is not None:
        sights.require_bytes(wanted.dtype)
        return sights.queue(debugger, places.queue_of(wanted.slice, machine), wanted.dtype)
    return sights.dispatches(debugger)


def _changes(debugger: Debugger, wanted: Wanted, span: Cycles | None) -> list[Sight]:
    from lpu_emu.debugger import places, watch

    assert wanted.at is not None
    where = places.words_of(wanted.at, debugger.machine)
    first, last = (span.first, span.last) if span else (0, None)
    return list(watch.changes(debugger, where, wanted.dtype, first, last))


def _table(found: list[Sight], first_lane: int, lanes: int) -> str:
    from lpu_emu.cli.output import table

    if not found:
        return "nothing there"
    return table(("cycle", "place", "values", "by"), (s.as_row(first_lane, lanes) for s in found), right="a")
