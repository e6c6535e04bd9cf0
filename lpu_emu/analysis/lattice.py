"""Arithmetic progressions on integer axes: which of them meet, without looking at single points.

A progression is ``start + i * step`` for ``0 <= i < count`` on the axis ``key``. Progressions of an axis that
overlap form a component with one modulus M; each is cut into pieces that lie in one residue class of M, and
the pieces of a class are cut at each other's ends into *cells*. Two progressions share a point exactly if
they share a cell, and then they share all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A component takes in a further step when that makes at most this many pieces per point of the runs with it.
_PIECES_PER_POINT = 3
_SAFE = float(1 << 62)


@dataclass(frozen=True, kw_only=True, eq=False)
class Progressions:
    """Progressions as int64 columns [n]. ``step`` is at least 1 where ``count`` is more than 1."""

    key: Ints
    start: Ints
    step: Ints
    count: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """Parts of progressions, int64 columns [m].

    Point j of a piece is element ``first + j * step`` of progression ``source``, for ``0 <= j < count``.
    Pieces with the same ``cell`` have equal counts. Cells are numbered by axis, then place on it.
    """

    source: Ints
    first: Ints
    step: Ints
    count: Ints
    cell: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.source)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Classes:
    """Pieces before they are cut: point j stands in ``window + j`` of a modulus, at ``residue``."""

    source: Ints
    first: Ints
    step: Ints
    count: Ints
    component: Ints
    residue: Ints
    window: Ints


def cells(progressions: Progressions) -> Pieces:
    """Cut progressions so that pieces which share a point share all points and the cell number."""
    classes = _classes(progressions)
    cut, _ = _cut(classes, classes.residue)
    return cut


def windows(progressions: Progressions) -> tuple[Pieces, Ints]:
    """Cut progressions so that pieces stand once in every window of their cell; also return residues [m].

    A window is as long as the component's modulus. Point j of all pieces of a cell stands in the cell's
    window j, and their order inside the window is that of the residues.
    """
    classes = _classes(progressions)
    cut, parent = _cut(classes, None)
    return cut, classes.residue[parent]


def peak(progressions: Progressions, weight: Ints) -> int:
    """Return the largest sum of weights over all points of all axes (0 without progressions)."""
    total, settled, _, _ = _sweep(_classes(progressions), weight)
    return int(total[settled].max(initial=0))


def covered(progressions: Progressions) -> tuple[Ints, Ints]:
    """Return the axes, sorted, and how many points of each lie on any progression."""
    classes = _classes(progressions)
    total, _, component, place = _sweep(classes, np.ones(len(progressions.key), dtype=np.int64))
    gap = np.append(np.diff(place), 0)[: len(place)] * (total > 0)
    axis = np.zeros(int(classes.component.max(initial=-1)) + 1, dtype=np.int64)
    axis[classes.component] = progressions.key[classes.source]
    axes, number = np.unique(axis, return_inverse=True)
    return axes, np.bincount(number[component], weights=gap, minlength=len(axes)).astype(np.int64)


def _sweep(classes: _Classes, weight: Ints) -> tuple[Ints, Bools, Ints, Ints]:
    """Go through the ends of all classes in order.

    Returns, per end: the sum of weights from there on, whether it is the last end at its place, its component
    and place.
    """
    weights = weight[classes.source]
    ends = np.concatenate((classes.window, classes.window + classes.count))
    order = np.lexsort((ends, np.tile(classes.residue, 2), np.tile(classes.component, 2)))
    at = np.stack((np.tile(classes.component, 2), np.tile(classes.residue, 2), ends))[:, order]
    settled = np.append(np.any(at[:, 1:] != at[:, :-1], axis=0), True)[: len(order)]
    return np.cumsum(np.concatenate((weights, -weights))[order]), settled, at[0], at[2]


def ramp(lengths: Ints) -> tuple[Ints, Ints]:
    """Return, for rows repeated ``lengths`` times each, the row of every copy and its number in the row."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.cumsum(lengths)
    return rows, np.arange(len(rows)) - (ends - lengths)[rows]


def dense(*keys: Ints) -> Ints:
    """Return numbers 0, 1, ... that are equal where all keys are, in the order of the keys."""
    order = np.lexsort(keys[::-1])
    changed = np.zeros(len(order), dtype=bool)
    for key in keys:
        changed[1:] |= key[order][1:] != key[order][:-1]
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(changed)
    return numbers


