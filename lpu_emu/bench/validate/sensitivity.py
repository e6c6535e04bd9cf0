"""How far each row moves when a number that nobody published is another one.

One number at a time: each ``choice`` of a chip file is made smaller and larger by a fifth (at least by one), the
programs of the rows it can touch are made anew for that chip, and measured as before.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.validate.claim import Claim, Outcome
from lpu_emu.bench.validate.evaluate import claims
from lpu_emu.errors import LpuError, SpecError
from lpu_emu.spec.chip import Chip, chip_from_table, load_chip
from lpu_emu.spec.chip_lint import timing_place
from lpu_emu.spec.isa import load_isa
from lpu_emu.spec.machine import Machine, load_machine

SHARE = 0.2
CHOICE = "choice"
# Sections of a chip file that matter to programs which use the unit of that name; all others matter to all.
UNIT_SECTIONS = ("vxm", "mxm", "sxm", "c2c", "icu")
Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One number of a chip set to another value."""

    chip: str
    key: str
    value: int


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a row gives after a change; None when its program is not possible on such a chip."""

    change: Change
    id: str
    emulated: float | None


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The range of a row over all changes, and the changes that move it, the strongest first."""

    low: float
    high: float
    effects: tuple[Effect, ...]


def changes(chip: Chip) -> list[Change]:
    """Return the changes of a chip: every whole number that is a choice, smaller and larger."""
    found = []
    for key, fact in chip.facts.items():
        if fact.tag == CHOICE and isinstance(fact.value, int):
            step = max(1, round(SHARE * fact.value))
            values = [fact.value - step, fact.value + step]
            found += [Change(chip=chip.name, key=key, value=v) for v in values if v >= 0]
    return found


def changed(chip: Chip, change: Change) -> Chip:
    """Return a chip with one other number. Raises SpecError when such a chip breaks a rule."""
    table: dict[str, Any] = copy.deepcopy(dict(chip.table))
    place = table
    *path, last = change.key.split(".")
    for name in path:
        place = place[name]
    place[last]["value"] = change.value
    return chip_from_table(table, where=f"{chip.name} with {change.key} = {change.value}")


def touches(key: str, mnemonics: frozenset[str], machine: Machine) -> bool:
    """Return whether a number of a chip can matter to programs that use these instructions."""
    section, _, rest = key.partition(".")
    used = [machine.isa[m] for m in mnemonics]
    if section == "timing":
        name = rest.rpartition(".")[2]
        return any(
            timing_place(machine.chip.table["timing"], i, name) == rest for i in used if name in i.timing
        )
    if section in UNIT_SECTIONS:
        return any(i.unit == section for i in used)
    return True


def instructions_of(outcome: Outcome, lab: Lab) -> frozenset[str]:
    """Return the mnemonics that the programs of a row use."""
    isa = load_isa()
    texts = [t for name in outcome.programs for t in lab.programs[name].program.queues.values()]
    return frozenset(
        isa.by_opcode[int(code)].mnemonic for text in texts for code in set(text.opcodes.tolist())
    )


def varied(outcome: Outcome) -> bool:
    """Return whether a row is measured again on other chips: not a slow one, which would take hours."""
    return outcome.emulated is not None and not outcome.claim.slow


def tasks(outcomes: Sequence[Outcome], labs: Mapping[str, Lab]) -> list[tuple[Change, tuple[str, ...]]]:
    """Return every change with the ids of the rows that it can touch."""
    measured = [o for o in outcomes if varied(o) and o.programs]
    found = []
    for name, lab in labs.items():
        used = {o.claim.id: instructions_of(o, lab) for o in measured if o.claim.chip == name}
        for change in changes(lab.machine.chip):
            ids = tuple(id for id, names in used.items() if touches(change.key, names, lab.machine))
            if ids:
                found.append((change, ids))
    return found


def measure_changed(task: tuple[Change, tuple[str, ...]]) -> list[Effect]:
    """Measure rows on a changed chip. Programs are verified, not executed."""
    change, ids = task
    wanted = [claim for claim in claims() if claim.id in ids]
    try:
        lab = Lab(load_machine(changed(load_chip(change.chip), change)), values=False)
    except SpecError:
        return []
    return [Effect(change=change, id=claim.id, emulated=_value(claim, lab)) for claim in wanted]


def _value(claim: Claim, lab: Lab) -> float | None:
    if claim.measure is None:
        return None
    try:
        return claim.value(lab, lab.once(claim.measure))
    except LpuError:
        return None


def spreads(
    outcomes: Sequence[Outcome], labs: Mapping[str, Lab], progress: Progress, workers: int = 0
) -> dict[str, Spread]:
    """Return the spread of every measured row, on as many processes as there are cores unless ``workers`` says."""
    work = tasks(outcomes, labs)
    effects: dict[str, list[Effect]] = {}
    for number, (task, found) in enumerate(
        zip(work, _mapped(work, workers or os.cpu_count() or 1), strict=True)
    ):
        progress(f"{task[0].key} = {task[0].value}", number / len(work))
        for effect in found:
            effects.setdefault(effect.id, []).append(effect)
    return {
        o.claim.id: _spread(o.emulated, effects.get(o.claim.id, []))
        for o in outcomes
        if o.emulated is not None and varied(o)
    }


def _mapped(work: Sequence[tuple[Change, tuple[str, ...]]], workers: int) -> Iterator[list[Effect]]:
    if workers == 1 or len(work) < 2:
        yield from map(measure_changed, work)
        return
    with ProcessPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(measure_changed, work)


def _spread(base: float, effects: Sequence[Effect]) -> Spread:
    moved = [e for e in effects if e.emulated is not None and e.emulated != base]
    values = [base, *(e.emulated for e in moved if e.emulated is not None)]
    ranked = sorted(moved, key=lambda e: (-abs((e.emulated or 0) - base), e.change.key, e.change.value))
    return Spread(low=min(values), high=max(values), effects=tuple(ranked))
