"""Hazards of SRAM: banks and words."""

from __future__ import annotations

import numpy as np

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding
from lpu_emu.reference import executor

from .builders import Bench, Bytes, at, hazard, hazards_of, make, nop, program, repeat, run, site
from .chips import TINY, changed_machine

WORDS = np.zeros((128, 8), np.uint8)
FULL: dict[tuple[str, int], Bytes] = {("W0", 0): WORDS, ("W0", 128): WORDS, ("W4", 0): WORDS}
FEED = [make("read", address=0, to="e0"), repeat(9)]


def test_a_read_and_a_write_meet_in_one_bank() -> None:
    queues = {
        "mem.W4": FEED,
        "mem.W0": at(3, make("write", data="e0", address=130), make("read", address=200, to="e1")),
    }
    assert hazards_of(program(TINY, queues, data=FULL)) == [
        hazard("bank_conflict", "bank W0.1", 4, site("mem.W0", 1, 3), site("mem.W0", 2, 4))
    ]


def test_a_read_and_a_write_in_opposite_banks_are_legal() -> None:
    queues = {
        "mem.W4": FEED,
        "mem.W0": at(3, make("write", data="e0", address=5), make("read", address=200, to="e1")),
    }
    assert hazards_of(program(TINY, queues, data=FULL)) == []


def test_read_write_in_one_bank_clashes_with_its_own_next_iteration() -> None:
    item = make("read_write", address=0, to="e1", data="e0", store=64)
    queues = {"mem.W4": FEED, "mem.W0": at(3, item, repeat(4, 1, 1))}
    assert hazards_of(program(TINY, queues, data=FULL)) == [
        hazard("bank_conflict", "bank W0.0", 4, site("mem.W0", 1, 3), site("mem.W0", 1, 4), count=4)
    ]


def test_a_read_write_whose_accesses_coincide_clashes_with_itself() -> None:
    machine = changed_machine({"timing.read_write.access_store": 0})
    item = make("read_write", address=0, to="e1", data="e0", store=64)
    queues = {"mem.W4": FEED, "mem.W0": at(3, item)}
    assert hazards_of(program(machine, queues, data=FULL)) == [
        hazard("bank_conflict", "bank W0.0", 3, site("mem.W0", 1, 3), site("mem.W0", 1, 3))
    ]


def test_of_three_accesses_each_clashes_with_the_next() -> None:
    machine = changed_machine({"timing.write.access": 2, "timing.gather.access": 1})
    gather = make("gather", map="e0", base=0, limit=1, to="e2")
    text = at(3, make("write", data="e0", address=9), gather, make("read", address=7, to="e1"))
    assert hazards_of(program(machine, {"mem.W4": FEED, "mem.W0": text}, data=FULL)) == [
        hazard("bank_conflict", "bank W0.0", 5, site("mem.W0", 1, 3), site("mem.W0", 2, 4)),
        hazard("bank_conflict", "bank W0.0", 5, site("mem.W0", 2, 4), site("mem.W0", 3, 5)),
    ]


def test_a_gather_uses_every_bank_of_its_region() -> None:
    text = at(3, make("gather", map="e0", base=0, limit=128, to="e2"), make("read", address=255, to="e1"))
    assert hazards_of(program(TINY, {"mem.W4": FEED, "mem.W0": text}, data=FULL)) == [
        hazard("bank_conflict", "bank W0.1", 4, site("mem.W0", 1, 3), site("mem.W0", 2, 4))
    ]
    two = at(
        3,
        make("scatter", map="e0", data="e0", base=127, limit=128),
        make("gather", map="e0", base=0, limit=128, to="e2"),
    )
    machine = changed_machine({"timing.scatter.access": 2})
    data = {**FULL, ("W4", 0): np.tile([127, 0, 0, 0], (1, 2)).astype(np.uint8)}
    feed = [make("read", address=0, to="e0"), repeat(9)]
    assert hazards_of(program(machine, {"mem.W4": feed, "mem.W0": two}, data=data)) == [
        hazard("bank_conflict", "bank W0.0", 5, site("mem.W0", 1, 3), site("mem.W0", 2, 4), count=2)
    ]


