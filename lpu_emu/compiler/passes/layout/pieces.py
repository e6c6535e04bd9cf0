"""From an array of places to GatherRows and LaneMap.

A matrix of places [rows, columns] is made of pieces whose elements come from one row of a source, column by column. Columns
that take the same rows form a piece beside others (a LaneMap joins them), rows that take the same lanes a piece above
others (a GatherRows stacks them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.layout.places import Index, Places, Stored
from lpu_emu.compiler.passes.operators import GATHER_ROWS, LANE_MAP
from lpu_emu.compiler.passes.window import is_identity

# A movement in more pieces than this would take longer than what it feeds.
MOST_PIECES = 1024


class UnsupportedError(Exception):
    """A node in a form that the chip cannot compute; the text is the reason, without the node."""


class Emitter(Protocol):
    """What adds a movement to the graph: returns the stored tensor [rows, columns] under a fresh or given name."""

    def __call__(
        self,
        op_type: str,
        sources: Sequence[Stored],
        shape: tuple[int, ...],
        attributes: dict[str, object],
        output: str,
    ) -> Stored:
        """Add the movement."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mover:
    """Moves elements of some sources to a matrix; ``shape`` is the shape of the result, ``output`` its name."""

    sources: tuple[Stored, ...]
    fill: float
    emit: Emitter

    def run(self, places: Index, shape: tuple[int, ...], output: str) -> Stored:
        """Emit what makes the stored tensor ``output`` with the elements ``places`` [rows, columns].

        Raises:
            UnsupportedError: it would take too many pieces.
        """
        row, lane = self._addresses(places)
        used = lane[(row >= 0).any(axis=1)]
        if used.shape[0] and bool((used == used[:1]).all()):
            return self._beside(row, used[0], shape, output)
        return self._above(row, lane, shape, output)

    def _addresses(self, places: Index) -> tuple[Index, Index]:
        """Return row (of all sources stacked) and lane of every place."""
        row = np.full(places.shape, -1, dtype=np.int32)
        lane = np.full(places.shape, -1, dtype=np.int32)
        first_element = first_row = 0
        for source in self.sources:
            here = (places >= first_element) & (places < first_element + source.size)
            own_row, own_lane = np.divmod(places - first_element, np.int32(source.columns))
            np.copyto(row, own_row + first_row, where=here)
            np.copyto(lane, own_lane, where=here)
            first_element += source.size
            first_row += source.rows
        return row, lane

    def _beside(self, row: Index, lanes: Index, shape: tuple[int, ...], output: str) -> Stored:
        """Emit pieces that lie beside each other: lane patterns do not depend on the row."""
        groups = _groups(row.T, lanes >= 0)
        _limit(len(groups))
        if len(groups) == 1 and self._is_plain(lanes, self._source_of(groups[0][0])):
            return self._gather(groups[0][0], shape, output)
        wanted = np.full(lanes.size, -1, dtype=np.int32)
        gathered: list[Stored] = []
        offset = 0
        for rows, columns in groups:
            piece = self._gather(rows, (*shape[:-1], self._source_of(rows).columns), "")
            known = next((i for i, old in enumerate(gathered) if old.name == piece.name), None)
            start = offset if known is None else sum(old.columns for old in gathered[:known])
            wanted[columns] = lanes[columns] + start
            if known is None:
                gathered.append(piece)
                offset += piece.columns
        return self.emit(LANE_MAP, gathered, shape, {"lanes": wanted, "fill": self.fill}, output)

    def _above(self, row: Index, lane: Index, shape: tuple[int, ...], output: str) -> Stored:
        """Emit pieces that lie above each other: one for every lane pattern."""
        groups = _groups(lane, np.asarray((row >= 0).any(axis=1)))
        _limit(len(groups))
        stack: list[Stored] = []
        wanted = np.full(row.shape[0], -1, dtype=np.int32)
        for lanes, where in groups:
            piece, rows = self._piece(row[where], lanes)
            wanted[where] = np.where(rows < 0, -1, rows + sum(old.rows for old in stack))
            stack.append(piece)
        if not stack:
            stack = [self.sources[0]]
        return self.emit(GATHER_ROWS, stack, shape, {"rows": wanted, "fill": self.fill}, output)

    def _piece(self, row: Index, lanes: Index) -> tuple[Stored, Index]:
        """Return a tensor with these lanes and the rows of it to take."""
        columns = lanes.size
        groups = _groups(row.T, lanes >= 0)
        if len(groups) > 1:
            return self._beside(row, lanes, (row.shape[0], columns), ""), np.arange(
                row.shape[0], dtype=np.int32
            )
        rows = groups[0][0]
        source = self._source_of(rows)
        own = np.where(rows < 0, -1, rows - self._first_row(source)).astype(np.int32)
        if self._is_plain(lanes, source):
            return source, own
        attributes: dict[str, object] = {"lanes": lanes, "fill": self.fill}
        return self.emit(LANE_MAP, [source], (*source.shape[:-1], columns), attributes, ""), own

    def _gather(self, rows: Index, shape: tuple[int, ...], output: str) -> Stored:
        """Return the tensor whose rows are these of all sources; a source itself where that is enough."""
        used = self._sources_of(rows)
        firsts = list(accumulate((s.rows for s in used), initial=0))
        own = np.full(rows.shape, -1, dtype=np.int32)
        for source, first in zip(used, firsts, strict=False):
            start = self._first_row(source)
            here = (rows >= start) & (rows < start + source.rows)
            np.copyto(own, rows - start + first, where=here)
        if len(used) == 1 and not output and is_identity(own, used[0].rows):
            return used[0]
        return self.emit(GATHER_ROWS, used, shape, {"rows": own, "fill": self.fill}, output)

    def _is_plain(self, lanes: Index, source: Stored) -> bool:
        return lanes.size == source.columns and bool((lanes == np.arange(lanes.size)).all())

    def _first_row(self, source: Stored) -> int:
        return sum(s.rows for s in self.sources[: self.sources.index(source)])

    def _sources_of(self, rows: Index) -> list[Stored]:
        """Return the sources that rows come from."""
        edges = np.asarray(list(accumulate(s.rows for s in self.sources)))
        numbers = np.unique(np.searchsorted(edges, rows[rows >= 0], side="right"))
        used = [self.sources[int(i)] for i in numbers] or [self.sources[0]]
        if len({source.columns for source in used}) > 1:
            raise UnsupportedError("it stacks rows of tensors with different numbers of channels")
        return used

    def _source_of(self, rows: Index) -> Stored:
        return self._sources_of(rows)[0]


