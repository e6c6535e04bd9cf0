"""``lpu-emu trace``: the schedule as a trace file for Perfetto or Chrome."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lpu_emu.cli.options import file_argument, output_option, program_options, size_option
from lpu_emu.cli.settings import json_option
from lpu_emu.errors import UsageError

SCHEMA = "lpu-emu/trace/1"
CHROME, PERFETTO = "chrome", "perfetto"
_SUFFIXES = {".json": CHROME, ".pftrace": PERFETTO, ".perfetto-trace": PERFETTO}


@click.command("trace")
@file_argument
@program_options
@size_option
@click.option(
    "--format", "form", type=click.Choice((CHROME, PERFETTO)), help="Form (default: by the name of the file)."
)
@output_option("The trace: .json for Chrome's form, .pftrace for Perfetto's.", required=True)
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    form: str | None,
    output: Path,
    as_json: bool,
) -> None:
    """Write the schedule of FILE as a trace: a track per queue, plane and operator, counters, and flows.

    Perfetto (ui.perfetto.dev) and chrome://tracing open it. One nanosecond of the trace is one cycle. Nothing is
    executed.

    \b
    Examples:
      lpu-emu trace model.onnx -o model.pftrace
      lpu-emu trace program.h5 -o program.json
    """
    from lpu_emu.cli.files import require_writable, write_bytes
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.cli.target import Request, open_target
    from lpu_emu.report.traces import encoded, trace_of

    chosen = form or _form_of(output)
    require_writable(output, device=True)
    progress = Progress()
    request = Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size)
    executable = open_target(request, progress).executable
    progress("tracing")
    trace = trace_of(executable.program, executable.analysis)
    data = encoded(trace, chosen)
    progress.clear()
    write_bytes(output, data)
    counts = {name: len(getattr(trace, name)) for name in ("tracks", "slices", "flows", "counters")}
    if as_json:
        written = {"path": str(output), "bytes": len(data), "format": chosen}
        print_json(
            document(SCHEMA, program=executable.summary(), cycles=trace.cycles, file=written, **counts)
        )
    else:
        words = ", ".join(f"{number:,} {name}" for name, number in counts.items())
        click.echo(f"{trace.title}: {words}\nwrote {output} ({len(data):,} bytes)")


def _form_of(output: Path) -> str:
    if output.suffix not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        raise UsageError(f"the name {output} does not say which form; end it in {known}, or give --format")
    return _SUFFIXES[output.suffix]
