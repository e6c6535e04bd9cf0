"""The suites of benchmarks by name. A suite's module is imported when it is used.

A module of a suite has two functions, see :class:`SuiteModule`. To add a suite: write its module, add a line to
``SUITES``; ``lpu-emu bench`` then lists it, runs it, prints it and writes its JSON.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from lpu_emu.bench.table import Column, Row
from lpu_emu.errors import UsageError, did_you_mean

Progress = Callable[[str], None]
"""Is told what is being measured now."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite's name, module and one line about it; ``exact`` when its rows hold simulated cycles only."""

    name: str
    module: str
    help: str
    exact: bool


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """The name of a benchmark, unique in its suite, and the question it asks."""

    name: str
    asks: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run: ``only`` these names (all when empty), small sizes if ``quick``.

    For suites of wall-clock times: ``threads`` of the engine and of NumPy, ``cold`` to start without compiled code too,
    ``patience_s`` for how long each benchmark may wait until other processes are quiet. For suites of simulated cycles:
    the ``chip``, by default the suite's own. ``earlier`` is the JSON of an earlier run on the same machine, whose
    undisturbed rows need not be measured again.
    """

    quick: bool = False
    only: tuple[str, ...] = ()
    threads: int = 2
    cold: bool = False
    patience_s: float = 0.0
    chip: str = ""
    earlier: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The results of a suite.

    ``rows`` go to JSON as they are, with ``facts`` beside them; ``columns`` say what of a row is printed, ``notes``
    stand below the printed table. ``failures`` are messages about exact results that are not what they must be.
    ``figures`` are keys of rows with numbers that are worth comparing between runs.
    """

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    figures: tuple[str, ...] = ("cycles",)


class SuiteModule(Protocol):
    """The functions of a suite's module."""

    def benchmarks(self) -> Sequence[Benchmark]:
        """Return what the suite has, in the order of its rows. Cheap: nothing is built or run."""

    def run(self, options: Options, progress: Progress) -> Report:
        """Run the benchmarks that are asked for. Raises UsageError for a name the suite does not have."""


SUITES = (
    Suite(
        name="micro",
        module="lpu_emu.bench.micro",
        help="Peak and latency of every unit and path of the modelled chip, in exact cycles.",
        exact=True,
    ),
    Suite(
        name="host",
        module="lpu_emu.bench.host.suite",
        help="Speed of the emulator on this machine, beside NumPy in the same run.",
        exact=False,
    ),
    Suite(
        name="networks",
        module="lpu_emu.bench.networks.suite",
        help="Convolutional networks from end to end: cycles, memory, seconds and errors.",
        exact=False,
    ),
)


def find_suite(name: str) -> Suite:
    """Return a suite by its name. Raises UsageError when there is none."""
    known = {suite.name: suite for suite in SUITES}
    if name not in known:
        raise UsageError(f"no suite {name!r}; suites: {', '.join(known)}{did_you_mean(name, known)}")
    return known[name]


def load_suite(suite: Suite) -> SuiteModule:
    """Import the module of a suite."""
    return cast(SuiteModule, importlib.import_module(suite.module))


def chosen(known: Sequence[Benchmark], only: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks that are asked for in the order of the suite, all when ``only`` is empty.

    Raises:
        UsageError: the suite has no benchmark of that name.
    """
    names = [benchmark.name for benchmark in known]
    for name in only:
        if name not in names:
            raise UsageError(
                f"no benchmark {name!r}; benchmarks: {', '.join(names)}{did_you_mean(name, names)}"
            )
    return [benchmark for benchmark in known if not only or benchmark.name in only]
