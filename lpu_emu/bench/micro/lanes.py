"""SXM: what each function adds to a path, and how often it can be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lpu_emu.bench.micro.lab import Lab, Trial
from lpu_emu.bench.micro.measured import Measured, from_trial, mean, slope
from lpu_emu.bench.micro.memory import noise, read_latency
from lpu_emu.bench.micro.script import FEED, Bytes, Script, each, stream
from lpu_emu.spec.machine import EAST, WEST, Machine
from lpu_emu.timing import Loop

SIZES = (8, 24)
SIDE = "W"


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function of the SXM: its queue (without hemisphere), its operands and what comes out first.

    ``inputs`` streams from ``w0`` on go in, results come out from ``e0`` on; ``map_bytes`` streams from westward
    ``map_stream`` on carry a map. ``first`` gives the first output stream [n, lanes] for inputs
    [streams, n, lanes] and map [n, lanes].
    """

    queue: str
    text: str
    inputs: int
    first: Callable[[Bytes, Bytes, Machine], Bytes]
    map_stream: int = -1
    map_bytes: int = 0


def _superlanes(words: Bytes, machine: Machine) -> Bytes:
    shape = (*words.shape[:-1], machine.chip.superlanes, machine.chip.lanes_per_superlane)
    return words.reshape(shape)


def _transposed(x: Bytes, _map: Bytes, machine: Machine) -> Bytes:
    turned = np.moveaxis(_superlanes(x, machine)[..., 0], 0, -1)
    return np.asarray(turned.reshape(x.shape[1:]), dtype=np.uint8)


def _distributed(x: Bytes, mapped: Bytes, machine: Machine) -> Bytes:
    picked = np.take_along_axis(_superlanes(x[0], machine), _superlanes(mapped, machine).astype(int), -1)
    return np.asarray(picked.reshape(x.shape[1:]), dtype=np.uint8)


def _same(x: Bytes, _map: Bytes, _machine: Machine) -> Bytes:
    return np.asarray(x[0], dtype=np.uint8)


def _permuted(x: Bytes, _map: Bytes, _machine: Machine) -> Bytes:
    return np.ascontiguousarray(x[0][:, ::-1])


def _up(x: Bytes, _map: Bytes, _machine: Machine) -> Bytes:
    return np.pad(x[0], ((0, 0), (1, 0)))[:, :-1]


def _down(x: Bytes, _map: Bytes, _machine: Machine) -> Bytes:
    return np.pad(x[0], ((0, 0), (0, 1)))[:, 1:]


def _far_down(x: Bytes, _map: Bytes, machine: Machine) -> Bytes:
    half = machine.chip.lanes // 2
    return np.pad(x[0], ((0, 0), (0, half)))[:, half:]


def functions(machine: Machine) -> dict[str, Function]:
    """Return the functions by name, with streams that the chip has."""
    edge = machine.chip.lanes_per_superlane
    everywhere = (1 << machine.chip.superlanes) - 1
    number = "0" if int(machine.chip["sxm.transposers"]) > 1 else ""
    spread = "0" if int(machine.chip["sxm.distributors"]) > 1 else ""
    return {
        "transpose of a superlane": Function(
            queue=f"transpose{number}", text="transpose w0 -> e0", inputs=edge,
            first=_transposed,
        ),
        "distribute within a superlane": Function(
            queue=f"distribute{spread}", text="distribute w0, w8, 0 -> e0", inputs=8,
            first=_distributed, map_stream=8, map_bytes=1,
        ),
        "rotate by three": Function(
            queue="rotate", text="rotate 3, w0 -> e0", inputs=3, first=_same
        ),
        "permute of all lanes": Function(
            queue="permute", text="permute.b1 w0, w2 -> e0", inputs=1, first=_permuted,
            map_stream=2, map_bytes=2,
        ),
        "shift north": Function(
            queue="shift_n", text=f"shift_up.b1 w0, 1, {everywhere} -> e0", inputs=1, first=_up
        ),
        "shift south": Function(
            queue="shift_s", text=f"shift_down.b1 w0, 1, {everywhere} -> e0", inputs=1,
            first=_down,
        ),
        "shift south by half of the lanes": Function(
            queue="shift_s", text=f"shift_down.b1 w0, {machine.chip.lanes // 2}, {everywhere} -> e0", inputs=1,
            first=_far_down,
        ),
    }  # fmt: skip


