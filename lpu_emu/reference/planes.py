"""MXM planes: weight buffer, weight array, accumulator rows, and what is on its way between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpu_emu.reference.audit import Audit
from lpu_emu.spec.machine import Machine

Bytes = NDArray[np.uint8]


class Span(NamedTuple):
    """A dispatch and the first cycle in which what it does is over."""

    dispatch: int
    end: int


class Product(NamedTuple):
    """A product at the accumulator: bit patterns uint32 [lanes] of a type, from one ``abc``."""

    dispatch: int
    bits: NDArray[np.uint32]
    dtype: str


class Plane:
    """One plane. ``buffer`` and ``array`` are uint8 [row, lane], ``rows`` uint32 [row, lane]."""

    def __init__(self, machine: Machine, number: int, audit: Audit) -> None:
        lanes = machine.chip.lanes
        self.name = f"plane {number}"
        self.buffer = np.zeros((lanes, lanes), dtype=np.uint8)
        self.array = np.zeros((lanes, lanes), dtype=np.uint8)
        self.rows = np.zeros((machine.chip.accumulator_rows, lanes), dtype=np.uint32)
        self.installed = False
        self.product: Product | None = None
        self._audit = audit
        self._loads: list[Span] = []
        self._installs: list[Span] = []
        self._issue: Span | None = None
        self._writers: dict[int, Span] = {}

    # Weights

    def begin_load(self, dispatch: int, end: int) -> None:
        """Note that weights are on their way until ``end``."""
        self._loads.append(Span(dispatch, end))

    def begin_install(self, dispatch: int, end: int) -> None:
        """Note that weights are being installed until ``end``."""
        self._installs.append(Span(dispatch, end))

    def swap(self, lanes: int) -> Bytes:
        """Return the buffer's first ``lanes`` lanes [row, lane] and leave zeros in their place."""
        moved = self.buffer[:, :lanes].copy()
        self.buffer[:, :lanes] = 0
        return moved

    def install(self, first_row: int, weights: Bytes) -> None:
        """Put weights [rows, lanes] into a new array: an ``abc`` under way keeps the old one."""
        self.array = self.array.copy()
        self.array[first_row : first_row + len(weights), : weights.shape[1]] = weights
        self.installed = True

    def require_loads_landed(self, dispatch: int, cycle: int) -> None:
        """Judge the swap of the buffer in ``cycle``."""
        self._loads = [load for load in self._loads if cycle < load.end]
        if self._loads:
            self._audit.report("load_in_flight", self.name, cycle, self._loads[-1].dispatch, dispatch)

    def require_weights(self, dispatch: int, cycle: int) -> None:
        """Judge the use of the array in ``cycle``."""
        self._installs = [install for install in self._installs if cycle < install.end]
        if self._installs:
            self._audit.report("install_busy", self.name, cycle, self._installs[-1].dispatch, dispatch)
        elif not self.installed:
            self._audit.report("no_weights", self.name, cycle, dispatch)

    def occupy(self, dispatch: int, cycle: int, end: int) -> None:
        """Judge an issue in ``cycle`` that occupies the plane until ``end``."""
        if self._issue and cycle < self._issue.end:
            self._audit.report("plane_busy", self.name, cycle, self._issue.dispatch, dispatch)
        self._issue = Span(dispatch, end)

    # Products and accumulator rows

    def take_product(self, dispatch: int, cycle: int) -> Product:
        """Return the product that arrives in this cycle; int32 zeros when there is none."""
        product, self.product = self.product, None
        if product is None:
            self._audit.report("no_product", self.name, cycle, dispatch)
            return Product(dispatch, np.zeros_like(self.rows[0]), "int32")
        return product

    def lose_product(self, cycle: int) -> None:
        """Judge a product that is still there at the end of the cycle of its arrival."""
        if self.product is not None:
            self._audit.report("lost_product", self.name, cycle, self.product.dispatch)
        self.product = None

    def require_row(self, row: int, dispatch: int, cycle: int) -> None:
        """Judge the use of an accumulator row by a dispatch in ``cycle``."""
        writer = self._writers.get(row)
        if writer is None:
            self._audit.report("row_unset", f"{self.name} row {row}", cycle, dispatch)
        elif cycle < writer.end:
            self._audit.report("row_incomplete", f"{self.name} row {row}", cycle, writer.dispatch, dispatch)

    def writer_of(self, row: int) -> int | None:
        """Return the last dispatch that wrote a row, None if there was none."""
        writer = self._writers.get(row)
        return None if writer is None else writer.dispatch

    def begin_row(self, row: int, dispatch: int, end: int) -> None:
        """Note that a row is being written until ``end``."""
        self._writers[row] = Span(dispatch, end)
