"""MXM: filling, installing, multiplying, accumulating, draining, and the peak of every type."""

from __future__ import annotations

import numpy as np

from lpu_emu.bench.micro.lab import Lab, Trial
from lpu_emu.bench.micro.measured import Measured, from_trial, slope
from lpu_emu.bench.micro.memory import read_latency
from lpu_emu.bench.micro.planes import (
    RESULT_BYTES,
    Plane,
    bytes_of,
    load,
    multiply,
    ones,
    planes,
    sums,
)
from lpu_emu.bench.micro.script import CATCH, FEED, Bytes, Script, stream
from lpu_emu.spec.machine import DTYPE_BYTES, WEST

SEED = 3
LONG = 48


def streaming(lab: Lab, dtype: str, count: int, interval: int, half: str = "all") -> Script:
    """Return a program in which all planes multiply ``count`` vectors, as many at once as results can be stored."""
    script = Script(lab.machine, f"mxm {dtype} {half} {count}")
    size = DTYPE_BYTES[dtype]
    vectors, results = sums(script, dtype, count, half)
    storing = max(1, (lab.machine.chip.slices - 1) // RESULT_BYTES)
    begin = 0
    for plane in planes(lab.machine):
        begin = max(begin, load(script, plane, 0, ones(script, dtype, plane.own % size)))
    begin += script.time("iw_stream", "land")
    script.hold = LONG * interval
    for plane in planes(lab.machine):
        if plane.own % size == 0:
            kept = results if plane.own < storing else None
            multiply(script, plane, begin, dtype, vectors, kept, interval, half)
    return script


def macs(trial: Trial) -> int:
    """Return the multiply-accumulates of a program."""
    return sum(plane.macs for plane in trial.analysis.accounts.planes)


def peak(lab: Lab, dtype: str) -> Measured:
    """Multiply-accumulates per cycle of all planes under way, results stored."""
    interval = lab.smallest(lambda i: streaming(lab, dtype, 4, i))
    return slope(lab, lambda n: streaming(lab, dtype, n, interval), (16, LONG), macs)


def issues(lab: Lab, dtype: str, half: str) -> Measured:
    """Activation vectors per cycle that all planes take, whole or half of the lanes."""
    interval = lab.smallest(lambda i: streaming(lab, dtype, 4, i, half))

    def taken(trial: Trial) -> int:
        return sum(plane.issues for plane in trial.analysis.accounts.planes)

    return slope(lab, lambda n: streaming(lab, dtype, n, interval, half), (16, LONG), taken)


def issues_int8(lab: Lab) -> Measured:
    """Vectors of int8 over all lanes per cycle."""
    return issues(lab, "int8", "all")


def issues_fp16(lab: Lab) -> Measured:
    """Vectors of fp16 over half of the lanes per cycle."""
    return issues(lab, "fp16", "low")


def peak_int8(lab: Lab) -> Measured:
    """Peak of int8."""
    return peak(lab, "int8")


def peak_fp16(lab: Lab) -> Measured:
    """Peak of fp16, planes in tandem."""
    return peak(lab, "fp16")


def peak_fp8(lab: Lab) -> Measured:
    """Peak of fp8."""
    return peak(lab, "fp8")


def single(lab: Lab, gap: int = 0) -> Script:
    """Return a program: plane 0 gets weights of ones, multiplies one vector ``gap`` cycles after the last load."""
    script = Script(lab.machine, "one plane")
    plane = planes(lab.machine)[0]
    last = load(script, plane, 0, ones(script, "int8", 0))
    vectors, results = sums(script, "int8", 1)
    multiply(script, plane, last + (gap or script.time("iw_stream", "land")), "int8", vectors, results)
    return script


def install_latency(lab: Lab) -> Measured:
    """From the last weights that come straight from streams to the first use of the plane."""
    gap, trial = lab.shortest(lambda g: single(lab, g))
    return from_trial(gap, trial)


def buffered(lab: Lab, load_gap: int, use_gap: int) -> Script:
    """Return a program that loads plane 0's buffer, installs it ``load_gap`` later and uses it ``use_gap`` later."""
    script = Script(lab.machine, f"buffered {load_gap} {use_gap}")
    plane = planes(lab.machine)[0]
    last = load(script, plane, 0, ones(script, "int8", 0), "lw")
    script.issue(f"{plane.name}.weights", last + load_gap, "iw")
    vectors, results = sums(script, "int8", 1)
    multiply(script, plane, last + load_gap + use_gap, "int8", vectors, results)
    return script


def buffer_latency(lab: Lab) -> Measured:
    """From the last load of the weight buffer to its installation."""
    gap, trial = lab.shortest(lambda g: buffered(lab, g, 8))
    return from_trial(gap, trial)


def swap_latency(lab: Lab) -> Measured:
    """From installing the buffer to the first use of the plane."""
    ready = int(lab.once(buffer_latency).value)
    gap, trial = lab.shortest(lambda g: buffered(lab, ready, g))
    return from_trial(gap, trial)


def load_cycles(lab: Lab) -> Measured:
    """Cycles in which one plane takes all of its weights over its own streams."""

    def make(interval: int) -> Script:
        script = Script(lab.machine, "load plane")
        load(script, planes(lab.machine)[0], 0, ones(script, "int8", 0), "lw", interval)
        return script

    _, trial = lab.shortest(make)
    queue = "mxm.0.weights"
    return from_trial(trial.last(queue) - trial.first(queue) + 1, trial)


def product_latency(lab: Lab) -> Measured:
    """From an activation to its product at the accumulator."""
    trial = lab.trial(single(lab))
    return from_trial(trial.first("mxm.0.accumulate") - trial.first("mxm.0.activations"), trial)


def accumulate_latency(lab: Lab) -> Measured:
    """From the accumulator taking a product to the sum on the stream.

    The way from a slice to the plane and the way back to a slice at the same place are equally long, so the
    difference of the two is that of the accumulator and a read.
    """
    script = Script(lab.machine, "accumulate")
    machine, plane = lab.machine, planes(lab.machine)[0]
    last = load(script, plane, 0, ones(script, "int8", 0))
    queue = f"{plane.name}.activations"
    use = last + script.time("iw_stream", "land")
    vectors, results = sums(script, "int8", 1)
    source = script.unused(queue, stream(plane.outward, 0), FEED)
    script.feed(
        queue, stream(plane.outward, 0), use + script.time("abc.int8.all", "skew"), vectors[0], place=source
    )
    script.issue(queue, use, f"abc.int8.all {'ew'[plane.outward]}0")
    taken = use + script.time("abc", "product") - script.time("acc", "skew")
    script.issue(f"{plane.name}.accumulate", taken, f"acc.set 0 -> {'ew'[plane.inward]}0")
    driven = taken + script.time("acc", "func")
    place = next(
        name
        for _, name in script.slices(f"{plane.name}.accumulate", stream(plane.inward, 0), CATCH)
        if name != source
        and machine.x_mem(name[0], int(name[1:])) == machine.x_mem(source[0], int(source[1:]))
    )
    for byte in range(RESULT_BYTES):
        script.catch(
            f"{plane.name}.accumulate", stream(plane.inward, byte), driven,
            words=results[byte], place=place if byte == 0 else "",
        )  # fmt: skip
    trial = lab.trial(script)
    there = trial.first(queue) - trial.last(f"mem.{source}")
    back = trial.last(f"mem.{place}") - trial.first(f"{plane.name}.accumulate")
    return from_trial(back - there + lab.once(read_latency).value, trial)


def accumulate_interval(lab: Lab) -> Measured:
    """Cycles between two additions to one accumulator row."""

    def make(gap: int) -> Script:
        script = Script(lab.machine, "accumulate twice")
        plane = planes(lab.machine)[0]
        last = load(script, plane, 0, ones(script, "int8", 0))
        begin = last + script.time("iw_stream", "land")
        vectors, _ = sums(script, "int8", 1)
        _, taken = multiply(script, plane, begin, "int8", vectors, None)
        script.feed("mxm.0.activations", stream(plane.outward, 0), begin + gap, vectors[0])
        sampled = begin + gap - script.time("abc", "skew")
        script.issue("mxm.0.activations", sampled, f"abc.int8.all {'ew'[plane.outward]}0")
        script.issue("mxm.0.accumulate", taken + gap, f"acc.add 0 -> {'ew'[plane.inward]}0")
        return script

    gap, trial = lab.shortest(make)
    return from_trial(gap, trial)


def random_weights(lab: Lab) -> list[Bytes]:
    """Return random int8 weights [plane][row, lane]."""
    rng = np.random.default_rng(SEED)
    lanes = lab.machine.chip.lanes
    return [rng.integers(0, 256, (lanes, lanes), dtype=np.uint8) for _ in planes(lab.machine)]


def filling(lab: Lab, gap: int) -> Script:
    """Return a program that fills all planes at once from SRAM and uses them ``gap`` cycles after the last load."""
    script = Script(lab.machine, "fill all planes")
    rows = random_weights(lab)
    last = 0
    for plane in planes(lab.machine):
        last = load(script, plane, 0, rows[plane.number])
    vectors, _ = sums(script, "int8", 1)
    for plane in planes(lab.machine):
        total = rows[plane.number].view(np.int8).sum(axis=1, dtype=np.int32)[None]
        results = np.stack(bytes_of(total.view(np.uint32), RESULT_BYTES))
        multiply(script, plane, last + gap, "int8", vectors, results)
    return script


def fill_cycles(lab: Lab) -> Measured:
    """From the first read of weights to the first use of all planes, every weight of the chip loaded."""
    _, trial = lab.shortest(lambda gap: filling(lab, gap))
    first = min(trial.first(q) for q in trial.program.queues if q.startswith("mem."))
    used = min(trial.first(q) for q in trial.program.queues if q.endswith("activations"))
    return from_trial(
        used - first, trial, note=f"{len(planes(lab.machine)) * lab.machine.chip.lanes**2:,} weights"
    )


def feed_bandwidth(lab: Lab) -> Measured:
    """Bytes of operands per cycle that the planes of one hemisphere take while they are filled."""
    trial = lab.trial(filling(lab, 8))
    west = [f"{p.name}.weights" for p in planes(lab.machine) if p.outward == WEST]
    first, last = min(trial.first(q) for q in west), max(trial.last(q) for q in west)
    slices = trial.analysis.accounts.memory.slices
    reads = sum(s.reads for s in slices if s.name.startswith("W")) - 1  # one word is the activation
    return from_trial(reads * lab.machine.chip.lanes / (last - first + 1), trial)


def drain_cycles(lab: Lab) -> Measured:
    """From the last activation to the last write of its results in memory."""
    trial = lab.trial(streaming(lab, "int8", 16, 1))
    store = max(trial.last(q) for q in trial.program.queues if q.startswith("mem."))
    return from_trial(store - trial.last("mxm.0.activations"), trial)


def plane_offset(lab: Lab) -> Measured:
    """Cycles between the loads of two planes that share one set of weight streams."""

    def make(offset: int) -> Script:
        script = Script(lab.machine, "plane to plane")
        first, second = planes(lab.machine)[:2]
        load(script, first, 0, ones(script, "int8", 0), "lw")
        load(script, Plane(number=second.number, own=0, outward=second.outward, inward=second.inward), offset,
             ones(script, "int8", 0) * 2, "lw")  # fmt: skip
        return script

    offset, trial = lab.shortest(make)
    return from_trial(offset, trial)


def tile_interval(lab: Lab) -> Measured:
    """Cycles between weight tiles that follow each other in both planes of a hemisphere over one set of streams."""

    def make(interval: int) -> Script:
        script = Script(lab.machine, "tile after tile")
        rows = ones(script, "int8", 0)
        for tile in range(2):
            for plane in planes(lab.machine)[:2]:
                shared = Plane(number=plane.number, own=0, outward=plane.outward, inward=plane.inward)
                begin = tile * interval + plane.own * script.machine.chip.row_groups
                last = load(script, shared, begin, rows * (1 + tile + 2 * plane.own), "lw")
                script.issue(f"{plane.name}.weights", last + script.time("lw", "land"), "iw")
        return script

    interval, trial = lab.shortest(make)
    return from_trial(interval, trial)