def _ends(script: Script) -> tuple[str, str]:
    """Return the slices that a path begins and ends in, the same for all functions: the two nearest to the SXM."""
    (_, source), (_, target), *_ = script.slices(f"sxm.{SIDE}.shift_n", stream(WEST, 0), FEED)
    return source, target


def _companion(script: Script, function: Function | None, cycle: int, words: Bytes, interval: int = 1) -> str:
    """Pass what stands on a stream in ``cycle`` through the other shifter, unmoved, and store it."""
    count = len(words)
    north = function is None or function.queue != "shift_n"
    queue = f"sxm.{SIDE}.{'shift_n' if north else 'shift_s'}"
    last = script.machine.chip.streams - 1
    text = f"{'shift_up' if north else 'shift_down'}.b1 {'e' if function else 'w'}0, 0, 0 -> e{last}"
    dispatch = script.issue(queue, cycle - script.time(text, "skew"), text, each(count, interval))
    out = stream(EAST, last)
    script.catch(
        queue, out, dispatch + script.time(text, "func"), count, each(count, interval, 1),
        words=words, place=_ends(script)[1],
    )  # fmt: skip
    return queue


def _maps(script: Script, function: Function, count: int) -> list[Bytes]:
    """Return the bytes of the maps: the lanes of a superlane (or of the chip) in reverse."""
    chip = script.machine.chip
    span = chip.lanes if function.map_bytes > 1 else chip.lanes_per_superlane
    lanes = span - 1 - np.arange(chip.lanes) % span
    both = (lanes & 0xFF, lanes >> 8)
    return [np.tile(part.astype(np.uint8), (count, 1)) for part in both[: function.map_bytes]]


def _feed_fresh(script: Script, queue: str, number: int, cycle: int, words: Bytes, loop: Loop) -> None:
    """Feed a westward stream from a slice that does nothing else, so that length changes no place."""
    flow = stream(WEST, number)
    source, target = _ends(script)
    place = source if number == 0 else script.unused(queue, flow, FEED, {source, target})
    script.feed(queue, flow, cycle, words, loop, place=place)


def using(lab: Lab, name: str, count: int = 1, interval: int = 1) -> Script:
    """Return a program that sends vectors from MEM through a function and its companion back to MEM."""
    machine = lab.machine
    function = functions(machine)[name]
    script = Script(machine, f"{name} {count}")
    queue, text = f"sxm.{SIDE}.{function.queue}", function.text
    sampled = "skew_x" if function.map_bytes > 1 else "skew"
    mapped = "skew_map" if function.map_bytes > 1 else "skew"
    dispatch = -script.time(text, sampled)
    loop = each(count, interval, 1)
    x = np.stack([noise(script, count, i) for i in range(function.inputs)])
    for number, words in enumerate(x):
        _feed_fresh(script, queue, number, 0, words, loop)
    maps = _maps(script, function, count)
    for number, words in enumerate(maps):
        at = dispatch + script.time(text, mapped)
        _feed_fresh(script, queue, function.map_stream + number, at, words, loop)
    script.issue(queue, dispatch, text, each(count, interval))
    driven = dispatch + script.time(text, "func")
    _companion(script, function, driven, function.first(x, maps[0] if maps else x[0], machine), interval)
    return script


def passing(lab: Lab) -> Script:
    """Return a program that sends a vector from MEM through the companion alone."""
    script = Script(lab.machine, "companion of the sxm")
    words = noise(script, 1)
    script.feed(f"sxm.{SIDE}.shift_n", stream(WEST, 0), 0, words)
    _companion(script, None, 0, words)
    return script


def _span(trial: Trial) -> int:
    """Return the cycles from the read of the data to the write of the result."""
    store = max(trial.last(q) for q in trial.program.queues if q.startswith("mem."))
    return store - trial.first(f"mem.{_source(trial)}")


def _source(trial: Trial) -> str:
    """Return the slice of the first data section: where stream 0 comes from."""
    return trial.program.data[0].slice


def latency(lab: Lab, name: str) -> Measured:
    """The cycles that a function adds to the way of a vector from MEM to MEM."""
    alone, with_it = lab.trial(passing(lab)), lab.trial(using(lab, name))
    return from_trial(_span(with_it) - _span(alone), alone, with_it)


