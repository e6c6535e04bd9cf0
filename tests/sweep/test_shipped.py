"""Sweeps that ship with the package, and the ranges they give: those of ``lpu-emu validate --sensitivity``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Golden
from lpu_emu.bench.validate import sensitivity
from lpu_emu.bench.validate.evaluate import chosen, claims, laboratories
from lpu_emu.bench.validate.evaluate import evaluate as validated
from lpu_emu.errors import InputError, UsageError
from lpu_emu.spec.chip import load_chip
from lpu_emu.sweep.bundled import FOLDER, bundled, find
from lpu_emu.sweep.driver import SweepRun
from lpu_emu.sweep.engines import Done, Task, Work
from lpu_emu.sweep.evaluation import ERROR, evaluate
from lpu_emu.sweep.published import PREFIX
from lpu_emu.sweep.ranges import Range, ranges
from lpu_emu.sweep.results import Results, load_results, save_results
from lpu_emu.sweep.spec import Sweep, read_sweep
from lpu_emu.sweep.store import Store

CHIPS = {"sensitivity": "tsp1", "sensitivity_lp30": "lp30"}
ROWS = ("icu.nop", "sxm.shift", "path.alu", "path.transpose")
HEAD = """# What the rows of `lpu-emu validate` about {chip} owe to numbers that nobody published: every number that is a
# choice, a fifth smaller and larger (at least by one), one at a time.
#
#   lpu-emu sweep {name} -o {name}.csv
#   lpu-emu sweep ranges {name}.csv
#
# The ranges are those of `lpu-emu validate --sensitivity`.

name = "{name}"
title = "published figures of {chip}, every choice changed"
metrics = ["emulated", "cycles"]
"""


class Here:
    """Computes in this process."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Done]:
        for task in tasks:
            yield Done(task=task, row=work(task.settings))


def quiet(_name: str, _share: float) -> None:
    """Show no progress."""


def text_of(name: str, chip: str) -> str:
    """Return the sweep file of a chip."""
    values: dict[str, list[int]] = {}
    for change in sensitivity.changes(load_chip(chip)):
        values.setdefault(change.key, []).append(change.value)
    axes = [
        f'[[axis]]\nkey = "chip.{key}"\nalone = true\nvalues = {found}\n' for key, found in values.items()
    ]
    rows = [c.id for c in claims() if c.chip == chip and c.measure is not None and not c.slow]
    listed = "".join(f'    "{PREFIX}{id}",\n' for id in rows)
    return "\n".join(
        [HEAD.format(name=name, chip=chip), *axes, f'[[axis]]\nkey = "target"\nvalues = [\n{listed}]\n']
    )


def only(sweep: Sweep, rows: tuple[str, ...]) -> Sweep:
    """Return a sweep with fewer rows."""
    values = tuple(f"{PREFIX}{id}" for id in rows)
    return replace(sweep, axes=(*sweep.axes[:-1], replace(sweep.axes[-1], values=values)))


def swept(sweep: Sweep, folder: Path) -> Results:
    store = Store(folder / "store.sqlite")
    try:
        return SweepRun(sweep=sweep, store=store, engine=Here()).run()
    finally:
        store.close()


@pytest.mark.parametrize("name", CHIPS)
def test_a_shipped_sweep_has_every_choice_and_every_row(name: str, golden: Golden) -> None:
    golden(FOLDER / f"{name}.toml", text_of(name, CHIPS[name]))
    assert read_sweep(bundled()[name]).name == name
    assert list(bundled()) == sorted(CHIPS)


def found_by(sweep: Sweep, folder: Path) -> list[Range]:
    """Return the ranges of a sweep, by way of a file of results."""
    save_results(swept(sweep, folder), folder / "r.csv")
    return ranges(load_results(folder / "r.csv"), by="target", value="emulated")


def effects(changed: Iterable[sensitivity.Effect]) -> list[tuple[str, int, float | None]]:
    return [(f"chip.{e.change.key}", e.change.value, e.emulated) for e in changed]


