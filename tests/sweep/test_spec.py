"""Sweep files: points, order, conditions, and every finding about a bad one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lpu_emu.errors import SpecError
from lpu_emu.sweep.axes import AxisError, axis_from
from lpu_emu.sweep.spec import Sweep, read_sweep, sweep_from


def sweep(**table: Any) -> Sweep:
    return sweep_from({"fixed": {"target": "copy"}, **table}, where="test.toml", folder=Path())


def test_a_grid_has_all_combinations_the_last_axis_first() -> None:
    found = sweep(axis=[{"key": "seed", "values": [1, 2]}, {"key": "precision", "values": ["fp16", "int8"]}])
    assert [(p["seed"], p["precision"]) for p in found.points()] == [
        (1, "fp16"), (1, "int8"), (2, "fp16"), (2, "int8"),
    ]  # fmt: skip


def test_a_list_takes_values_together() -> None:
    axes = [{"key": "seed", "values": [1, 2]}, {"key": "chip.mxm.planes", "values": [2, 4]}]
    assert [(p["seed"], p["chip.mxm.planes"]) for p in sweep(mode="list", axis=axes).points()] == [
        (1, 2),
        (2, 4),
    ]


def test_random_points_depend_on_the_seed_only() -> None:
    axes = [{"key": "seed", "values": list(range(100))}]
    first = list(sweep(mode="random", samples=20, seed=7, axis=axes).points())
    assert first == list(sweep(mode="random", samples=20, seed=7, axis=axes).points())
    assert first != list(sweep(mode="random", samples=20, seed=8, axis=axes).points())


def test_a_condition_leaves_the_setting_out_elsewhere() -> None:
    axes = [
        {"key": "seed", "values": [1, 2], "when": {"precision": "int8"}},
        {"key": "precision", "values": ["fp16", "int8"]},
    ]
    assert list(sweep(axis=axes).points()) == [
        {"target": "copy", "precision": "fp16"},
        {"target": "copy", "precision": "int8", "seed": 1},
        {"target": "copy", "precision": "int8", "seed": 2},
    ]


def test_axes_that_are_alone_are_not_combined_with_each_other() -> None:
    axes = [
        {"key": "seed", "values": [1, 2], "alone": True},
        {"key": "precision", "values": ["fp16", "int8"]},
        {"key": "size", "values": ["wide"], "alone": True},
    ]
    found = [{k: v for k, v in p.items() if k != "target"} for p in sweep(axis=axes).points()]
    assert found == [
        {**lone, "precision": precision}
        for lone in ({}, {"seed": 1}, {"seed": 2}, {"size": "wide"})
        for precision in ("fp16", "int8")
    ]


def test_axes_that_are_alone_need_a_grid() -> None:
    with pytest.raises(SpecError, match="axes that are alone go with mode grid"):
        sweep(mode="random", samples=3, axis=[{"key": "seed", "values": [1], "alone": True}])


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ({"range": {"start": 2, "stop": 8, "step": 3}}, (2, 5, 8)),
        ({"range": {"start": 0, "stop": 1, "count": 3}}, (0, 1)),
        ({"range": {"start": 0.0, "stop": 1.0, "count": 3}}, (0.0, 0.5, 1.0)),
        ({"range": {"start": 1, "stop": 100, "count": 3, "log": True}}, (1, 10, 100)),
        ({"values": ["a", "b", "a"]}, ("a", "b")),
    ],
)
def test_values(table: dict[str, Any], values: tuple[Any, ...]) -> None:
    assert axis_from({"key": "seed", **table}, 0).values == values


def test_random_values_lie_between_their_ends() -> None:
    table = {"key": "seed", "random": {"low": 10, "high": 1000, "count": 50, "log": True}}
    values = axis_from(table, 3).values
    assert all(isinstance(v, int) and 10 <= v <= 1000 for v in values)
    assert values == axis_from(table, 3).values != axis_from(table, 4).values


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "it has no key"),
        ({"key": "seed"}, "give one of values, range and random, not nothing"),
        ({"key": "seed", "values": []}, "a list of at least one value"),
        ({"key": "seed", "values": [[1]]}, "each value is a text, a number"),
        ({"key": "seed", "values": [1], "alone": 1}, "alone is true or false"),
        ({"key": "seed", "valuse": [1]}, "unknown entry 'valuse'"),
        ({"key": "seed", "range": {"start": 1, "stop": 3}}, "needs a step, or a count"),
        ({"key": "seed", "range": {"start": 1, "stop": 3, "step": -1}}, "never leads from 1 to 3"),
        ({"key": "seed", "range": {"start": 0, "stop": 3, "count": 3, "log": True}}, "positive ends"),
        ({"key": "seed", "random": {"low": 5, "high": 1, "count": 3}}, "low <= high"),
        ({"key": "seed", "random": {"low": 5, "high": 9}}, "needs a number 'count'"),
    ],
)
def test_axes_that_are_none(table: dict[str, Any], message: str) -> None:
    with pytest.raises(AxisError, match=message):
        axis_from(table, 0)


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'mode = "gird"\nsamlpes = 3\n[[axis]]\nkey = "precsion"\nvalues = ["fp16"]\n'
        '[[axis]]\nkey = "chip.mxm.plains"\nvalues = [1]\n[[axis]]\nkey = "seed"\n'
    )
    with pytest.raises(SpecError) as caught:
        read_sweep(path)
    text = str(caught.value)
    for part in (
        "unknown entry 'samlpes'; did you mean 'samples'?",
        "mode 'gird'",
        "there is no target",
        "unknown setting 'precsion'; did you mean 'precision'?",
        "no chip parameter 'mxm.plains'; did you mean 'mxm.planes'?",
        "axis 3: seed: give one of",
    ):
        assert part in text, part
    assert text.count(str(path)) == len(caught.value.findings) == 6


@pytest.mark.parametrize("content", ["not toml", "= 3"])
def test_a_file_that_is_no_toml(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(SpecError, match="cannot be read as a sweep file"):
        read_sweep(path)
