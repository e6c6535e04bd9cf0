"""The figures of a report. ``docs/report.md`` explains each; field names are the keys of the JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA = "lpu-emu/report/1"


@dataclass(frozen=True, kw_only=True)
class ProgramFigures:
    """What was looked at. ``precision`` is empty for assembled programs."""

    name: str
    chip: str
    precision: str
    instructions: int
    text_bytes: int


@dataclass(frozen=True, kw_only=True)
class UnitFigures:
    """One unit: dispatches, cycles in which any of its queues dispatches, share of queue-cycles with one.

    Of the MXM ``busy_cycles`` and ``utilization`` count planes that work on an issue instead of queues.
    """

    dispatches: int
    busy_cycles: int
    utilization: float


@dataclass(frozen=True, kw_only=True)
class MemoryFigures:
    """SRAM: what the program holds or touches, and the vectors that move, in bytes."""

    sram_bytes_used: int
    sram_bytes: int
    slices_used: int
    slices: int
    read_bytes: int
    written_bytes: int
    bytes_per_cycle: float
    peak_bytes_per_cycle: int
    limit_bytes_per_cycle: int
    peak_live_bytes: int
    peak_live_cycle: int


@dataclass(frozen=True, kw_only=True)
class StreamFigures:
    """Streams: the most that are live at one cut in one cycle, how many are ever driven, slots driven."""

    peak_live: int
    peak_live_east: int
    peak_live_west: int
    per_direction: int
    used: int
    slots_driven: int


@dataclass(frozen=True, kw_only=True)
class TextFigures:
    """Instruction text and the bandwidth that fetching it would take; queues are preloaded in this model."""

    bytes: int
    bytes_per_cycle: float
    peak_bytes_per_cycle: int
    limit_bytes_per_cycle: int
    queues_used: int
    queues: int
    queue_bytes: int
    fullest_queue: str
    fullest_queue_bytes: int
    queues_over_capacity: int
    refills: int


@dataclass(frozen=True, kw_only=True)
class RooflineFigures:
    """Arithmetic against SRAM traffic. ``macs`` are useful ones, ``issued_macs`` include padding."""

    macs: int
    issued_macs: int
    peak_macs_per_cycle: float
    achieved_macs_per_cycle: float
    sram_bytes: int
    peak_sram_bytes_per_cycle: int
    achieved_sram_bytes_per_cycle: float
    intensity: float
    ridge: float
    bound: str


@dataclass(frozen=True, kw_only=True)
class LossFigures:
    """Cycles by the first reason that holds; all together they are the cycles of the program.

    ``ideal``, ``padding`` and ``planes_idle`` are the cycles in which a plane works. The others are cycles without
    one: in which weights move, accumulators or units dispatch, nothing dispatches, or the other superlanes finish.
    """

    ideal: float
    padding: float
    planes_idle: float
    weights: int
    accumulate: int
    vxm: int
    sxm: int
    c2c: int
    mem: int
    waiting: int
    superlanes: int


@dataclass(frozen=True, kw_only=True)
class OperatorFigures:
    """One operator. ``loads`` are the cycles that its busiest queue (or plane) of each resource needs.

    ``sram_bytes`` are those that its instructions read and write.
    """

    name: str
    op_type: str
    start: int
    end: int
    cycles: int
    added_cycles: int
    macs: int
    ideal_cycles: int
    sram_bytes: int
    loads: Mapping[str, int]
    bound_by: str


@dataclass(frozen=True, kw_only=True)
class QueueFigures:
    """One queue with text. ``first`` and ``last`` are dispatch cycles, None when it dispatches nothing."""

    name: str
    unit: str
    dispatches: int
    first: int | None
    last: int | None
    utilization: float
    text_bytes: int


@dataclass(frozen=True, kw_only=True)
class HazardFigures:
    """How many hazards there are: errors, warnings, and both by kind."""

    errors: int
    warnings: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The whole report, in the order of the JSON form."""

    schema: str
    program: ProgramFigures
    cycles: int
    time_us: float
    units: Mapping[str, UnitFigures]
    memory: MemoryFigures
    streams: StreamFigures
    text: TextFigures
    ops: tuple[OperatorFigures, ...]
    queues: tuple[QueueFigures, ...]
    roofline: RooflineFigures
    losses: LossFigures
    hazards: HazardFigures