def test_the_ranges_are_those_of_validate(tmp_path: Path) -> None:
    found = found_by(only(read_sweep(find(Path("sensitivity"))), ROWS), tmp_path)
    wanted = chosen(ROWS)
    labs = laboratories(wanted, values=False)
    spreads = sensitivity.spreads(validated(wanted, labs, quiet), labs, quiet, workers=1)
    assert [span.name.removeprefix(PREFIX) for span in found] == [claim.id for claim in wanted]
    for claim, span in zip(wanted, found, strict=True):
        spread = spreads[claim.id]
        assert (span.low, span.high) == (spread.low, spread.high), claim.id
        assert [(e.key, e.value, e.result) for e in span.effects] == effects(spread.effects), claim.id


def test_lp30_is_varied_in_its_own_choices(tmp_path: Path) -> None:
    sweep = only(read_sweep(find(Path("sensitivity_lp30"))), ("lp30.sram",))
    axes = tuple(axis for axis in sweep.axes if axis.key in ("chip.mem.slices", "target"))
    (span,) = found_by(replace(sweep, axes=axes), tmp_path)
    changes = [c for c in sensitivity.changes(load_chip("lp30")) if c.key == "mem.slices"]
    expected = [e for c in changes for e in sensitivity.measure_changed((c, ("lp30.sram",)))]
    assert [(e.key, e.value, e.result) for e in span.effects] == effects(expected)
    assert len(expected) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "validate:path.alus"}, "no row 'path.alus'; did you mean 'path.alu'?"),
        ({"target": "validate:path.exit"}, "nothing measures it: a part of published sums only"),
        ({"target": "validate:path.alu", "precision": "int8"}, "precision does not go with a row"),
        ({"target": "validate:path.alu", "chip.distance.vxm_to_mem": 0}, "distance.vxm_to_mem"),
    ],
)
def test_rows_that_cannot_be_measured_are_errors(settings: dict[str, object], message: str) -> None:
    row = evaluate(settings, ".")
    assert message in row[ERROR]
    assert row["emulated"] is None


def test_a_row_is_measured_on_another_chip() -> None:
    assert evaluate({"target": "validate:sram.capacity"}, ".")["emulated"] == 220
    other = evaluate({"target": "validate:sram.capacity", "chip": "lp30"}, ".")
    assert other["emulated"] == pytest.approx(499.7e6 / 2**20, rel=1e-3)


def test_names_of_bundled_sweeps() -> None:
    assert find(Path("sensitivity")) == bundled()["sensitivity"]
    with pytest.raises(InputError, match="did you mean 'sensitivity'"):
        find(Path("sensitivty"))


def results(*rows: Mapping[str, object]) -> Results:
    return Results(columns=("a", "b", "target", "cycles", ERROR), rows=rows, provenance={})


def test_ranges_leave_failures_out_and_rank_what_moves() -> None:
    base = {"a": None, "b": None, "target": "x", "cycles": 10}
    found = ranges(
        results(
            base,
            {**base, "a": 1, "cycles": 12},
            {**base, "a": 2, "cycles": None},
            {**base, "b": 3, "cycles": 5},
        ),
        by="target",
        value="cycles",
    )
    assert [(span.name, span.base, span.low, span.high) for span in found] == [("x", 10, 5, 12)]
    assert [(e.key, e.value, e.result) for e in found[0].effects] == [("b", 3, 5), ("a", 1, 12)]
    assert json.dumps([e.value for e in found[0].effects]) == "[3, 1]"


def test_ranges_need_a_base() -> None:
    rows = [{"a": i, "b": None, "target": "x", "cycles": i} for i in (1, 2)]
    with pytest.raises(InputError, match="alone = true"):
        ranges(results(*rows), by="target", value="cycles")
    with pytest.raises(UsageError, match="no column 'emulated'"):
        ranges(results(*rows), by="target", value="emulated")
    with pytest.raises(InputError, match="nothing to show"):
        ranges(results({**rows[0], "cycles": None}), by="target", value="cycles")


def test_a_range_without_effects_is_a_point() -> None:
    (span,) = ranges(results({"target": "x", "cycles": 3}), by="target", value="cycles")
    assert span == Range(name="x", base=3, low=3, high=3, effects=())
