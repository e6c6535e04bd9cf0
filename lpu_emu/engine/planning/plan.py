"""The plan of a program: everything that can be decided before there are values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.lattice import Ints
from lpu_emu.analysis.tables import tables_of
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import jit
from lpu_emu.engine.planning.ops import Ops, masked_planes, ops_of
from lpu_emu.engine.planning.order import accesses_of, sequence_of, waits_of
from lpu_emu.engine.planning.pieces import AT, PART, SOURCE, STEP, Pieces, pieces_of
from lpu_emu.engine.planning.pool import place, unit_of
from lpu_emu.engine.planning.refs import Refs, refs_of
from lpu_emu.engine.planning.storage import Storage, Taken, drop_unused, storage_of, taken, view_reads
from lpu_emu.engine.planning.tiles import Tiles, tiles_of
from lpu_emu.engine.planning.weights import Weights, address_of, keep_loads, weight_rows, weights_of
from lpu_emu.errors import LpuError
from lpu_emu.spec.machine import Machine

WINDOW_CYCLES = 512
# From here on starting threads costs little in comparison.
_WORTH_SHARING = 4 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Space:
    """Byte addresses in the one array that holds everything: SRAM from 0 on, then these places, then the pool.

    From ``end`` on there is scratch, three times ``room`` bytes for each thread.
    """

    zeros: int
    immediates: int
    pool: int
    end: int
    room: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What is executed: ``steps`` are pieces in order, with tables as in :mod:`lpu_emu.engine.columns`.

    ``rows`` [versions + 1, lanes] are the addresses of weights (the last version is all zeros), ``tiles`` what
    is multiplied with; ``sends`` are the ops of vectors that leave the chip. ``shares`` says whether there
    is enough work for several threads.
    """

    analysis: Analysis
    window: int
    space: Space
    ops: Ints
    steps: Ints
    sources: Ints
    rows: Ints
    tiles: Ints
    sends: Ints
    shares: bool


def plan_of(analysis: Analysis, *, window: int = WINDOW_CYCLES) -> Plan:
    """Plan the execution of a program without hazards; ``window`` decides its course and never its results.

    Raises:
        LpuError: the plan contradicts itself, which is a mistake in this package.
    """
    machine = analysis.program.machine
    tables, lanes = tables_of(machine), machine.chip.lanes
    words = 2 * machine.chip.slices * machine.chip.words
    ops = ops_of(analysis.runs, machine, tables, words * lanes)
    refs = refs_of(analysis, ops, tables)
    sends = _leaving(analysis)
    view_reads(ops, refs, lanes, words, window)
    drop_unused(ops, refs, sends)
    known = taken(ops, refs)
    storage = storage_of(ops, known, sends, lanes, window)
    weights = weights_of(analysis, ops, refs, known, tables)
    keep_loads(ops, known, weights, storage, window)
    _require_causes(ops, known)
    pieces, order = _ordered(ops, refs, known, weights, machine, window)
    tiles = tiles_of(ops, pieces, weights, lanes)
    planes = len(masked_planes(analysis.runs, machine, tables))
    space = _allocate(ops, storage, tiles, (words + planes * lanes) * lanes, pieces, lanes)
    return Plan(
        analysis=analysis,
        window=window,
        space=space,
        ops=ops.table,
        steps=np.ascontiguousarray(pieces.table[order]),
        sources=_sources(ops, pieces, space.zeros),
        rows=_rows(ops, weights, space.zeros, lanes),
        tiles=tiles.table,
        sends=sends,
        shares=_work(ops, pieces, lanes) >= _WORTH_SHARING,
    )


