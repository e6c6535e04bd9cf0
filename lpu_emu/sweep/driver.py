"""Running a sweep: what is known already, what is left to compute, and the table in the end."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import lpu_emu
from lpu_emu.sweep.engines import ATTEMPTS, Engine, Task
from lpu_emu.sweep.evaluation import ERROR, INTERNAL, METRICS, SECONDS, evaluate
from lpu_emu.sweep.identity import Identities, code_digest
from lpu_emu.sweep.results import Results
from lpu_emu.sweep.spec import Settings, Sweep
from lpu_emu.sweep.store import Store

DIGEST = "point"
KILLED = (
    f"the worker died {ATTEMPTS} times while it computed this point; it may need more memory than there is"
)


@dataclass
class Progress:
    """How far a sweep is. ``known`` points were there before, ``failed`` ones have an error."""

    total: int
    known: int = 0
    computed: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Points that are finished."""
        return self.known + self.computed


Observer = Callable[[Progress], None]


@dataclass(kw_only=True)
class SweepRun:
    """A sweep under way.

    ``fresh`` computes everything again; ``retry`` only the points whose worker had died.
    """

    sweep: Sweep
    store: Store
    engine: Engine
    observe: Observer = lambda progress: None
    fresh: bool = False
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.progress = Progress(total=sum(1 for _ in self.sweep.points()))
        self._identities = Identities(self.sweep.folder)

    def run(self) -> Results:
        """Compute what is not known yet, and return all rows in the order of the points.

        Raises:
            InputError: the store cannot be used, or the scheduler of a cluster is lost.
        """
        self.compute()
        return self.results()

    def compute(self) -> None:
        """Compute what is not known yet. Whatever stops it, the points that are done stay done.

        Raises:
            InputError: the store cannot be used, or the scheduler of a cluster is lost.
        """
        work = partial(evaluate, folder=str(self.sweep.folder))
        try:
            for done in self.engine.run(work, self._missing()):
                row = done.row or {**dict.fromkeys(METRICS), ERROR: KILLED, SECONDS: None}
                self.store.put(done.task.digest, row)
                self.progress.computed += 1
                self.progress.failed += bool(row[ERROR])
                self.observe(self.progress)
        finally:
            self.store.flush()

    def _missing(self) -> Iterator[Task]:
        """Yield the points that have to be computed, each once, as they are asked for."""
        for settings in self.sweep.points():
            digest = self._identities.of(settings)
            row = None if self.fresh else self.store.get(digest)
            if row is None or row[ERROR].startswith((KILLED, INTERNAL)):
                yield Task(digest=digest, settings=settings)
            else:
                self.progress.known += 1
                self.progress.failed += bool(row[ERROR])
                self.observe(self.progress)

    def results(self) -> Results:
        """Return the rows of all points that are in the store."""
        settings_columns = tuple(self.sweep.keys)
        metrics = self.sweep.metrics or METRICS
        rows = []
        for settings in self.sweep.points():
            digest = self._identities.of(settings)
            found = self.store.get(digest)
            if found is not None:
                rows.append(
                    {**dict.fromkeys(settings_columns), **settings, **_chosen(found, metrics), DIGEST: digest}
                )
        columns = (*settings_columns, *metrics, ERROR, SECONDS, DIGEST)
        return Results(columns=columns, rows=rows, provenance=self.provenance())

    def provenance(self) -> dict[str, str]:
        """Return what made the results: versions, digest of the code, seed."""
        return {
            "sweep": self.sweep.name,
            "lpu_emu": lpu_emu.__version__,
            "code": code_digest(),
            "python": platform.python_version(),
            "seed": str(self.sweep.seed),
            "mode": self.sweep.mode,
        }


def _chosen(row: Settings, metrics: tuple[str, ...]) -> dict[str, object]:
    return {name: row[name] for name in (*metrics, ERROR, SECONDS)}


def counts_of(sweep: Sweep) -> Counter[str]:
    """Return how many points each target has, for a dry run."""
    return Counter(str(settings["target"]) for settings in sweep.points())
