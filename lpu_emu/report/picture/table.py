"""A table of integers by column: what pictures, traces and JSON reports are made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Columns int64 [n] by name; all have one row per entry."""

    columns: Mapping[str, Ints]

    def __getitem__(self, name: str) -> Ints:
        """Return a column."""
        return self.columns[name]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def sorted_by(self, *names: str) -> Table:
        """Return the rows in the order of some columns, the first of them first."""
        order = np.lexsort([self.columns[name] for name in reversed(names)])
        return Table(columns={name: column[order] for name, column in self.columns.items()})

    def rows(self) -> Iterator[tuple[int, ...]]:
        """Yield the rows as numbers, in the order of the columns."""
        return zip(*(column.tolist() for column in self.columns.values()), strict=True)