def _work(ops: Ops, pieces: Pieces, lanes: int) -> int:
    """Return about how many bytes are moved by what threads can share; 64 products count as much as a byte."""
    op, count = pieces.table[:, c.OP], pieces.table[:, c.NUMBER]
    kind = ops.table[op, c.KIND]
    vectors = np.isin(kind, (c.BINARY, c.UNARY, c.CONVERT)) * ops.table[op, c.SIZE]
    return int((count * lanes * (vectors + (kind == c.ACCUMULATE) * (lanes // 64))).sum())


def _leaving(analysis: Analysis) -> Ints:
    """Return the sends on links that are not wired."""
    flow = analysis.flows.links
    leaves = ~np.isin(flow.link[flow.sends], _wired_links(analysis))
    return np.asarray(flow.run[flow.sends][leaves])


def _wired_links(analysis: Analysis) -> Ints:
    machine = analysis.program.machine
    links = int(machine.chip["c2c.links"])
    return np.array(
        [links * (one[0] == "E") + int(one[1:]) for one, _ in analysis.program.wires], dtype=np.int64
    )


def _ordered(
    ops: Ops, refs: Refs, known: Taken, weights: Weights, machine: Machine, window: int
) -> tuple[Pieces, Ints]:
    """Cut ops into pieces and order them; pieces that wait for each other are cut into single elements first."""
    lanes, bank = machine.chip.lanes, machine.chip.words_per_bank
    apart = np.zeros((0, 3), dtype=np.int64)
    for _ in range(2):
        pieces = pieces_of(ops, refs, known, window, apart)
        accesses = accesses_of(ops.table, pieces, lanes, bank, window)
        order, circles = sequence_of(pieces.table, *waits_of(ops.table, pieces, weights, accesses))
        if not len(circles):
            return pieces, order
        apart = pieces.table[circles][:, [c.OP, c.FIRST, c.NUMBER]]
    raise LpuError(
        f"engine: {len(circles)} dispatches wait for each other in a circle; please report this program"
    )


def _require_causes(ops: Ops, known: Taken) -> None:
    """Check that nothing is taken before it is there; refs are affine, so their ends tell."""
    bad = _without_cause(ops.table, known.rows, known.consumer)
    if bad >= 0:
        source = known.rows[bad, c.REF_SOURCE]
        raise LpuError(
            f"engine: op {known.consumer[bad]} takes what op {source} has not made yet; please report it"
        )


@jit
def _without_cause(table: Ints, rows: Ints, consumer: Ints) -> int:
    """Return the first ref that takes what is not made or not made yet, -1 if there is none."""
    for i in range(rows.shape[0]):
        op, source, last = consumer[i], rows[i, c.REF_SOURCE], rows[i, c.REF_COUNT] - 1
        for j in range(0, last + 1, max(last, 1)):
            when = table[op, c.START] + (rows[i, c.REF_FIRST] + j) * table[op, c.INTERVAL]
            element = rows[i, c.REF_AT] + j * rows[i, c.REF_STEP]
            if table[source, c.START] + element * table[source, c.INTERVAL] > when:
                return i
            if element < 0 or element >= table[source, c.COUNT]:
                return i
    return -1


def _allocate(ops: Ops, storage: Storage, tiles: Tiles, fixed: int, pieces: Pieces, lanes: int) -> Space:
    """Give every result and every packed tile its place, behind ``fixed`` bytes and the places of fixed size."""
    unit = unit_of(lanes)
    room = -(-4 * int(pieces.table[:, c.NUMBER].max(initial=1)) * lanes // unit) * unit
    sizes = (4 * lanes, 4 * len(ops.table))
    zeros, immediates, pool = np.cumsum([-(-n // unit) * unit for n in (fixed, *sizes)]).tolist()
    birth, death = (np.concatenate((getattr(storage, k), getattr(tiles, k))) for k in ("birth", "death"))
    offset, total = place(np.concatenate((storage.size, tiles.size)), birth, death, unit)
    made, packed = np.flatnonzero(storage.size), np.flatnonzero(tiles.size)
    ops.table[made, c.OUT] = pool + offset[made]
    tiles.table[packed, c.PACKED] = pool + offset[len(storage.size) + packed]
    return Space(
        zeros=zeros,
        immediates=immediates,
        pool=pool,
        end=pool + total,
        room=room,
    )


def _sources(ops: Ops, pieces: Pieces, zeros: int) -> Ints:
    sources = np.empty((len(pieces.origins), c.SOURCE_COLUMNS), dtype=np.int64)
    _locate(ops.table, pieces.origins, zeros, sources)
    return sources


@jit
def _locate(table: Ints, origins: Ints, zeros: int, out: Ints) -> None:
    for i in range(origins.shape[0]):
        source = origins[i, SOURCE]
        if source < 0:
            out[i, c.BASE], out[i, c.MOVE], out[i, c.LANE] = zeros, 0, 1
            continue
        out[i, c.BASE] = address_of(table, source, origins[i, AT], origins[i, PART])
        out[i, c.MOVE] = origins[i, STEP] * table[source, c.STEP]
        out[i, c.LANE] = table[source, c.LANE_STEP]


def _rows(ops: Ops, weights: Weights, zeros: int, lanes: int) -> Ints:
    rows = np.full((len(weights.source) + 1, lanes), zeros, dtype=np.int64)
    weight_rows(ops.table, weights.source, weights.at, weights.part, zeros, rows)
    return rows
