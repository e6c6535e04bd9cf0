"""Every kind of stage, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.builder import Kernel, distribution, permutation, row_addresses
from lpu_emu.errors import UsageError

from .helpers import outputs_of, program_of, random


def test_memory_to_memory_without_an_alu() -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "int8", [9, 320]), k.output("y", "int8", [9, 320])
        with k.flow("move", 9) as f:
            f.write(f.read(x), y)

    x = random("int8", 9, 320)
    np.testing.assert_array_equal(outputs_of(build, {"x": x})["y"], x)
    assert not any(name.startswith("vxm") for name in program_of(build).queues)


def test_rows_may_be_reversed_and_repeated() -> None:
    def build(k: Kernel) -> None:
        x, y, z = (
            k.input("x", "int8", [8, 320]),
            k.output("y", "int8", [8, 320]),
            k.output("z", "int8", [8, 320]),
        )
        with k.flow("reverse", 8) as f:
            f.write(f.read(x, row=7, step=-1).copy(), y)
        with k.flow("first", 8) as f:
            f.write(f.read(x, row=2, step=0).copy(), z, row=7, step=-1)

    x = random("int8", 8, 320)
    found = outputs_of(build, {"x": x})
    np.testing.assert_array_equal(found["y"], x[::-1])
    np.testing.assert_array_equal(found["z"], np.broadcast_to(x[2], x.shape))


def test_one_value_may_feed_several_operations_and_tensors() -> None:
    def build(k: Kernel) -> None:
        x = k.input("x", "fp32", [4, 320])
        outputs = [k.output(name, "fp32", [4, 320]) for name in "abcd"]
        with k.flow("fan", 4) as f:
            v = f.read(x)
            w = v + 1.0
            for value, home in zip((w, w, w * v, -v), outputs, strict=True):
                f.write(value, home)

    x = random("float32", 4, 320)
    found = outputs_of(build, {"x": x})
    one = np.float32(1)
    for name, wanted in zip("abcd", (x + one, x + one, (x + one) * x, -x), strict=True):
        np.testing.assert_array_equal(found[name], wanted)


def test_running_sum_and_maximum() -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "int32", [10, 320]), k.output("y", "int32", [10, 320])
        top = k.output("top", "int32", [10, 320])
        with k.flow("sum", 10, interval=3) as f:
            f.write(f.read(x).running("add", start=5), y)
        with k.flow("top", 10, interval=3) as f:
            f.write(f.read(x).running("max", start=-(2**31)), top)

    x = random("int32", 10, 320) // 32
    found = outputs_of(build, {"x": x})
    np.testing.assert_array_equal(found["y"], 5 + np.cumsum(x, axis=0, dtype=np.int32))
    np.testing.assert_array_equal(found["top"], np.maximum.accumulate(x, axis=0))


def test_a_latched_row_and_a_type_in_other_clothes() -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "fp32", [5, 320]), k.output("y", "fp32", [5, 320])
        limit = k.constant("limit", "fp32", np.arange(320) / 320)
        with k.flow("keep", 5) as f:
            v = f.read(x)
            above = v.gt(f.latch(limit)).to("int32")
            f.write(v.view("int32").mask(above).view("fp32"), y)

    x = random("float32", 5, 320)
    limit = (np.arange(320) / 320).astype(np.float32)
    np.testing.assert_array_equal(outputs_of(build, {"x": x})["y"], np.where(x > limit, x, 0))


@pytest.mark.parametrize("side", ["W", "E"])
def test_permute_and_shift(side: str) -> None:
    lanes_from = np.random.default_rng(3).permutation(320)

    def build(k: Kernel) -> None:
        x = k.input("x", "int8", [6, 320])
        up, down, mixed = (k.output(name, "int8", [6, 320]) for name in ("up", "down", "mixed"))
        lanes = k.constant("lanes", "int16", permutation(lanes_from, 320))
        with k.flow("mixed", 6, side=side) as f:
            f.write(f.permute(f.read(x), lanes), mixed)
        for home, by in ((up, 3), (down, -2)):
            with k.flow("shift", 6, side=side) as f:
                f.write(f.shift(f.read(x), by), home)

    x = random("int8", 6, 320)
    found = outputs_of(build, {"x": x})
    np.testing.assert_array_equal(found["mixed"], x[:, lanes_from])
    np.testing.assert_array_equal(found["up"], np.pad(x, ((0, 0), (3, 0)))[:, :320])
    np.testing.assert_array_equal(found["down"], np.pad(x, ((0, 0), (0, 2)))[:, 2:])


def test_transpose_swaps_streams_and_lanes() -> None:
    def build(k: Kernel) -> None:
        x = [k.input(f"x{i}", "int8", [3, 320]) for i in range(16)]
        y = [k.output(f"y{i}", "int8", [3, 320]) for i in range(16)]
        with k.flow("turn", 3) as f:
            for value, home in zip(f.transpose([f.read(t) for t in x]), y, strict=True):
                f.write(value, home)

    x = random("int8", 16, 3, 320)
    found = outputs_of(build, {f"x{i}": x[i] for i in range(16)})
    wanted = x.reshape(16, 3, 20, 16).transpose(3, 1, 2, 0).reshape(16, 3, 320)
    for i in range(16):
        np.testing.assert_array_equal(found[f"y{i}"], wanted[i])


def test_rotate_gives_every_window() -> None:
    def build(k: Kernel) -> None:
        x = [k.input(f"x{i}", "int8", [2, 320]) for i in range(3)]
        y = [k.output(f"y{i}", "int8", [2, 320]) for i in range(9)]
        with k.flow("windows", 2) as f:
            for value, home in zip(f.rotate([f.read(t) for t in x]), y, strict=True):
                f.write(value, home)

    x = random("int8", 3, 2, 320)
    found = outputs_of(build, {f"x{i}": x[i] for i in range(3)})
    for i in range(9):
        wanted = np.roll(x[i // 3].reshape(2, 20, 16), -(i % 3), axis=2).reshape(2, 320)
        np.testing.assert_array_equal(found[f"y{i}"], wanted)


def test_distribute_moves_and_keeps() -> None:
    def build(k: Kernel) -> None:
        a, b = k.input("a", "fp32", [4, 320]), k.input("b", "fp32", [4, 320])
        y = k.output("y", "fp32", [4, 320])
        lanes = k.constant("lanes", "uint8", distribution([(i + 1) % 16 for i in range(16)], 320))
        with k.flow("next", 4) as f:
            moved, kept = f.distribute([f.read(a), f.read(b)], lanes, keep=[False, True])
            f.write(moved - kept, y)

    a, b = random("float32", 4, 320), random("float32", 4, 320, seed=2)
    wanted = np.roll(a.reshape(4, 20, 16), -1, axis=2).reshape(4, 320) - b
    np.testing.assert_array_equal(outputs_of(build, {"a": a, "b": b})["y"], wanted)


def test_bytes_of_a_wide_value() -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "int16", [4, 320]), k.output("y", "uint8", [4, 320])
        with k.flow("high", 4) as f:
            f.write(f.byte(f.read(x), 1).copy(), y)

    x = random("int16", 4, 320)
    np.testing.assert_array_equal(outputs_of(build, {"x": x})["y"], (x >> 8).astype(np.uint8))


def test_gather_takes_a_row_per_superlane_and_scatter_puts_it_back() -> None:
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 30, (6, 20))
    places = np.stack([rng.permutation(30)[:6] for _ in range(20)], axis=1)

    def build(k: Kernel) -> None:
        table = k.input("table", "int8", [30, 320], at="W2:100")
        maps = k.input("maps", "uint8", [6, 320])
        y = k.output("y", "int8", [6, 320])
        with k.flow("get", 6) as f:
            f.write(f.gather(f.read(maps), table), y)
        homes = k.input("homes", "uint8", [6, 320])
        target = k.scratch("target", "int8", [30, 320], at="W9:64")
        z = k.output("z", "int8", [30, 320])
        with k.flow("clear", 30) as f:
            f.write(f.fill(0, "int8"), target)
        with k.flow("put", 6) as f:
            f.scatter(f.read(y), f.read(homes), target)
        with k.flow("out", 30) as f:
            f.write(f.read(target).copy(), z)

    table = random("int8", 30, 320)
    maps = row_addresses(rows, base=100, lanes=320, superlanes=20)
    homes = row_addresses(places, base=64, lanes=320, superlanes=20)
    found = outputs_of(build, {"table": table, "maps": maps, "homes": homes})
    wide = np.repeat(rows, 16, axis=1)
    wanted = np.take_along_axis(table, wide, axis=0)
    np.testing.assert_array_equal(found["y"], wanted)
    scattered = np.zeros_like(table)
    np.put_along_axis(scattered, np.repeat(places, 16, axis=1), wanted, axis=0)
    np.testing.assert_array_equal(found["z"], scattered)


def test_a_scratch_tensor_may_be_written_again() -> None:
    def build(k: Kernel) -> None:
        x, y, t = (
            k.input("x", "int8", [8, 320]),
            k.output("y", "int8", [8, 320]),
            k.scratch("t", "int8", [8, 320]),
        )
        with k.flow("slow", 8, not_before=500) as f:
            f.write(f.fill(7, "int8"), t)
        with k.flow("quick", 8) as f:
            f.write(f.read(x).copy(), t)
        with k.flow("out", 8) as f:
            f.write(f.read(t).copy(), y)

    x = random("int8", 8, 320)
    np.testing.assert_array_equal(outputs_of(build, {"x": x})["y"], x)


def test_uint8_rows_and_a_constant_tile() -> None:
    weights = random("int8", 320, 7)

    def build(k: Kernel) -> None:
        x, y = k.input("x", "uint8", [5, 320]), k.output("y", "int32", [5, 7])
        tile = k.load(k.weights("w", "int8", values=weights))
        with k.flow("product", 5) as f:
            f.write(f.matmul(f.read(x), tile), y)

    x = random("uint8", 5, 320)
    wanted = x.astype(np.int32) @ weights.astype(np.int32)
    np.testing.assert_array_equal(outputs_of(build, {"x": x})["y"], wanted)


def test_half_of_the_lanes_every_cycle() -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "fp16", [5, 160]), k.output("y", "fp32", [5, 16])
        tile = k.load(k.weights("w", "fp16", [160, 16]), plane=2)
        with k.flow("product", 5, side="E") as f:
            f.write(f.matmul(f.read(x), tile, half="low"), y)

    x, w = random("float16", 5, 160), random("float16", 160, 16)
    found = outputs_of(build, {"x": x, "w": w})["y"]
    np.testing.assert_allclose(found, x.astype(np.float64) @ w.astype(np.float64), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("chip", ["tiny", "lp30"])
def test_other_chips(chip: str) -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "int8", [6, k.lanes]), k.output("y", "int8", [6, k.lanes])
        with k.flow("relu", 6) as f:
            f.write(f.read(x).relu() + 1, y)

    lanes = {"tiny": 8}.get(chip, 320)
    x = random("int8", 6, lanes)
    wanted = (np.maximum(x, 0).astype(np.int16) + 1).astype(np.int8)
    np.testing.assert_array_equal(outputs_of(build, {"x": x}, chip)["y"], wanted)


def test_a_map_that_is_no_permutation() -> None:
    with pytest.raises(UsageError, match="a permutation of 320 lanes must take every lane once"):
        permutation([1, 1], 320)
