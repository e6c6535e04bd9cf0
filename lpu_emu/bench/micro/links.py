"""C2C on one chip: links that are wired back to the chip."""

from __future__ import annotations

from functools import partial

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured, from_trial, slope
from lpu_emu.bench.micro.memory import noise
from lpu_emu.bench.micro.script import Script, each, stream
from lpu_emu.spec.machine import EAST, WEST

SIZES = (4, 8)
SEND, RECEIVE = "send w0 -> 0", "receive 0 -> w1"


def link_latency(lab: Lab) -> Measured:
    """From a send in the west to the first cycle in which the east may receive."""

    def make(gap: int) -> Script:
        script = Script(lab.machine, "link")
        words = noise(script, 1)
        script.wires.append(("W0", "E0"))
        script.feed("c2c.W.0", stream(WEST, 0), 0, words)
        sent = script.issue("c2c.W.0", -script.time(SEND, "skew"), SEND)
        received = script.issue("c2c.E.0", sent + gap, RECEIVE)
        script.catch("c2c.E.0", stream(WEST, 1), received + script.time(RECEIVE, "func"), words=words)
        return script

    gap, trial = lab.shortest(make)
    return from_trial(gap, trial)


def sending(lab: Lab, count: int, interval: int) -> Script:
    """Return a program that sends on one link every ``interval`` cycles."""
    script = Script(lab.machine, f"send {count}")
    script.feed("c2c.W.0", stream(WEST, 0), 0, noise(script, count), each(count, interval, 1))
    script.issue("c2c.W.0", -script.time(SEND, "skew"), SEND, each(count, interval))
    return script


def vector_interval(lab: Lab) -> Measured:
    """Cycles between two vectors on one link."""
    interval, trial = lab.shortest(lambda i: sending(lab, 2, i))
    return from_trial(interval, trial)


def exchanging(lab: Lab, count: int) -> Script:
    """Return a program in which every link sends and receives all the time."""
    script = Script(lab.machine, f"all links {count}")
    machine = lab.machine
    interval, latency = int(lab.once(vector_interval).value), int(lab.once(link_latency).value)
    queues = [q for q in machine.queues if q.unit == "c2c"]
    for side, other, way in (("W", "E", WEST), ("E", "W", EAST)):
        script.wires += [(f"{side}{n}", f"{other}{n}") for n in range(int(machine.chip["c2c.links"]))]
        for queue in (q for q in queues if q.hemisphere == side):
            _exchange(
                script, queue.name, (way, queue.number), machine.links_of(queue), (count, interval, latency)
            )
    return script


def _exchange(
    script: Script, queue: str, flow: tuple[int, int], links: range, times: tuple[int, int, int]
) -> None:
    """Send ``count`` vectors on each link of a queue, and receive as many, in cycles that do not clash."""
    (way, number), (count, interval, latency) = flow, times
    busy = len(links)
    out, back = "ew"[way], "we"[way]
    script.feed(
        queue,
        stream(way, number),
        0,
        noise(script, busy * count),
        each(busy, 1, 1),
        each(count, interval, busy),
    )
    # Receives take the residues behind those of the sends.
    late = latency + (busy - latency) % interval
    for turn in range(count):
        for place, link in enumerate(links):
            cycle = turn * interval + place - script.time(SEND, "skew")
            script.issue(queue, cycle, f"send {out}{number} -> {link}")
            target = script.machine.chip.streams // 2 + number
            script.issue(queue, cycle + late, f"receive {link} -> {back}{target}")


def all_links(lab: Lab) -> Measured:
    """Payload bytes per cycle, both directions summed, of all links sending and receiving."""
    return slope(lab, partial(exchanging, lab), SIZES, lambda t: t.count("c2c") * lab.machine.chip.lanes)


def links_in_use(lab: Lab) -> Measured:
    """Links that send and receive in one program."""
    trial = lab.trial(exchanging(lab, 1))
    return from_trial(trial.count("c2c") / 2, trial)
