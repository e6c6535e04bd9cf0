"""``lpu-emu sweep``: many points, computed once each."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.group import Group
from lpu_emu.cli.settings import json_option
from lpu_emu.cli.sweep_results import plot, ranges

if TYPE_CHECKING:
    from lpu_emu.sweep.driver import Progress as SweepProgress
    from lpu_emu.sweep.driver import SweepRun
    from lpu_emu.sweep.engines import Engine
    from lpu_emu.sweep.results import Results
    from lpu_emu.sweep.spec import Sweep

SCHEMA = "lpu-emu/sweep/1"
LIST_SCHEMA = "lpu-emu/sweep-list/1"
OPTIMISE_SCHEMA = "lpu-emu/sweep-optimise/1"
SHOWN_ROWS = 20


class _RunByDefault(Group):
    """A group whose first argument may be a sweep file: then it is run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of what names no command."""
        words = [a for a in args if not a.startswith("-")]
        if words and words[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    "sweep",
    cls=_RunByDefault,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--list", "listing", is_flag=True, help="List the sweeps that ship with the package.")
@json_option
@click.pass_context
def command(context: click.Context, listing: bool, as_json: bool) -> None:
    """Compute many points: chips, parameters, models, shapes and precisions, in all combinations.

    \b
    Examples:
      lpu-emu sweep SPEC.toml -o results.csv
      lpu-emu sweep SPEC.toml --dry-run
      lpu-emu sweep SPEC.toml --scheduler tcp://127.0.0.1:8786 -o results.parquet
      lpu-emu sweep plot results.csv --kind pareto --x cycles --y sram_bytes -o pareto.png
      lpu-emu sweep --list
      lpu-emu sweep sensitivity -o sensitivity.csv
    """
    from lpu_emu.errors import UsageError

    if context.invoked_subcommand is not None:
        if listing or as_json:
            raise UsageError(
                f"give options behind the command: lpu-emu sweep {context.invoked_subcommand} ..."
            )
    elif listing:
        _print_bundled(as_json)
    else:
        raise UsageError("name a sweep file or a bundled sweep (lpu-emu sweep --list)")


command.add_command(plot)
command.add_command(ranges)


def _print_bundled(as_json: bool) -> None:
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.sweep.bundled import bundled
    from lpu_emu.sweep.spec import read_sweep

    found = [(name, read_sweep(path), path) for name, path in bundled().items()]
    if as_json:
        rows = [
            {"name": name, "title": sweep.title, "points": sum(1 for _ in sweep.points()), "path": str(path)}
            for name, sweep, path in found
        ]
        print_json(document(LIST_SCHEMA, sweeps=rows))
    else:
        texts = [(name, sum(1 for _ in sweep.points()), sweep.title) for name, sweep, _ in found]
        click.echo(table(("name", "points", "title"), texts, right="b"))


@command.command("run")
@click.argument("spec", metavar="SPEC", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="F.csv|.parquet|.h5",
    type=click.Path(path_type=Path),
    help="Where the table goes.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes of this machine (default: one per core)."
)
@click.option(
    "--scheduler", "--dask", metavar="tcp://HOST:PORT", help="Compute on this Dask cluster instead."
)
@click.option(
    "--resume", is_flag=True, help="Go on with an interrupted sweep; refuse when none of its points is done."
)
@click.option("--fresh", is_flag=True, help="Compute every point again.")
@click.option("--dry-run", is_flag=True, help="Only count the points and estimate the time.")
@click.option(
    "--store", metavar="F.sqlite", type=click.Path(path_type=Path), help="Where finished points are kept."
)
@json_option
def run(
    spec: Path,
    output: Path | None,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    fresh: bool,
    dry_run: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Compute every point of a sweep that is not known yet, and write one row per point.

    SPEC is a sweep file, or the name of a bundled sweep. Finished points are kept, so an interrupted, repeated or
    extended sweep computes only what is new. A point that fails is a row with its error.

    \b
    Examples:
      lpu-emu sweep run SPEC.toml -o results.csv
      lpu-emu sweep run SPEC.toml --workers 4 --resume -o results.csv
    """
    from lpu_emu.cli.files import require_writable
    from lpu_emu.errors import UsageError
    from lpu_emu.sweep.bundled import find
    from lpu_emu.sweep.driver import SweepRun
    from lpu_emu.sweep.results import require_format
    from lpu_emu.sweep.spec import read_sweep
    from lpu_emu.sweep.store import Store

    if resume and fresh:
        raise UsageError("--resume keeps what is done and --fresh computes it again; give one of them")
    sweep = read_sweep(find(spec))
    require_writable(output)
    if output is not None:
        require_format(output)
    kept = Store(store or _default_store())
    engine = _NoEngine() if dry_run else _engine(scheduler, workers)
    shown = _Line()
    task = SweepRun(sweep=sweep, store=kept, engine=engine, observe=shown, fresh=fresh)
    if dry_run:
        _print_estimate(sweep, task, task.results(), as_json)
        return
    if resume and not task.results().rows:
        raise UsageError(
            f"{spec}: there is nothing to resume: none of its {task.progress.total} points is done"
        )
    _finish(task, shown, output, as_json)


def _finish(task: SweepRun, shown: _Line, output: Path | None, as_json: bool) -> None:
    from lpu_emu.sweep.results import save_results

    try:
        results = task.run()
    except KeyboardInterrupt:
        shown.clear()
        done = task.progress
        click.echo(f"interrupted: {done.done} of {done.total} points are done; --resume goes on", err=True)
        raise
    finally:
        task.store.close()
    shown.clear()
    if output is not None:
        save_results(results, output)
    _print(task, results, output, as_json)


