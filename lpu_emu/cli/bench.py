"""``lpu-emu bench``: suites of benchmarks, of the modelled chip and of the emulator itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.group import Group
from lpu_emu.cli.options import ChipType, Function, output_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.bench.suites import Options, Report
    from lpu_emu.bench.table import Row

LIST_SCHEMA = "lpu-emu/bench-list/1"
SCHEMAS = {
    "micro": "lpu-emu/bench-micro/1",
    "host": "lpu-emu/bench-host/1",
    "networks": "lpu-emu/bench-networks/1",
}
DEFAULT_SUITE = "micro"


def suite_options(function: Function) -> Function:
    """Add what all suites have: ``--quick``, ``--only``, ``--compare``, ``-o``, ``--json``."""
    options: list[Callable[[Function], Function]] = [
        click.option("--quick", is_flag=True, help="Small sizes: seconds, to see that everything works."),
        click.option("--only", metavar="NAME", multiple=True, help="Only this benchmark. Repeatable."),
        click.option(
            "--compare", metavar="FILE", type=click.Path(path_type=Path),
            help="Show what has changed since a run whose --json this file has, or since the last one of a history (.h5).",
        ),
        output_option("Write to this file instead of stdout; add the run to a history if it ends in .h5."),
        json_option,
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


class SuiteGroup(Group):
    """A group in which options without a suite go to the suite that is run by default."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the default suite in front of options that are its own."""
        of_group = {"--list", "-h", "--help", *self.commands}
        if args and args[0].startswith("-") and not of_group & set(args):
            args = [DEFAULT_SUITE, *args]
        return super().parse_args(ctx, args)


@click.group("bench", cls=SuiteGroup, invoke_without_command=True)
@click.option("--list", "listing", is_flag=True, help="List the suites and their benchmarks.")
@json_option
@click.pass_context
def command(context: click.Context, listing: bool, as_json: bool) -> None:
    """Measure the modelled chip in exact cycles, or the emulator on this machine.

    Without a suite, the microbenchmarks of the chip are run.

    \b
    Examples:
      lpu-emu bench
      lpu-emu bench --list
      lpu-emu bench --only 'mxm.*' --compare history.h5
      lpu-emu bench host --quick
    """
    from lpu_emu.bench.suites import Options
    from lpu_emu.errors import UsageError

    if context.invoked_subcommand is not None:
        if listing or as_json:
            raise UsageError(f"give options behind the suite: lpu-emu bench {context.invoked_subcommand} ...")
    elif listing:
        list_suites(as_json)
    else:
        run_suite(DEFAULT_SUITE, Options(), Destination(as_json=as_json))


