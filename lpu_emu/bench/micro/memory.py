"""Memory and streams: latency, travel, bandwidth by bank pattern, gather and scatter, capacity."""

from __future__ import annotations

from functools import partial

import numpy as np

from lpu_emu.bench.micro.lab import Lab, Trial
from lpu_emu.bench.micro.measured import Measured, from_trial, mean, slope
from lpu_emu.bench.micro.script import Bytes, Script, each, stream
from lpu_emu.spec.machine import EAST, HEMISPHERES, WEST, stream_name

SEED = 1
SIZES = (48, 96)
REGION = 16


def noise(script: Script, count: int, salt: int = 0) -> Bytes:
    """Return random words [count, lanes], the same for the same salt."""
    return np.random.default_rng(SEED + salt).integers(0, 256, (count, script.lanes), dtype=np.uint8)


def slice_path(lab: Lab, source: str, target: str) -> Measured:
    """Return the cycles from the read of a word in one slice to its write in another one further east."""
    script = Script(lab.machine, f"read {source} write {target}")
    word = noise(script, 1)
    arrives = script.time("read 0 -> e0", "func")
    script.put(source, 0, word)
    script.issue(f"mem.{source}", 0, "read 0 -> e0")
    x = {name: lab.machine.x_mem(name[0], int(name[1:])) for name in (source, target)}
    hops = abs(x[source] - x[target])
    store = lab.machine.chip.words_per_bank
    script.issue(
        f"mem.{target}", arrives + hops - script.time("write e0 -> 0", "skew"), f"write e0 -> {store}"
    )
    script.expect(target, store, word)
    trial = lab.trial(script)
    return from_trial(trial.first(f"mem.{target}") - trial.first(f"mem.{source}"), trial)


def read_latency(lab: Lab) -> Measured:
    """From a read to the word standing at the slice's own stream register, seen by its neighbour."""
    return slice_path(lab, "W1", "W0")


def hemisphere_path(lab: Lab) -> Measured:
    """From a read in the outermost slice to the write in the innermost one of a hemisphere."""
    return slice_path(lab, f"W{lab.machine.chip.slices - 1}", "W0")


def hemisphere_run(lab: Lab) -> Measured:
    """The way from the outermost slice to the innermost one of a hemisphere, less the read: hops."""
    path = lab.once(hemisphere_path)
    return Measured(
        value=path.value - lab.once(read_latency).value, programs=path.programs, cycles=path.cycles
    )


def crossing_path(lab: Lab) -> Measured:
    """From a read in the western slice 0 to the write in the eastern one, through the VXM."""
    return slice_path(lab, "W0", "E0")


def write_to_read(lab: Lab) -> Measured:
    """From a write to the first read of the same slice that may see the word."""

    def make(gap: int) -> Script:
        script = Script(lab.machine, "write then read")
        word = noise(script, 1)
        script.feed("mem.W0", stream(EAST, 0), 0, word)
        dispatch = -script.time("write e0 -> 0", "skew")
        script.issue("mem.W0", dispatch, "write e0 -> 7")
        script.issue("mem.W0", dispatch + gap, "read 7 -> e1")
        script.catch(
            "mem.W0", stream(EAST, 1), dispatch + gap + script.time("read 0 -> e0", "func"), words=word
        )
        return script

    gap, trial = lab.shortest(make)
    return from_trial(gap, trial)


def copying(lab: Lab, banks: str, count: int) -> Script:
    """Return a program in which every slice takes part in every cycle; neighbours hand each other their words."""
    script = Script(lab.machine, f"sram {banks} {count}")
    chip = lab.machine.chip
    lag = script.time("read 0 -> e0", "func") - script.time("write e0 -> 0", "skew")
    pairs = range(0, chip.slices - chip.slices % 2, 2)
    store = 0 if banks == "one bank" else chip.words_per_bank * (chip.banks - 1)
    for side in HEMISPHERES:
        for number in pairs:
            here, there = f"{side}{number}", f"{side}{number + 1}"
            first, second = number % 4, number % 4 + 1
            if banks == "one access":
                _hand_over(script, here, there, first, count, lag, store)
            else:
                _exchange(script, here, (first, second), count, lag, store)
                _exchange(script, there, (second, first), count, lag, store)
    return script


def _hand_over(script: Script, here: str, there: str, number: int, count: int, lag: int, store: int) -> None:
    words = noise(script, count, number)
    script.put(here, 0, words)
    script.issue(f"mem.{here}", 0, f"read 0 -> e{number}", each(count, 1, 1))
    script.issue(f"mem.{there}", lag, f"write e{number} -> {store}", each(count, 1, 1))
    script.expect(there, store, words)


def _exchange(script: Script, place: str, numbers: tuple[int, int], count: int, lag: int, store: int) -> None:
    """Read onto the first stream, and store from the second one what the neighbour has read ``lag`` cycles ago."""
    own, other = numbers
    script.put(place, 0, noise(script, count + lag, own))
    script.issue(f"mem.{place}", 0, f"read 0 -> e{own}", each(lag, 1, 1))
    both = f"read_write {lag}, e{other} -> e{own}, {store or count + lag}"
    script.issue(f"mem.{place}", lag, both, each(count, 1, 1))
    if store:
        script.expect(place, store, noise(script, count + lag, other)[:count])


