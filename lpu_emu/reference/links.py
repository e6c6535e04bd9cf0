"""C2C links: what was sent, when it arrives, and what has been received."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import Program
from lpu_emu.reference.audit import Audit
from lpu_emu.reference.planes import Span

Bytes = NDArray[np.uint8]


class Arrival(NamedTuple):
    """A vector uint8 [lanes] that can be received from ``cycle`` on."""

    cycle: int
    vector: Bytes


class Links:
    """All links of a chip, by name (``W0``)."""

    def __init__(self, program: Program, audit: Audit) -> None:
        chip = program.machine.chip
        self.gone: dict[str, list[Bytes]] = defaultdict(list)
        self._vector_cycles = int(chip["c2c.vector_cycles"])
        self._latency_cycles = int(chip["c2c.latency_cycles"])
        self._zeros = np.zeros(chip.lanes, dtype=np.uint8)
        self._wires = dict(program.wires)
        self._arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self._received: dict[str, int] = defaultdict(int)
        self._busy: dict[str, Span] = {}
        self._audit = audit

    def send(self, dispatch: int, link: str, vector: Bytes, cycle: int) -> None:
        """Send a vector that was sampled in ``cycle``."""
        before = self._busy.get(link)
        if before and cycle < before.end:
            self._audit.report("link_busy", f"link {link}", cycle, before.dispatch, dispatch)
        self._busy[link] = Span(dispatch, cycle + self._vector_cycles)
        if link in self._wires:
            self._arrivals[self._wires[link]].append(Arrival(cycle + self._latency_cycles, vector))
        else:
            self.gone[link].append(vector)

    def receive(self, dispatch: int, link: str, cycle: int) -> Bytes:
        """Return the next vector of a link, zeros when it is not there in ``cycle``."""
        number = self._received[link]
        self._received[link] += 1
        arrivals = self._arrivals[link]
        if number >= len(arrivals) or cycle < arrivals[number].cycle:
            self._audit.report("receive_empty", f"link {link}", cycle, dispatch)
            return self._zeros
        return arrivals[number].vector

    def sent(self) -> dict[str, Bytes]:
        """Return the vectors that left the chip, uint8 [n, lanes] by link name, in the order of the names."""
        return {link: np.stack(self.gone[link]) for link in sorted(self.gone)}
