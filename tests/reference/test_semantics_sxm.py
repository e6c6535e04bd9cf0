"""Values of the SXM instructions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lpu_emu.errors import FaultError
from lpu_emu.program.text import Issue
from lpu_emu.spec.machine import Machine

from .builders import Bench, Bytes, make
from .chips import BOTH, BOTH_NAMES, TINY, TSP1

SEED = 7


def words(streams: int, lanes: int = 8) -> Bytes:
    """Return bytes that are all different, as far as a byte allows."""
    return np.arange(streams * lanes, dtype=np.uint8).reshape(streams, lanes)


def apply(machine: Machine, queue: str, item: Issue, **operands: Bytes) -> Bytes:
    """Return what one instruction drives."""
    bench = Bench(machine)
    bench.apply(queue, 40, item, **operands)
    return bench.run()["to"]


def low_high(map_: Sequence[int]) -> Bytes:
    """Return a permute map as two byte vectors."""
    wide = np.asarray(map_, dtype=np.uint16)
    return np.stack([wide & 255, wide >> 8]).astype(np.uint8)


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_shift_up_moves_to_higher_lanes(machine: Machine) -> None:
    x = words(2)
    found = apply(
        machine, "sxm.W.shift_n", make("shift_up", width="b2", x="w2", amount=3, mask=3, to="e4"), x=x
    )
    assert found.tolist() == [[0, 0, 0, 0, 1, 2, 3, 4], [0, 0, 0, 8, 9, 10, 11, 12]]


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_shift_down_moves_to_lower_lanes_in_the_superlanes_of_the_mask(machine: Machine) -> None:
    x = words(1)
    item = make("shift_down", width="b1", x="e2", amount=3, mask=1, to="w4")
    assert apply(machine, "sxm.E.shift_s", item, x=x).tolist() == [[3, 4, 5, 6, 4, 5, 6, 7]]


@pytest.mark.parametrize(("mnemonic", "queue"), [("shift_up", "shift_n"), ("shift_down", "shift_s")])
def test_shifts_by_nothing_and_by_everything(mnemonic: str, queue: str) -> None:
    x = words(4) + 1
    for amount, expected in ((0, x), (8, 0 * x)):
        item = make(mnemonic, width="b4", x="e4", amount=amount, mask=3, to="w8")
        assert apply(TINY, f"sxm.E.{queue}", item, x=x).tolist() == expected.tolist()


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_permute(machine: Machine) -> None:
    x, map_ = words(2), [7, 0, 6, 1, 5, 2, 4, 3]
    item = make("permute", width="b2", x="e0", map="e2", to="w0")
    assert apply(machine, "sxm.E.permute", item, x=x, map=low_high(map_)).tolist() == x[:, map_].tolist()


def test_permute_of_320_lanes() -> None:
    rng = np.random.default_rng(SEED)
    map_, x = rng.permutation(320), rng.integers(0, 256, (1, 320), dtype=np.uint8)
    item = make("permute", width="b1", x="e0", map="e2", to="w0")
    found = apply(TSP1, "sxm.E.permute", item, x=x, map=low_high(map_.tolist()))
    assert np.array_equal(found, x[:, map_]), f"seed {SEED}"


@pytest.mark.parametrize(
    ("map_", "lane"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 6], "superlane 1: lane 6 is named 2 times"),
        ([0, 1, 256, 3, 4, 5, 6, 7], "superlane 0: lane 2 is named 0 times"),
    ],
)
def test_permute_map_must_be_a_bijection(map_: list[int], lane: str) -> None:
    item = make("permute", width="b1", x="e0", map="e2", to="w0")
    with pytest.raises(FaultError) as failure:
        apply(TINY, "sxm.E.permute", item, x=words(1), map=low_high(map_))
    assert str(failure.value) == (
        f"program 'test': sxm.E.permute[1]: permute dispatched in cycle 40: {lane} by the map, "
        "which must name every lane once"
    )


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_distribute(machine: Machine) -> None:
    x, map_ = words(8), np.array([1, 1, 4, 3, 255, 0, 2, 3], np.uint8)
    item = make("distribute", x="w0", map="w8", bypass=0b10000010, to="e8")
    found = apply(machine, "sxm.W.distribute", item, x=x, map=map_)
    for stream in range(8):
        a, b = x[stream, :4], x[stream, 4:]
        moved = [a[1], a[1], 0, a[3], 0, b[0], b[2], b[3]]
        assert found[stream].tolist() == (x[stream].tolist() if stream in (1, 7) else moved)


@pytest.mark.parametrize("edge", [3, 4])
@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_rotate(machine: Machine, edge: int) -> None:
    """Neither input nor output needs alignment."""
    x = words(edge)
    first = {3: 7, 4: 0}[edge]
    item = make("rotate", edge=edge, x="w1", to=first)
    found = apply(machine, "sxm.W.rotate", item, x=x)
    for i in range(edge):
        for j in range(edge):
            expected = [x[i, 4 * s + (lane + j) % 4] for s in range(2) for lane in range(4)]
            assert found[i * edge + j].tolist() == expected


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_transpose(machine: Machine) -> None:
    x = words(4)
    found = apply(machine, "sxm.E.transpose", make("transpose", x="e4", to="w8"), x=x)
    for superlane in range(2):
        lanes = slice(4 * superlane, 4 * superlane + 4)
        assert found[:, lanes].tolist() == x[:, lanes].T.tolist()


def test_transpose_of_16_streams() -> None:
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, 256, (16, 320), dtype=np.uint8)
    found = apply(TSP1, "sxm.W.transpose1", make("transpose", x="w16", to="e0"), x=x)
    expected = x.reshape(16, 20, 16).transpose(2, 1, 0).reshape(16, 320)
    assert np.array_equal(found, expected), f"seed {SEED}"
