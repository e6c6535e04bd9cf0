"""Accounts of whole programs, against dispatches counted one by one."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from lpu_emu import timing
from lpu_emu.analysis import analyse
from lpu_emu.analysis.core import Analysis

from . import dispatches as plain
from .programs import KINDS, listing, random_program

CHIPS = ("tiny", "crooked")


def busy_by_queue(every: list[plain.Dispatch]) -> Counter[str]:
    return Counter(d.queue.name for d in every)


def busy_by_unit(every: list[plain.Dispatch]) -> dict[str, int]:
    """Count the cycles in which any queue of a unit dispatches."""
    cycles: dict[str, set[int]] = defaultdict(set)
    for d in every:
        cycles[d.instruction.unit].add(d.cycle)
    return {unit: len(found) for unit, found in cycles.items()}


def occupied(every: list[plain.Dispatch]) -> dict[int, set[int]]:
    """Return the cycles in which each plane is occupied."""
    cycles: dict[int, set[int]] = defaultdict(set)
    for d in every:
        if d.mnemonic == "abc":
            tandem, whole = plain.is_tandem(d), d["half"] == 0
            length = d.after("interval_wide" if tandem and whole else "interval") - d.cycle
            for plane in range(d.queue.number, d.queue.number + 1 + tandem):
                cycles[plane] |= set(range(d.cycle, d.cycle + length))
    return cycles


def macs(every: list[plain.Dispatch]) -> Counter[int]:
    """Return the multiply-accumulates by plane; half an issue takes half of the lanes in."""
    found: Counter[int] = Counter()
    for d in every:
        if d.mnemonic == "abc":
            lanes = d.machine.chip.lanes
            found[d.queue.number] += lanes * (lanes if d["half"] == 0 else lanes // 2)
    return found


def vectors_by_cycle(every: list[plain.Dispatch]) -> Counter[int]:
    """Count the vectors that move in or out of SRAM."""
    found: Counter[int] = Counter()
    for d in every:
        if d.mnemonic in ("read", "write", "read_write", "gather", "scatter"):
            found[d.after("access")] += 1
        if d.mnemonic == "read_write":
            found[d.after("access_store")] += 1
    return found


def live(every: list[plain.Dispatch], way: int) -> int:
    """Return the most streams of a direction that carry a value, still to be taken, across one cut in a cycle."""
    place, slot_of = {}, {}
    for d in every:
        for stream, slot, along, _, tap in d.taps():
            place[tap], slot_of[tap] = along, (stream, slot)
    load: Counter[tuple[int, int]] = Counter()
    spans: dict[plain.Tap, int] = {}
    for sample, drive in plain.streams(every).items():
        if drive is not None:
            spans[drive] = max(spans.get(drive, -(10**9)), place[sample])
    for drive, last in spans.items():
        stream, slot = slot_of[drive]
        if stream // 32 == way:
            load.update((slot, cut) for cut in range(place[drive], last))
    return max(load.values(), default=0)


def check(analysis: Analysis, where: str) -> None:
    every, accounts, machine = plain.dispatches(analysis), analysis.accounts, analysis.program.machine
    busy = busy_by_queue(every)
    assert {q.name: q.busy_cycles for q in accounts.queues if q.busy_cycles} == dict(busy), where
    assert sum(q.text_bytes for q in accounts.queues) == analysis.program.text_bytes(), where
    planes = occupied(every)
    units = busy_by_unit(every) | {"mxm": len(set().union(*planes.values()))}
    assert {u: a.busy_cycles for u, a in accounts.units.items() if a.busy_cycles} == {
        unit: cycles for unit, cycles in units.items() if cycles
    }, where
    assert {p.plane: p.busy_cycles for p in accounts.planes if p.busy_cycles} == {
        plane: len(cycles) for plane, cycles in planes.items()
    }, where
    assert {p.plane: p.macs for p in accounts.planes if p.macs} == dict(macs(every)), where
    moved = vectors_by_cycle(every)
    memory = accounts.memory
    assert memory.reads + memory.writes == moved.total(), where
    assert memory.moved_bytes == moved.total() * machine.chip.lanes, where
    assert memory.peak_bytes_per_cycle == max(moved.values(), default=0) * machine.chip.lanes, where
    driven = {(s, slot) for d in every for s, slot, _, drives, _ in d.taps() if drives}
    assert sum(accounts.streams.busy_slots.values()) == len(driven), where
    assert accounts.streams.peak_live_east == live(every, 0), where
    assert accounts.streams.peak_live_west == live(every, 1), where


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("kind", KINDS)
def test_accounts_count_what_the_dispatches_do(kind: str, chip: str) -> None:
    for seed in range(25):
        program = random_program(kind, seed, chip)
        check(analyse(program), f"{kind} {seed} on {chip}\n{listing(program)}")


def test_slots_are_counted_where_streams_pass() -> None:
    assert timing.slot(10, 4, 0) == timing.slot(11, 5, 0)
