"""Finding the cycles in which words of SRAM change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lpu_emu.debugger.debugger import Debugger
from lpu_emu.debugger.places import Words
from lpu_emu.debugger.sights import Sight, site_text, words
from lpu_emu.program.text import unpack_row


def changes(debugger: Debugger, where: Words, dtype: str, first: int, last: int | None) -> Iterator[Sight]:
    """Yield each word of ``where`` after every cycle from ``first`` to ``last`` (None: the end) in which its bytes change.

    Raises:
        FaultError: a value broke a rule on the way.
    """
    span = slice(where.address, where.address + where.count)
    debugger.go_to(max(first - 1, 0))
    seen = debugger.state.memory.words[where.slice][span].copy()
    while debugger.next_cycle is not None and (last is None or debugger.next_cycle <= last):
        debugger.step()
        now = debugger.state.memory.words[where.slice][span]
        for offset in np.flatnonzero((now != seen).any(axis=1)):
            word = Words(slice=where.slice, address=where.address + int(offset))
            yield replace(next(words(debugger, word, dtype)), by=_writer(debugger, where.slice))
        seen = now.copy()


def _writer(debugger: Debugger, slice_name: str) -> str:
    """Return the dispatches that stored something in a slice in this cycle."""
    found = [access.dispatch for access in debugger.accesses if access.slice == slice_name]
    return "; ".join(site_text(debugger, n) for n in dict.fromkeys(found) if _stores(debugger, n))


def _stores(debugger: Debugger, dispatch: int) -> bool:
    site = debugger.state.audit.site(dispatch)
    instruction = unpack_row(
        debugger.machine.isa, debugger.program.queues[site.queue], site.index
    ).instruction
    return any(operand.name == "data" for operand in instruction.operands)