class _NoEngine:
    """Computes nothing."""

    def run(self, work: Any, tasks: Any) -> Any:
        """Yield nothing."""
        return iter(())


def _engine(scheduler: str | None, workers: int | None) -> Engine:
    from lpu_emu.sweep.engines import DaskEngine, LocalEngine

    return DaskEngine(scheduler) if scheduler else LocalEngine(workers or os.cpu_count() or 1)


def _default_store() -> Path:
    base = os.environ.get("LPU_EMU_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    folder = Path(base) if base else Path.home() / ".cache"
    return folder / "lpu-emu" / "sweeps.sqlite"


class _Line:
    """Progress on a terminal: points done, points per second, time left."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = 0.0

    def __call__(self, progress: SweepProgress) -> None:
        """Show how far a sweep is, a few times a second."""
        from lpu_emu.cli.output import Progress

        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._shown < 0.2:
            return
        self._shown = now
        rate = progress.computed / max(now - self._started, 1e-9)
        left = (progress.total - progress.done) / rate if rate else 0
        failed = f", {progress.failed} failed" if progress.failed else ""
        Progress()(
            f"{progress.done}/{progress.total} points{failed}, {rate:.1f}/s, {left:.0f} s left",
            progress.done / progress.total,
        )

    def clear(self) -> None:
        """Remove the line."""
        from lpu_emu.cli.output import clear_line

        clear_line()


def _print_estimate(sweep: Sweep, task: SweepRun, known: Results, as_json: bool) -> None:
    from lpu_emu.cli.output import document, print_json

    total, there = task.progress.total, len(known.rows)
    seconds = [row["seconds"] for row in known.rows if row["seconds"]]
    estimate = (total - there) * sum(seconds) / len(seconds) if seconds else None
    if as_json:
        print_json(document(SCHEMA, sweep=sweep.name, points=total, known=there, estimated_s=estimate))
        return
    click.echo(f"{sweep.name}: {total} points, {there} of them known, {total - there} to compute")
    for axis in sweep.axes:
        click.echo(f"  {axis.key}: {len(axis.values)} values")
    click.echo(
        f"estimate: {estimate:.0f} s of one worker"
        if estimate is not None
        else "no estimate: no point is known yet"
    )


def _print(task: SweepRun, results: Results, output: Path | None, as_json: bool) -> None:
    from lpu_emu.cli.output import document, print_json, table

    progress = task.progress
    if as_json:
        counts = {
            "points": progress.total,
            "computed": progress.computed,
            "known": progress.known,
            "failed": progress.failed,
        }
        print_json(document(SCHEMA, **counts, provenance=results.provenance, rows=list(results.rows)))
        return
    varied = [axis.key for axis in task.sweep.axes]
    columns = [
        *varied,
        *[c for c in (task.sweep.metrics or ("cycles", "time_us", "sram_bytes")) if c in results.columns],
        "error",
    ]
    shown = results.rows[:SHOWN_ROWS]
    columns = [c for c in columns if c == "error" or any(row.get(c) is not None for row in shown)]
    click.echo(table(columns, [["" if row.get(c) is None else row[c] for c in columns] for row in shown]))
    if len(results.rows) > SHOWN_ROWS:
        click.echo(f"... {len(results.rows) - SHOWN_ROWS} more rows; -o writes all of them")
    where = f" -> {output}" if output else ""
    click.echo(
        f"{progress.total} points: {progress.computed} computed, {progress.known} known before, "
        f"{progress.failed} failed{where}"
    )


@command.command("optimise")
@click.argument("spec", metavar="SPEC.toml", type=click.Path(path_type=Path))
@click.option("--minimise", default="cycles", show_default=True, help="Metric that is to be small.")
@click.option(
    "--subject-to", "limits", metavar="'time_us<50'", multiple=True, help="Bound on a metric. Repeatable."
)
@click.option(
    "--trials", type=click.IntRange(min=1), default=50, show_default=True, help="Points that are tried."
)
@click.option(
    "--store", metavar="F.sqlite", type=click.Path(path_type=Path), help="Where finished points are kept."
)
@json_option
def optimise(
    spec: Path, minimise: str, limits: tuple[str, ...], trials: int, store: Path | None, as_json: bool
) -> None:
    """Search for the best point of a sweep without computing all of them. Exit code 1 when none keeps the bounds.

    \b
    Example:
      lpu-emu sweep optimise SPEC.toml --minimise sram_bytes --subject-to 'time_us<50' --trials 30
    """
    from lpu_emu.cli.failure import FAILED
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.sweep.bundled import find
    from lpu_emu.sweep.optimise import best_of, limit_of, search
    from lpu_emu.sweep.spec import read_sweep
    from lpu_emu.sweep.store import Store

    bounds = tuple(map(limit_of, limits))
    sweep, kept, progress = read_sweep(find(spec)), Store(store or _default_store()), Progress()
    tried = []
    try:
        for trial in search(sweep, kept, minimise=minimise, limits=bounds, trials=trials):
            tried.append(trial)
            progress(f"{len(tried)}/{trials} points tried", len(tried) / trials)
    finally:
        kept.close()
        progress.clear()
    best = best_of(tried, minimise)
    if as_json:
        found = None if best is None else {"settings": dict(best.settings), "row": dict(best.row)}
        print_json(document(OPTIMISE_SCHEMA, sweep=sweep.name, trials=len(tried), best=found))
    elif best is not None:
        click.echo("\n".join(f"{key} = {value}" for key, value in best.settings.items()))
        click.echo(f"{minimise} {best.row[minimise]:,} after {len(tried)} points")
    else:
        click.echo(f"none of {len(tried)} points keeps {' and '.join(limits) or 'within the chip'}")
    if best is None:
        raise click.exceptions.Exit(FAILED)
