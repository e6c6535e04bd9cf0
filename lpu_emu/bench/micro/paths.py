"""Ways through the chip that pass a plane: MEM to MXM to VXM, and from one edge to the other."""

from __future__ import annotations

from lpu_emu.bench.micro import matrix
from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured, from_trial
from lpu_emu.bench.micro.memory import read_latency
from lpu_emu.bench.micro.planes import (
    RESULT_BYTES,
    load,
    multiply,
    ones,
    planes,
    sums,
)
from lpu_emu.bench.micro.script import Script, stream
from lpu_emu.spec.machine import EAST, WEST


def plane_path(lab: Lab) -> Measured:
    """From the read of a vector in the outermost slice through plane 0 to an ALU of the first column."""
    script = Script(lab.machine, "memory to plane to ALU")
    plane = planes(lab.machine)[0]
    last = load(script, plane, 0, ones(script, "int8", 0))
    queue, outermost = f"{plane.name}.activations", f"W{lab.machine.chip.slices - 1}"
    # Late enough for the slice to have given its weights.
    use = last + 2 * script.machine.positions
    vectors, results = sums(script, "int8", 1)
    sampled = use + script.time("abc", "skew")
    script.feed(queue, stream(WEST, 0), sampled, vectors[0], place=outermost)
    script.issue(queue, use, "abc.int8.all w0")
    taken = use + script.time("abc", "product") - script.time("acc", "skew")
    script.issue(f"{plane.name}.accumulate", taken, "acc.set 0 -> e0")
    entry = lab.machine.x_in(lab.machine.queue_by_name["vxm.0"], EAST)
    copy = "copy.int32.mod e0 -> e0"
    arrives = taken + script.time("acc", "func") + entry - lab.machine.x_mxm("W")
    dispatch = script.issue("vxm.0", arrives - script.time(copy, "skew"), copy)
    for byte in range(RESULT_BYTES):
        script.catch("vxm.0", stream(EAST, byte), dispatch + script.time(copy, "func"), words=results[byte])
    trial = lab.trial(script)
    return from_trial(trial.first("vxm.0") - trial.last(f"mem.{outermost}"), trial)


def boundary_to_plane(lab: Lab) -> Measured:
    """From the outermost slice to the planes of its hemisphere: a read's way there, less the read itself."""
    path = lab.programs[lab.once(plane_path).programs[0]]
    outermost = f"mem.W{lab.machine.chip.slices - 1}"
    there = path.first("mxm.0.activations") - path.last(outermost)
    return from_trial(there - lab.once(read_latency).value, path)


def chip_width(lab: Lab) -> Measured:
    """From the accumulator of the westernmost plane to an activation of the easternmost, less the accumulator: columns.

    The cycles on the way are the hops, and there is one more column than hops.
    """
    script = Script(lab.machine, "across the chip")
    first, last = planes(lab.machine)[0], planes(lab.machine)[-1]
    rows = ones(script, "int8", 0)
    begin = max(load(script, first, 0, rows), load(script, last, 0, rows)) + script.time("iw_stream", "land")
    vectors, _ = sums(script, "int8", 1)
    _, taken = multiply(script, first, begin, "int8", vectors, None)
    script.steps[f"{first.name}.accumulate"].clear()
    script.issue(f"{first.name}.accumulate", taken, "acc.set 0 -> e0")
    arrives = taken + script.time("acc", "func") + lab.machine.x_mxm("E") - lab.machine.x_mxm("W")
    issue = "abc.int8.all e0"
    used = script.issue(f"{last.name}.activations", arrives - script.time(issue, "skew"), issue)
    script.issue(
        f"{last.name}.accumulate",
        used + script.time("abc", "product") - script.time("acc", "skew"),
        "acc.set 0",
    )
    trial = lab.trial(script)
    between = trial.first(f"{last.name}.activations") - trial.first(f"{first.name}.accumulate")
    return from_trial(between - lab.once(matrix.accumulate_latency).value + 1, trial)
