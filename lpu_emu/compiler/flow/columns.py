"""Which columns the ALUs of a flow may take.

An ALU's result reaches the next column of its direction one hop later and never its own column again. So a chain is
a walk over the columns that changes column at every step; walks between neighbours are the quickest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from lpu_emu.compiler.flow.model import Access, AnyAlu, Beside, Lookup
from lpu_emu.compiler.flow.rigid import Rigid, Shape, Solver
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.spec.machine import HEMISPHERES

# Choices kept per flow: the quickest ones, one for each way to spread the ALUs over the columns. Later ones only matter
# when ALUs are scarce.
CHOICES = 24
# Up to this many ALUs steps over columns are tried too.
FREE_STEPS = 3
# A long flow that takes one ALU of each column leaves room for as many others as there are rows. That is worth some
# cycles; to a short flow it is not.
LONG_SPAN = 16
REPEAT_CYCLES = 8
# Walks looked at per flow before sorting.
WALKS = 4096


class ColumnChoices:
    """Finds and remembers the best columns by the shape of a flow."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._known: dict[object, tuple[list[tuple[int, ...]], list[tuple[int, ...]]]] = {}

    def of(self, shape: Shape) -> Iterator[Rigid]:
        """Yield the flow under each choice of columns, the quickest first."""
        return self._solved(shape, 0)

    def last_resorts(self, shape: Shape) -> Iterator[Rigid]:
        """Yield the flow under the choices that are quickest when nobody else needs ALUs."""
        return self._solved(shape, 1)

    def _solved(self, shape: Shape, kind: int) -> Iterator[Rigid]:
        key = _key(shape)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._best(shape)
        for columns in known[kind]:
            rigid = Solver(self._geometry, shape, columns).solve()
            if rigid is not None:
                yield rigid

    def _best(self, shape: Shape) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """Return the columns with the least cost, and those with the least when crowding costs nothing."""
        found = []
        for count, walk in enumerate(self._walks(shape)):
            if count >= WALKS:
                break
            columns = _spread(shape, walk)
            rigid = Solver(self._geometry, shape, columns).solve()
            if rigid is not None:
                found.append((*self._cost(shape, rigid), columns))
        ranked = sorted((quick + crowd, turns, columns) for quick, crowd, turns, columns in found)
        quickest = sorted((quick, turns, columns) for quick, _, turns, columns in found)
        return _distinct(c for *_, c in ranked), _distinct(c for *_, c in quickest)

    def _walks(self, shape: Shape) -> Iterator[tuple[int, ...]]:
        """Yield columns for the ALU stages, in order, that respect who feeds whom."""
        alus = shape.alus
        neighbours = _neighbours(shape) or [[]]
        partners = _partners(shape)
        levelled = any(isinstance(s.place, AnyAlu) and s.place.level is not None for s in alus)
        last = len(alus) - 1 if _is_long(shape) and len(neighbours[-1]) == 1 else -1
        free = self._geometry.columns
        longest = free if len(alus) <= FREE_STEPS or levelled else 1

        def extend(chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if len(chosen) == len(alus):
                yield chosen
                return
            partner = partners[len(chosen)]
            allowed = self._allowed(alus[len(chosen)].place)
            for column in allowed if partner is None else {chosen[partner]}.intersection(allowed):
                steps = [abs(column - chosen[i]) for i in neighbours[len(chosen)]]
                # The last result may travel far: that can be what lets two flows share the columns evenly.
                if all(0 < step <= (free if len(chosen) == last else longest) for step in steps) and (
                    not levelled or self._has_room(shape, (*chosen, column))
                ):
                    yield from extend((*chosen, column))

        return extend(())

    def _has_room(self, shape: Shape, chosen: tuple[int, ...]) -> bool:
        """Whether the column chosen last has an ALU for each stage in it, and a large one for each that needs it."""
        stages = [s for s, column in zip(shape.alus, chosen, strict=False) if column == chosen[-1]]
        large = sum(isinstance(s.place, AnyAlu) and s.place.large for s in stages)
        alus = self._geometry.alus_of_column[chosen[-1]]
        return not _is_long(shape) or (len(stages) <= len(alus) and large <= sum(a.large for a in alus))

    def _allowed(self, place: object) -> range:
        if isinstance(place, AnyAlu) and place.number is not None:
            column = self._geometry.alus[place.number].column
            return range(column, column + 1)
        return range(self._geometry.columns)

    def _cost(self, shape: Shape, rigid: Rigid) -> tuple[int, int, int]:
        """Cycles from end to end with the way to and from memory; what crowded columns are charged; turns."""
        columns = [rigid.columns[s.index] for s in shape.alus]
        steps = [b - a for a, b in pairwise(columns)]
        turns = sum(a * b < 0 for a, b in pairwise(steps))
        repeats = 0
        if _is_long(shape):
            large = [
                rigid.columns[s.index] for s in shape.alus if isinstance(s.place, AnyAlu) and s.place.large
            ]
            repeats = self._crowd(columns) + self._crowd(large)
        return rigid.length + self._ways(shape, rigid), _charge(shape) * repeats, turns

    def _crowd(self, columns: list[int]) -> int:
        """ALUs beyond an even share of their column; others have room beside a flow that spreads evenly."""
        share = max(1, len(columns) // self._geometry.columns)
        return sum(max(0, columns.count(column) - share) for column in set(columns))

    def _ways(self, shape: Shape, rigid: Rigid) -> int:
        """Hops inside the VXM between the leaves of a flow and its ALUs."""
        hops = 0
        last = self._geometry.columns - 1
        for edge in range(len(shape.flow.edges)):
            ends = [*shape.producers[edge], *shape.consumers[edge]]
            columns = [rigid.columns[s.index] for s, _ in ends if isinstance(s.place, AnyAlu)]
            sides = {_side(s.place, shape.flow.side) for s, _ in ends if isinstance(s.place, Access)}
            for side in sorted(sides):
                hops += sum(2 * (c if side == HEMISPHERES[0] else last - c) for c in columns)
        return hops


def _distinct(ordered: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the first of each way to spread the ALUs over the columns."""
    best: dict[tuple[int, ...], tuple[int, ...]] = {}
    for columns in ordered:
        best.setdefault(tuple(sorted(columns)), columns)
    return list(best.values())[:CHOICES]


def _side(place: Access, side: str) -> str:
    return place.words.slice[0] if place.words.placed else side


def _key(shape: Shape) -> object:
    """What the choice of columns depends on."""
    stages = []
    for stage in shape.flow.stages:
        ports = (tuple(p.edge for p in stage.inputs), tuple(p.edge for p in stage.outputs))
        place: object = stage.place
        if isinstance(place, Access):
            place = _side(place, shape.flow.side)
        if isinstance(place, Lookup):
            place = place.words.slice[0]
        stages.append((stage.mnemonic, place, ports))
    return tuple(stages), shape.flow.side, _charge(shape)


def _is_long(shape: Shape) -> bool:
    return _span(shape) >= LONG_SPAN


def _span(shape: Shape) -> int:
    return max(stage.span for stage in shape.flow.stages)


def _charge(shape: Shape) -> int:
    """Cycles that a crowded column is worth: to a short flow none, to the longest ones many."""
    return 4 * REPEAT_CYCLES if _span(shape) >= 2 * LONG_SPAN else REPEAT_CYCLES if _is_long(shape) else 0


def _neighbours(shape: Shape) -> list[list[int]]:
    """Return for each ALU stage the earlier ALU stages that it exchanges values with."""
    place = {stage.index: i for i, stage in enumerate(shape.alus)}
    found: list[list[int]] = [[] for _ in place]
    for edge in range(len(shape.flow.edges)):
        for producer, _ in shape.producers[edge]:
            for consumer, _ in shape.consumers[edge]:
                if producer.index in place and consumer.index in place:
                    a, b = sorted((place[producer.index], place[consumer.index]))
                    found[b].append(a)
    return found


def _partners(shape: Shape) -> list[int | None]:
    """Return for each ALU stage the first earlier one of its level, which has the column that it must take."""
    first: dict[int, int] = {}
    found: list[int | None] = []
    for i, stage in enumerate(shape.alus):
        level = stage.place.level if isinstance(stage.place, AnyAlu) else None
        found.append(first.setdefault(level, i) if level is not None else None)
        if found[-1] == i:
            found[-1] = None
    return found


def _spread(shape: Shape, walk: tuple[int, ...]) -> tuple[int, ...]:
    """Return the columns by stage index."""
    columns = [-1] * len(shape.flow.stages)
    for stage, column in zip(shape.alus, walk, strict=True):
        columns[stage.index] = column
    for stage in shape.core:
        if isinstance(stage.place, Beside):
            columns[stage.index] = columns[stage.place.stage]
    return tuple(columns)