def test_a_word_that_was_never_written() -> None:
    queues = {"mem.W3": [nop(2), make("read", address=0x7A, to="e0"), repeat(2, 3, 1)]}
    made = program(TINY, queues, data={("W3", 0x7B): WORDS[:1]})
    assert hazards_of(made) == [hazard("unwritten_read", "word W3:0x07a", 2, site("mem.W3", 1, 2), count=2)]


def test_unwritten_words_read_as_zero() -> None:
    queues = {
        "mem.W4": [make("read", address=9, to="e0")],
        "mem.W0": at(2, make("write", data="e0", address=0)),
    }
    data = {("W0", 0): WORDS[:1] + 1}
    result = executor.run(program(TINY, queues, data=data), {}, strict=False)
    assert result.memory["W0"][0].tolist() == [0] * 8


def test_a_write_is_seen_from_the_next_cycle_on() -> None:
    """The access of a write is one cycle late: a read in that cycle clashes and finds nothing yet."""
    for gap, kinds in ((1, ["bank_conflict", "unwritten_read"]), (2, [])):
        texts = {0: make("write", data="e0", address=3), gap: make("read", address=3, to="e1")}
        text = at(2, texts[0], *([nop(gap - 1)] if gap > 1 else []), texts[gap])
        made = program(TINY, {"mem.W4": FEED, "mem.W1": text}, data=FULL)
        assert [h.kind for h in hazards_of(made)] == kinds


def test_gather_and_scatter_need_their_whole_region() -> None:
    gather = make("gather", map="e0", base=9, limit=140, to="e2")
    scatter = make("scatter", map="e0", data="e0", base=12, limit=14)
    data = {("W4", 0): np.tile([12, 0, 0, 0], (1, 2)).astype(np.uint8), ("W0", 9): WORDS[:3]}
    queues = {"mem.W4": FEED, "mem.W0": at(3, scatter, nop(2), gather)}
    assert hazards_of(program(TINY, queues, data={**data, ("W4", 1): WORDS[:9]})) == [
        hazard("unwritten_read", "word W0:0x00c", 4, site("mem.W0", 1, 3)),
        hazard("unwritten_read", "word W0:0x00c", 7, site("mem.W0", 3, 6)),
    ]


def test_scatter_writes_no_word_for_later_reads() -> None:
    bench = Bench(TINY)
    item = make("scatter", map="e0", data="e1", base=60, limit=60)
    map_ = np.tile([60, 0, 0, 0], 2).astype(np.uint8)
    bench.apply("mem.E6", 30, item, map=map_, data=WORDS[0] + 7)
    bench.do("mem.E6", 40, make("read", address=60, to="e1"))
    made = bench.program()
    assert hazards_of(made) == [
        hazard("unwritten_read", "word E6:0x03c", 31, site("mem.E6", 1, 30)),
        hazard("unwritten_read", "word E6:0x03c", 40, site("mem.E6", 3, 40)),
    ]


def vector(name: str, kind: str, slice_name: str, address: int, rows: int, step: int = 1) -> Binding:
    """Return a binding of bytes [rows, 8]."""
    piece = Piece(block=0, byte_plane=0, first_row=0, rows=rows, slice=slice_name, address=address, step=step)
    layout = TensorLayout(shape=(rows, 8), element_bytes=1, pieces=(piece,))
    return Binding(name=name, kind=kind, dtype="uint8", layout=layout)


def test_words_of_an_output_that_nobody_writes() -> None:
    bindings = [
        vector("y", "output", "W0", 0, 4, step=2),
        vector("z", "output", "W1", 5, 2),
        vector("x", "input", "W1", 5, 2),
    ]
    queues = {"mem.W4": FEED, "mem.W0": at(3, make("write", data="e0", address=2))}
    made = program(TINY, queues, data={("W4", 0): WORDS, ("W0", 6): WORDS[:1]}, bindings=bindings)
    result = run(made, strict=False, x=np.ones((2, 8), np.uint8))
    assert list(result.hazards) == [hazard("unwritten_output", "output y", result.cycles, count=2)]
    assert result.outputs["y"].tolist() == [[0] * 8] * 4
    assert result.outputs["z"].tolist() == [[1] * 8] * 2
