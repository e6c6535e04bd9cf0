"""Faults: values that break a rule. The earliest is kept; what comes later may be its consequence."""

from __future__ import annotations

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.steps.state import State

# What happens first inside a cycle.
SAMPLING, READING, WRITING, _PHASES = range(4)

KNOWN, MOMENT, DISPATCHED, FAULT_OP, ELEMENT, PLACE, VALUE, FOUND_COLUMNS = range(8)


@inner
def note(t: State, i: int, k: int, phase: int, place: int, value: int) -> None:
    """Note a fault of element k of a step, unless one is known that comes before it."""
    op, element = t.steps[i, c.OP], t.steps[i, c.FIRST] + k
    later = element * t.ops[op, c.INTERVAL]
    moment = (t.ops[op, c.START] + later) * _PHASES + phase
    dispatched = t.ops[op, c.DISPATCH] + later
    if t.found[KNOWN]:
        if t.found[MOMENT] < moment:
            return
        if t.found[MOMENT] == moment:
            if t.found[DISPATCHED] < dispatched:
                return
            if t.found[DISPATCHED] == dispatched and t.found[FAULT_OP] <= op:
                return
    t.found[KNOWN], t.found[MOMENT], t.found[DISPATCHED] = 1, moment, dispatched
    t.found[FAULT_OP], t.found[ELEMENT] = op, element
    t.found[PLACE], t.found[VALUE] = place, value