def rate(lab: Lab, name: str) -> Measured:
    """How often a function can be used per cycle."""
    interval = lab.smallest(lambda i: using(lab, name, 3, i))
    queue = f"sxm.{SIDE}.{functions(lab.machine)[name].queue}"
    return slope(lab, lambda n: using(lab, name, n, interval), SIZES, lambda t: t.dispatched(queue))


def permute_from_map(lab: Lab) -> Measured:
    """From the arrival of a permute's map to its result: the program's cycles against those without it."""
    alone, with_it = lab.trial(passing(lab)), lab.trial(using(lab, "permute of all lanes"))
    first = min(with_it.first(q) for q in with_it.program.queues if q.startswith("mem."))
    start = with_it.first(f"mem.{_source(with_it)}")
    return from_trial(_span(with_it) - _span(alone) + start - first, alone, with_it)


def permute_path(lab: Lab) -> Measured:
    """From the read of the map to the write of the permuted vector, in the outermost and the innermost slices."""
    return mean([_permute_between(lab, far) for far in (False, True)])


def _permute_between(lab: Lab, far: bool) -> Measured:
    script = Script(lab.machine, f"permute {'innermost' if far else 'outermost'}")
    queue, text = f"sxm.{SIDE}.permute", "permute.b1 w0, w2 -> e4"
    outer = lab.machine.chip.slices - 1
    numbers = list(range(4)) if far else list(range(outer, outer - 4, -1))
    words = noise(script, 1)
    function = functions(lab.machine)["permute of all lanes"]
    dispatch = -script.time(text, "skew_x")
    script.feed(queue, stream(WEST, 0), 0, words, place=f"W{numbers[0]}")
    for number, part in enumerate(_maps(script, function, 1)):
        at = dispatch + script.time(text, "skew_map")
        script.feed(queue, stream(WEST, 2 + number), at, part, place=f"W{numbers[1 + number]}")
    script.issue(queue, dispatch, text)
    stored = _permuted(words[None], words, lab.machine)
    driven = dispatch + script.time(text, "func")
    store = script.catch(queue, stream(EAST, 4), driven, words=stored, place=f"W{numbers[3]}")
    trial = lab.trial(script)
    return from_trial(trial.first(f"mem.{store}") - trial.first(f"mem.W{numbers[1]}"), trial)


def crossing(lab: Lab) -> Measured:
    """From the outermost slice to the SXM: a read's way there, less the read itself."""
    trial = lab.trial(passing(lab))
    read = trial.first(f"mem.{_source(trial)}")
    there = trial.first(f"sxm.{SIDE}.shift_n") - read
    return from_trial(there - lab.once(read_latency).value, trial)


def transpose_round_trip(lab: Lab, column: int) -> Measured:
    """From an ALU through a transposer of the western SXM back to the same ALU."""
    machine, edge = lab.machine, lab.machine.chip.lanes_per_superlane
    script = Script(machine, f"transpose round trip column {column}")
    alu, sxm = f"vxm.{column}", f"sxm.W.{functions(machine)['transpose of a superlane'].queue}"
    copy, turn = "copy.uint8.mod e0 -> w0", "transpose w0 -> e0"
    x = np.stack([noise(script, 1, i) for i in range(edge)])
    out = machine.x_out(machine.queue_by_name[alu], WEST)
    hops = out - machine.x_sxm("W")
    script.feed(alu, stream(EAST, 0), 0, x[0])
    start = script.issue(alu, -script.time(copy, "skew"), copy)
    at_sxm = start + script.time(copy, "func") + hops
    for number in range(1, edge):
        script.feed(sxm, stream(WEST, number), at_sxm, x[number])
    dispatch = script.issue(sxm, at_sxm - script.time(turn, "skew"), turn)
    entry = machine.x_in(machine.queue_by_name[alu], EAST)
    back = dispatch + script.time(turn, "func") + entry - machine.x_sxm("W")
    last = "copy.uint8.mod e0 -> e1"
    again = script.issue(alu, back - script.time(last, "skew"), last)
    words = _transposed(x, x[0], machine)
    script.catch(alu, stream(EAST, 1), again + script.time(last, "func"), words=words)
    trial = lab.trial(script)
    return from_trial(trial.last(alu) - trial.first(alu), trial)


def shift_far(lab: Lab) -> Measured:
    """The cycles that a shift south by half of the lanes adds to the way of a vector from memory to memory."""
    return latency(lab, "shift south by half of the lanes")
