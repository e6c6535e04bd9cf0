"""Vectors that the analysis had to look at in parts, put together again.

The analysis cuts a run where another one begins to meet it. Parts that follow each other, go the same way and are
sampled by the same dispatches in the same order are one entry for a reader.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, ramp
from lpu_emu.report.picture.table import Table

_SAME = ("run", "stream", "width", "origin", "target", "step")


def whole(vectors: Mapping[str, Ints], samples: Mapping[str, Ints]) -> tuple[Table, Table]:
    """Join parts, sort by the first drive, and count samples; ``samples`` are sorted by vector."""
    order = np.lexsort(
        (vectors["first"], vectors["first"] % vectors["step"], *(vectors[n] for n in _SAME[::-1]))
    )
    begin = np.searchsorted(samples["vector"], np.arange(len(order) + 1))
    goes_on = _follows(vectors, order) & _sampled_alike(vectors, samples, begin, order)
    lead = order[np.append(True, ~goes_on)[: len(order)]]
    chain = np.cumsum(np.append(True, ~goes_on)[: len(order)]) - 1
    joined = {name: column[lead] for name, column in vectors.items()}
    joined["count"] = np.bincount(chain, weights=vectors["count"][order], minlength=len(lead)).astype(
        np.int64
    )
    joined["samples"] = (begin[1:] - begin[:-1])[lead]
    place = np.lexsort((joined["stream"], joined["slot"] + joined["origin"]))
    owner, j = ramp(joined["samples"][place])
    row = begin[lead[place]][owner] + j
    kept = {name: owner if name == "vector" else column[row] for name, column in samples.items()}
    return Table(columns={name: column[place] for name, column in joined.items()}), Table(columns=kept)


def _follows(vectors: Mapping[str, Ints], order: Ints) -> Bools:
    """Return, for neighbours in an order, whether the second begins where the first ends."""
    one, other = order[:-1], order[1:]
    same = np.all([vectors[name][one] == vectors[name][other] for name in _SAME], axis=0)
    end = vectors["first"][one] + vectors["count"][one] * vectors["step"][one]
    return np.asarray(same & (vectors["first"][other] == end))


def _sampled_alike(
    vectors: Mapping[str, Ints], samples: Mapping[str, Ints], begin: Ints, order: Ints
) -> Bools:
    """Return, for neighbours in an order, whether the same dispatches go on sampling the second."""
    one, other = order[:-1], order[1:]
    number = begin[1:] - begin[:-1]
    alike = number[one] == number[other]
    pair, j = ramp(np.where(alike, number[one], 0))
    a, b = begin[one[pair]] + j, begin[other[pair]] + j
    same = np.all([samples[name][a] == samples[name][b] for name in ("run", "step", "along")], axis=0)
    expected = samples["first"][a] + vectors["count"][one[pair]] * samples["step"][a]
    same &= samples["first"][b] == expected
    wrong = np.bincount(pair[~same], minlength=len(one))
    return np.asarray(alike & (wrong == 0))
