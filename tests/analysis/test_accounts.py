"""Accounts of small programs, by hand."""

from __future__ import annotations

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.analysis.accounts import OperatorAccount, QueueAccount, TextAccount
from lpu_emu.analysis.usage import SliceAccount
from lpu_emu.program.model import Operator

from .builders import TINY, make, nop, program, repeat, section


def test_queues_units_and_text() -> None:
    text = [nop(2), make("read", address=0, to=0), repeat(4, 2, 1), make("config", superlanes=1)]
    found = analyse(program({"mem.W0": text, "mem.W1": [nop(5)]}, data=[section("W0")]))
    cycles = found.cycles
    assert cycles == 2 + 9 + 1 + TINY.chip.superlanes
    assert found.accounts.queues == (
        QueueAccount(name="mem.W0", busy_cycles=6, utilization=6 / cycles, text_bytes=4 + 4 + 8 + 16),
        QueueAccount(name="mem.W1", busy_cycles=0, utilization=0.0, text_bytes=4),
    )
    units = found.accounts.units
    assert list(units) == list(TINY.isa.units)
    assert (units["mem"].dispatches, units["mem"].busy_cycles) == (5, 5)
    assert units["mem"].utilization == pytest.approx(5 / (16 * cycles))
    assert (units["icu"].dispatches, units["icu"].busy_cycles) == (1, 1)
    assert found.accounts.text == TextAccount(
        total_bytes=36, peak_bytes_per_cycle=16, bytes_per_cycle=36 / cycles
    )


def test_a_queue_takes_up_text_when_it_reaches_it_and_repeats_ride_along() -> None:
    queues = {
        "mem.W0": [make("read", address=0, to=0), repeat(4, 2, 1), nop(3)],
        "mem.W1": [make("read", address=0, to=1), make("read", address=0, to=2)],
        "vxm.0": [make("sync"), make("copy", x=0, to=0)],
    }
    assert analyse(program(queues)).accounts.text.peak_bytes_per_cycle == 12 + 4 + 4


def test_memory_counts_words_once_and_gathers_once() -> None:
    queues = {
        "mem.W0": [
            make("read", address=10, to=0),
            repeat(9),
            nop(1),
            make("gather", map=0, base=120, limit=140, to=1),
        ],
        "mem.E1": [make("write", address=3, data=0), repeat(2, 1, 1)],
    }
    memory = analyse(program(queues, data=[section("W0", words=5)])).accounts.memory
    assert memory.slices == (
        SliceAccount(name="W0", reads=11, writes=0, words=5 + 1 + 21),
        SliceAccount(name="E1", reads=0, writes=3, words=3),
    )
    assert (memory.reads, memory.writes, memory.words) == (11, 3, 30)
    assert memory.moved_bytes == 14 * 8
    assert memory.peak_bytes_per_cycle == 2 * 8


def test_operators_own_their_instructions() -> None:
    operators = (Operator(name="a", op_type="Copy"), Operator(name="b", op_type="None"))
    read = make("read", address=0, to=0, origin=0)
    queues = {
        "mem.W0": [nop(4), read, repeat(2, 5)],
        "vxm.0": [nop(3), make("copy", x=0, to=0, origin=0), make("copy", x=0)],
    }
    found = analyse(program(queues, operators=operators, data=[section("W0")])).accounts.operators
    func = TINY.timing(TINY.isa["read"])["func"]
    assert found == (
        OperatorAccount(
            name="a", op_type="Copy", start=3, end=4 + 10 + func + 1, dispatches={"mem": 3, "vxm": 1}
        ),
        OperatorAccount(name="b", op_type="None", start=0, end=0, dispatches={}),
    )


def test_an_empty_program_has_accounts() -> None:
    accounts = analyse(program({})).accounts
    assert (accounts.cycles, accounts.queues, accounts.memory.slices) == (0, (), ())
    assert all(unit.utilization == 0 for unit in accounts.units.values())
