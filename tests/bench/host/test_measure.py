"""Timing in turns, waiting for others, and straight lines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lpu_emu.bench.host import measure
from lpu_emu.bench.host.load import Load
from lpu_emu.bench.host.measure import Turns, best, in_turns, line, wait_for_quiet


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "REST_S", 0.0)
    monkeypatch.setattr(measure, "_LOOK_S", 0.001)
    monkeypatch.setattr(measure, "BLOCK_S", 0.0)


def others(monkeypatch: pytest.MonkeyPatch, shares: Iterator[float | None]) -> None:
    monkeypatch.setattr(Load, "others", lambda _self: next(shares))


def test_each_function_is_called_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    others(monkeypatch, iter([0.0, 0.0]))
    called: list[str] = []
    turns = in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, turns=2, calls=2)
    assert "".join(called) == "ab" + "aabb" + "aabb"
    assert [len(turns.seconds[name]) for name in "ab"] == [4, 4]
    assert turns.best("a") <= turns.middle("a")
    assert turns.others == 0.0


def test_disturbed_turns_are_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    others(monkeypatch, iter([0.9, 0.01, 0.5, 0.02]))
    called: list[int] = []
    turns = in_turns({"a": lambda: called.append(0)}, turns=2, calls=1)
    assert len(called) == 1 + 4
    assert (len(turns.seconds["a"]), turns.others) == (2, 0.02)


def test_the_least_disturbed_turns_count_when_none_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    others(monkeypatch, iter([0.9, 0.7, 0.8, 0.6]))
    turns = in_turns({"a": lambda: None}, turns=2, calls=1)
    assert turns.others == 0.7


def test_a_system_that_says_nothing_is_taken_as_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    others(monkeypatch, iter([None, None]))
    turns = in_turns({"a": lambda: None}, turns=2, calls=1)
    assert turns.others is None


def test_waiting_ends_when_others_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([0.9, 0.9, 0.0])
    others(monkeypatch, looks)
    assert wait_for_quiet(60.0) > 0
    assert next(looks, None) is None
    assert wait_for_quiet(-1.0) < 60


def test_load_over_stretches_is_a_share() -> None:
    load = Load()
    for _ in range(2):
        with load.stretch():
            sum(range(1000))
    share = load.others()
    assert share is None or share >= 0


def test_short_functions_are_called_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    others(monkeypatch, iter([0.0]))
    monkeypatch.setattr(measure, "BLOCK_S", 60.0)
    assert len(in_turns({"a": lambda: None}, turns=1).seconds["a"]) == 12


def test_best_is_the_fastest() -> None:
    called: list[int] = []
    assert best(lambda: called.append(1), calls=3) >= 0
    assert len(called) == 3


def test_line_through_points_on_a_line() -> None:
    slope, base, deviation = line([1, 2, 4, 8], [3.0, 5.0, 9.0, 17.0])
    assert (round(slope, 9), round(base, 9), round(deviation, 9)) == (2, 1, 0)


def test_line_says_how_far_the_worst_point_is() -> None:
    deviation = line([1, 2, 4, 8], [1.0, 2.0, 4.0, 16.0])[2]
    assert 0.1 < deviation < 1


def test_turns_know_best_and_middle() -> None:
    turns = Turns(seconds={"a": [3.0, 1.0, 2.0]}, others=None)
    assert (turns.best("a"), turns.middle("a")) == (1.0, 2.0)
