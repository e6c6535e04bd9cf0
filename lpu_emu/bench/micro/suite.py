"""The microbenchmarks of a chip: what each asks, how it is measured, and what the chip file says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lpu_emu.bench.micro import control, lanes, links, matrix, memory, paths, products, vector
from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured
from lpu_emu.spec.chip_lint import timing_place
from lpu_emu.spec.machine import Machine
from lpu_emu.spec.peaks import peaks

CYCLES, RATE, BYTES = "cycles", "B/cycle", "B"


@dataclass(frozen=True, kw_only=True)
class Micro:
    """One benchmark. ``key`` names what it is compared with: a chip key, a peak, or an instruction's timing key."""

    name: str
    asks: str
    unit: str
    measure: Callable[[Lab], Measured]
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the chip file says: value, tag of the fact (of a peak: the weakest of its facts), source."""

    value: float
    key: str
    tag: str
    source: str


def suite(machine: Machine) -> list[Micro]:
    """Return the benchmarks of a chip in the order of the report."""
    return [
        *_memory(),
        *_streams(),
        *_matrix(machine),
        *_vector(machine),
        *_lanes(machine),
        *_control(),
        *_links(),
        *_products(),
    ]


def _named(name: str, unit: str, measure: Callable[[Lab], Measured], key: str = "") -> Micro:
    """Return a benchmark that asks what the first line of its function says."""
    asks = (measure.__doc__ or "").strip().splitlines()[0]
    return Micro(name=name, asks=asks, unit=unit, measure=measure, key=key)


def _memory() -> Iterator[Micro]:
    yield _named("mem.read.latency", CYCLES, memory.read_latency, "read:func")
    yield _named("mem.write.to_read", CYCLES, memory.write_to_read)
    yield _named("mem.gather.latency", CYCLES, memory.gather_latency, "gather:func")
    yield _named("mem.gather.rate", RATE, memory.gather_rate, "lanes")
    yield _named("mem.scatter.to_read", CYCLES, memory.scatter_latency)
    yield _named("mem.scatter.rate", RATE, memory.scatter_rate, "lanes")
    yield _named("mem.bandwidth.one_access", RATE, memory.one_access)
    yield _named("mem.bandwidth.both_banks", RATE, memory.both_banks, "sram.bandwidth")
    yield _named("mem.bandwidth.hemisphere", RATE, memory.hemisphere_bandwidth)
    yield _named("mem.bandwidth.same_bank", "hazards", memory.same_bank)
    yield _named("mem.capacity", BYTES, memory.capacity, "sram.size")


def _streams() -> Iterator[Micro]:
    yield _named("stream.bandwidth", RATE, memory.cut_bandwidth, "streams.bandwidth")
    yield _named("stream.bandwidth.superlane", RATE, memory.cut_per_superlane)
    yield _named("stream.hemisphere", CYCLES, memory.hemisphere_path)
    yield _named("stream.across_vxm", CYCLES, memory.crossing_path)
    yield _named("stream.mem_to_sxm", CYCLES, lanes.crossing, "distance.mem_to_sxm")
    yield _named("stream.mem_to_alu", CYCLES, memory.alu_entry)
    yield _named("stream.columns", "columns", paths.chip_width)


def _matrix(machine: Machine) -> Iterator[Micro]:
    yield _named("mxm.fill", CYCLES, matrix.fill_cycles)
    yield _named("mxm.fill.plane", CYCLES, matrix.load_cycles, "mxm.load")
    yield _named("mxm.fill.bandwidth", RATE, matrix.feed_bandwidth)
    yield _named("mxm.install.streams", CYCLES, matrix.install_latency, "iw_stream:land")
    yield _named("mxm.install.buffer", CYCLES, matrix.buffer_latency, "lw:land")
    yield _named("mxm.install.swap", CYCLES, matrix.swap_latency, "iw:land")
    yield _named("mxm.product.latency", CYCLES, matrix.product_latency, "abc:product")
    yield _named("mxm.accumulate.latency", CYCLES, matrix.accumulate_latency, "acc:func")
    yield _named("mxm.accumulate.interval", CYCLES, matrix.accumulate_interval, "acc:land")
    yield _named("mxm.drain", CYCLES, matrix.drain_cycles)
    yield _named("mxm.tiles.plane_to_plane", CYCLES, matrix.plane_offset)
    yield _named("mxm.tiles.interval", CYCLES, matrix.tile_interval)
    yield _named("mxm.path", CYCLES, paths.plane_path)
    for dtype in machine.chip["mxm.dtypes"]:
        yield Micro(
            name=f"mxm.peak.{dtype}",
            asks=f"Multiply-accumulates per cycle in {dtype}, all planes under way, results stored.",
            unit="MAC/cycle",
            measure=partial(matrix.peak, dtype=dtype),
            key=f"mxm.macs.{dtype}",
        )


def _vector(machine: Machine) -> Iterator[Micro]:
    yield _named("vxm.all_alus", "elements/cycle", vector.all_alus, "vxm.alus")
    yield _named("vxm.latch", CYCLES, vector.latch_loop, "copy:latch")
    yield _named("vxm.column", CYCLES, vector.pitch)
    yield _named("vxm.far_write", CYCLES, vector.far_write)
    yield _named("vxm.round_trip", CYCLES, vector.round_trip)
    for operation in vector.operations(machine):
        name = operation.name
        yield Micro(
            name=f"vxm.latency.{name}",
            asks=f"From the operands of {operation.text} to its result, in a chain of two ALUs.",
            unit=CYCLES,
            measure=partial(vector.latency, name=name),
            key=f"{name}:func",
        )
        yield Micro(
            name=f"vxm.issue.{name}",
            asks=f"Elements per cycle of {operation.text} on one ALU.",
            unit="elements/cycle",
            measure=partial(vector.issue_rate, name=name),
            key="lanes",
        )


def _lanes(machine: Machine) -> Iterator[Micro]:
    for name, function in lanes.functions(machine).items():
        mnemonic = function.text.split()[0].split(".")[0]
        short = f"sxm.{{}}.{mnemonic}{'.far' if 'half' in name else ''}"
        permuting = function.map_bytes > 1
        yield Micro(
            name=short.format("latency"),
            asks=f"Cycles that a {name} adds to the way of a vector from memory to memory.",
            unit=CYCLES,
            measure=partial(lanes.latency, name=name),
            key="" if permuting else f"{mnemonic}:func",
        )
        yield Micro(
            name=short.format("rate"),
            asks=f"How often per cycle a {name} can be used.",
            unit="1/cycle",
            measure=partial(lanes.rate, name=name),
        )
    yield _named("sxm.latency.permute.map", CYCLES, lanes.permute_from_map, "permute:func")
    yield _named("sxm.path.permute", CYCLES, lanes.permute_path)
    last = int(machine.chip["vxm.columns"]) - 1
    yield Micro(
        name="sxm.path.transpose",
        asks="From an ALU of the farthest column through a transposer and back to it.",
        unit=CYCLES,
        measure=partial(lanes.transpose_round_trip, column=last),
    )


def _control() -> Iterator[Micro]:
    yield _named("icu.barrier", CYCLES, control.barrier, "icu.barrier_cycles")
    yield _named("icu.nop.range", CYCLES, control.longest_gap)
    yield _named("icu.repeat.overhead", CYCLES, control.repeat_overhead)
    yield _named("icu.queues", "queues", control.queues, "queues.all")
    yield _named("icu.fetch.peak", RATE, control.fetch_peak, "text.fetch")
    yield _named("icu.ifetch.rate", RATE, control.fetch_rate)
    yield _named("icu.ifetch.size", BYTES, control.fetch_size, "icu.fetch_bytes")


def _links() -> Iterator[Micro]:
    yield _named("c2c.latency", CYCLES, links.link_latency, "c2c.latency_cycles")
    yield _named("c2c.interval", CYCLES, links.vector_interval, "c2c.vector_cycles")
    yield _named("c2c.bandwidth", RATE, links.all_links, "c2c.bandwidth")


def _products() -> Iterator[Micro]:
    yield _named("product.fp16.cycles", CYCLES, products.cycles)
    yield _named("product.fp16.utilisation", "of peak", products.utilisation)
    yield _named("product.fp16.text", BYTES, products.text_size)
    yield _named("product.fp16.text_rate", RATE, products.text_bandwidth)


def known(machine: Machine, key: str) -> Known | None:
    """Return what the chip file says about a key: ``c2c.links``, a peak, ``mnemonic:timing key``, or ``lanes``."""
    if not key:
        return None
    if key == "lanes":
        return Known(
            value=machine.chip.lanes, key="lanes", tag=machine.chip.facts["lanes.superlanes"].tag, source=""
        )
    if ":" in key:
        return _timing(machine, *key.split(":"))
    if key in machine.chip.facts:
        fact = machine.chip.facts[key]
        return Known(value=fact.value, key=key, tag=fact.tag, source=fact.source)
    found = next(peak for peak in peaks(machine) if peak.key == key)
    return Known(value=found.value, key=key, tag=found.rests_on, source=found.how)


def _timing(machine: Machine, mnemonic: str, key: str) -> Known:
    instruction = machine.isa[mnemonic]
    name = f"timing.{timing_place(machine.chip.table['timing'], instruction, key)}"
    fact = machine.chip.facts[name]
    return Known(value=fact.value, key=name, tag=fact.tag, source=fact.source)