def moved_bytes(lab: Lab, trial: Trial) -> int:
    """Return the bytes that memory read and wrote."""
    return trial.moved_words * lab.machine.chip.lanes


def one_access(lab: Lab) -> Measured:
    """All slices, one access each in a cycle: half of them read, the others write."""
    return slope(lab, partial(copying, lab, "one access"), SIZES, partial(moved_bytes, lab))


def both_banks(lab: Lab) -> Measured:
    """All slices, a read of one bank and a write of the other in every cycle."""
    return slope(lab, partial(copying, lab, "both banks"), SIZES, partial(moved_bytes, lab))


def hemisphere_bandwidth(lab: Lab) -> Measured:
    """As with both banks, in the western hemisphere alone."""

    def west(trial: Trial) -> int:
        slices = trial.analysis.accounts.memory.slices
        return sum(s.reads + s.writes for s in slices if s.name[0] == "W") * lab.machine.chip.lanes

    return slope(lab, partial(copying, lab, "both banks"), SIZES, west)


def same_bank(lab: Lab) -> Measured:
    """The same with both accesses in one bank: how many kinds of hazards say no."""
    script = copying(lab, "one bank", 8)
    kinds = lab.refusals(script)
    return Measured(value=len(kinds), programs=(), cycles=0, note=f"refused: {', '.join(kinds)}")


def full_cut(lab: Lab, count: int) -> Script:
    """Return a program in which words flow from both hemispheres to the other one on all streams, all through one cut."""
    script = Script(lab.machine, f"cut {count}")
    machine = lab.machine
    cut = machine.x_vxm(int(machine.chip["vxm.columns"]))
    for number in range(min(machine.chip.streams, machine.chip.slices)):
        for side, way in (("W", EAST), ("E", WEST)):
            x = machine.x_mem(side, number)
            # Word 0 of all streams stands before the cut in cycle 0 and behind it in cycle 1.
            before = cut - x if side == "W" else x - cut - 1
            _send_and_store(script, f"{side}{number}", (way, number), before, count)
        script.expect(f"E{number}", machine.chip.words_per_bank, noise(script, count, number))
    return script


def _send_and_store(script: Script, place: str, flow: tuple[int, int], before: int, count: int) -> None:
    """Read ``count`` words for a stream and store as many from its counterpart, which come a little later."""
    way, number = flow
    store = script.machine.chip.words_per_bank
    out, back = stream_name(stream(way, number)), stream_name(stream(1 - way, number))
    sent = -before - script.time("read 0 -> e0", "func")
    lag = before + 1 - script.time("write e0 -> 0", "skew") - sent
    script.put(place, 0, noise(script, count, number + 64 * way))
    queue = f"mem.{place}"
    script.issue(queue, sent, f"read 0 -> {out}", each(lag, 1, 1))
    script.issue(queue, sent + lag, f"read_write {lag}, {back} -> {out}, {store}", each(count - lag, 1, 1))
    script.issue(queue, sent + count, f"write {back} -> {store + count - lag}", each(lag, 1, 1))


def cut_bandwidth(lab: Lab) -> Measured:
    """All streams of both directions through one cut of the chip, every word stored on the other side."""

    def through(trial: Trial) -> int:
        return trial.analysis.accounts.memory.writes * lab.machine.chip.lanes

    return slope(lab, partial(full_cut, lab), SIZES, through)


def cut_per_superlane(lab: Lab) -> Measured:
    """One direction of the same cut, bytes per superlane."""
    both = lab.once(cut_bandwidth)
    value = both.value / 2 / lab.machine.chip.superlanes
    return Measured(value=value, programs=both.programs, cycles=both.cycles)


def addresses(script: Script, count: int) -> tuple[Bytes, Bytes]:
    """Return map words [count, lanes], and the addresses [count, superlanes] in their lanes 0 and 1."""
    chip = script.machine.chip
    found = np.random.default_rng(SEED).integers(0, REGION, (count, chip.superlanes))
    words = np.zeros((count, chip.superlanes, chip.lanes_per_superlane), dtype=np.uint8)
    words[:, :, 0] = found
    return words.reshape(count, -1), found.astype(np.uint8)


def gathering(lab: Lab, count: int, interval: int = 1) -> Script:
    """Return a program that gathers ``count`` vectors from a region of one slice."""
    script = Script(lab.machine, f"gather {count}")
    chip, text = script.machine.chip, f"gather e0, 0, {REGION - 1} -> e1"
    table = noise(script, REGION)
    script.put("W0", 0, table)
    maps, places = addresses(script, count)
    script.feed("mem.W0", stream(EAST, 0), 0, maps, each(count, interval, 1))
    dispatch = script.issue("mem.W0", -script.time(text, "skew"), text, each(count, interval))
    cells = table.reshape(REGION, chip.superlanes, -1)
    words = cells[places, np.arange(chip.superlanes)].reshape(count, -1)
    driven = dispatch + script.time(text, "func")
    script.catch("mem.W0", stream(EAST, 1), driven, count, each(count, interval, 1), words=words)
    return script


