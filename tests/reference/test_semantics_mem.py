"""Values of the MEM instructions."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.errors import FaultError
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine

from .builders import ISA, Bench, Bytes, at, make, program, repeat, run
from .chips import BOTH, BOTH_NAMES, TINY

WORD = np.arange(8, dtype=np.uint8) + 1


def address_map(*addresses: int) -> Bytes:
    """Return a map vector of the tiny chip: an address per superlane, noise in the other lanes."""
    lanes = [[a & 255, a >> 8, 77, 99] for a in addresses]
    return np.array(lanes, dtype=np.uint8).reshape(-1)


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_read_and_write(machine: Machine) -> None:
    bench = Bench(machine)
    bench.data["W0", 200] = WORD
    bench.apply("mem.W0", 30, make("read", address=200, to="w3"))
    assert bench.run()["to"].tolist() == [WORD.tolist()]


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_read_write_serves_both_banks(machine: Machine) -> None:
    bench = Bench(machine)
    bench.data["E7", 5] = WORD
    bench.apply("mem.E7", 30, make("read_write", address=5, to="w3", data="e2", store=130), data=WORD * 2)
    made = bench.program()
    result = run(made)
    assert result.hazards == ()
    assert result.memory["E7"][130].tolist() == (WORD * 2).tolist()
    assert bench.stored(result, "to").tolist() == [WORD.tolist()]


def test_written_words_can_be_read_from_the_next_cycle_on() -> None:
    access = TINY.timing(ISA["write"])["access"]
    bench = Bench(TINY)
    bench.apply("mem.W0", 20, make("write", data="w0", address=9), data=WORD)
    bench.apply("mem.W0", 20 + access + 1, make("read", address=9, to="w3"))
    assert bench.run()["to"].tolist() == [WORD.tolist()]


@pytest.mark.parametrize("stride", [2, -3])
def test_addresses_advance_by_stride(stride: int) -> None:
    words = np.arange(64, dtype=np.uint8).reshape(8, 8)
    queues = {
        "mem.W4": at(0, make("read", address=20, to="e0"), repeat(2, stride=stride)),
        "mem.W0": at(2, make("write", data="e0", address=130), repeat(2, stride=5)),
    }
    data = {("W4", 20 + i * stride): words[i] for i in range(3)}
    result = run(program(TINY, queues, data=data))
    assert result.hazards == ()
    assert result.memory["W0"][[130, 135, 140]].tolist() == words[:3].tolist()


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_gather_takes_an_address_per_superlane(machine: Machine) -> None:
    bench = Bench(machine)
    words = np.arange(24, dtype=np.uint8).reshape(3, 8)
    for i in range(3):
        bench.data["E6", 127 + i] = words[i]
    item = make("gather", map="e1", base=127, limit=129, to="e2")
    bench.apply("mem.E6", 30, item, map=address_map(129, 128))
    assert bench.run()["to"].tolist() == [[*words[2, :4], *words[1, 4:]]]


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_scatter_takes_an_address_per_superlane(machine: Machine) -> None:
    bench = Bench(machine)
    for i in range(3):
        bench.data["W6", 10 + i] = np.zeros(8, np.uint8)
    item = make("scatter", map="w1", data="w2", base=10, limit=12)
    bench.apply("mem.W6", 30, item, map=address_map(12, 10), data=WORD)
    result = run(bench.program())
    assert result.hazards == ()
    assert result.memory["W6"][10:13].tolist() == [[0] * 4 + [5, 6, 7, 8], [0] * 8, [1, 2, 3, 4] + [0] * 4]


def faulty(mnemonic: str, superlanes: int) -> Program:
    """Return a program whose map has an address outside in superlane 1."""
    bench = Bench(TINY)
    operands = {"gather": {"to": "e2"}, "scatter": {"data": "e2"}}[mnemonic]
    item = make(mnemonic, map="e1", base=10, limit=12, **operands)
    words = {"map": address_map(12, 13), "data": WORD}
    bench.do("mem.E0", 29, make("config", superlanes=superlanes))
    bench.apply(
        "mem.E0", 30, item, **{name: words[name] for name in words if name in item.instruction.layout.index}
    )
    for i in range(3):
        bench.data["E0", 10 + i] = WORD * i
    return bench.program()


@pytest.mark.parametrize("mnemonic", ["gather", "scatter"])
def test_an_address_outside_the_region_is_a_fault(mnemonic: str) -> None:
    with pytest.raises(FaultError) as failure:
        run(faulty(mnemonic, 2))
    assert str(failure.value) == (
        f"program 'test': mem.E0[2]: {mnemonic} dispatched in cycle 30: "
        "superlane 1: address 0x00d is outside 0x00a..0x00c"
    )


@pytest.mark.parametrize("mnemonic", ["gather", "scatter"])
def test_a_superlane_that_is_off_does_not_check_its_address(mnemonic: str) -> None:
    result = run(faulty(mnemonic, 1))
    assert result.hazards == ()
    kept = result.memory["E0"][10:13]
    expected = np.stack([WORD * i for i in range(3)])
    if mnemonic == "scatter":
        expected[2, :4] = WORD[:4]
    assert kept.tolist() == expected.tolist()
