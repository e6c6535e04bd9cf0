"""Placing flows one after the other, each at the earliest time at which everything that it needs is free."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.flow.columns import ColumnChoices
from lpu_emu.compiler.flow.model import Access, At, Flow, Stage
from lpu_emu.compiler.flow.rigid import Shape, host_of, shape_of
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import Words, WriteRun
from lpu_emu.compiler.schedule.board import Board, Run
from lpu_emu.compiler.schedule.plan import Plan, outer_iterations
from lpu_emu.compiler.schedule.trial import NEVER, Trial
from lpu_emu.errors import CompileError


class NoPlaceError(CompileError):
    """A flow contradicts itself: no choice and no time lets it run."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """When a flow runs: its first and last dispatch."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    plan: Plan
    trial: Trial
    end: int


class Scheduler:
    """The schedule so far, and the way to add to it."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.board = Board(geometry)
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

    def _search(self, shape: Shape) -> tuple[_Found | None, bool]:
        best: _Found | None = None
        no_room = False
        for rigid in self._columns.of(shape):
            plan = Plan(self.board, rigid)
            if plan.contradicts():
                continue
            bound = plan.bound()
            limit = NEVER if best is None else best.end - rigid.length
            trial, full = self._earliest(plan, bound, limit)
            no_room = no_room or full
            if trial is not None:
                best = _Found(plan=plan, trial=trial, end=trial.time + rigid.length)
                if trial.time == bound:
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
        for window in trial.windows:
            self.board.line(window.key).reserve(window.start, window.start + window.length)
        for use in trial.uses:
            self.board.streams.reserve(use)
        times = [self._commit_stage(plan, trial, stage) for stage in plan.flow.stages]
        self.board.end = max(self.board.end, *(end for _, end in times))
        return Placed(start=min(start for start, _ in times), end=max(end for _, end in times))

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
        run = Run(
            queue=queue,
            time=time,
            mnemonic=stage.mnemonic,
            operands=operands,
            loops=stage.loops,
            origin=plan.flow.origin,
        )
        self.board.runs.append(run)
        wide = self.geometry.is_wide(stage.mnemonic, operands)
        return time, time + stage.span + self.geometry.finish(stage.mnemonic, wide) + 1

    def _queue(self, flow: Flow, trial: Trial, stage: Stage) -> str:
        if isinstance(stage.place, At):
            return stage.place.queue
        return trial.alus[host_of(flow, stage).index].queue

    def _note_access(self, stage: Stage, place: Access, time: int) -> None:
        access = time + self.geometry.delay(stage.mnemonic, "access")
        if stage.outputs:
            place.words.last_read = max(place.words.last_read, access + stage.span)
            return
        count, interval = (stage.loops[0].count + 1, stage.loops[0].interval) if stage.loops else (1, 1)
        for cycle, offset in outer_iterations(stage.loops):
            run = WriteRun(first=place.first + offset, count=count, cycle=access + cycle, interval=interval)
            place.words.writes.append(run)

    # --- failing

    def _no_place(self, flow: Flow, no_room: bool) -> CompileError:
        chip = self.geometry.chip
        if no_room:
            words = [
                s.place.words for s in flow.stages if isinstance(s.place, Access) and not s.place.words.placed
            ]
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