@command.command("micro")
@click.option("--chip", type=ChipType(), help="Chip name or chip file; tsp1 when not given.")
@suite_options
def micro_command(
    chip: str | None,
    quick: bool,
    only: Sequence[str],
    compare: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure peak and latency of every unit and path of the modelled chip, in exact cycles.

    Every benchmark is a program: assembled or compiled, verified, and run to check its values (--quick leaves that
    out). --only takes patterns. With -o FILE.h5 the run is added to a history. --compare exits with code 1 when a
    figure has changed.

    \b
    Examples:
      lpu-emu bench micro
      lpu-emu bench micro --only 'sxm.*' --chip lp30
      lpu-emu bench micro -o history.h5
      lpu-emu bench micro --compare history.h5
    """
    from lpu_emu.bench.suites import Options

    destination = Destination(output=output, as_json=as_json, compare=compare)
    run_suite("micro", Options(quick=quick, only=tuple(only), chip=chip or ""), destination)


@command.command("host")
@suite_options
@click.option(
    "--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Of the engine and of NumPy."
)
@click.option("--cold", is_flag=True, help="Also start without compiled code (compiles for about a minute).")
@click.option(
    "--patience",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=30,
    show_default=True,
    help="How long a benchmark may wait until other processes are quiet.",
)
@click.option(
    "--reuse",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep what nobody disturbed in an earlier run on this machine, whose --json this file has.",
)
@click.option("--markdown", is_flag=True, help="Write the page docs/performance.md instead of the table.")
def host_command(
    quick: bool,
    only: Sequence[str],
    compare: Path | None,
    output: Path | None,
    as_json: bool,
    threads: int,
    cold: bool,
    patience: float,
    reuse: Path | None,
    markdown: bool,
) -> None:
    """Measure the emulator on this machine: cycles, seconds and rates beside NumPy in the same run.

    Each workload runs in a process of its own, in turns with the same work in NumPy on as many threads. Ratios
    are of the best of several turns. Turns wait for other processes to be quiet; a star marks what they disturbed.

    \b
    Examples:
      lpu-emu bench host
      lpu-emu bench host --only decode_1 --json
      lpu-emu bench host --cold --markdown -o docs/performance.md
    """
    from lpu_emu.bench.compare import read_document
    from lpu_emu.bench.suites import Options
    from lpu_emu.errors import UsageError

    if markdown and (as_json or compare):
        raise UsageError("--markdown excludes --json and --compare; give one of them")
    patience_s = 0.0 if quick else patience
    earlier = read_document(reuse, SCHEMAS["host"]) if reuse else {}
    options = Options(
        quick=quick, only=tuple(only), threads=threads, cold=cold, patience_s=patience_s, earlier=earlier
    )
    destination = Destination(output=output, as_json=as_json, compare=compare)
    if markdown:
        from lpu_emu.bench.host.page import page

        run_suite("host", options, destination, page)
    else:
        run_suite("host", options, destination)


@command.command("networks")
@suite_options
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Of the engine and of ONNX Runtime.",
)
def networks_command(
    quick: bool, only: Sequence[str], compare: Path | None, output: Path | None, as_json: bool, threads: int
) -> None:
    """Compile, run and check convolutional networks: cycles, memory, seconds and errors.

    Each network is made with seeded weights (see lpu-emu networks) and compiled in a process of its own. ONNX
    Runtime runs it too, on as many threads. A network that cannot be compiled has the reason in its row.

    \b
    Examples:
      lpu-emu bench networks
      lpu-emu bench networks --only resnet50_int8 --json
    """
    from lpu_emu.bench.suites import Options

    destination = Destination(output=output, as_json=as_json, compare=compare)
    run_suite("networks", Options(quick=quick, only=tuple(only), threads=threads), destination)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where results go and in which form; ``compare`` is the JSON of an earlier run."""

    output: Path | None = None
    as_json: bool = False
    compare: Path | None = None

    @property
    def is_history(self) -> bool:
        """Whether the run is added to a history instead of being written."""
        return self.output is not None and self.output.suffix == ".h5"


def run_suite(
    name: str, options: Options, destination: Destination, render: Callable[[Report], str] | None = None
) -> None:
    """Run a suite and write its table, its JSON, or what ``render`` makes of it.

    Exits with code 1 when an exact result is not what it must be; a missed wall-clock goal is no failure.
    """
    from lpu_emu.bench.compare import changed, compare, read_rows
    from lpu_emu.bench.suites import find_suite, load_suite
    from lpu_emu.cli.files import require_writable
    from lpu_emu.cli.output import Progress, document, json_text

    require_writable(destination.output, text=True, device=not destination.is_history)
    before = read_rows(destination.compare, SCHEMAS[name]) if destination.compare else None
    progress = Progress()
    report = load_suite(find_suite(name)).run(options, progress)
    progress.clear()
    changes = None if before is None else compare(before, report.rows, report.figures)
    if destination.is_history or destination.as_json:
        content: dict[str, Any] = {**report.facts, "rows": report.rows, "failures": report.failures}
        compared = {} if changes is None else {"compared": changes}
        text = json_text(document(SCHEMAS[name], **content, **compared))
    else:
        text = render(report) if render else report_text(report, changes)
    _deliver(name, report, destination, text)
    failures = list(report.failures)
    if find_suite(name).exact and changes:
        failures += [f"{r['name']}: {r['figure']} was {r['before']}, is {r['now']}" for r in changed(changes)]
    for failure in failures:
        click.echo(f"failed: {failure}", err=True)
    if failures:
        raise click.exceptions.Exit(FAILED)


def _deliver(name: str, report: Report, destination: Destination, text: str) -> None:
    """Write a report, or add the run to a history."""
    from lpu_emu.cli.files import write_text

    if not destination.is_history or destination.output is None:
        write_text(destination.output, text)
        return
    from datetime import UTC, datetime

    from lpu_emu import __version__
    from lpu_emu.program.results import StoredRun, append_run

    facts = {**report.facts, "version": __version__, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    append_run(destination.output, StoredRun(suite=SCHEMAS[name], facts=facts, rows=report.rows))


def report_text(report: Report, changes: Sequence[Row] | None = None) -> str:
    """Return a report as a table with its notes below, and what has changed since an earlier run."""
    from lpu_emu.bench.compare import COMPARED_COLUMNS
    from lpu_emu.bench.table import text_table

    blocks = [text_table(report.columns, report.rows), "\n".join(report.notes)]
    blocks += [text_table(COMPARED_COLUMNS, changes)] if changes is not None else []
    return "\n\n".join(block for block in blocks if block)


def list_suites(as_json: bool) -> None:
    """Print the suites and the question that each benchmark asks."""
    from lpu_emu.bench.suites import SUITES, load_suite
    from lpu_emu.cli.output import document, print_json

    suites = [(suite, load_suite(suite).benchmarks()) for suite in SUITES]
    if as_json:
        rows = [
            {
                "name": suite.name,
                "help": suite.help,
                "exact": suite.exact,
                "benchmarks": [{"name": b.name, "asks": b.asks} for b in benchmarks],
            }
            for suite, benchmarks in suites
        ]
        print_json(document(LIST_SCHEMA, suites=rows))
        return
    for suite, benchmarks in suites:
        width = max((len(b.name) for b in benchmarks), default=0)
        click.echo(f"{suite.name}: {suite.help}")
        for benchmark in benchmarks:
            click.echo(f"  {benchmark.name.ljust(width)}  {benchmark.asks}")
