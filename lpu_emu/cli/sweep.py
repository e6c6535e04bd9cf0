"""``lpu-emu sweep``: many points, computed once each."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.settings import debug_option, json_option

if TYPE_CHECKING:
    from lpu_emu.sweep.driver import Progress as SweepProgress
    from lpu_emu.sweep.driver import SweepRun
    from lpu_emu.sweep.engines import Engine
    from lpu_emu.sweep.results import Results
    from lpu_emu.sweep.spec import Sweep

SCHEMA = "lpu-emu/sweep/1"
KINDS = ("pareto", "tornado", "heatmap")
SHOWN_ROWS = 20


class _RunByDefault(click.Group):
    """A group whose first argument may be a sweep file: then it is run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [a for a in args if not a.startswith("-")]
        if words and words[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("sweep", cls=_RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@debug_option
def command() -> None:
    """Compute many points: chips, parameters, models, shapes and precisions, in all combinations.

    \b
    Examples:
      lpu-emu sweep SPEC.toml -o results.csv
      lpu-emu sweep SPEC.toml --dry-run
      lpu-emu sweep SPEC.toml --scheduler tcp://127.0.0.1:8786 -o results.parquet
      lpu-emu sweep plot results.csv --kind pareto --x cycles --y sram_bytes -o pareto.png
    """


@command.command("run")
@click.argument("spec", metavar="SPEC.toml", type=click.Path(path_type=Path))
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

    Finished points are kept, so an interrupted, repeated or extended sweep computes only what is new. A point
    that fails is a row with its error.
    """
    from lpu_emu.cli.files import require_writable
    from lpu_emu.errors import UsageError
    from lpu_emu.sweep.driver import SweepRun
    from lpu_emu.sweep.results import require_format
    from lpu_emu.sweep.spec import read_sweep
    from lpu_emu.sweep.store import Store

    if resume and fresh:
        raise UsageError("--resume keeps what is done and --fresh computes it again; give one of them")
    sweep = read_sweep(spec)
    require_writable(output)
    if output is not None:
        require_format(output)
    kept = Store(store or _default_store())
    engine = _NoEngine() if dry_run else _engine(scheduler, workers)
    shown = _Line()
    task = SweepRun(sweep=sweep, store=kept, engine=engine, observe=shown, fresh=fresh)
    known = task.results()
    if dry_run:
        _print_estimate(sweep, task, known, as_json)
        return
    if resume and not known.rows:
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
    rows = [["" if row.get(c) is None else row[c] for c in columns] for row in results.rows[:SHOWN_ROWS]]
    click.echo(table(columns, rows))
    if len(results.rows) > SHOWN_ROWS:
        click.echo(f"... {len(results.rows) - SHOWN_ROWS} more rows; -o writes all of them")
    where = f" -> {output}" if output else ""
    click.echo(
        f"{progress.total} points: {progress.computed} computed, {progress.known} known before, "
        f"{progress.failed} failed{where}"
    )


@command.command("plot")
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), default="pareto", show_default=True, help="Picture.")
@click.option("--x", default="cycles", show_default=True, help="Column across (a setting in a heat map).")
@click.option("--y", default="sram_bytes", show_default=True, help="Column up (a setting in a heat map).")
@click.option("--value", default="cycles", show_default=True, help="Column that a tornado or heat map shows.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="F.png, F.svg or F.pdf.")
@debug_option
def plot(results: Path, kind: str, x: str, y: str, value: str, output: Path) -> None:
    """Draw results: a Pareto curve, a tornado of the settings, or a heat map of two of them."""
    import io

    from lpu_emu.cli.files import require_writable, write_bytes
    from lpu_emu.errors import UsageError
    from lpu_emu.sweep.plots import figure
    from lpu_emu.sweep.results import load_results

    require_writable(output)
    form = output.suffix.removeprefix(".")
    if form not in ("png", "svg", "pdf"):
        raise UsageError(f"{output}: pictures are written as .png, .svg or .pdf")
    picture = io.BytesIO()
    figure(load_results(results), kind, x=x, y=y, value=value).savefig(picture, format=form)
    write_bytes(output, picture.getvalue())
    click.echo(f"{kind} -> {output}")


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
    """Search for the best point of a sweep without computing all of them. Exit code 1 when none keeps the bounds."""
    from lpu_emu.cli.failure import FAILED
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.sweep.optimise import best_of, limit_of, search
    from lpu_emu.sweep.spec import read_sweep
    from lpu_emu.sweep.store import Store

    bounds = tuple(map(limit_of, limits))
    sweep, kept, progress = read_sweep(spec), Store(store or _default_store()), Progress()
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
        print_json(document("lpu-emu/sweep-optimise/1", sweep=sweep.name, trials=len(tried), best=found))
    elif best is not None:
        click.echo("\n".join(f"{key} = {value}" for key, value in best.settings.items()))
        click.echo(f"{minimise} {best.row[minimise]:,} after {len(tried)} points")
    else:
        click.echo(f"none of {len(tried)} points keeps {' and '.join(limits) or 'within the chip'}")
    if best is None:
        raise click.exceptions.Exit(FAILED)
