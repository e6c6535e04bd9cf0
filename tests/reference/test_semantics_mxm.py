"""Values of the MXM instructions: loads, installs, products, accumulator rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.reference.numerics.dtypes import DTYPES, from_bytes, to_bytes
from lpu_emu.spec.machine import Machine

from .builders import ISA, Bench, Bytes, make
from .chips import BOTH, BOTH_NAMES, TINY, TSP1

Array = NDArray[Any]
SEED = 31


class PlaneBench(Bench):
    """A bench around the planes of one hemisphere. Weights are bytes [row, lane]."""

    def __init__(self, machine: Machine, hemisphere: str = "W") -> None:
        super().__init__(machine)
        self.outward, self.inward = ("w", "e") if hemisphere == "W" else ("e", "w")
        self.plane = 0 if hemisphere == "W" else machine.chip.planes
        self.interval = machine.timing(ISA["abc"])["interval"]

    def load(self, cycle: int, weights: Bytes, plane: int, mnemonic: str = "lw") -> int:
        """Load all rows of a plane from ``cycle`` on; return the cycle in which the last has landed."""
        step = self.machine.chip.weight_streams
        base = 2 * step if plane % 2 else 0
        base %= self.machine.chip.streams
        for group in range(len(weights) // step):
            rows = weights[group * step : (group + 1) * step]
            item = make(mnemonic, rows=f"{self.outward}{base}", row_group=group)
            self.apply(f"mxm.{plane}.weights", cycle + group, item, rows=rows)
        return cycle + len(weights) // step - 1 + self.machine.timing(ISA[mnemonic])["land"]

    def install(self, cycle: int, plane: int) -> int:
        """Install the buffer and return the cycle from which the array can be used."""
        self.do(f"mxm.{plane}.weights", cycle, make("iw"))
        return cycle + self.machine.timing(ISA["iw"])["land"]

    def multiply(self, cycle: int, x: Bytes, dtype: str, half: str = "all") -> int:
        """Send an activation and return the dispatch of the ``acc`` that takes its product."""
        item = make("abc", dtype=dtype, half=half, x=f"{self.outward}8")
        self.apply(f"mxm.{self.plane}.activations", cycle, item, x=x)
        product = self.machine.timing(ISA["abc"])["product"]
        return cycle + product - self.machine.timing(ISA["acc"])["skew"]

    def accumulate(self, cycle: int, row: int, mode: str = "set", *, out: bool = False) -> None:
        """Take a product into a row and drive it if asked to."""
        target: dict[str, int | str] = {"to": f"{self.inward}4"} if out else {}
        self.apply(f"mxm.{self.plane}.accumulate", cycle, make("acc", mode=mode, row=row, **target))


def product(machine: Machine, weights: Array, x: Array, dtype: str, half: str = "all") -> Array:
    """Return what one product of weights [row, lane] and x [lane] of a type drives."""
    bench = PlaneBench(machine)
    planes = to_bytes(weights, "int8" if dtype == "uint8" else dtype)
    usable = [bench.install(bench.load(30 + 40 * i, w, i), i) for i, w in enumerate(planes)]
    bench.accumulate(bench.multiply(max(usable), to_bytes(x, dtype), dtype, half), 3, out=True)
    return from_bytes(bench.run()["to"], "int32" if dtype in ("int8", "uint8") else "fp32")


@pytest.mark.parametrize("machine", [*BOTH, TSP1], ids=[*BOTH_NAMES, "tsp1"])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integer_products_are_exact(machine: Machine, dtype: str) -> None:
    rng = np.random.default_rng(SEED)
    lanes = machine.chip.lanes
    weights = rng.integers(-128, 128, (lanes, lanes)).astype(np.int8)
    x = rng.integers(0, 256, lanes).astype(np.uint8).view(DTYPES[dtype].numpy)
    expected = weights.astype(np.int64) @ x.astype(np.int64)
    assert product(machine, weights, x, dtype).tolist() == expected.tolist(), f"seed {SEED}"


@pytest.mark.parametrize("half", ["all", "low", "high"])
@pytest.mark.parametrize(
    ("machine", "dtype"),
    [(TINY, "fp16"), (TINY, "bf16"), (TINY, "fp8"), (BOTH[1], "fp16"), (TSP1, "fp16")],
    ids=["tiny-fp16", "tiny-bf16", "tiny-fp8", "slow-fp16", "tsp1-fp16"],
)
def test_float_products_are_rounded_once(machine: Machine, dtype: str, half: str) -> None:
    rng = np.random.default_rng(SEED)
    lanes = machine.chip.lanes
    weights, x = (rng.standard_normal(shape).astype(DTYPES[dtype].numpy) for shape in ((lanes, lanes), lanes))
    part = {"all": slice(None), "low": slice(lanes // 2), "high": slice(lanes // 2, None)}[half]
    total = np.zeros(lanes)
    for k in range(lanes)[part]:
        total += weights[:, k].astype(np.float64) * x[k].astype(np.float64)
    assert product(machine, weights, x, dtype, half).tolist() == total.astype(np.float32).tolist(), (
        f"seed {SEED}"
    )


@pytest.mark.parametrize("half", ["low", "high"])
def test_half_of_an_integer_product(half: str) -> None:
    weights, x = np.eye(8, dtype=np.int8), np.arange(1, 9, dtype=np.int8)
    expected = np.where((np.arange(8) < 4) == (half == "low"), x, 0)
    assert product(TINY, weights, x, "int8", half).tolist() == expected.tolist()


@pytest.mark.parametrize("hemisphere", ["W", "E"])
@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_rows_are_set_added_to_and_read(machine: Machine, hemisphere: str) -> None:
    bench = PlaneBench(machine, hemisphere)
    usable = bench.install(bench.load(30, np.eye(8, dtype=np.uint8) * 2, bench.plane), bench.plane)
    x = np.arange(8, dtype=np.uint8)
    step = max(bench.interval, machine.timing(ISA["acc"])["land"])
    first = bench.multiply(usable, x, "int8")
    bench.accumulate(first, 5)
    bench.multiply(usable + step, x + 1, "int8")
    bench.accumulate(first + step, 5, "add")
    bench.multiply(usable + 2 * step, x, "int8")
    bench.accumulate(first + 2 * step, 6)
    item = make("acc_read", row=5, to=f"{bench.inward}4")
    bench.apply(f"mxm.{bench.plane}.accumulate", first + 3 * step, item)
    assert from_bytes(bench.run()["to"], "int32").tolist() == (4 * x.astype(int) + 2).tolist()


def test_back_to_back_accumulation_into_one_row_drives_every_sum() -> None:
    bench = PlaneBench(TINY)
    usable = bench.install(bench.load(30, np.eye(8, dtype=np.uint8), 0), 0)
    x = np.arange(8, dtype=np.uint8)
    for i in range(3):
        bench.accumulate(bench.multiply(usable + i, x, "int8"), 0, "add" if i else "set", out=True)
    found = bench.run()["to"].reshape(3, 4, 8)
    assert [from_bytes(row, "int32").tolist() for row in found] == [
        (x.astype(int) * n).tolist() for n in (1, 2, 3)
    ]


def test_integer_rows_wrap_and_float_rows_round() -> None:
    bench = PlaneBench(TINY)
    usable = bench.install(bench.load(30, np.eye(8, dtype=np.uint8), 0), 0)
    for i in range(2):
        # The bits of a row are what the type of the arriving product says.
        value = np.full(8, 3 * i, np.uint8)
        bench.accumulate(bench.multiply(usable + i, value, "fp8" if i else "int8"), 0, "add" if i else "set")
    bench.apply("mxm.0.accumulate", usable + 20, make("acc_read", row=0, to="e0"))
    three = np.array([3, 1], np.uint8).view(DTYPES["fp8"].numpy).astype(np.float32)
    assert from_bytes(bench.run()["to"], "fp32").tolist() == [float(three[0] * three[1])] * 8


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_install_leaves_a_zero_buffer_and_abc_keeps_the_array_of_its_dispatch(machine: Machine) -> None:
    bench = PlaneBench(machine)
    usable = bench.install(bench.load(30, np.eye(8, dtype=np.uint8), 0), 0)
    x = np.arange(1, 9, dtype=np.uint8)
    bench.accumulate(bench.multiply(usable, x, "int8"), 0, out=True)
    # The second install is dispatched one cycle after the abc and brings zeros.
    again = bench.install(usable + 1, 0)
    bench.accumulate(bench.multiply(again + bench.interval, x, "int8"), 1, out=True)
    first, second = bench.run()["to"].reshape(2, 4, 8)
    assert from_bytes(first, "int32").tolist() == x.tolist()
    assert from_bytes(second, "int32").tolist() == [0] * 8


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_iw_stream_installs_one_group_and_keeps_the_others(machine: Machine) -> None:
    bench = PlaneBench(machine)
    landed = bench.load(30, np.eye(8, dtype=np.uint8), 0, "iw_stream")
    item = make("iw_stream", rows="w0", row_group=1)
    bench.apply("mxm.0.weights", landed, item, rows=2 * np.eye(8, dtype=np.uint8)[4:])
    usable = landed + machine.timing(ISA["iw_stream"])["land"]
    x = np.arange(1, 9, dtype=np.uint8)
    bench.accumulate(bench.multiply(usable, x, "int8"), 0, out=True)
    assert from_bytes(bench.run()["to"], "int32").tolist() == [1, 2, 3, 4, 10, 12, 14, 16]


def test_rows_of_an_incomplete_load_are_zero() -> None:
    bench = PlaneBench(TINY)
    bench.apply("mxm.0.weights", 30, make("lw", rows="w0", row_group=1), rows=np.eye(8, dtype=np.uint8)[4:])
    usable = bench.install(33, 0)
    bench.accumulate(bench.multiply(usable, np.full(8, 7, np.uint8), "int8"), 0, out=True)
    assert from_bytes(bench.run()["to"], "int32").tolist() == [0] * 4 + [7] * 4
