"""Claims about units: peaks, bandwidths, capacities, latencies of single steps."""

from __future__ import annotations

from functools import partial
from typing import Unpack

from lpu_emu.bench.micro import control, lanes, links, matrix, memory, paths, vector
from lpu_emu.bench.validate.claim import AT_MOST, Claim, Measure, Optional

TERA, GIGA, MIB = 1e12, 1e9, 1 << 20
ROUNDED = "the published peaks are rounded up; they fit a clock near 917 MHz"
THREE_DIGITS = "published with three digits"


def _unit(
    id: str, what: str, source: str, published: float, unit: str, measure: Measure, **more: Unpack[Optional]
) -> Claim:
    return Claim(
        id=id, what=what, group="unit", source=source, published=published, unit=unit, measure=measure, **more
    )


def _peak(
    id: str,
    source: str,
    published: float,
    clock_hz: float,
    measure: Measure,
    *,
    tolerance: float,
    reason: str,
) -> Claim:
    """Return a claim about a peak at a clock that need not be the chip's: operations are counted per cycle."""
    what = f"{'int8' if measure is matrix.peak_int8 else 'fp16'} peak at {clock_hz / GIGA:g} GHz"
    unit = "TOPS" if measure is matrix.peak_int8 else "TFLOPS"
    return _unit(
        id,
        what,
        source,
        published,
        unit,
        measure,
        scale=2 * clock_hz / TERA,
        tolerance=tolerance,
        reason=reason,
    )


PEAKS = (
    _peak("peak.int8.paper", "S20", 820, 1e9, matrix.peak_int8, tolerance=0.01, reason=THREE_DIGITS),
    _peak("peak.int8.product", "PB", 750, 0.9e9, matrix.peak_int8, tolerance=0.03, reason=ROUNDED),
    _peak(
        "peak.int8.press", "MPR", 1000, 1.25e9, matrix.peak_int8, tolerance=0.03, reason="the press rounds to 1,000"
    ),
    _peak("peak.fp16.paper", "S20", 205, 1e9, matrix.peak_fp16, tolerance=0.01, reason=THREE_DIGITS),
    _peak("peak.fp16.product", "PB", 188, 0.9e9, matrix.peak_fp16, tolerance=0.03, reason=ROUNDED),
    _peak("peak.fp16.press", "MPR", 250, 1.25e9, matrix.peak_fp16, tolerance=0.03, reason="the press rounds to 250"),
    _unit("mxm.macs", "multiply-accumulates of four planes", "S20", 409_600, "MAC/cycle", matrix.peak_int8),
    _unit("mxm.issue.int8", "int8 products [1, 320] by [320, 320]", "S22", 4, "1/cycle", matrix.issues_int8),
    _unit("mxm.issue.fp16", "fp16 products [1, 160] by [160, 320]", "S22", 2, "1/cycle", matrix.issues_fp16),
    _unit("vxm.alus", "ALUs at work: 16 in each of 320 lanes", "S20", 5_120, "elements/cycle", vector.all_alus),
)  # fmt: skip

