"""Published figures of the TSP beside what the modelled chip does, counted from runs and not from formulas.

| figure | published | here |
|---|---|---|
| 409,600 int8 weights from SRAM, cycles from the first read to use | under 40 | 39 |
| vector through a plane, MEM to VXM entry, cycles | 76 | 77 |
| transpose round trip VXM, SXM, VXM, cycles | 50 | 49 (far column of ALUs), 37 (near column) |
| notify to sync, cycles | 35 | 35 |
| stream registers, bytes per cycle across a cut | 20,480 | 20,480 |
| SRAM, bytes per cycle | 56,320 | 56,320 |
| instruction text, bytes per cycle | 2,304 | 2,304 |
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.program.model import Program
from lpu_emu.program.text import Issue
from lpu_emu.reference import executor
from lpu_emu.reference.state import State
from lpu_emu.reference.streams import NOBODY

from .builders import Bytes, at, hazard, hazards_of, make, nop, program, repeat, run, site
from .chips import TSP1

LANES = TSP1.chip.lanes
SEED = 20
GROUPS = TSP1.chip.row_groups
PRODUCT_ADDRESS = 4096
OUTWARD = {"W": "w", "E": "e"}
INWARD = {"W": "e", "E": "w"}


# Weights: every plane is filled over 16 outward streams, so a hemisphere uses all 32 of them.


def weight_words(weights: NDArray[np.int8]) -> dict[tuple[str, int], Bytes]:
    """Return SRAM words for weights [plane, row, lane]: stream s of a hemisphere comes from slice 43 - s."""
    data = {}
    for plane, rows in enumerate(weights):
        side = "WE"[plane // 2]
        for stream in range(16):
            data[f"{side}{43 - 16 * (plane % 2) - stream}", 0] = rows[stream::16].view(np.uint8)
    return data


def loading(first_use: int, x: Bytes) -> tuple[dict[str, list[Issue]], dict[tuple[str, int], Bytes]]:
    """Return queues and data that load all planes as early as can be and use them in cycle ``first_use``."""
    queues: dict[str, list[Issue]] = {}
    for side in "WE":
        for stream in range(32):
            start = hops(side, 12) - hops(side, 43 - stream)
            read = make("read", address=0, to=f"{OUTWARD[side]}{stream}")
            queues[f"mem.{side}{43 - stream}"] = at(start, read, repeat(GROUPS - 1, stride=1))
        # Activations follow the weights on stream 0 of their hemisphere, from a slice of their own.
        read = make("read", address=0, to=f"{OUTWARD[side]}0")
        queues[f"mem.{side}7"] = at(first_use - hops(side, 7) - 1, read)
        for plane in range(2):
            use_plane(queues, side, plane, first_use)
    return queues, {(f"{side}7", 0): x for side in "WE"}


def use_plane(queues: dict[str, list[Issue]], side: str, plane: int, first_use: int) -> None:
    """Add the queues of one plane (0 or 1 of its hemisphere) and the writes of its product."""
    name = f"mxm.{plane + 2 * (side == 'E')}"
    load = make("iw_stream", rows=f"{OUTWARD[side]}{16 * plane}", row_group=0)
    queues[f"{name}.weights"] = at(hops(side, 12) + 1, load, repeat(GROUPS - 1, stride=1))
    queues[f"{name}.activations"] = at(first_use, make("abc", dtype="int8", x=f"{OUTWARD[side]}0"))
    product = make("acc", mode="set", row=0, to=f"{INWARD[side]}{4 * plane}")
    queues[f"{name}.accumulate"] = at(first_use + 13, product)
    for byte in range(4):
        number = 11 + 4 * plane + byte
        text = queues.setdefault(f"mem.{side}{number}", [])
        gap = first_use + 13 + 34 + hops(side, number) - end(text)
        text += [nop(gap), make("write", data=f"{INWARD[side]}{4 * plane + byte}", address=PRODUCT_ADDRESS)]


def hops(side: str, number: int) -> int:
    """Return the hops between a slice and the MXM of its hemisphere."""
    return abs(TSP1.x_mem(side, number) - TSP1.x_mxm(side))


def end(text: list[Issue]) -> int:
    """Return the cycle after the last dispatch of a text of gaps and single loops."""
    cycle = 0
    for item in text:
        name = item.instruction.mnemonic
        cycle += item.arg("count") if name in ("nop", "repeat") else 1
    return cycle


def stored_products(made: Program) -> NDArray[np.int32]:
    """Run and return the products of the four planes [plane, lane]."""
    memory = executor.run(made, {}, strict=False).memory
    products = []
    for plane in range(4):
        first = 11 + 4 * (plane % 2)
        planes = [memory[f"{'WE'[plane // 2]}{first + byte}"][PRODUCT_ADDRESS] for byte in range(4)]
        products.append(np.stack(planes, axis=1).copy().view(np.int32)[:, 0])
    return np.stack(products)


def test_all_weights_are_resident_in_under_40_cycles() -> None:
    """Published: all 409,600 weights in under 40 cycles, SRAM read and transit included."""
    rng = np.random.default_rng(SEED)
    weights = rng.integers(-128, 128, (4, LANES, LANES)).astype(np.int8)
    assert weights.size == 409_600
    x = rng.integers(-128, 128, LANES).astype(np.int8)
    resident = 39
    queues, data = loading(resident, x.view(np.uint8))
    made = program(TSP1, queues, data={**data, **weight_words(weights)})
    assert min(first_reads(queues)) == 0
    assert hazards_of(made) == []
    expected = weights.astype(np.int64) @ x.astype(np.int64)
    assert np.array_equal(stored_products(made), expected), f"seed {SEED}"


def first_reads(queues: dict[str, list[Issue]]) -> list[int]:
    """Return the cycles of the first dispatches of the MEM queues."""
    texts = [text for name, text in queues.items() if name.startswith("mem.")]
    return [text[0].arg("count") if text[0].instruction.mnemonic == "nop" else 0 for text in texts]


def test_one_cycle_earlier_is_a_hazard_and_gives_other_values() -> None:
    rng = np.random.default_rng(SEED)
    weights = rng.integers(-128, 128, (4, LANES, LANES)).astype(np.int8)
    x = rng.integers(-128, 128, LANES).astype(np.int8)
    queues, data = loading(38, x.view(np.uint8))
    made = program(TSP1, queues, data={**data, **weight_words(weights)})
    last_load = 36
    assert hazards_of(made) == [
        hazard(
            "install_busy",
            f"plane {plane}",
            38,
            site(f"mxm.{plane}.weights", 1, last_load),
            site(f"mxm.{plane}.activations", 1, 38),
        )
        for plane in range(4)
    ]
    expected = weights.astype(np.int64) @ x.astype(np.int64)
    wrong = stored_products(made) != expected
    # The last group of rows has not landed.
    assert np.all(wrong.any(axis=0) == (np.arange(LANES) >= LANES - 16)), f"seed {SEED}"


def test_vector_through_a_plane_takes_about_76_cycles() -> None:
    """Published: 76 from MEM to the VXM, the sum of the steps that hand schedules used.

    Here 77 from the read in slice 43 to the sample at the entry stage of the VXM: read 1, MEM to MXM 9,
    multiply 13, accumulate 34, MXM to the VXM 20. The published sum counts the way back as 19.
    """
    eye = np.eye(LANES, dtype=np.uint8)
    data = {(f"W{n}", 0): eye[n::16] for n in range(16)}
    data["W43", 0] = np.arange(LANES, dtype=np.int64).astype(np.uint8)[None] % 100
    start = 100
    queues = {
        f"mem.W{n}": at(
            30 - TSP1.x_mem("W", n), make("read", address=0, to=f"w{n}"), repeat(GROUPS - 1, stride=1)
        )
        for n in range(16)
    }
    queues["mxm.0.weights"] = at(31, make("iw_stream", rows="w0", row_group=0), repeat(GROUPS - 1, stride=1))
    queues["mem.W43"] = at(start, make("read", address=0, to="w0"))
    queues["mxm.0.activations"] = at(start + 10, make("abc", dtype="int8", x="w0"))
    queues["mxm.0.accumulate"] = at(start + 23, make("acc", mode="set", row=0, to="e0"))
    entry = start + 77
    queues["vxm.0"] = at(entry, make("copy", dtype="int32", x="e0", to="e0"))
    for byte in range(4):
        x = TSP1.x_mem("E", byte)
        queues[f"mem.E{byte}"] = at(entry + 3 + x - TSP1.x_vxm(1), make("write", data=f"e{byte}", address=5))
    result = run(program(TSP1, queues, data=data))
    assert result.hazards == ()
    found = np.stack([result.memory[f"E{byte}"][5] for byte in range(4)], axis=1).copy().view(np.int32)[:, 0]
    assert found.tolist() == (np.arange(LANES) % 256 % 100).tolist()
    assert entry - start == pytest.approx(76, rel=0.05)


@pytest.mark.parametrize(("column", "cycles"), [(0, 37), (3, 49)])
def test_transpose_round_trip(column: int, cycles: int) -> None:
    """Published: 50 for a round trip across a hemisphere, crossing the VXM included.

    Here, from the dispatch of the ALU to the sample of the answer by the same ALU, 49 for the column of ALUs
    that is farthest from the transposer (ALU 3, hops 2 x 21, transposer 4) and 37 for the nearest (2 x 15).
    """
    start, alu = 60, f"vxm.{column}"
    # Where the ALU samples eastward streams it also drives westward ones.
    x_vxm, x_sxm = TSP1.x_vxm(2 * column), TSP1.x_sxm("W")
    words = np.arange(16 * LANES).reshape(16, LANES).astype(np.uint8)
    queues: dict[str, list[Issue]] = {}
    data: dict[tuple[str, int], Bytes] = {}
    # Stream 0 makes the round trip through the VXM; the other 15 come from MEM, in time for the transposer.
    at_sxm = start + 3 + x_vxm - x_sxm
    queues[alu] = at(start, make("copy", dtype="uint8", x="e0", to="w0"))
    queues["mem.W0"] = at(start - 1 - (x_vxm - TSP1.x_mem("W", 0)), make("read", address=0, to="e0"))
    data["W0", 0] = words[0]
    for n in range(1, 16):
        dispatch = at_sxm - 1 - (TSP1.x_mem("W", n) - x_sxm)
        queues[f"mem.W{n}"] = at(dispatch, make("read", address=0, to=f"w{n}"))
        data[f"W{n}", 0] = words[n]
    queues["sxm.W.transpose0"] = at(at_sxm, make("transpose", x="w0", to="e0"))
    back = at_sxm + 4 + x_vxm - x_sxm
    queues[alu] += [nop(back - start - 1), make("copy", dtype="uint8", x="e0", to="e1")]
    queues["mem.E0"] = at(back + 3 + TSP1.x_mem("E", 0) - x_vxm - 1, make("write", data="e1", address=9))
    result = run(program(TSP1, queues, data=data))
    assert result.hazards == ()
    assert result.memory["E0"][9].tolist() == words.reshape(16, 20, 16)[:, :, 0].T.reshape(-1).tolist()
    assert back - start == cycles
    if column == 3:
        assert cycles == pytest.approx(50, rel=0.05)


def test_barrier_takes_35_cycles() -> None:
    read = make("read", address=0, to="e0")
    queues = {name: [make("sync"), read] for name in ("mem.W0", "mem.E43")} | {
        "vxm.9": [nop(11), make("notify")]
    }
    cycles: list[int] = []

    def observe(state: State) -> None:
        cycles.extend(state.cycle for _ in state.memory.accesses)

    data = {(name, 0): np.zeros(LANES, np.uint8) for name in ("W0", "E43")}
    executor.run(program(TSP1, queues, data=data), {}, observe=observe)
    assert cycles == [11 + 35, 11 + 35]


@pytest.mark.parametrize(("store", "kinds"), [(4097, []), (7, ["bank_conflict"])])
def test_read_and_write_in_opposite_banks_are_legal_and_in_one_bank_are_not(
    store: int, kinds: list[str]
) -> None:
    queues = {
        "mem.W4": [make("read", address=0, to="e0"), repeat(9)],
        "mem.W0": at(2, make("read_write", address=0, to="e1", data="e0", store=store), repeat(3)),
    }
    data = {(name, 0): np.zeros(LANES, np.uint8) for name in ("W0", "W4")}
    assert [h.kind for h in hazards_of(program(TSP1, queues, data=data))] == kinds


def test_streams_carry_20480_bytes_per_cycle() -> None:
    """Published: 2 directions x 32 streams x 320 bytes across one cut of the chip."""
    read_all = {
        f"mem.{side}{n}": at(
            leaves - abs(TSP1.x_mem(side, n) - TSP1.x_mem(side, 0)), make("read", address=0, to=flow + str(n))
        )
        for side, flow, leaves in (("W", "e", 10), ("E", "w", 11))
        for n in range(32)
    }
    data = {(name[4:], 0): np.zeros(LANES, np.uint8) for name in read_all}
    bytes_at: Counter[int] = Counter()

    def observe(state: State) -> None:
        for x in range(TSP1.positions):
            streams = state.streams
            east, west = streams.driver[0, :, x], streams.driver[1, :, streams.places - 1 - x]
            live = int((east != NOBODY).sum() + (west != NOBODY).sum())
            bytes_at[x] = max(bytes_at[x], live * streams.values.shape[-1])

    # A bystander has something to do in every cycle, so that none passes unseen.
    clock = {"vxm.0": [make("config", superlanes=20)] * 40}
    assert executor.run(program(TSP1, {**read_all, **clock}, data=data), {}, observe=observe).hazards == ()
    assert [x for x, most in bytes_at.items() if most == 20_480] == [TSP1.x_vxm(4)]
    assert max(bytes_at.values()) == 20_480


def test_sram_moves_56320_bytes_per_cycle() -> None:
    """Published: 2 hemispheres x 44 slices x 2 banks x 320 bytes. Every slice reads a word and writes one."""
    count, queues = 12, {}
    data: dict[tuple[str, int], Bytes] = {}
    for side in "WE":
        for n in range(44):
            # Slices at one position hand their words to a neighbour, over a stream each.
            item = make("read_write", address=1, to=f"e{n % 4}", data=f"e{n % 4 ^ 1}", store=4096)
            queues[f"mem.{side}{n}"] = [
                make("read", address=0, to=f"e{n % 4}"),
                item,
                repeat(count - 1, stride=1),
            ]
            data[f"{side}{n}", 0] = np.full((count + 1, LANES), n, np.uint8)
    moved: list[int] = []

    def observe(state: State) -> None:
        moved.append(len(state.memory.accesses) * LANES)

    result = executor.run(program(TSP1, queues, data=data), {}, observe=observe)
    assert result.hazards == ()
    assert moved[2 : count + 1] == [56_320] * (count - 1)
    assert all(np.all(result.memory[f"W{n}"][4096 : 4096 + count] == (n ^ 1)) for n in range(44))


def test_queues_take_2304_bytes_of_text_per_cycle() -> None:
    """Published: 144 queues x 16 bytes. The longest instruction that runs on every queue is `config`."""
    config = make("config", superlanes=20)
    queues = {queue.name: [config] * 5 for queue in TSP1.queues}
    taken: list[int] = []

    def observe(state: State) -> None:
        taken.append(sum(op.instruction.layout.size_bytes for op in state.dispatched))

    executor.run(program(TSP1, queues), {}, observe=observe)
    assert taken == [2_304] * 5


def test_unused_values_fall_off_the_edge_without_effect() -> None:
    read = make("read", address=0, to="e0")
    data = {("W43", 0): np.zeros(LANES, np.uint8)}
    result = run(program(TSP1, {"mem.W43": [read, repeat(99)]}, data=data))
    assert result.hazards == ()
    assert result.cycles == 100 + 1 + 20
