"""Placing flows one after the other, each at the earliest time at which everything that it needs is free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lpu_emu.compiler.flow.columns import ColumnChoices
from lpu_emu.compiler.flow.model import Access, At, Flow, Lookup, Stage
from lpu_emu.compiler.flow.rigid import Rigid, Shape, host_of, shape_of
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import Words, WriteRun
from lpu_emu.compiler.schedule.board import Board, Run
from lpu_emu.compiler.schedule.plan import Plan, outer_iterations
from lpu_emu.compiler.schedule.trial import BUDGET, NEVER, Trial
from lpu_emu.errors import CompileError
from lpu_emu.timing import Loop

# A choice of columns is better than an earlier one, which leaves more room to others, if it ends so much sooner: the span
# of the flow over this, but not more than so many cycles.
SPAN_PER_SLACK = 4
MOST_SLACK = 24
# With more of the memory in use than this, words that find no place find no room.
CROWDED_SHARE = 0.75


class NoPlaceError(CompileError):
    """A flow contradicts itself: no choice and no time lets it run."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """When a flow runs: its first and last dispatch; the choices that were made for it."""

    start: int
    end: int
    plan: Plan
    trial: Trial


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    plan: Plan
    trial: Trial
    end: int


class Scheduler:
    """The schedule so far, and the way to add to it."""

    def __init__(self, geometry: Geometry, *, budget: int = BUDGET) -> None:
        self.geometry = geometry
        self.board = Board(geometry, budget)
        self._columns = ColumnChoices(geometry)

    def place(self, flow: Flow) -> Placed:
        """Schedule a flow and return when it runs.

        Raises:
            CompileError: there is no room for its words.
            NoPlaceError: there is no way to run it on this chip.
        """
        found, no_room = self._search(shape_of(flow))
        if found is None:
            raise self._no_place(flow, no_room)
        return self._commit(found)

    def earliest(self, flow: Flow) -> int | None:
        """Return when a flow would be scheduled, None if it cannot be; nothing is reserved."""
        found, _ = self._search(shape_of(flow))
        return None if found is None else found.trial.time

    def _search(self, shape: Shape) -> tuple[_Found | None, bool]:
        found, no_room = self._search_among(shape, self._columns.of(shape))
        if found is None:
            found, full = self._search_among(shape, self._columns.last_resorts(shape))
            no_room = no_room or full
        return found, no_room

    def _search_among(self, shape: Shape, choices: Iterable[Rigid]) -> tuple[_Found | None, bool]:
        best: _Found | None = None
        no_room = False
        slack = min(max(stage.span for stage in shape.flow.stages) // SPAN_PER_SLACK, MOST_SLACK)
        if self.board.liked is not None:
            slack = 0  # a kernel's author wants it as early as it can be
        for rigid in choices:
            plan = Plan(self.board, rigid)
            if plan.contradicts():
                continue
            bound = plan.bound()
            limit = NEVER if best is None else best.end - rigid.length - slack
            trial, full = self._earliest(plan, bound, limit)
            no_room = no_room or full
            if trial is not None:
                best = _Found(plan=plan, trial=trial, end=trial.time + rigid.length)
                if trial.time <= bound + slack:
                    break
        return best, no_room

    def _earliest(self, plan: Plan, bound: int, limit: int) -> tuple[Trial | None, bool]:
        """Try one time after the other until everything is free, before ``limit``."""
        exactly = plan.flow.exactly
        time = bound if exactly is None else exactly
        no_room = False
        while time < limit:
            time = plan.settle(time)
            if time >= limit or (exactly is not None and time > exactly):
                break
            trial = Trial(self.board, plan, time)
            if trial.solve():
                return trial, no_room
            no_room = no_room or trial.no_room
            if trial.later == NEVER or exactly is not None:
                break
            time = trial.later
        return None, no_room

    # --- taking note

    def _commit(self, found: _Found) -> Placed:
        plan, trial = found.plan, found.trial
        if self.board.liked is not None:
            alus = {stage: alu.number for stage, alu in trial.alus.items()}
            self.board.liked[plan.key] = alus, dict(trial.streams)
        for window in trial.windows:
            self.board.line(window.key).reserve(window.start, window.start + window.length)
        for use in trial.uses:
            self.board.streams.reserve(use)
        times = [self._commit_stage(plan, trial, stage) for stage in plan.flow.stages]
        self.board.end = max(self.board.end, *(end for _, end in times))
        start, end = min(start for start, _ in times), max(end for _, end in times)
        return Placed(start=start, end=end, plan=plan, trial=trial)

    def _commit_stage(self, plan: Plan, trial: Trial, stage: Stage) -> tuple[int, int]:
        operands = dict(stage.operands)
        for port in (*stage.inputs, *stage.outputs):
            operands[port.operand] = trial.streams[port.edge] + port.index
        if isinstance(stage.place, Access):
            spot = trial.spots[stage.index]
            queue, time = spot.where.queue, spot.time
            if spot.fresh:
                self.board.memory.take(stage.place.words, spot.where.name, spot.address)
            operands["address"] = spot.address + stage.place.first
            self._note_access(stage, stage.place, time)
        else:
            time = trial.time + plan.rigid.offsets[stage.index]
            queue = self._queue(plan.flow, trial, stage)
            self.board.planes.commit(stage, time)
            if isinstance(stage.place, Lookup):
                access = time + self.geometry.delay(stage.mnemonic, "access")
                stage.place.words.last_read = max(stage.place.words.last_read, access + stage.span)
            self._note_table(stage, time)
        run = Run(
            queue=queue,
            time=time,
            mnemonic=stage.mnemonic,
            operands=operands,
            loops=stage.loops,
            origin=plan.flow.origin,
            line=stage.line,
        )
        self.board.runs.append(run)
        wide = self.geometry.is_wide(stage.mnemonic, operands)
        return time, time + stage.span + self.geometry.finish(stage.mnemonic, wide) + 1

    def _queue(self, flow: Flow, trial: Trial, stage: Stage) -> str:
        if isinstance(stage.place, At):
            return stage.place.queue
        return trial.alus[host_of(flow, stage).index].queue

    def _note_table(self, stage: Stage, time: int) -> None:
        """Take note of a gather or scatter: any of its words may have been read or written, until its last access."""
        if not isinstance(stage.place, At) or stage.place.table is None:
            return
        table, last = stage.place.table, time + self.geometry.delay(stage.mnemonic, "access") + stage.span
        if stage.outputs:
            table.last_read = max(table.last_read, last)
        else:
            table.writes.append(WriteRun(first=0, count=table.count, cycle=last, interval=0))

    def _note_access(self, stage: Stage, place: Access, time: int) -> None:
        access = time + self.geometry.delay(stage.mnemonic, "access")
        if stage.outputs:
            place.words.last_read = max(place.words.last_read, access + stage.span)
            return
        inner = stage.loops[0] if stage.loops else Loop(count=0, interval=1, stride=1)
        for cycle, offset in outer_iterations(stage.loops):
            run = WriteRun(
                first=place.first + offset,
                count=inner.count + 1,
                cycle=access + cycle,
                interval=inner.interval,
                step=inner.stride,
            )
            place.words.writes.append(run)

    # --- failing

    def _no_place(self, flow: Flow, no_room: bool) -> CompileError:
        chip = self.geometry.chip
        words = [
            s.place.words for s in flow.stages if isinstance(s.place, Access) and not s.place.words.placed
        ]
        total = 2 * chip.slices * chip.words
        if no_room or (words and self.board.memory.used_words() > CROWDED_SHARE * total):
            return CompileError(self._full_message(flow, words))
        return NoPlaceError(
            f"{flow.name}: cannot be scheduled on chip {chip.name}: no choice of ALUs, streams and slices fits its "
            f"{len(flow.stages)} instructions, at any time; use a chip with more slices or streams"
        )

    def _full_message(self, flow: Flow, words: list[Words]) -> str:
        chip = self.geometry.chip
        missing = sum(w.count for w in words) * chip.lanes
        total = 2 * chip.slices * chip.words * chip.lanes
        used = self.board.memory.used_words() * chip.lanes
        return (
            f"{flow.name}: the model does not fit into the memory of chip {chip.name}: {missing:,} bytes more are needed "
            f"on slices that are not used by the same instructions, in runs of {max(w.count for w in words):,} words; "
            f"{used:,} of {total:,} bytes are in use; use a smaller batch, int8 precision, or a chip with more memory"
        )
