"""Placing flows: times, pins, conflicts, and what the placed program computes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from compiler import kernels, oracle
from lpu_emu.compiler.flow.builder import FlowBuilder, Immediate, Reading
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.memory.words import ACTIVATIONS, Words
from lpu_emu.compiler.schedule.scheduler import NoPlaceError, Scheduler
from lpu_emu.errors import CompileError
from lpu_emu.spec.machine import load_machine

TINY = Geometry(load_machine("tiny"))
TSP1 = Geometry(load_machine("tsp1"))


def negate(
    geometry: Geometry, x: Tensor, y: Tensor, rows: int, *, interval: int = 1, alu: int | None = None
) -> FlowBuilder:
    builder = FlowBuilder(geometry, "negate", count=rows, interval=interval)
    edge = builder.alu("neg", x.dtype, {"x": builder.read(Reading(words=x.words(0, 0)))}, alu=alu)
    builder.write(edge, y.words(0, 0))
    return builder


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("geometry", [TINY, TSP1], ids=["tiny", "tsp1"])
def test_a_flow_computes_what_it_says(geometry: Geometry, interval: int) -> None:
    lanes, scheduler = geometry.lanes, Scheduler(geometry)
    x, y = (kernels.matrix(n, "fp32", 5, lanes, lanes, preloaded=n == "x") for n in "xy")
    placed = scheduler.place(negate(geometry, x, y, 5, interval=interval).build())
    assert placed.start == 0
    values = np.arange(5 * lanes, dtype=np.float32).reshape(5, lanes)
    outputs = oracle.run(kernels.program(scheduler, [x], [y]), {"x": values}, "negate")
    oracle.same_bits(outputs["y"], -values, "negate")


def test_a_consumer_reads_when_its_words_are_there_and_their_slice_is_free() -> None:
    scheduler = Scheduler(TSP1)
    x, y, z = (kernels.matrix(n, "int8", 50, 320, 320, preloaded=n == "x") for n in "xyz")
    first = scheduler.place(negate(TSP1, x, y, 50).build())
    second = scheduler.place(negate(TSP1, y, z, 50).build())
    writes = y.words(0, 0)[0].writes[0]
    # One bank serves one access a cycle, so reading the words begins after the last of them is written.
    assert second.start == writes.cycle + 50
    assert first.start == 0


def test_pins_are_kept() -> None:
    scheduler = Scheduler(TSP1)
    x, y = (kernels.matrix(n, "fp32", 4, 320, 320, preloaded=n == "x") for n in "xy")
    builder = FlowBuilder(TSP1, "pinned", count=4)
    source = builder.edge(4, 4, stream=8)
    for i, plane in enumerate(x.words(0, 0)):
        plane.place(f"W{i}", 0, -1)
        builder.read_onto(source, plane, i)
    edge = builder.alu("add", "fp32", {"x": source, "y": Immediate(bits=0)}, alu=5)
    builder.write(edge, y.words(0, 0))
    scheduler.place(builder.build(exactly=100))
    (add,) = (run for run in scheduler.board.runs if run.mnemonic == "add")
    assert (add.queue, add.time, add.operands["x"]) == ("vxm.5", 100, 8)


def test_an_exact_time_that_is_taken_is_refused() -> None:
    scheduler = Scheduler(TINY)
    x, y, z = (kernels.matrix(n, "int8", 4, 8, 8, preloaded=n == "x") for n in "xyz")
    scheduler.place(negate(TINY, x, y, 4, alu=0).build(exactly=50))
    with pytest.raises(NoPlaceError, match="negate: cannot be scheduled"):
        scheduler.place(negate(TINY, x, z, 4, alu=0).build(exactly=52))


def test_flows_that_want_one_alu_wait_for_each_other() -> None:
    scheduler = Scheduler(TSP1)
    tensors = [kernels.matrix(f"x{i}", "int8", 20, 320, 320, preloaded=True) for i in range(3)]
    for i, x in enumerate(tensors):
        y = kernels.matrix(f"y{i}", "int8", 20, 320, 320)
        scheduler.place(negate(TSP1, x, y, 20, alu=9).build())
    starts = sorted(run.time for run in scheduler.board.runs if run.queue == "vxm.9")
    assert [b - a for a, b in pairwise(starts)] == [20, 20]


def test_words_read_together_on_one_slice_contradict() -> None:
    scheduler = Scheduler(TINY)
    a, b = (Words(name, 6, ACTIVATIONS, preloaded=True) for name in "ab")
    a.place("W0", 0, -1)
    b.place("W0", 6, -1)
    builder = FlowBuilder(TINY, "both", count=6)
    edges = {n: builder.read(Reading(words=(w,))) for n, w in (("x", a), ("y", b))}
    builder.write(builder.alu("add", "int8", edges), (Words("c", 6, ACTIVATIONS),))
    with pytest.raises(NoPlaceError, match="no choice of ALUs, streams and slices"):
        scheduler.place(builder.build())


def test_words_kept_apart_get_different_slices() -> None:
    scheduler = Scheduler(TINY)
    x, y, z = (kernels.matrix(n, "int8", 4, 8, 8, preloaded=n == "x") for n in "xyz")
    y.words(0, 0)[0].apart.append(z.words(0, 0)[0])
    z.words(0, 0)[0].apart.append(y.words(0, 0)[0])
    scheduler.place(negate(TINY, x, z, 4).build())
    scheduler.place(negate(TINY, x, y, 4).build())
    assert y.words(0, 0)[0].slice != z.words(0, 0)[0].slice


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    scheduler = Scheduler(TINY)
    for i in range(40):
        x = kernels.matrix(f"x{i}", "int8", 120, 8, 8, preloaded=True)
        y = kernels.matrix(f"y{i}", "int8", 120, 8, 8)
        try:
            scheduler.place(negate(TINY, x, y, 120).build())
        except CompileError as error:
            message = str(error)
            break
    assert "negate: the model does not fit into the memory of chip tiny: 960 bytes more" in message.replace(
        "1,920", "960"
    )
    assert "of 32,768 bytes are in use" in message


def test_a_plane_is_loaded_behind_the_previous_pass() -> None:
    scheduler = Scheduler(TINY)
    streams = TINY.chip.weight_streams
    x = kernels.matrix("x", "int8", 12, 8, 8, preloaded=True)
    ends = []
    for tile in range(3):
        weights = [
            Words(f"w{tile}.{i}", 2, "weights", content=np.ones((2, 8), dtype=np.uint8))
            for i in range(streams)
        ]
        load = FlowBuilder(TINY, f"load {tile}", count=1)
        load.load(0, weights, 2)
        scheduler.place(load.build())
        pass_ = FlowBuilder(TINY, f"pass {tile}", count=12)
        edge = pass_.read(Reading(words=x.words(0, 0)))
        mode = "add" if tile else "set"
        pass_.multiply(0, edge, "int8", install=True, row=0, step=1, mode=mode)
        scheduler.place(pass_.build())
        ends.append(max(r.time for r in scheduler.board.runs if r.mnemonic == "abc"))
    # Between two passes only the install takes a cycle.
    assert [b - a for a, b in pairwise(ends)] == [13, 13]
