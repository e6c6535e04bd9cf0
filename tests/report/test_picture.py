"""Tables behind the pictures: vectors, samples, blocks, runs; and how they are packed."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.analysis import analyse
from lpu_emu.analysis.core import Analysis
from lpu_emu.program.model import Program
from lpu_emu.program.text import issue
from lpu_emu.report.picture.blocks import CONSTANT, INPUT, OUTPUT, WORKING, blocks_of, live_words, peak_words
from lpu_emu.report.picture.dispatches import instructions_of, runs_of
from lpu_emu.report.picture.document import TABLES, picture_of
from lpu_emu.report.picture.pack import pack, unpack
from lpu_emu.report.picture.table import Table
from lpu_emu.report.picture.vectors import vectors_of

from .samples import EAST_0, ROWS, again, at, product, program, tensor, vector_add


def named(table: Table) -> list[dict[str, int]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows()]


def vectors(of: Program) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    moving, samples = vectors_of(of.machine, analyse(of))
    return named(moving), named(samples)


def test_vectors_of_a_sum() -> None:
    """b leaves W4 at 18 in 1, a leaves W0 at 19 in 2; both are sampled at 20 in 3. The sum goes from 21 to 28."""
    moving, samples = vectors(vector_add())
    names = ("stream", "width", "origin", "target", "count", "spacing", "samples")
    assert [tuple(v[name] for name in names) for v in moving] == [
        (1, 1, 18, 20, ROWS, 1, 1),
        (0, 1, 19, 20, ROWS, 1, 1),
        (1, 1, 21, 28, ROWS, 1, 1),
    ]
    assert [v["slot"] + v["origin"] for v in moving] == [1, 2, 6]
    assert [(s["vector"], s["along"], s["first"], s["step"]) for s in samples] == [
        (0, 20, 0, 1),
        (1, 20, 0, 1),
        (2, 28, 0, 1),
    ]


def test_streams_of_one_operand_are_one_entry() -> None:
    """Four weight rows come from four slices: four entries. Their load is one instruction and samples all four."""
    moving, samples = vectors(product())
    assert [(v["stream"], v["width"]) for v in moving[:4]] == [(32, 1), (33, 1), (34, 1), (35, 1)]
    assert len({s["run"] for s in samples if s["vector"] < 4}) == 1


def test_a_value_that_nobody_samples_reaches_the_edge() -> None:
    sample = vector_add()
    isa, machine = sample.machine.isa, sample.machine
    lost = program(
        machine, "lost", {"mem.W0": [issue(isa, "read", address=0, to=EAST_0)]}, sample.bindings[:1]
    )
    (vector,), samples = vectors(lost)
    assert (vector["target"], vector["samples"], samples) == (machine.positions - 1, 0, [])


def test_every_sample_meets_its_vector() -> None:
    """In the cycle of a sample, the vector is where it is sampled, and it was driven when its producer says so."""
    for sample in (vector_add(), product()):
        analysis = analyse(sample)
        moving, samples = vectors_of(sample.machine, analysis)
        runs, delays = analysis.runs, analysis.flows.streams.taps.delay
        by = samples["vector"]
        here = runs.cycle(samples["run"], samples["first"])
        there = runs.cycle(moving["run"][by], moving["first"][by])
        driven = moving["slot"][by] + moving["origin"][by]
        sampled = moving["slot"][by] + samples["along"]
        assert np.all(driven - there >= 0)
        assert np.all(driven - there <= delays.max())
        assert np.all(sampled - here >= 0)
        assert np.all(samples["along"] <= moving["target"][by])


def blocks(of: Program) -> list[dict[str, int]]:
    return named(blocks_of(of, analyse(of)))


def test_blocks_of_a_sum() -> None:
    sample = vector_add(operators=True)
    slices = {q.index: q.name for q in sample.machine.queues}
    end = analyse(sample).cycles - 1
    found = [
        (slices[b["queue"]], b["words"], b["start"], b["end"], b["kind"], b["name"]) for b in blocks(sample)
    ]
    assert found == [
        ("mem.W0", ROWS, 0, 64, INPUT, 0),
        ("mem.W4", ROWS, 0, 63, INPUT, 1),
        ("mem.E0", ROWS, 14, end, OUTPUT, 0),
    ]


def test_what_is_replaced_lives_to_its_last_read() -> None:
    """Two words are written from 11 on, read in 15 and 16, replaced from 31 on, and read in 40 and 41."""
    sample = vector_add()
    machine, isa = sample.machine, sample.machine.isa
    twice = again(machine, 1)
    # A vector that is read in t leaves E0 at 28 in t + 1 and is at W0, nine positions on, in t + 10.
    queues = {
        "mem.E0": at(machine, 0, issue(isa, "read", address=0, to=32), twice, issue(isa, "nop", count=18),
                     issue(isa, "read", address=0, to=32), twice),
        "mem.W0": at(machine, 10, issue(isa, "write", data=32, address=100), twice, issue(isa, "nop", count=3),
                     issue(isa, "read", address=100, to=EAST_0), twice, issue(isa, "nop", count=13),
                     issue(isa, "write", data=32, address=100), twice, issue(isa, "nop", count=8),
                     issue(isa, "read", address=100, to=EAST_0), twice),
    }  # fmt: skip
    both = program(machine, "both", queues, [tensor("x", "input", "E0", 2, 320)])
    analysis = analyse(both)
    assert all(h.kind == "overwritten" for h in analysis.hazards), analysis.hazards
    west = machine.queue_by_name["mem.W0"].index
    spans = [(b["start"], b["end"], b["words"]) for b in blocks(both) if b["queue"] == west]
    assert spans == [(11, 16, 2), (31, 41, 2)]


def test_peak_is_that_of_counting_every_cycle() -> None:
    for sample in (vector_add(), product()):
        analysis = analyse(sample)
        table = blocks_of(sample, analysis)
        live = np.zeros(analysis.cycles, dtype=np.int64)
        for block in named(table):
            live[block["start"] : block["end"] + 1] += block["words"]
        assert peak_words(table, analysis.cycles) == (int(live.max()), int(live.argmax()))
        words, cycle = live_words(table, analysis.cycles)
        assert words.tolist() == [live[c] if c < analysis.cycles else 0 for c in cycle.tolist()]


def test_constants_and_working_values_are_told_apart() -> None:
    assert {b["kind"] for b in blocks(product())} == {INPUT}
    assert (CONSTANT, WORKING) == (0, 3)


def dispatches(analysis: Analysis, program_: Program) -> set[tuple[int, int, tuple[int, ...]]]:
    """Queue, cycle and arguments of every dispatch, from the tables of the picture."""
    rows, runs = instructions_of(program_.machine, analysis), runs_of(program_.machine, analysis)
    isa, found = program_.machine.isa, set()
    for run in named(runs):
        args = [int(rows[f"a{i}"][run["row"]]) for i in range(isa.widest)]
        operands = isa.by_opcode[int(rows["opcode"][run["row"]])].operands
        for k in range(run["count"]):
            moved = run["shift"] + k * run["stride"]
            now = tuple(a + moved * (i < len(operands) and operands[i].strided) for i, a in enumerate(args))
            found.add((run["queue"], run["start"] + k * run["interval"], now))
    return found


def test_runs_say_what_is_dispatched_when() -> None:
    """A loop in a loop in a loop: 3 x 2 x 4 reads."""
    machine = vector_add().machine
    read = issue(machine.isa, "read", address=50, to=EAST_0)
    loops = [again(machine, 2, 1, 1), again(machine, 1, 5, 10), again(machine, 3, 11, -4)]
    sample = program(machine, "nest", {"mem.W0": at(machine, 2, read, *loops)})
    queue = machine.queue_by_name["mem.W0"].index
    want = {
        (queue, 2 + i + 5 * j + 11 * k, 50 + i + 10 * j - 4 * k)
        for i in range(3)
        for j in range(2)
        for k in range(4)
    }
    column = machine.isa.instructions["read"].operand_index("address")
    found = {(q, t, args[column]) for q, t, args in dispatches(analyse(sample), sample)}
    assert found == want


@pytest.mark.parametrize("seed", range(6))
def test_packing_keeps_every_number(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, 300))
    limits = [1, 2, 255, 256, 70_000, 1 << 40]
    columns = {f"c{limit}": rng.integers(-limit, limit, rows) for limit in limits}
    columns |= {"rising": np.cumsum(rng.integers(0, 9, rows)), "same": np.full(rows, -7)}
    tables = {"some": Table(columns=columns), "none": Table(columns={"a": np.zeros(0, dtype=np.int64)})}
    header, text = pack(tables)
    back = unpack(header, text)
    assert list(back) == ["some", "none"], seed
    for name, table in tables.items():
        for column, values in table.columns.items():
            assert back[name][column].tolist() == values.tolist(), (seed, column)


def test_a_picture_has_all_tables() -> None:
    sample = product()
    picture = picture_of(sample, analyse(sample))
    assert tuple(picture.tables) == TABLES
    assert picture.facts["chip"]["positions"] == sample.machine.positions
    assert len(picture.facts["chip"]["queues"]) == len(sample.machine.queues)
