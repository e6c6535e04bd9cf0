"""Loop nests become runs: which loop stays whole, which loops join, and what moves."""

from __future__ import annotations

from lpu_emu.analysis import analyse
from lpu_emu.analysis.runs import RunTable
from lpu_emu.program.text import Issue

from .builders import make, nop, program, repeat

READ = make("read", address=100, to=0)


def runs_of(*text: Issue, queue: str = "mem.W0") -> RunTable:
    return analyse(program({queue: list(text)})).runs


def table(runs: RunTable) -> list[tuple[int, int, int, int, int]]:
    """Return start, interval, count, address and stride of each run."""
    return [
        (
            int(runs.start[r]),
            int(runs.interval[r]),
            int(runs.count[r]),
            int(runs.args[r, 0]),
            int(runs.stride[r]),
        )
        for r in range(len(runs))
    ]


def test_one_loop_is_one_run() -> None:
    assert table(runs_of(nop(2), READ, repeat(9, 3, -2))) == [(2, 3, 10, 100, -2)]


def test_outer_loops_are_written_out() -> None:
    text = (READ, repeat(3, 1, 1), repeat(1, 10, 20))
    assert table(runs_of(*text)) == [(0, 1, 4, 100, 1), (10, 1, 4, 120, 1)]


def test_an_outer_loop_that_goes_on_as_the_inner_began_joins_it() -> None:
    assert table(runs_of(READ, repeat(3, 2, 1), repeat(4, 8, 4))) == [(0, 2, 20, 100, 1)]
    assert table(runs_of(READ, repeat(3, 2, 1), repeat(1, 8, 5))) == [(0, 2, 4, 100, 1), (8, 2, 4, 105, 1)]


def test_strides_do_not_keep_loops_apart_where_nothing_is_strided() -> None:
    assert len(runs_of(make("copy", x=0, to=0), repeat(3, 2, 7), repeat(4, 8, 1), queue="vxm.0")) == 1


def test_loops_without_iterations_vanish() -> None:
    assert table(runs_of(READ, repeat(0, 1, 1), repeat(2, 5, 1), repeat(0, 90, 9))) == [(0, 5, 3, 100, 1)]


def test_a_much_longer_outer_loop_is_the_one_that_stays_whole() -> None:
    runs = runs_of(READ, repeat(1, 1, 0), repeat(99, 3, 1))
    assert table(runs) == [(0, 3, 100, 100, 1), (1, 3, 100, 100, 1)]


def test_three_loops() -> None:
    runs = runs_of(READ, repeat(2, 1, 1), repeat(1, 4, 10), repeat(1, 20, 50))
    assert [(start, address) for start, _, _, address, _ in table(runs)] == [
        (0, 100), (4, 110), (20, 150), (24, 160),
    ]  # fmt: skip


def test_runs_know_their_place_and_what_is_switched_on() -> None:
    config = make("config", superlanes=1)
    runs = runs_of(READ, config, make("read", line=7, origin=-1, address=3, to=1))
    assert runs.index.tolist() == [0, 1, 2]
    assert runs.line.tolist() == [0, 0, 7]
    assert runs.superlanes.tolist() == [2, 2, 1]
