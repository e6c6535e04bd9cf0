"""The timeline against the cycle-time formulas of the field, each in the limit where it holds."""

from __future__ import annotations

import pytest

from lpu_emu.system.timeline import Task, simulate

LAYERS = 40
A, AF, F, FA = 7.0, 2.0, 5.0, 3.0


def apart(
    micro: int, *, a: float = A, af: float = AF, f: float = F, fa: float = FA, mode: str = "free"
) -> float:
    """Time of one step. Data travel as ``free`` latency, ``blocking`` the sender, or over one shared ``link``."""
    if mode == "blocking":
        layer = [Task(name="a", resource="A", busy_s=a + af), Task(name="f", resource="F", busy_s=f + fa)]
    elif mode == "link":
        layer = [
            Task(name="a", resource="A", busy_s=a),
            Task(name="af", resource="L", busy_s=af),
            Task(name="f", resource="F", busy_s=f),
            Task(name="fa", resource="L", busy_s=fa),
        ]
    else:
        layer = [
            Task(name="a", resource="A", busy_s=a, after_s=af),
            Task(name="f", resource="F", busy_s=f, after_s=fa),
        ]
    return simulate([layer * LAYERS] * micro).seconds


def test_one_micro_batch_is_the_serial_formula() -> None:
    for mode in ("free", "blocking", "link"):
        assert apart(1, mode=mode) == pytest.approx(LAYERS * (A + AF + F + FA))


def test_two_blocking_micro_batches_are_the_conservative_formula() -> None:
    cycle = max(A + AF, F + FA)
    fill = A + AF + F + FA
    assert apart(2, mode="blocking") == pytest.approx(fill + cycle * (2 * LAYERS - 1))


@pytest.mark.parametrize("a", [3.0, 7.0, 20.0])
def test_three_micro_batches_reach_the_optimistic_formula(a: float) -> None:
    cycle = max(a, F, AF + FA)
    micro = 3 if 2 + (AF + FA) / max(a, F) <= 3 else 4
    found = apart(micro, a=a, mode="link")
    fill = a + AF + F + FA
    assert cycle * micro * LAYERS <= found <= fill + cycle * (micro * LAYERS + 2 * micro)


def test_too_few_micro_batches_fall_short_of_it() -> None:
    """The formula is allowed only from 2 + (t_af + t_fa) / max(t_a, t_f) micro-batches on."""
    cycle = max(A, F, AF + FA)
    assert apart(2, af=20, fa=20) > 1.3 * cycle * 2 * LAYERS


def test_many_micro_batches_are_bound_by_the_slowest_resource() -> None:
    assert apart(12) == pytest.approx(12 * LAYERS * A, rel=0.01)


def test_first_come_first_served() -> None:
    late = [Task(name="x", resource="R", busy_s=1.0)]
    line = simulate([late, [Task(name="w", resource="", busy_s=5.0), *late], late], starts=[2.0, 0.0, 1.0])
    assert [(e.job, e.start_s) for e in line.events if e.resource] == [(2, 1.0), (0, 2.0), (1, 5.0)]
    assert line.budget(0) == {"x": 1.0, "waiting": 0.0}
    assert line.busy() == {"R": 3.0}


def test_budget_adds_up() -> None:
    line = simulate([[Task(name="a", resource="R", busy_s=2.0, after_s=1.0)] * 3] * 2)
    for job in (0, 1):
        assert sum(line.budget(job).values()) == line.job(job)[-1].done_s


def test_nothing_takes_no_time() -> None:
    assert simulate([]).seconds == 0
    assert simulate([[]]).seconds == 0