def _classes(p: Progressions) -> _Classes:
    component, modulus = _components(p)
    many = p.count > 1
    step = np.where(many, p.step, 1)
    kept = many & (modulus % step == 0)
    ratio = np.where(kept, modulus // step, 1)
    number = np.where(kept, np.minimum(ratio, p.count), p.count)
    source, i = ramp(number)
    skip = ratio[source]
    window, residue = np.divmod(p.start[source] + i * step[source], modulus[source])
    count = np.where(kept[source], (p.count[source] - i + skip - 1) // skip, 1)
    return _Classes(
        source=source,
        first=i,
        step=skip,
        count=count,
        component=component[source],
        residue=residue,
        window=window,
    )


def _cut(classes: _Classes, residue: Ints | None) -> tuple[Pieces, Ints]:
    """Cut classes at all interval ends of their axis (and residue, if given)."""
    n = len(classes.source)
    axes = [np.tile(classes.component, 2)] + ([np.tile(residue, 2)] if residue is not None else [])
    points = np.concatenate((classes.window, classes.window + classes.count))
    number = dense(*axes, points)
    place = np.zeros(int(number.max()) + 1 if n else 0, dtype=np.int64)
    place[number] = points
    low, spans = number[:n], number[n:] - number[:n]
    parent, j = ramp(spans)
    cell = low[parent] + j
    begin = place[cell]
    return (
        Pieces(
            source=classes.source[parent],
            first=classes.first[parent] + (begin - classes.window[parent]) * classes.step[parent],
            step=classes.step[parent],
            count=place[cell + 1] - begin,
            cell=cell,
        ),
        parent,
    )


def _components(p: Progressions) -> tuple[Ints, Ints]:
    """Return the number of each progression's component, by axis and place, and the component's modulus."""
    order = np.lexsort((p.start, p.key))
    key, start = p.key[order], p.start[order]
    end = start + np.where(p.count > 1, p.step * (p.count - 1), 0)[order]
    axis = np.zeros(len(key), dtype=np.int64)
    axis[1:] = np.cumsum(key[1:] != key[:-1])
    reach = _running_maximum(axis, end)
    fresh = np.ones(len(key), dtype=bool)
    fresh[1:] = (axis[1:] != axis[:-1]) | (start[1:] > reach[:-1])
    component = np.empty(len(key), dtype=np.int64)
    component[order] = np.cumsum(fresh) - 1
    return component, _moduli(p, component, int(fresh.sum()))[component]


def _running_maximum(axis: Ints, values: Ints) -> Ints:
    """Return the running maximum of values inside each axis; axes are numbered 0, 1, ... in order."""
    if not len(values):
        return values
    low, span = int(values.min()), int(values.max()) - int(values.min()) + 1
    if span * (int(axis[-1]) + 1) < _SAFE:
        lifted = np.maximum.accumulate(axis * span + (values - low))
        return np.asarray(lifted - axis * span + low)
    known, rank = np.unique(values, return_inverse=True)
    lifted = np.maximum.accumulate(axis * len(known) + rank)
    return np.asarray(known[lifted - axis * len(known)])


def _moduli(p: Progressions, component: Ints, components: int) -> Ints:
    """Choose each component's modulus: a multiple of the steps that carry most of its points."""
    modulus = np.ones(components, dtype=np.int64)
    many = np.flatnonzero(p.count > 1)
    if not len(many):
        return modulus
    pair = dense(component[many], p.step[many])
    owner, step = np.zeros((2, int(pair.max()) + 1), dtype=np.int64)
    owner[pair], step[pair] = component[many], p.step[many]
    if np.all(owner[1:] != owner[:-1]):
        modulus[owner] = step
        return modulus
    points = np.bincount(pair, weights=p.count[many]).astype(np.float64)
    density = np.bincount(pair, weights=1 / p.step[many]).astype(np.float64)
    _merge_steps(modulus, owner, step, points, density)
    return modulus


def _merge_steps(
    modulus: Ints, owner: Ints, step: Ints, points: NDArray[np.float64], density: NDArray[np.float64]
) -> None:
    """Take steps into their component's modulus, those with most points first, while it makes few pieces."""
    order = np.lexsort((step, -points, owner))
    new = np.append(True, owner[order][1:] != owner[order][:-1])
    turn = np.arange(len(order)) - np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    taken = np.zeros(len(modulus))
    for number in range(int(turn.max()) + 1):
        row = order[turn == number]
        own = owner[row]
        factor = step[row] // np.gcd(modulus[own], step[row])
        wide = modulus[own].astype(np.float64) * factor
        cost = wide * (taken[own] + density[row])
        good = (cost <= _PIECES_PER_POINT * points[row]) & (wide < _SAFE) | (number == 0)
        modulus[own[good]] *= factor[good]
        taken[own[good]] += density[row][good]