def gather_latency(lab: Lab) -> Measured:
    """From the arrival of the map to the words standing on the stream."""
    trial = lab.trial(gathering(lab, 1))
    ends = [q for q in trial.program.queues if q.startswith("mem.") and q != "mem.W0"]
    stored = max(trial.last(queue) for queue in ends)
    return from_trial(stored - trial.first("mem.W0"), trial)


def gather_rate(lab: Lab) -> Measured:
    """Bytes gathered per cycle from one slice, an address per superlane."""
    interval = lab.smallest(lambda i: gathering(lab, 4, i))
    lanes = lab.machine.chip.lanes
    return slope(lab, lambda n: gathering(lab, n, interval), SIZES, lambda t: t.dispatched("mem.W0") * lanes)


def scattering(lab: Lab, count: int, interval: int = 1, gap: int = 0) -> Script:
    """Return a program that scatters ``count`` vectors into a region, and reads a word ``gap`` cycles later if any."""
    script = Script(lab.machine, f"scatter {count}")
    text = f"scatter e0, e1 -> 0, {REGION - 1}"
    script.put("W0", 0, noise(script, REGION))
    maps, _ = addresses(script, count)
    script.feed("mem.W0", stream(EAST, 0), 0, maps * (count > 1), each(count, interval, 1))
    words = noise(script, count, 1)
    script.feed("mem.W0", stream(EAST, 1), 0, words, each(count, interval, 1))
    dispatch = script.issue("mem.W0", -script.time(text, "skew"), text, each(count, interval))
    if gap:
        read = script.issue("mem.W0", dispatch + gap, "read 0 -> e2")
        script.catch("mem.W0", stream(EAST, 2), read + script.time("read 0 -> e0", "func"), words=words)
    return script


def scatter_latency(lab: Lab) -> Measured:
    """From a scatter to the first read of its region that may see the words."""
    gap, trial = lab.shortest(lambda g: scattering(lab, 1, 1, g))
    return from_trial(gap, trial)


def scatter_rate(lab: Lab) -> Measured:
    """Bytes scattered per cycle into one slice, an address per superlane."""
    interval = lab.smallest(lambda i: scattering(lab, 4, i))
    lanes = lab.machine.chip.lanes
    return slope(lab, lambda n: scattering(lab, n, interval), SIZES, lambda t: t.dispatched("mem.W0") * lanes)


def filling(lab: Lab, words: int) -> Script:
    """Return a program that writes ``words`` words of every slice with a number made in the VXM."""
    script = Script(lab.machine, "fill memory")
    script.issue("vxm.0", 0, "copy.int8.mod #85 -> e0, w0", each(words))
    driven = script.time("copy.int8.mod #85 -> e0", "func")
    for side, way in (("W", WEST), ("E", EAST)):
        x = lab.machine.x_out(lab.machine.queue_by_name["vxm.0"], way)
        for number in range(lab.machine.chip.slices):
            hops = abs(lab.machine.x_mem(side, number) - x)
            start = driven + hops - script.time("write e0 -> 0", "skew")
            script.issue(f"mem.{side}{number}", start, f"write {'ew'[way]}0 -> 0", each(words, 1, 1))
    return script


def capacity(lab: Lab) -> Measured:
    """Bytes of memory that one program writes; a word more in each slice must be refused."""
    words = lab.machine.chip.words
    quiet = Lab(lab.machine, values=False)
    trial = quiet.trial(filling(quiet, words))
    lab.keep(trial.program.name, trial, quiet.texts[trial.program.name])
    note = "" if quiet.legal(filling(quiet, words + 1)) else "a word more in each slice is refused"
    return from_trial(trial.analysis.accounts.memory.words * lab.machine.chip.lanes, trial, note=note)


def alu_entry(lab: Lab) -> Measured:
    """From a read in slice 0 to an ALU, over the columns."""
    return mean([_entry(lab, column) for column in range(int(lab.machine.chip["vxm.columns"]))])


def _entry(lab: Lab, column: int) -> Measured:
    script = Script(lab.machine, f"slice 0 to column {column}")
    queue = f"vxm.{column}"
    script.feed(queue, stream(EAST, 0), 0, noise(script, 1), place="W0")
    dispatch = -script.time("copy.int8.mod e0 -> e1", "skew")
    script.issue(queue, dispatch, "copy.int8.mod e0 -> e1")
    trial = lab.trial(script)
    return from_trial(trial.first(queue) - trial.first("mem.W0"), trial)


def worked_example(lab: Lab) -> Measured:
    """From a read in slice 14 to slice 41 of the same hemisphere."""
    return slice_path(lab, "E14", "E41")