BANDWIDTHS = (
    _unit("sram.capacity", "on-chip memory", "S20", 220, "MiB", memory.capacity, scale=1 / MIB),
    _unit("sram.bandwidth", "SRAM, all slices and banks", "S20", 56_320, "B/cycle", memory.both_banks),
    _unit("sram.hemisphere", "SRAM of one hemisphere", "S20", 28_160, "B/cycle", memory.hemisphere_bandwidth),
    _unit(
        "sram.brochure", "SRAM, figure of the brochure", "PB", 80, "TB/s", memory.both_banks, scale=1 / TERA,
        at_clock=True,
        obstacle="no number of slices, banks and bytes that is published gives 80 TB/s; 56,320 B per cycle are 50.7",
    ),
    _unit("stream.cut", "stream registers through one cut", "S20", 20_480, "B/cycle", memory.cut_bandwidth),
    _unit(
        "stream.superlane", "unit to unit, one superlane", "MPR", 512, "B/cycle", memory.cut_per_superlane,
        reason="read as 32 streams of 16 lanes in one direction",
    ),
    _unit(
        "mxm.feed", "operands into the planes", "AF", 10_240, "B/cycle", matrix.feed_bandwidth,
        reason="read as the planes of one hemisphere: 32 streams of 320 lanes",
    ),
    _unit("icu.fetch", "instruction text, all queues", "S20", 2_304, "B/cycle", control.fetch_peak),
    _unit("icu.queues", "instruction queues", "S20", 144, "queues", control.queues),
    _unit("icu.ifetch", "text taken by one ifetch", "R20", 640, "B", control.fetch_size),
    _unit("icu.nop", "longest gap of one nop", "R20", 65_535, "cycles", control.longest_gap),
)  # fmt: skip

LATENCIES = (
    _unit("icu.barrier", "notify to every sync", "R20", 35, "cycles", control.barrier),
    _unit("mem.read", "read onto the adjacent stream register", "MO", 1, "cycles", memory.read_latency),
    _unit("mem.gather", "gather beyond the arrival of its map", "MO", 1, "cycles", memory.gather_latency),
    _unit("vxm.operation", "ALU operation", "MO", 3, "cycles", partial(vector.latency, name="add")),
    _unit("sxm.transpose", "transposer", "MO", 4, "cycles", partial(lanes.latency, name="transpose of a superlane")),
    _unit(
        "sxm.distribute", "distributor", "MO", 2, "cycles", partial(lanes.latency, name="distribute within a superlane")
    ),
    _unit(
        "sxm.permute", "permuter with its exit, from the data", "MO", 52, "cycles",
        partial(lanes.latency, name="permute of all lanes"), tag="derived",
    ),
    _unit(
        "sxm.permute.map", "permuter with its exit, from the map", "MO", 60, "cycles", lanes.permute_from_map,
        tag="derived",
    ),
    _unit("sxm.shift", "shift south by 160 lanes", "MO", 36, "cycles", lanes.shift_far),
    _unit("mxm.weights", "all weights from SRAM", "S20", 40, "cycles", matrix.fill_cycles, bound=AT_MOST,
          reason="published as an upper bound: under 40"),
    _unit("mxm.load", "int8 plane over 16 streams", "MO", 20, "cycles", matrix.load_cycles),
    _unit("mxm.install", "weights after their data arrive", "MO", 3, "cycles", matrix.install_latency),
    _unit("mxm.multiply", "multiply", "MO", 13, "cycles", matrix.product_latency),
    _unit("mxm.accumulate", "accumulate", "MO", 34, "cycles", matrix.accumulate_latency),
    _unit("mxm.planes", "install of one plane after the other", "MO", 20, "cycles", matrix.plane_offset),
    _unit(
        "mxm.tiles", "successive tiles of 320, max(2 x 320 / 16, 27 to 30)", "MO", 40, "cycles", matrix.tile_interval
    ),
    _unit("c2c.latency", "link latency, mean", "S22", 217, "cycles", links.link_latency),
    _unit(
        "c2c.vector", "one vector at 100 Gb/s", "S22", 23.6, "cycles", links.vector_interval, tag="derived",
        tolerance=0.02, reason="links work in whole cycles",
    ),
    _unit(
        "c2c.payload", "payload of all links at 25 Gb/s lanes", "S22", 390, "GB/s", links.all_links, at_clock=True,
        scale=1 / GIGA, tag="derived", tolerance=0.02, reason="a vector takes whole cycles, 24 for 23.6",
    ),
    _unit(
        "c2c.capable", "all links at 30 Gb/s lanes", "S20", 3.84, "Tb/s", links.all_links, at_clock=True,
        scale=8 / TERA,
        obstacle="links are modelled as deployed, with 25 Gb/s lanes, and count payload; 30 is what lanes could do",
    ),
)  # fmt: skip

