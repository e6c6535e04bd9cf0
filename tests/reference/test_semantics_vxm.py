"""Values of the VXM instructions, and that each operand and target is where it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.reference.numerics.dtypes import DTYPES, from_bytes, to_bytes
from lpu_emu.reference.numerics.vxm import BINARY, UNARY
from lpu_emu.spec.machine import IMMEDIATE, LATCH, Machine

from .builders import ISA, Bench, make
from .chips import BOTH, BOTH_NAMES, TINY

Array = NDArray[Any]
SEED = 20

INT8: dict[str, Callable[[Array, Array], Array]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "max": np.maximum,
    "min": np.minimum,
    "and": lambda x, y: x & y,
    "or": lambda x, y: x | y,
    "xor": lambda x, y: x ^ y,
    "shl": lambda x, y: x << (y & 7),
    "shr": lambda x, y: x >> (y & 7),
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "mask": lambda x, y: np.where(y != 0, x, 0),
    "copy": lambda x, _: x,
    "neg": lambda x, _: -x,
    "abs": lambda x, _: np.where(x < 0, -x, x),
    "not": lambda x, _: ~x,
    "relu": lambda x, _: np.maximum(x, 0),
}
FLOAT: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "exp": np.exp,
    "rsqrt": lambda x: 1 / np.sqrt(x),
}


def apply(machine: Machine, mnemonic: str, dtype: str, x: Array, y: Array, **more: int | str) -> Array:
    """Return what a large ALU makes of values [lanes] of a type."""
    bench = Bench(machine)
    operands = {"x": "e0", "y": "w4"} if "y" in ISA[mnemonic].layout.index else {"x": "e0"}
    words = {"x": to_bytes(x, dtype), "y": to_bytes(y, dtype)}
    item = make(mnemonic, dtype=dtype, to="e8", **operands, **more)
    bench.apply("vxm.0", 40, item, **{name: words[name] for name in operands})
    return from_bytes(bench.run()["to"], str(more.get("result", dtype)))


def test_the_tables_name_every_operation() -> None:
    operations = {m for m, i in ISA.instructions.items() if i.unit == "vxm"}
    assert operations == set(INT8) | set(FLOAT) | {"convert"}
    assert set(BINARY) | set(UNARY) == operations - {"convert"}


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
@pytest.mark.parametrize("mnemonic", INT8)
def test_integers(machine: Machine, mnemonic: str) -> None:
    rng = np.random.default_rng(SEED)
    x, y = rng.integers(-128, 128, (2, machine.chip.lanes)).astype(np.int8)
    y[:2] = x[0], 0
    expected = INT8[mnemonic](x, y).astype(np.int8)
    assert apply(machine, mnemonic, "int8", x, y).tolist() == expected.tolist(), f"seed {SEED}"


@pytest.mark.parametrize("mnemonic", FLOAT)
def test_special_functions(mnemonic: str) -> None:
    x = np.linspace(0.125, 4, TINY.chip.lanes, dtype=np.float32)
    found = apply(TINY, mnemonic, "fp32", x, x)
    np.testing.assert_allclose(found, FLOAT[mnemonic](x.astype(np.float64)), rtol=1e-7)


@pytest.mark.parametrize("dtype", ISA["add"].dtypes)
def test_sums_of_every_type(dtype: str) -> None:
    rng = np.random.default_rng(SEED)
    x, y = rng.integers(0, 8, (2, TINY.chip.lanes))
    numpy_dtype = DTYPES[dtype].numpy
    found = apply(TINY, "add", dtype, x.astype(numpy_dtype), y.astype(numpy_dtype))
    assert found.astype(np.int64).tolist() == (x + y).tolist(), f"seed {SEED}"


def test_saturation_is_chosen_by_the_suffix() -> None:
    x, y = np.full(TINY.chip.lanes, 100, np.int8), np.full(TINY.chip.lanes, 50, np.int8)
    assert apply(TINY, "add", "int8", x, y, overflow="mod").tolist() == [-106] * 8
    assert apply(TINY, "add", "int8", x, y, overflow="sat").tolist() == [127] * 8


def test_convert_changes_type_and_width() -> None:
    x = np.array([-300.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 1e9], np.float32)
    found = apply(TINY, "convert", "fp32", x, x, result="int8", overflow="sat")
    assert found.tolist() == [-128, -2, 0, 0, 0, 2, 2, 127]
    narrow = np.arange(-4, 4, dtype=np.int8)
    wide = apply(TINY, "convert", "int8", narrow, narrow, result="int32")
    assert wide.tolist() == list(range(-4, 4))


def test_three_targets_in_both_directions() -> None:
    bench = Bench(TINY)
    word = np.arange(8, dtype=np.uint8)
    bench.apply("vxm.5", 30, make("copy", dtype="uint8", x="w10", to="e9", to2="w9", to3="e15"), x=word)
    found = bench.run()
    assert all(np.array_equal(found[name][0], word) for name in ("to", "to2", "to3"))


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_immediate_is_the_low_bytes_of_the_field(machine: Machine) -> None:
    bench = Bench(machine)
    item = make("copy", dtype="int16", x=IMMEDIATE, immediate=0x8001, to="e8")
    bench.apply("vxm.0", 30, item)
    assert from_bytes(bench.run()["to"], "int16").tolist() == [0x8001 - 0x10000] * 8


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_latch_is_seen_by_an_operand_sampled_in_the_cycle_of_its_write(machine: Machine) -> None:
    delays = machine.timing(ISA["copy"])
    back = delays["latch"] - delays["skew"]
    bench = Bench(machine)
    word = np.arange(8, dtype=np.uint8)
    bench.apply("vxm.3", 30, make("copy", dtype="uint8", x="e0", to=LATCH), x=word)
    bench.apply("vxm.3", 30 + back, make("copy", dtype="uint8", x=LATCH, to="e4"))
    assert bench.run()["to"].tolist() == [word.tolist()]


def test_latch_keeps_the_older_value_until_then() -> None:
    bench = Bench(TINY)
    for cycle, value in ((30, 1), (31, 2)):
        bench.do("vxm.3", cycle, make("copy", dtype="uint8", x=IMMEDIATE, immediate=value, to=LATCH))
    bench.apply("vxm.3", 33, make("copy", dtype="uint8", x=LATCH, to="e4"))
    assert bench.run()["to"].tolist() == [[1] * 8]


def test_latch_sums_over_time() -> None:
    delay = TINY.timing(ISA["add"])["latch"]
    bench = Bench(TINY)
    bench.do("vxm.0", 20, make("copy", dtype="fp32", x=IMMEDIATE, immediate=0, to=LATCH))
    for i in range(1, 4):
        value = to_bytes(np.full(8, 2.0**i, np.float32), "fp32")
        last = {"to2": "e8"} if i == 3 else {}
        item = make("add", dtype="fp32", x="e0", y=LATCH, to=LATCH, **last)
        bench.apply("vxm.0", 20 + delay * i, item, x=value)
    assert from_bytes(bench.run()["to2"], "fp32").tolist() == [14.0] * 8


def test_a_narrow_result_clears_the_upper_bytes_of_the_latch() -> None:
    bench = Bench(TINY)
    bench.do("vxm.0", 20, make("copy", dtype="int32", x=IMMEDIATE, immediate=0xFFFFFFFF, to=LATCH))
    bench.do("vxm.0", 21, make("copy", dtype="int8", x=IMMEDIATE, immediate=5, to=LATCH))
    bench.apply("vxm.0", 24, make("copy", dtype="int32", x=LATCH, to="e8"))
    assert from_bytes(bench.run()["to"], "int32").tolist() == [5] * 8


@pytest.mark.parametrize("alu", range(16))
def test_every_alu_samples_and_drives_at_its_stages(alu: int) -> None:
    """An eastward result leaves one stage east of where it came in, a westward one one stage west."""
    word = np.arange(8, dtype=np.uint8)
    for source, target in (("e8", "e9"), ("w8", "w9"), ("e8", "w9"), ("w8", "e9")):
        bench = Bench(TINY)
        if 2 not in TINY.reach(alu):
            source, target = (name[0] + str(int(name[1]) - 8) for name in (source, target))
        bench.apply(f"vxm.{alu}", 30, make("copy", dtype="uint8", x=source, to=target), x=word)
        assert bench.run()["to"].tolist() == [word.tolist()]


def test_a_result_feeds_the_next_column_one_hop_later() -> None:
    bench = Bench(TINY)
    word = np.arange(8, dtype=np.uint8)
    bench.feed(0, word[None], "vxm.0", 30)
    bench.do("vxm.0", 30, make("add", dtype="uint8", x="e0", y=IMMEDIATE, immediate=1, to="e1"))
    bench.apply("vxm.1", 34, make("add", dtype="uint8", x="e1", y=IMMEDIATE, immediate=2, to="e2"))
    assert bench.run()["to"].tolist() == [(word + 3).tolist()]
