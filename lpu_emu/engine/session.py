"""An SRAM and everything beside it, for one run of a plan or for many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lpu_emu.engine import columns as c
from lpu_emu.engine.dispatch import dispatch
from lpu_emu.engine.pages import zeros
from lpu_emu.engine.planning.plan import Plan
from lpu_emu.engine.planning.storage import changed_words
from lpu_emu.engine.steps import faults
from lpu_emu.engine.steps.board import BOARD_WORDS
from lpu_emu.engine.steps.state import Bytes, State
from lpu_emu.engine.team import helpers, team_size
from lpu_emu.errors import LpuError
from lpu_emu.program.fault import fault_error, not_a_bijection, outside_region
from lpu_emu.program.hazard import Site
from lpu_emu.program.model import Program
from lpu_emu.program.placement import link_names, slice_names
from lpu_emu.program.result import RunResult
from lpu_emu.program.tensors import read_outputs, require_inputs, write_image

Inputs = Mapping[str, NDArray[np.generic]]


class Session:
    """Runs a plan again and again in one SRAM. What a run returns as memory is valid until the next one."""

    def __init__(self, program: Program, plan: Plan, threads: int | None = None) -> None:
        """Make room; SRAM is filled at the first run."""
        self._program = program
        self._plan = plan
        self._state = _state(plan, team_size(threads))
        self._memory = _slices(self._state.grid, program)
        self._filled = False

    def run(self, inputs: Inputs | None = None) -> RunResult:
        """Run the program, as :func:`lpu_emu.engine.run` does.

        Raises:
            InputError: an input is missing, unknown, or has the wrong shape or type.
            FaultError: a value broke a rule at run time.
        """
        program, plan, state = self._program, self._plan, self._state
        tensors = require_inputs(program, inputs or {})
        write_image(self._reset() if self._filled else program, tensors, self._memory)
        self._filled = True
        with helpers(state):
            _execute(state, plan)
        if state.found[faults.KNOWN]:
            raise _fault(program, plan, state.found)
        return RunResult(
            outputs=read_outputs(program, self._memory),
            cycles=plan.analysis.cycles,
            hazards=plan.analysis.hazards,
            memory=self._memory,
            sent=_sent(state.grid, plan),
        )

    def _reset(self) -> Program:
        """Forget what the run before has changed; return a program with the data that are to be written again."""
        state, lanes = self._state, self._state.grid.shape[1]
        for begin, end in self._changed:
            state.grid[begin:end] = 0
        state.memory[self._words * lanes : state.zeros] = 0
        state.tiles[:, c.READY] = 0
        state.found[:] = 0
        state.board[:] = 0
        return self._rewritten

    @cached_property
    def _words(self) -> int:
        """Words of the whole SRAM."""
        return self._program.machine.chip.words * len(slice_names(self._program.machine))

    @cached_property
    def _changed(self) -> list[tuple[int, int]]:
        """First and last word, the last one excluded, of every stretch that a run may write."""
        changed = changed_words(self._plan.ops, self._state.grid.shape[1], self._words)
        borders = np.flatnonzero(np.diff(changed.astype(np.int8), prepend=0, append=0))
        return [(int(begin), int(end)) for begin, end in borders.reshape(-1, 2)]

    @cached_property
    def _rewritten(self) -> Program:
        """The program with only those data sections that a run may change."""
        words, names = self._program.machine.chip.words, slice_names(self._program.machine)
        changed = np.zeros(self._words, dtype=bool)
        for begin, end in self._changed:
            changed[begin:end] = True
        mine = [
            section
            for section in self._program.data
            if changed[
                names[section.slice] * words + section.address + section.step * np.arange(len(section.words))
            ].any()
        ]
        return replace(self._program, data=tuple(mine))


def _state(plan: Plan, team: int) -> State:
    lanes, space = plan.rows.shape[1], plan.space
    team = team if plan.shares else 1
    filled = [*_filled(plan.analysis.program, lanes), (space.pool, space.end)]
    memory = zeros(space.end + 3 * team * space.room, filled)
    values = np.ascontiguousarray(plan.ops[:, c.IMMEDIATE]).astype("<u4").view(np.uint8)
    memory[space.immediates : space.immediates + len(values)] = values
    return State(
        memory=memory,
        grid=memory.reshape(-1, lanes),
        ops=plan.ops,
        steps=plan.steps,
        sources=plan.sources,
        rows=plan.rows,
        tiles=plan.tiles.copy(),
        found=np.zeros(faults.FOUND_COLUMNS, dtype=np.int64),
        board=np.zeros(BOARD_WORDS, dtype=np.int64),
        zeros=space.zeros,
        immediates=space.immediates,
        scratch=space.end,
        room=space.room,
        each=plan.analysis.program.machine.chip.lanes_per_superlane,
        team=team,
    )


def _filled(program: Program, lanes: int) -> list[tuple[int, int]]:
    """Return first and last byte, the last one excluded, of what the data sections fill without gaps."""
    words, names = program.machine.chip.words, slice_names(program.machine)
    places = sorted(
        (names[s.slice] * words + s.address, len(s.words))
        for s in program.data
        if s.step == 1 and len(s.words)
    )
    found: list[tuple[int, int]] = []
    for first, count in places:
        begin, end = first * lanes, (first + count) * lanes
        if found and found[-1][1] >= begin:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def _slices(grid: Bytes, program: Program) -> dict[str, Bytes]:
    words = program.machine.chip.words
    return {name: grid[i * words : (i + 1) * words] for name, i in slice_names(program.machine).items()}


def _execute(state: State, plan: Plan) -> None:
    done = dispatch(state, 0, 0, len(plan.steps))
    if done < len(plan.steps):
        op = plan.steps[done, c.OP]
        raise LpuError(f"engine: no kernel for op {op}, {plan.ops[op].tolist()}; please report this program")


def _fault(program: Program, plan: Plan, found: NDArray[np.int64]) -> LpuError:
    op = plan.ops[found[faults.FAULT_OP]]
    runs, run = plan.analysis.runs, int(op[c.RUN])
    place, value = int(found[faults.PLACE]), int(found[faults.VALUE])
    site = Site(
        queue=program.machine.queues[int(runs.queue[run])].name,
        index=int(runs.index[run]),
        line=int(runs.line[run]),
        cycle=int(found[faults.DISPATCHED]),
    )
    if op[c.KIND] == c.PERMUTE:
        message = not_a_bijection(place, value, program.machine.chip.lanes_per_superlane)
    else:
        message = outside_region(place, value, int(op[c.A]), int(op[c.B]))
    return fault_error(program, site, message)


def _sent(grid: Bytes, plan: Plan) -> dict[str, Bytes]:
    """Return the vectors that left the chip, uint8 [n, lanes] by link name, in the order of the names."""
    flow, names = plan.analysis.flows.links, link_names(plan.analysis.program.machine)
    lanes = grid.shape[1]
    found: dict[str, list[tuple[int, int]]] = {}
    link = {int(run): names[int(number)] for run, number in zip(flow.run, flow.link, strict=True)}
    for run in plan.sends.tolist():
        op = plan.ops[run]
        rows = found.setdefault(link[run], [])
        rows += [
            (int(op[c.START] + k * op[c.INTERVAL]), int(op[c.OUT]) // lanes + k)
            for k in range(int(op[c.COUNT]))
        ]
    return {name: grid[[row for _, row in sorted(found[name])]] for name in sorted(found)}