PATHS = (
    Claim(
        id="path.alu", what="memory to an ALU's entry, mean over the columns", group="path", source="MO", published=5,
        unit="cycles", measure=memory.alu_entry,
    ),
    Claim(
        id="path.sxm", what="memory boundary to SXM", group="path", source="MO", published=4, unit="cycles",
        measure=lanes.crossing,
    ),
    Claim(
        id="path.mxm", what="memory boundary to MXM", group="path", source="MO", published=9, unit="cycles",
        measure=paths.boundary_to_plane,
    ),
    Claim(
        id="path.slices", what="slice 14 to slice 41 with the read", group="path", source="MO", published=8,
        unit="cycles", measure=memory.worked_example,
    ),
    Claim(
        id="path.hemisphere",
        what="stream registers from slice 43 to slice 0",
        group="path",
        source="MO",
        published=11,
        unit="columns",
        measure=memory.hemisphere_path,
        reason="one that the read drives, and one for each hop behind it",
    ),
    Claim(
        id="path.run",
        what="crossings from slice 43 to slice 0",
        group="path",
        source="MO",
        published=10,
        unit="cycles",
        measure=memory.hemisphere_run,
    ),
    Claim(
        id="path.chip", what="stream-register columns of the chip", group="path", source="D20", published=45,
        unit="columns", measure=paths.chip_width, tolerance=0.10,
        reason="the count has no map; the distances that working schedules used add up to 48",
    ),
    Claim(
        id="path.matmul", what="vector through a plane, memory to ALU", group="path", source="MO", published=76,
        unit="cycles", measure=paths.plane_path, tolerance=0.05,
        reason="the published sum counts the way back as 19 cycles, the map has 20",
    ),
    Claim(
        id="path.transpose", what="transpose round trip across a hemisphere and the VXM", group="path", source="MO",
        published=50, unit="cycles", measure=partial(lanes.transpose_round_trip, column=3), tolerance=0.05,
        reason="the parts of the published sum are not explained; 9 + 5 of it fit the farthest column of ALUs",
    ),
    Claim(
        id="path.permute", what="small permute from end to end, mean over the slices", group="path", source="MO",
        published=80, unit="cycles", measure=lanes.permute_path, tolerance=0.15,
        reason="where the vectors lie is not published; 69 to 89 by slice",
    ),
    Claim(
        id="path.far_write", what="ALU to the far end of memory, mean over the columns", group="path", source="MO",
        published=19, unit="cycles", measure=vector.far_write, tolerance=0.15,
        reason="which ALU is not published; 14 to 20 by column",
    ),
    Claim(
        id="path.loop", what="nine vectors through two chained ALUs and back, mean over the columns", group="path",
        source="MO", published=26, unit="cycles", measure=vector.round_trip, tolerance=0.15,
        reason="which ALUs is not published; 21 to 29 by column",
    ),
    Claim(
        id="path.exit", what="exit from MXM or SXM back to memory", group="path", source="MO", published=6,
        unit="cycles",
        obstacle="a part of published sums only; the sums that contain it are measured (path.matmul, path.transpose)",
    ),
    Claim(
        id="path.chained", what="ALU to far memory for a chained case", group="path", source="MO", published=31,
        unit="cycles", obstacle="the chain is not published",
    ),
    Claim(
        id="path.shift_program", what="one-superlane shift program, per iteration", group="path", source="MO",
        published=19, unit="cycles", obstacle="the program is not published; its shifts alone take 36 cycles (sxm.shift)",
    ),
    Claim(
        id="path.tiles_small", what="successive tiles, least interval of small ones", group="path", source="MO",
        published=27, unit="cycles",
        obstacle="what bounds small tiles is not published, and the model has no such bound",
    ),
)  # fmt: skip

UNITS = (*PEAKS, *BANDWIDTHS, *LATENCIES, *PATHS)
