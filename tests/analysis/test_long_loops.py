"""Long loops cost what short ones cost: work is counted in pieces, and it does not grow with iterations."""

from __future__ import annotations

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.analysis.core import Analysis
from lpu_emu.program.model import Program

from .builders import hops_between, make, nop, program, repeat, section


def pieces(analysis: Analysis) -> int:
    """Count everything that the analysis has cut programs into."""
    flows, found = analysis.flows, analysis.producers
    tables = (found.streams.consumer, found.words, found.latches, found.products, found.rows, found.vectors)
    resolved = (flows.streams.pieces, flows.words.steps.cell, flows.banks.run, flows.weights, flows.links.run)
    return len(analysis.runs) + sum(len(table) for table in (*tables, *resolved))


def copied(count: int) -> Program:
    """Read a word again and again, double it, and store it again and again."""
    add = nop(1 + hops_between("mem.W0", "vxm.0", 0))
    store = nop(1 + hops_between("mem.W0", "vxm.0", 0) + 3 + hops_between("vxm.0", "mem.E0", 0))
    loop = repeat(count - 1, 1)
    return program(
        {
            "mem.W0": [make("read", address=3, to=0), loop],
            "vxm.0": [add, make("add", x=0, y=0, to=0), loop],
            "mem.E0": [store, make("write", data=0, address=5), loop],
        },
        data=[section("W0")],
    )


def interleaved(count: int) -> Program:
    """Write and read one word in turns, and fold into a latch, in loops of different intervals."""
    data = nop(1 + hops_between("mem.W7", "mem.W0", 0))
    alu = nop(1 + hops_between("mem.W7", "vxm.0", 0))
    return program(
        {
            "mem.W7": [make("read", address=0, to=4), repeat(4 * count - 1, 1)],
            "mem.W0": [
                data,
                make("read_write", address=9, to=5, data=4, store=200),
                repeat(count - 1, 2),
            ],
            "vxm.0": [alu, make("max", x=4, y=64, to=64), repeat(count - 1, 3)],
            "vxm.1": [nop(30), make("copy", x=5, to=5), repeat(count - 1, 2)],
        },
        data=[section("W7"), section("W0", words=10)],
    )


def multiplied(count: int) -> Program:
    """Multiply and accumulate in one row while weights are installed over and over."""
    return program(
        {
            "mxm.0.weights": [make("iw"), repeat(count // 4, 8)],
            "mxm.0.activations": [nop(3), make("abc", x=0), repeat(count - 1, 2)],
            "mxm.0.accumulate": [nop(7), make("acc", mode=1, row=2, to=127), repeat(count - 1, 2)],
            "mem.W0": [make("read", address=0, to=0), repeat(count - 1, 2)],
        }
    )


def passed_on(count: int) -> Program:
    """Send over a link and receive."""
    return program(
        {
            "mem.W0": [make("read", address=0, to=32), repeat(count - 1, 4)],
            "c2c.W.0": [
                nop(1 + hops_between("mem.W0", "c2c.W.0", 1)),
                make("send", data=32, link=0),
                repeat(count - 1, 4),
            ],
            "c2c.E.0": [nop(40), make("receive", link=1, to=33), repeat(count - 1, 4)],
        },
        data=[section("W0")],
        wires=[("W0", "E1")],
    )


@pytest.mark.parametrize("build", [copied, interleaved, multiplied, passed_on])
def test_pieces_do_not_grow_with_iterations(build: object) -> None:
    assert callable(build)
    short, long = analyse(build(600)), analyse(build(60_000))
    assert pieces(long) == pieces(short) < 200
    assert {h.kind for h in long.hazards} == {h.kind for h in short.hazards}


def test_a_long_loop_without_hazards_is_long_and_without_hazards() -> None:
    found = analyse(copied(60_000))
    assert found.hazards == ()
    assert found.cycles > 60_000
    assert found.accounts.queues[0].busy_cycles == 60_000


def test_every_iteration_is_counted() -> None:
    found = analyse(interleaved(60_000))
    counts = {h.kind: h.count for h in found.hazards}
    assert counts["latch_unset"] == 1
    never_driven = program({"vxm.0": [make("copy", x=0), repeat(59_999, 7)]})
    (hazard,) = analyse(never_driven).hazards
    assert (hazard.kind, hazard.cycle, hazard.count) == ("undriven", 0, 60_000)
