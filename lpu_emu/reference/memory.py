"""SRAM: words, which of them were written, and who uses a bank in this cycle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpu_emu.reference.audit import Audit
from lpu_emu.spec.machine import HEMISPHERES, Machine

Bytes = NDArray[np.uint8]


class Access(NamedTuple):
    """One access of one bank."""

    dispatch: int
    slice: str
    bank: int


class Sram:
    """All slices of a chip. ``words`` uint8 [words, lanes] and ``written`` bool [words], by slice name."""

    def __init__(self, machine: Machine, audit: Audit) -> None:
        chip = machine.chip
        names = [f"{side}{number}" for side in HEMISPHERES for number in range(chip.slices)]
        self.words = {name: np.zeros((chip.words, chip.lanes), dtype=np.uint8) for name in names}
        self.written = {name: np.zeros(chip.words, dtype=bool) for name in names}
        self.accesses: list[Access] = []
        self._words_per_bank = chip.words_per_bank
        self._audit = audit

    def access(self, dispatch: int, slice_name: str, first: int, last: int) -> None:
        """Note that a dispatch uses the banks of the words ``first`` to ``last`` in this cycle."""
        for bank in range(first // self._words_per_bank, last // self._words_per_bank + 1):
            self.accesses.append(Access(dispatch, slice_name, bank))

    def require_written(self, dispatch: int, slice_name: str, first: int, last: int, cycle: int) -> None:
        """Judge a read of the words ``first`` to ``last``."""
        missing = np.flatnonzero(~self.written[slice_name][first : last + 1])
        if len(missing):
            word = f"word {slice_name}:0x{first + missing[0]:03x}"
            self._audit.report("unwritten_read", word, cycle, dispatch)

    def end_cycle(self, cycle: int) -> None:
        """Judge the accesses of a cycle and forget them."""
        last: dict[tuple[str, int], int] = {}
        for dispatch, slice_name, bank in sorted(self.accesses):
            before = last.get((slice_name, bank))
            if before is not None:
                resource = f"bank {slice_name}.{bank}"
                self._audit.report("bank_conflict", resource, cycle, before, dispatch)
            last[slice_name, bank] = dispatch
        self.accesses.clear()
