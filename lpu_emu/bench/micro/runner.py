"""Runs the microbenchmarks of a chip and reports them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.suite import Known, Micro, known, suite
from lpu_emu.bench.suites import Progress, Report
from lpu_emu.bench.table import Column, Row
from lpu_emu.errors import LpuError, UsageError, did_you_mean
from lpu_emu.spec.chip import Chip
from lpu_emu.spec.machine import Machine, load_machine


def number(value: float) -> str:
    """Return a figure as text: whole numbers with separators, others with up to four digits behind the point."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4f}".rstrip("0")


COLUMNS = (
    Column(key="name", title="benchmark"),
    Column(key="value", title="value", text=number, right=True),
    Column(key="unit", title="unit"),
    Column(key="expected", title="chip file", text=number, right=True),
    Column(key="tag", title="tag"),
    Column(key="cycles", title="cycles", text=number, right=True),
    Column(key="asks", title="what it asks"),
)


def chosen(known_ones: Sequence[Micro], only: Sequence[str]) -> list[Micro]:
    """Return the benchmarks that fit a name or a pattern, all when there is none.

    Raises:
        UsageError: a name or pattern fits no benchmark.
    """
    names = [micro.name for micro in known_ones]
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UsageError(
                f"no benchmark {pattern!r}{did_you_mean(pattern, names)}; --list has all of them"
            )
    return [m for m in known_ones if not only or any(fnmatchcase(m.name, p) for p in only)]


def run_suite(chip: str | Path | Chip, *, only: Sequence[str], values: bool, progress: Progress) -> Report:
    """Measure a chip: a name, the path of a file, or a loaded chip. Without ``values`` nothing is executed.

    A benchmark that a chip is too small for has no value, and its note says why.

    Raises:
        UsageError: a name or pattern fits no benchmark.
        SpecError: no such chip.
    """
    machine = load_machine(chip if isinstance(chip, Chip) else str(chip))
    lab = Lab(machine, values=values)
    rows = []
    for micro in chosen(suite(machine), only):
        progress(micro.name)
        rows.append(row(lab, micro))
    return Report(
        rows=tuple(rows),
        columns=COLUMNS,
        figures=("value", "cycles"),
        facts=facts(machine, values),
        notes=tuple(f"{r['name']}: {r['note']}" for r in rows if r["note"]),
        failures=tuple(f"{r['name']}: {r['note']}" for r in rows if r["value"] is None),
    )


def facts(machine: Machine, values: bool) -> dict[str, Any]:
    """Return what identifies a run: chip, instruction set, and whether programs were executed."""
    return {
        "chip": machine.chip.name,
        "clock_hz": machine.chip.clock_hz,
        "chip_digest": machine.chip.digest,
        "isa_digest": machine.isa.digest,
        "executed": values,
    }


def row(lab: Lab, micro: Micro) -> Row:
    """Measure one benchmark."""
    says = known(lab.machine, micro.key)
    base = {"name": micro.name, "asks": micro.asks, "unit": micro.unit, **_known(says)}
    try:
        found = micro.measure(lab)
    except LpuError as error:
        return {**base, "value": None, "cycles": None, "programs": [], "note": str(error).splitlines()[0]}
    return {
        **base,
        "value": found.value,
        "cycles": found.cycles or None,
        "low": found.low,
        "high": found.high,
        "programs": list(found.programs),
        "note": found.note,
    }


def _known(says: Known | None) -> dict[str, Any]:
    if says is None:
        return {"expected": None, "key": "", "tag": None, "source": ""}
    return {"expected": says.value, "key": says.key, "tag": says.tag, "source": says.source}
