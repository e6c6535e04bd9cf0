"""Peak rates and sizes of a chip, computed from its facts. Each says which facts it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lpu_emu.spec.chip_lint import TAGS, timing_place
from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import DTYPE_BYTES, Machine


@dataclass(frozen=True, kw_only=True)
class Peak:
    """One computed figure: ``how`` is its formula, ``facts`` its keys, ``rests_on`` their weakest tag."""

    key: str
    value: int | float
    unit: str
    how: str
    facts: tuple[str, ...]
    rests_on: str


def peaks(machine: Machine) -> list[Peak]:
    """Return the derived figures of a chip, in the order in which a reader wants them."""
    found = [*_queues(machine), *_matrix(machine), *_vector(machine), *_memory(machine), *_links(machine)]
    return found


def _peak(machine: Machine, key: str, value: int | float, unit: str, how: str, *facts: str) -> Peak:
    tags = [machine.chip.facts[name].tag for name in facts]
    return Peak(key=key, value=value, unit=unit, how=how, facts=facts, rests_on=max(tags, key=TAGS.index))


def _per_second(machine: Machine, peak: Peak, key: str, unit: str, factor: int = 1) -> Peak:
    how = f"{'' if factor == 1 else f'{factor} x '}{peak.key} x clock.hz"
    return _peak(
        machine, key, peak.value * machine.chip.clock_hz * factor, unit, how, *peak.facts, "clock.hz"
    )


_COUNTS = {
    "mem": ("mem.slices",),
    "vxm": ("vxm.rows", "vxm.columns"),
    "mxm": ("mxm.planes",),
    "sxm": ("sxm.distributors", "sxm.transposers"),
    "c2c": ("c2c.queues",),
}


def _queues(machine: Machine) -> Iterator[Peak]:
    counts = Counter(queue.unit for queue in machine.queues)
    for unit, facts in _COUNTS.items():
        yield _peak(machine, f"queues.{unit}", counts[unit], "queues", "both hemispheres", *facts)
    facts = tuple(name for names in _COUNTS.values() for name in names)
    yield _peak(machine, "queues.all", len(machine.queues), "queues", "sum over the units", *facts)
    longest = max(layout.size_bytes for layout in machine.isa.layouts.values())
    how = f"queues.all x {longest} B, the longest instruction"
    fetch = _peak(machine, "text.fetch", len(machine.queues) * longest, "B/cycle", how, *facts)
    yield fetch
    yield _per_second(machine, fetch, "text.fetch_rate", "B/s")


def _issue(machine: Machine) -> Instruction | None:
    """Return the instruction that occupies a plane for an interval, if the instruction set has one."""
    return next((i for i in machine.isa.instructions.values() if "interval" in i.timing), None)


def _matrix(machine: Machine) -> Iterator[Peak]:
    chip, issue = machine.chip, _issue(machine)
    lanes = ("lanes.superlanes", "lanes.per_superlane")
    weights = 2 * chip.planes * chip.lanes**2
    yield _peak(machine, "mxm.weights", weights, "B", "planes x lanes x lanes", "mxm.planes", *lanes)
    yield _peak(
        machine, "mxm.load", chip.row_groups, "cycles", "lanes / weight streams", "mxm.weight_streams", *lanes
    )
    for name in chip["mxm.dtypes"] if issue else ():
        wide = DTYPE_BYTES[name] > 1
        key = "interval_wide" if wide else "interval"
        interval = machine.timing(issue).get(key, 1) if issue else 1
        fact = f"timing.{timing_place(chip.table['timing'], issue, key)}" if issue else ""
        how = f"{'pairs of planes' if wide else 'planes'} x lanes x lanes / {key}"
        macs = chip.planes * (1 if wide else 2) * chip.lanes**2 // interval
        rate = _peak(
            machine, f"mxm.macs.{name}", macs, "MAC/cycle", how, "mxm.planes", "mxm.dtypes", *lanes, fact
        )
        yield rate
        yield _per_second(machine, rate, f"mxm.rate.{name}", "op/s", 2)


def _vector(machine: Machine) -> Iterator[Peak]:
    chip = machine.chip
    alus = int(chip["vxm.rows"]) * int(chip["vxm.columns"])
    facts = ("vxm.rows", "vxm.columns", "lanes.superlanes", "lanes.per_superlane")
    yield _peak(machine, "vxm.alus", alus * chip.lanes, "ALUs", "rows x columns x lanes", *facts)
    large = len(chip["vxm.large"]) * chip.lanes
    yield _peak(machine, "vxm.large_alus", large, "ALUs", "large ALUs x lanes", "vxm.large", *facts[2:])


def _memory(machine: Machine) -> Iterator[Peak]:
    chip = machine.chip
    lanes = ("lanes.superlanes", "lanes.per_superlane")
    banks = 2 * chip.slices * chip.banks
    size = banks * chip.words_per_bank * chip.lanes
    facts = ("mem.slices", "mem.banks", *lanes)
    yield _peak(
        machine, "sram.size", size, "B", "slices x banks x words x lanes", "mem.words_per_bank", *facts
    )
    sram = _peak(machine, "sram.bandwidth", banks * chip.lanes, "B/cycle", "slices x banks x lanes", *facts)
    yield sram
    yield _per_second(machine, sram, "sram.rate", "B/s")
    how = "2 directions x streams x lanes, through one cut of the chip"
    streams = _peak(
        machine,
        "streams.bandwidth",
        2 * chip.streams * chip.lanes,
        "B/cycle",
        how,
        "streams.per_direction",
        *lanes,
    )
    yield streams
    yield _per_second(machine, streams, "streams.rate", "B/s")


def _links(machine: Machine) -> Iterator[Peak]:
    chip = machine.chip
    links = 2 * int(chip["c2c.links"])
    facts = ("c2c.links", "c2c.vector_cycles", "lanes.superlanes", "lanes.per_superlane")
    value = 2 * links * chip.lanes / int(chip["c2c.vector_cycles"])
    yield _peak(machine, "c2c.all_links", links, "links", "both hemispheres", "c2c.links")
    how = "2 directions x links x lanes / cycles of a vector: payload only"
    c2c = _peak(machine, "c2c.bandwidth", value, "B/cycle", how, *facts)
    yield c2c
    yield _per_second(machine, c2c, "c2c.rate", "B/s")
