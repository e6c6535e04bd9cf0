"""Superlanes that are off: they drive zero and change no state; what is sampled stays the same."""

from __future__ import annotations

import numpy as np

from lpu_emu.reference.numerics.dtypes import from_bytes
from lpu_emu.spec.machine import IMMEDIATE, LATCH

from .builders import Bench, at, hazards_of, make, program, repeat, run
from .chips import TINY
from .test_semantics_mxm import PlaneBench

WORD = np.arange(1, 9, dtype=np.uint8)
LOW = make("config", superlanes=1)
ALL = make("config", superlanes=2)


def test_driven_streams_are_zero() -> None:
    bench = Bench(TINY)
    bench.do("vxm.0", 20, LOW)
    bench.apply("vxm.0", 30, make("copy", dtype="uint8", x="e0", to="e1"), x=WORD)
    assert bench.run()["to"].tolist() == [[1, 2, 3, 4, 0, 0, 0, 0]]


def test_it_holds_from_the_next_instruction_of_its_own_queue_on() -> None:
    read = make("read", address=0, to="e0")
    queues = {
        "mem.W4": [read, LOW, read, ALL, read],
        "mem.W5": at(1, make("write", data="e0", address=0), repeat(2, interval=2, stride=1)),
    }
    result = run(program(TINY, queues, data={("W4", 0): WORD}))
    assert result.hazards == ()
    assert result.memory["W5"][:3].tolist() == [WORD.tolist(), [1, 2, 3, 4, 0, 0, 0, 0], WORD.tolist()]


def test_memory_keeps_what_it_has() -> None:
    bench = Bench(TINY)
    bench.data["E3", 90] = np.full(8, 99, np.uint8)
    bench.do("mem.E3", 20, LOW)
    bench.apply("mem.E3", 30, make("write", data="e0", address=90), data=WORD)
    assert run(bench.program()).memory["E3"][90].tolist() == [1, 2, 3, 4, 99, 99, 99, 99]


def test_a_word_counts_as_written_even_with_all_superlanes_off() -> None:
    queues = {
        "mem.W0": at(0, make("read", address=0, to="e0")),
        "mem.W1": at(0, make("config", superlanes=0), make("write", data="e0", address=0))
        + at(2, make("read", address=0, to="e0")),
    }
    assert hazards_of(program(TINY, queues, data={("W0", 0): WORD})) == []


def test_the_latch_keeps_what_it_has() -> None:
    bench = Bench(TINY)
    bench.do("vxm.1", 10, make("copy", dtype="int16", x=IMMEDIATE, immediate=0x0707, to=LATCH))
    bench.do("vxm.1", 20, LOW)
    bench.do("vxm.1", 21, make("copy", dtype="int16", x=IMMEDIATE, immediate=0x0202, to=LATCH))
    bench.do("vxm.1", 22, ALL)
    bench.apply("vxm.1", 30, make("copy", dtype="int16", x=LATCH, to="e2"))
    assert bench.run()["to"].tolist() == [[2, 2, 2, 2, 7, 7, 7, 7]] * 2


def test_a_load_leaves_the_lanes_that_are_off() -> None:
    """The lanes of a weight row are those of the activation, whatever the row."""
    bench = PlaneBench(TINY)
    ones = np.ones((8, 8), np.uint8)
    bench.install(bench.load(30, ones, 0), 0)
    bench.do("mxm.0.weights", 50, LOW)
    landed = bench.load(51, 3 * ones, 0)
    bench.do("mxm.0.weights", landed, ALL)
    usable = bench.install(landed + 1, 0)
    x = 10 ** (np.arange(8) // 4).astype(np.uint8)
    bench.accumulate(bench.multiply(usable, x, "uint8"), 0, out=True)
    # The lanes that were off still have zeros in the buffer.
    assert from_bytes(bench.run()["to"], "int32").tolist() == [4 * 3] * 8


def test_an_install_moves_only_the_lanes_that_are_on() -> None:
    bench = PlaneBench(TINY)
    ones = np.ones((8, 8), np.uint8)
    bench.install(bench.load(30, ones, 0), 0)
    landed = bench.load(50, 3 * ones, 0)
    bench.do("mxm.0.weights", landed, LOW)
    usable = bench.install(landed + 1, 0)
    bench.do("mxm.0.weights", usable + 5, ALL)
    last = bench.install(usable + 6, 0)
    x = 10 ** (np.arange(8) // 4).astype(np.uint8)
    bench.accumulate(bench.multiply(usable, x, "uint8"), 0, out=True)
    bench.accumulate(bench.multiply(last, x, "uint8"), 1, out=True)
    first, second = bench.run()["to"].reshape(2, 4, 8)
    assert from_bytes(first, "int32").tolist() == [4 * 3 * 1 + 4 * 1 * 10] * 8
    # The upper lanes of the buffer were left for the second install; the lower ones had become zero.
    assert from_bytes(second, "int32").tolist() == [4 * 3 * 10] * 8


def test_products_are_zero_and_all_activations_count() -> None:
    bench = PlaneBench(TINY)
    usable = bench.install(bench.load(30, np.ones((8, 8), np.uint8), 0), 0)
    bench.do("mxm.0.activations", 20, LOW)
    bench.accumulate(bench.multiply(usable, WORD, "int8"), 0, out=True)
    assert from_bytes(bench.run()["to"], "int32").tolist() == [36] * 4 + [0] * 4


def test_accumulator_rows_keep_what_they_have() -> None:
    bench = PlaneBench(TINY)
    usable = bench.install(bench.load(30, np.eye(8, dtype=np.uint8), 0), 0)
    first = bench.multiply(usable, WORD, "int8")
    bench.accumulate(first, 0)
    bench.do("mxm.0.accumulate", first + 1, LOW)
    bench.accumulate(bench.multiply(usable + 2, WORD, "int8"), 0, "add", out=True)
    bench.do("mxm.0.accumulate", first + 3, ALL)
    bench.apply("mxm.0.accumulate", first + 4, make("acc_read", row=0, to="e8"))
    both = bench.run()["to"].reshape(2, 4, 8)
    assert from_bytes(both[0], "int32").tolist() == [2, 4, 6, 8, 0, 0, 0, 0]
    assert from_bytes(both[1], "int32").tolist() == [2, 4, 6, 8, 5, 6, 7, 8]


def test_sent_vectors_are_zero() -> None:
    bench = Bench(TINY)
    bench.do("c2c.W.0", 20, LOW)
    bench.apply("c2c.W.0", 30, make("send", data="w0", link=0), data=WORD)
    assert run(bench.program()).sent["W0"].tolist() == [[1, 2, 3, 4, 0, 0, 0, 0]]
