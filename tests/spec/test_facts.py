"""What was published about the chips, beside what the chip files give."""

from __future__ import annotations

import pytest

from lpu_emu.spec.chip_lint import TAGS
from lpu_emu.spec.isa import Isa, load_isa
from lpu_emu.spec.machine import EAST, WEST, Machine, load_machine
from lpu_emu.spec.peaks import peaks
from lpu_emu.timing import consumer_dispatch, hops, stream_hops

from .tables import CHIPS


@pytest.fixture
def tsp1() -> Machine:
    return load_machine("tsp1")


@pytest.fixture
def lp30() -> Machine:
    return load_machine("lp30")


def figures(machine: Machine) -> dict[str, int | float]:
    return {peak.key: peak.value for peak in peaks(machine)}


def test_queues(tsp1: Machine) -> None:
    """S20: 144 queues; MPR: 44 MEM, 6 MXM and 14 SXM and C2C in each hemisphere, 16 VXM."""
    found = figures(tsp1)
    assert found["queues.all"] == len(tsp1.queues) == 144
    assert (found["queues.mem"], found["queues.vxm"], found["queues.mxm"]) == (88, 16, 12)
    assert (found["queues.sxm"], found["queues.c2c"]) == (20, 8)  # together 28; the split is ours


def test_memory(tsp1: Machine) -> None:
    """S20: 220 MiB, 56,320 bytes per cycle (its 55 TiB/s at 1 GHz)."""
    found = figures(tsp1)
    assert found["sram.size"] == 220 * 2**20
    assert found["sram.bandwidth"] == 56_320 == 55 * 1024
    assert tsp1.chip.words == 2**13  # 13 address bits
    assert tsp1.chip.words * tsp1.chip.lanes == 2.5 * 2**20


def test_streams_and_text(tsp1: Machine) -> None:
    """S20: 20,480 bytes per cycle through one cut, 2,304 bytes per cycle of instructions."""
    found = figures(tsp1)
    assert found["streams.bandwidth"] == 20_480 == 20 * 1024
    assert found["text.fetch"] == 2_304 == 144 * 16
    assert tsp1.chip.lanes == 320
    assert tsp1.chip["icu.fetch_bytes"] == 2 * tsp1.chip.lanes


def test_matrix_rates(tsp1: Machine) -> None:
    """S20: 820 TOPS int8 and 205 TFLOPS fp16 at 1 GHz; brief: 750 and 188 at 900 MHz, which round up."""
    found = figures(tsp1)
    assert found["mxm.weights"] == 409_600
    assert found["mxm.macs.int8"] == found["mxm.macs.uint8"] == 409_600
    assert found["mxm.macs.fp16"] == 102_400
    assert 2 * found["mxm.macs.int8"] * 1e9 == 819.2e12
    assert 2 * found["mxm.macs.fp16"] * 1e9 == 204.8e12
    assert found["mxm.rate.int8"] == 737.28e12
    assert found["mxm.rate.fp16"] == 184.32e12
    assert found["mxm.load"] == 20  # MO: 320 rows over 16 streams


def test_vector_units(tsp1: Machine) -> None:
    """S20: 16 ALUs per lane, 5,120 in all."""
    assert figures(tsp1)["vxm.alus"] == 5_120


def test_links(tsp1: Machine) -> None:
    """S20: 16 links. S22: 100 Gb/s each way, 328 bytes for a vector: 400 GB/s raw, 390 GB/s payload."""
    found = figures(tsp1)
    assert found["c2c.all_links"] == 16
    raw = 2 * 16 * 100e9 / 8
    assert raw == 400e9
    # Whole cycles per vector (24 for 23.6) cost another 1.6 %.
    assert found["c2c.rate"] == 384e9
    assert 384e9 / (raw * 320 / 328) == pytest.approx(0.984, abs=0.001)
    assert pytest.approx(23.6, abs=0.02) == 328 * 8 / 100e9 * 900e6


def test_lp30(lp30: Machine) -> None:
    """NV-LPX: 1.2 PFLOPS FP8 (315 for 256 chips), 500 MB, 150 TB/s, 96 links, 2.5 TB/s of links."""
    found = figures(lp30)
    assert found["mxm.rate.fp8"] == 1.2288e15
    assert round(256 * found["mxm.rate.fp8"] / 1e15) == 315
    assert found["sram.size"] == 499_712_000
    assert found["sram.size"] == pytest.approx(500e6, rel=0.001)
    assert found["sram.rate"] == 153.6e12 == pytest.approx(150e12, rel=0.025)
    assert found["c2c.all_links"] == 96
    # Payload of 96 lanes at 100 Gb/s both ways in whole cycles; the published 2.5 is a line rate.
    assert found["c2c.rate"] == 2.304e12 == pytest.approx(2.5e12, rel=0.08)
    assert lp30.chip["c2c.latency_cycles"] / lp30.chip.clock_hz == 350e-9  # HC26-LPU
    assert lp30.chip.lanes == 320


def test_distances(tsp1: Machine) -> None:
    """MO: 11 MEM hops per hemisphere, MEM to SXM 4 and to MXM 9, 8 VXM stages."""
    assert len({tsp1.x_mem("W", n) for n in range(44)}) == 11
    assert tsp1.x_mem("W", 43) - tsp1.x_sxm("W") == 4
    assert tsp1.x_mem("W", 43) - tsp1.x_mxm("W") == 9
    assert tsp1.x_vxm(7) - tsp1.x_vxm(0) + 1 == 8
    assert tsp1.positions == 48  # D20 speaks of 45 stream-register columns


