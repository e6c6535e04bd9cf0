"""Sweeps from end to end: what is computed, kept, resumed and written."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lpu_emu.errors import InputError, SpecError, UsageError
from lpu_emu.spec.chip import load_chip, with_values
from lpu_emu.sweep.driver import KILLED, SweepRun
from lpu_emu.sweep.engines import Done, Task
from lpu_emu.sweep.evaluation import ERROR, INTERNAL, evaluate
from lpu_emu.sweep.identity import Identities
from lpu_emu.sweep.optimise import best_of, limit_of, search
from lpu_emu.sweep.plots import figure, pareto_front, spreads
from lpu_emu.sweep.results import Results, load_results, save_results
from lpu_emu.sweep.spec import Sweep, sweep_from
from lpu_emu.sweep.store import Store

from . import work

SEEDS = {"key": "seed", "values": [1, 2, 3, 4]}


def sweep(folder: Path, **table: Any) -> Sweep:
    return sweep_from({"fixed": {"target": "copy"}, "axis": [SEEDS], **table}, where="t.toml", folder=folder)


class Here:
    """Computes in this process, and stops after some points if told to."""

    def __init__(self, stop_after: int = -1, dead: tuple[int, ...] = ()) -> None:
        self.computed: list[int] = []
        self._stop_after = stop_after
        self._dead = dead

    def run(self, work_: object, tasks: Iterable[Task]) -> Iterator[Done]:
        for task in tasks:
            if len(self.computed) == self._stop_after:
                raise KeyboardInterrupt
            self.computed.append(task.settings["seed"])
            dead = task.settings["seed"] in self._dead
            yield Done(task=task, row=None if dead else work.square(task.settings))


def run(tmp_path: Path, engine: Here, **options: Any) -> Results:
    store = Store(tmp_path / "store.sqlite")
    try:
        return SweepRun(sweep=sweep(tmp_path), store=store, engine=engine, **options).run()
    finally:
        store.close()


def test_a_repeated_sweep_computes_nothing(tmp_path: Path) -> None:
    first, second = Here(), Here()
    assert run(tmp_path, first).column("cycles") == [1, 4, 9, 16]
    assert run(tmp_path, second).column("cycles") == [1, 4, 9, 16]
    assert (first.computed, second.computed) == ([1, 2, 3, 4], [])


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    first, second = Here(stop_after=2), Here()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first)
    assert run(tmp_path, second).column("cycles") == [1, 4, 9, 16]
    assert (first.computed, second.computed) == ([1, 2], [3, 4])


def test_fresh_computes_everything_again(tmp_path: Path) -> None:
    run(tmp_path, Here())
    again = Here()
    run(tmp_path, again, fresh=True)
    assert again.computed == [1, 2, 3, 4]


def test_killed_points_are_rows_and_are_tried_again(tmp_path: Path) -> None:
    rows = run(tmp_path, Here(dead=(2,))).rows
    assert [row[ERROR] for row in rows] == ["", KILLED, "", ""]
    again = Here()
    assert run(tmp_path, again).column("cycles") == [1, 4, 9, 16]
    assert again.computed == [2]


def test_a_point_is_known_by_everything_that_determines_it(tmp_path: Path) -> None:
    (tmp_path / "k.lpu").write_text(".chip tiny\n")
    (tmp_path / "c.toml").write_bytes(b"")
    identities = Identities(tmp_path)
    base = identities.of({"target": "k.lpu", "seed": 1})
    assert base == identities.of({"seed": 1, "target": "k.lpu"})
    assert base != identities.of({"target": "k.lpu", "seed": 2})
    (tmp_path / "k.lpu").write_text(".chip tsp1\n")
    assert base != Identities(tmp_path).of({"target": "k.lpu", "seed": 1})


def test_real_points_are_measured() -> None:
    row = evaluate({"target": "copy"}, ".")
    assert (row["cycles"], row[ERROR]) == (95, "")
    slower = evaluate({"target": "digits_mlp", "shape.x": "1x64", "chip.timing.mxm.func": 44}, ".")
    faster = evaluate({"target": "digits_mlp", "shape.x": "1x64", "chip.timing.mxm.func": 34}, ".")
    assert slower["cycles"] > faster["cycles"] > 0, (slower, faster)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "nosuch"}, "nosuch: no such file"),
        ({"target": "copy", "precision": "fp16"}, "go with models"),
        ({"target": "copy", "size": "wide"}, "a size goes with kernels written in Python"),
        ({"target": "axpy", "size": "nosuch"}, "has no size 'nosuch'"),
        ({"target": "axpy", "chip": "nosuch"}, "no chip named 'nosuch'"),
        ({"target": "digits_mlp", "shape.x": "0x64"}, "expected sizes"),
        ({"target": "digits_mlp", "shape.x": "1x64", "chip.mxm.planes": 3}, "must be even"),
        ({"target": "copy", "chip.timing.read.func": 9}, ""),
    ],
)
def test_points_that_fail_are_rows(settings: dict[str, Any], message: str) -> None:
    row = evaluate(settings, ".")
    assert row[ERROR]
    assert message in row[ERROR]
    assert row["cycles"] is None
    assert INTERNAL not in row[ERROR]


def test_kernels_in_python_have_sizes_and_take_chips(tmp_path: Path) -> None:
    text = (
        "SIZES = {'small': {'rows': 4}, 'large': {'rows': 20}}\n\n\ndef build(k, rows):\n"
        "    x, y = k.input('x', 'int8', [rows, 320]), k.output('y', 'int8', [rows, 320])\n"
        "    with k.flow('copy', count=rows) as f:\n        f.write(f.read(x), y)\n"
    )
    (tmp_path / "mine.py").write_text(text)
    small, large, own, lp30 = (
        evaluate({"target": "mine.py", **more}, str(tmp_path))
        for more in ({}, {"size": "large"}, {"size": "rows=20"}, {"chip": "lp30"})
    )
    assert small["cycles"] < large["cycles"] == own["cycles"], (small, large, own)
    assert lp30[ERROR] == ""
    slower = evaluate({"target": "mine.py", "chip.timing.mem.func": 4}, str(tmp_path))
    assert slower["cycles"] > small["cycles"], (slower, small)
    (tmp_path / "mine.py").write_text(text.replace("'rows': 4}", "'rows': 30}"))
    os.utime(tmp_path / "mine.py", (1, 1))
    assert evaluate({"target": "mine.py"}, str(tmp_path))["cycles"] > large["cycles"]


def test_with_values_makes_another_chip() -> None:
    chip = load_chip("tsp1")
    other = with_values(chip, {"mxm.planes": 4, "timing.mxm.func": 20})
    assert (other["mxm.planes"], other["timing.mxm.func"], other.facts["mxm.planes"].tag) == (4, 20, "choice")
    assert other.digest != chip.digest == load_chip("tsp1").digest
    with pytest.raises(SpecError, match=r"no parameter 'mxm\.plane'; did you mean"):
        with_values(chip, {"mxm.plane": 4})


@pytest.mark.parametrize("suffix", ["csv", "parquet", "h5"])
def test_results_come_back_from_every_form(suffix: str, tmp_path: Path) -> None:
    rows = [
        {"target": "a", "seed": 1, "cycles": 10, "time_us": 0.5, "error": ""},
        {"target": "b", "seed": 2, "cycles": None, "time_us": None, "error": "no, it broke"},
    ]
    saved = Results(columns=tuple(rows[0]), rows=rows, provenance={"sweep": "s", "code": "c0de"})
    path = tmp_path / f"r.{suffix}"
    save_results(saved, path)
    found = load_results(path)
    assert found.columns == saved.columns
    assert dict(found.provenance) == saved.provenance
    assert [{**row, "error": row["error"] or ""} for row in found.rows] == rows
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_results_go_nowhere_else(tmp_path: Path) -> None:
    empty = Results(columns=("a",), rows=[], provenance={})
    with pytest.raises(UsageError, match="unknown kind of file"):
        save_results(empty, tmp_path / "r.xls")
    with pytest.raises(InputError, match="cannot be"):
        save_results(empty, tmp_path / "nosuch" / "r.csv")
    with pytest.raises(InputError, match="cannot be read"):
        load_results(tmp_path / "nosuch.csv")


def test_a_store_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_text("x" * 5000)
    with pytest.raises(InputError, match="cannot be used"):
        Store(tmp_path / "s.sqlite")


def test_the_pareto_front_is_what_nothing_beats() -> None:
    assert pareto_front([(1, 9), (2, 3), (2, 2), (3, 2), (4, 1)]) == [0, 2, 4]


def test_spreads_are_sorted_by_width() -> None:
    rows = [{"a": i, "b": j, "v": 10 * i + j} for i in range(2) for j in range(2)]
    assert spreads(rows, ["b", "a"], "v") == [("a", 0.5, 10.5), ("b", 5.0, 6.0)]


@pytest.mark.parametrize("kind", ["pareto", "tornado", "heatmap"])
def test_pictures_are_drawn(kind: str, tmp_path: Path) -> None:
    rows = [
        {"x": i, "y": j, "cycles": i * j, "sram_bytes": 9 - i, "error": ""}
        for i in range(3)
        for j in range(3)
    ]
    results = Results(
        columns=("x", "y", "cycles", "sram_bytes", "error"), rows=rows, provenance={"sweep": "s"}
    )
    x, y = ("x", "y") if kind == "heatmap" else ("cycles", "sram_bytes")
    figure(results, kind, x=x, y=y, value="cycles").savefig(tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 5000


def test_nothing_to_show() -> None:
    failed = Results(columns=("cycles", "error"), rows=[{"cycles": None, "error": "x"}], provenance={})
    with pytest.raises(InputError, match="nothing to show"):
        figure(failed, "tornado", x="", y="", value="cycles")
    with pytest.raises(UsageError, match="no column 'sram_bytes'"):
        figure(failed, "pareto", x="cycles", y="sram_bytes", value="")


def test_a_search_finds_the_smallest_that_keeps_its_bounds(tmp_path: Path) -> None:
    axes = [{"key": "chip.timing.mxm.func", "values": [14, 24, 34, 44, 54]}]
    space = sweep(tmp_path, fixed={"target": "digits_mlp", "shape.x": "1x64"}, axis=axes)
    store = Store(tmp_path / "s.sqlite")
    limits = (limit_of("cycles>=740"),)
    tried = list(search(space, store, minimise="cycles", limits=limits, trials=12))
    best = best_of(tried, "cycles")
    store.close()
    everything = [evaluate(point, str(tmp_path))["cycles"] for point in space.points()]
    assert best is not None
    assert best.row["cycles"] == min(c for c in everything if c >= 740)
    assert math.isfinite(best.row["time_us"])


def test_a_search_combines_axes(tmp_path: Path) -> None:
    space = sweep(tmp_path, axis=[{**SEEDS, "alone": True}])
    store = Store(tmp_path / "s.sqlite")
    with pytest.raises(UsageError, match="a search combines all axes"):
        list(search(space, store, minimise="cycles", limits=(), trials=1))
    store.close()


@pytest.mark.parametrize(
    ("text", "message"), [("time_us", "no bound"), ("tim<5", "there is no metric 'tim'")]
)
def test_bounds_that_are_none(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        limit_of(text)