def movements(places: Places, perm: tuple[int, ...]) -> int:
    """Return how many nodes it takes to store the elements at some places in an axis order."""
    count = 0

    def emit(
        op_type: str,
        sources: Sequence[Stored],
        shape: tuple[int, ...],
        attributes: dict[str, object],
        output: str,
    ) -> Stored:
        nonlocal count
        count += 1
        return Stored(name=f"{op_type} {count}", shape=shape)

    shape = tuple(places.shape[axis] for axis in perm)
    try:
        mover = Mover(sources=places.sources, fill=places.fill, emit=emit)
        mover.run(places.ordered(perm).reshape(-1, shape[-1] if shape else 1), shape, "")
    except UnsupportedError:
        return 1 << 30
    return count


def _limit(pieces: int) -> None:
    if pieces > MOST_PIECES:
        raise UnsupportedError(
            f"elements would move between rows and channels in {pieces} pieces, at most {MOST_PIECES} are made"
        )


def _groups(vectors: Index, used: NDArray[np.bool_]) -> list[tuple[Index, NDArray[np.intp]]]:
    """Group equal vectors among those that are used; each group is its vector and which ones are equal to it."""
    numbers = np.flatnonzero(used)
    chosen = np.ascontiguousarray(vectors[numbers])
    fresh = np.ones(len(numbers), dtype=np.bool_)
    fresh[1:] = (chosen[1:] != chosen[:-1]).any(axis=1)
    starts = np.flatnonzero(fresh)
    members: dict[bytes, list[NDArray[np.intp]]] = {}
    vector_of: dict[bytes, Index] = {}
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        key = chosen[start].tobytes()
        members.setdefault(key, []).append(numbers[start:end])
        vector_of.setdefault(key, chosen[start])
    return [(vector_of[key], np.concatenate(runs)) for key, runs in members.items()]