def test_from_slice_14_to_slice_41(tsp1: Machine) -> None:
    """MO: 8. Its own rule, 41 // 4 - 14 // 4, gives 7, as does ours; with the cycle of the read that is 8."""
    distance = stream_hops(tsp1, tsp1.queue_by_name["mem.W14"], tsp1.queue_by_name["mem.W41"], WEST)
    assert distance == 41 // 4 - 14 // 4 == 7
    assert tsp1.timing(tsp1.isa["read"])["func"] + distance == 8


def test_from_memory_to_an_alu(tsp1: Machine) -> None:
    """MO: 5 cycles. Ours depends on the column: 2, 4, 6, 8, on average 5."""
    read = tsp1.timing(tsp1.isa["read"])["func"]
    innermost = tsp1.queue_by_name["mem.W0"]
    found = [read + stream_hops(tsp1, innermost, tsp1.queue_by_name[f"vxm.{a}"], EAST) for a in range(4)]
    assert found == [2, 4, 6, 8]
    assert sum(found) / 4 == 5


def test_from_memory_through_a_plane_to_an_alu(tsp1: Machine) -> None:
    """MO: 76 cycles in all, from MEM to the ALU. Ours: 77 from the outermost slice to the first column."""
    isa, names = tsp1.isa, tsp1.queue_by_name
    read, activate, accumulate = isa["read"], isa["abc"], isa["acc"]
    sample = tsp1.timing(read)["func"] + stream_hops(tsp1, names["mem.W43"], names["mxm.0.activations"], WEST)
    arrival = sample - tsp1.timing(activate)["skew"] + tsp1.timing(activate)["product"]
    result = arrival - tsp1.timing(accumulate)["skew"] + tsp1.timing(accumulate)["func"]
    entry = result + stream_hops(tsp1, names["mxm.0.accumulate"], names["vxm.0"], EAST)
    assert (sample, arrival, result, entry) == (10, 23, 57, 77)


def test_weights_of_the_whole_chip_in_under_40_cycles(tsp1: Machine) -> None:
    """S20: all 409,600 weights in under 40 cycles, read and transit included. Ours: 39."""
    isa, names = tsp1.isa, tsp1.queue_by_name
    read, load = tsp1.timing(isa["read"]), tsp1.timing(isa["lw"])
    slices = range(
        44 - 2 * tsp1.chip.weight_streams, 44
    )  # one for each stream of both planes of a hemisphere
    transit = [stream_hops(tsp1, names[f"mem.W{n}"], names["mxm.0.weights"], WEST) for n in slices]
    first = max(consumer_dispatch(0, read["func"], distance, load["skew"]) for distance in transit)
    last = first + tsp1.chip.row_groups - 1
    assert (first, last) == (17, 36)
    assert last + load["land"] == 39


def test_permute_from_memory_to_memory(tsp1: Machine) -> None:
    """MO: 80 cycles for a small permute from end to end. Ours: 69 near the SXM, 89 from the innermost."""
    read, permute = tsp1.timing(tsp1.isa["read"]), tsp1.timing(tsp1.isa["permute"])
    near, far = (hops(tsp1.x_mem("W", n), tsp1.x_sxm("W"), WEST) for n in (43, 0))
    assert (near, far) == (4, 14)
    assert [read["func"] + d + permute["func"] + d for d in (near, far)] == [69, 89]


@pytest.mark.parametrize("name", CHIPS)
def test_peaks_rest_on_facts_that_exist(name: str) -> None:
    machine = load_machine(name)
    for peak in peaks(machine):
        assert set(peak.facts) <= set(machine.chip.facts)
        assert TAGS.index(peak.rests_on) == max(TAGS.index(machine.chip.facts[f].tag) for f in peak.facts)


@pytest.mark.parametrize("name", CHIPS)
def test_sources_are_named_and_used(name: str) -> None:
    chip = load_machine(name).chip
    text = " ".join(fact.source for fact in chip.facts.values())
    assert [key for key in chip.sources if key not in text] == []
    for key, fact in chip.facts.items():
        if fact.tag != "choice":
            assert fact.source.split(":")[0] in chip.sources, key


def test_nothing_about_tiny_is_more_than_a_choice() -> None:
    assert {fact.tag for fact in load_machine("tiny").chip.facts.values()} == {"choice"}


def test_what_lp30_takes_over_is_never_called_known(tsp1: Machine, lp30: Machine) -> None:
    for key, fact in lp30.chip.facts.items():
        if fact.source.startswith(("as tsp1", "not published")):
            assert fact.tag == "choice", key
            if fact.source.startswith("as tsp1"):
                assert fact.value == tsp1.chip[key], key


@pytest.fixture
def isa() -> Isa:
    return load_isa()


def test_sources_of_instructions_are_named_and_used(isa: Isa) -> None:
    text = " ".join(i.source for i in isa.instructions.values())
    assert [key for key in isa.sources if key not in text] == []
    for instruction in isa.instructions.values():
        if not instruction.source.startswith("choice:"):
            assert any(key in instruction.source for key in isa.sources), instruction.mnemonic
