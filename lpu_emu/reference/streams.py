"""Stream registers: one byte per lane for every stream and position, moving one position per cycle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.reference.audit import Audit, stream_resource
from lpu_emu.spec.machine import EAST, WEST_STREAM, Machine, direction

NOBODY = -1
Bytes = NDArray[np.uint8]
Where = tuple[int, slice, int]


class StreamRegisters:
    """All stream registers of a chip, as arrays [direction, stream, place] (``values`` with lanes behind).

    A place counts positions along the flow, from the edge where a direction enters the chip, so in each cycle
    place p moves to p + 1, and what stands at the last place falls off. ``driver`` is the number of the
    dispatch that drove the register, ``sampled`` whether anything has sampled the value since, ``fresh``
    whether it was driven in this very cycle.
    """

    def __init__(self, machine: Machine, audit: Audit) -> None:
        self.places = machine.positions
        shape = (2, machine.chip.streams, self.places)
        self.values = np.zeros((*shape, machine.chip.lanes), dtype=np.uint8)
        self.driver = np.full(shape, NOBODY, dtype=np.int64)
        self.sampled = np.zeros(shape, dtype=bool)
        self.fresh = np.zeros(shape, dtype=bool)
        self._audit = audit

    def move(self, cycles: int) -> None:
        """Let ``cycles`` cycles pass."""
        self.fresh[:] = False
        streams = np.flatnonzero((self.driver != NOBODY).any(axis=(0, 2)))
        if not len(streams):
            return
        cycles = min(cycles, self.places)
        span = slice(streams[0], streams[-1] + 1)
        for register in (self.values, self.driver, self.sampled):
            register[:, span, cycles:] = register[:, span, : self.places - cycles]
        self.driver[:, span, :cycles] = NOBODY

    def where(self, stream: int, count: int, x: int) -> Where:
        """Return the index of ``count`` streams from ``stream`` (0..63) on at position ``x``."""
        flow, number = direction(stream), stream % WEST_STREAM
        return flow, slice(number, number + count), x if flow == EAST else self.places - 1 - x

    def sample(self, stream: int, count: int, x: int) -> tuple[Bytes, NDArray[np.bool_]]:
        """Return the bytes [count, lanes], zero where nothing was driven, and which streams were driven."""
        where = self.where(stream, count, x)
        self.sampled[where] = True
        driven = self.driver[where] != NOBODY
        return self.values[where] * driven[:, None], driven

    def drive(self, dispatch: int, stream: int, values: Bytes, x: int, cycle: int) -> None:
        """Put bytes [streams, lanes] on the registers at ``x``; judge what was there."""
        where = self.where(stream, len(values), x)
        before = self.driver[where]
        for i in np.flatnonzero(before != NOBODY):
            self._replace(dispatch, int(before[i]), stream + int(i), x, cycle)
        self.values[where] = values
        self.driver[where] = dispatch
        self.sampled[where] = False
        self.fresh[where] = True

    def _replace(self, dispatch: int, before: int, stream: int, x: int, cycle: int) -> None:
        flow, number, place = self.where(stream, 1, x)
        at = (flow, number.start, place)
        if self.fresh[at]:
            self._audit.report("double_drive", stream_resource(stream, x), cycle, before, dispatch)
        elif not self.sampled[at]:
            self._audit.report("overwritten", stream_resource(stream, x), cycle, before, dispatch)
