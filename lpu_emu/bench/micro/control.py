"""Instruction control: barrier, gaps, repeats, instruction text and its fetch."""

from __future__ import annotations

from functools import partial

from lpu_emu.bench.micro.lab import Lab, Trial
from lpu_emu.bench.micro.measured import Measured, from_trial, slope
from lpu_emu.bench.micro.memory import noise
from lpu_emu.bench.micro.script import Script, each, stream
from lpu_emu.errors import AssemblyError
from lpu_emu.spec.machine import EAST

SIZES = (4, 12)
NOTIFIED = 11


def barrier(lab: Lab) -> Measured:
    """From a notify to the first dispatch of queues that were parked, at both ends of the chip."""
    script = Script(lab.machine, "barrier")
    parked = ("mem.W0", f"mem.E{lab.machine.chip.slices - 1}")
    for queue in parked:
        script.put(queue[4:], 0, noise(script, 1))
        script.issue(queue, 0, "sync")
        script.follow(queue, "read 0 -> e0")
    script.issue("vxm.1", NOTIFIED, "notify")
    trial = lab.trial(script)
    released = max(trial.first(queue) for queue in parked)
    return from_trial(released - trial.first("vxm.1"), trial)


def longest_gap(lab: Lab) -> Measured:
    """The longest gap that one nop makes: the next power of two is tried until it is refused."""
    count = 1
    while _gap_fits(lab, 2 * count + 1):
        count = 2 * count + 1
    trial = lab.trial(_gap(lab, count))
    note = "" if _gap_fits(lab, count + 1) else "one cycle more is refused"
    return from_trial(trial.first("vxm.0"), trial, note=note)


def _gap(lab: Lab, count: int) -> Script:
    script = Script(lab.machine, "gap")
    script.issue("vxm.0", 0, f"nop {count}")
    script.follow("vxm.0", "config 1")
    return script


def _gap_fits(lab: Lab, count: int) -> bool:
    try:
        return lab.legal(_gap(lab, count))
    except AssemblyError:
        return False


def moving(lab: Lab, count: int, *, repeated: bool) -> Script:
    """Return a program in which one ALU fills its latch ``count`` times, by a repeat or one by one."""
    script = Script(lab.machine, f"{'repeat' if repeated else 'single'} {count}")
    text = "copy.int8.mod #1 -> latch"
    if repeated:
        script.issue("vxm.0", 0, text, each(count))
    else:
        for cycle in range(count):
            script.issue("vxm.0", cycle, text)
    return script


def repeat_overhead(lab: Lab) -> Measured:
    """Cycles that a repeat costs: against the same dispatches written one by one."""
    single = lab.trial(moving(lab, 64, repeated=False))
    repeated = lab.trial(moving(lab, 64, repeated=True))
    saved = f"{single.program.text_bytes()} bytes of text become {repeated.program.text_bytes()}"
    return from_trial(repeated.cycles - single.cycles, single, repeated, note=saved)


def all_queues(lab: Lab, count: int) -> Script:
    """Return a program in which every queue dispatches its longest instruction in every cycle."""
    script = Script(lab.machine, f"all queues {count}")
    for queue in lab.machine.queues:
        for cycle in range(count):
            script.issue(queue.name, cycle, f"config {lab.machine.chip.superlanes}")
    return script


def fetch_peak(lab: Lab) -> Measured:
    """Bytes of instruction text that all queues together use up in a cycle."""
    return slope(lab, partial(all_queues, lab), SIZES, lambda trial: trial.analysis.accounts.text.total_bytes)


def queues(lab: Lab) -> Measured:
    """Queues that dispatch in one and the same cycle."""
    trial = lab.trial(all_queues(lab, 1))
    return from_trial(sum(1 for queue in trial.program.queues if trial.first(queue) == 0), trial)


def fetching(lab: Lab, count: int) -> Script:
    """Return a program in which one queue fetches ``count`` times, each time the next two vectors."""
    script = Script(lab.machine, f"ifetch {count}")
    text = "ifetch e0"
    script.feed("vxm.0", stream(EAST, 0), 0, noise(script, 2 * count))
    for number in range(count):
        script.issue("vxm.0", 2 * number - script.time(text, "skew"), text)
    return script


def fetch_rate(lab: Lab) -> Measured:
    """Bytes of text per cycle that one queue takes from a stream, no vector taken twice."""

    def taken(trial: Trial) -> float:
        return trial.moved_words * lab.machine.chip.lanes

    return slope(lab, partial(fetching, lab), SIZES, taken)


def fetch_size(lab: Lab) -> Measured:
    """Bytes of text that one ifetch takes."""
    short, long = (lab.trial(fetching(lab, count)) for count in SIZES)
    more = long.dispatched("vxm.0") - short.dispatched("vxm.0")
    return from_trial((long.moved_words - short.moved_words) * lab.machine.chip.lanes / more, short, long)
