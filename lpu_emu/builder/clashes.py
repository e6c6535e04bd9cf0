"""What stands in the way of a flow at one given time: the earlier instruction that holds what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lpu_emu import timing
from lpu_emu.compiler.flow.columns import ColumnChoices
from lpu_emu.compiler.flow.model import Access, At, Flow, Stage
from lpu_emu.compiler.flow.rigid import shape_of
from lpu_emu.compiler.schedule.board import Key, Run
from lpu_emu.compiler.schedule.plan import Plan, Track, Window
from lpu_emu.compiler.schedule.scheduler import Placed
from lpu_emu.compiler.schedule.streams import Use
from lpu_emu.spec.machine import stream_name

if TYPE_CHECKING:
    from lpu_emu.builder.kernel import Kernel

Earlier = Sequence[tuple[Flow, Placed]]


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A resource, why it is not free, and the two source lines."""

    resource: str
    reason: str
    line: int
    other_line: int
    other_reason: str


def first_clash(kernel: Kernel, flow: Flow, earlier: Earlier) -> Clash | None:
    """Return what keeps a flow from its exact time, under its best choice of columns; None if that cannot be told."""
    assert flow.exactly is not None
    for rigid in ColumnChoices(kernel.geometry).of(shape_of(flow)):
        plan = Plan(kernel.scheduler.board, rigid)
        if plan.contradicts():
            continue
        for find in (_too_early, _busy, _streams):
            found = next(find(kernel, plan, flow.exactly, earlier), None)
            if found is not None:
                return found
    return None


def _too_early(kernel: Kernel, plan: Plan, time: int, earlier: Earlier) -> Iterator[Clash]:
    if plan.bound() <= time:
        return
    board = kernel.scheduler.board
    for stage in plan.rigid.shape.core:
        offset = plan.rigid.offsets[stage.index]
        if isinstance(stage.place, At) and board.planes.earliest(plan.flow, stage) > time + offset:
            queue = stage.place.queue
            other = _last_on(board.runs, queue.rsplit(".", 1)[0])
            yield Clash(
                resource=queue, reason=f"is not ready for {stage.mnemonic} then", line=stage.line,
                other_line=other.line if other else 0, other_reason="it still works for this line",
            )  # fmt: skip
    for edge in plan.edges:
        for leaf in edge.leaves:
            words = leaf.words
            if leaf.reads and words.writes and words.placed:
                line = _writer(earlier, leaf.stage)
                yield Clash(
                    resource=words.name, reason="is not written yet", line=leaf.stage.line, other_line=line,
                    other_reason="it is written here",
                )  # fmt: skip
    yield Clash(
        resource="a first read", reason="would come before the start", line=plan.flow.stages[0].line,
        other_line=0, other_reason="",
    )  # fmt: skip


def _writer(earlier: Earlier, reader: Stage) -> int:
    assert isinstance(reader.place, Access)
    words = reader.place.words
    for flow, _ in reversed(earlier):
        for stage in flow.stages:
            if isinstance(stage.place, Access) and stage.place.words is words and not stage.outputs:
                return stage.line
    return 0


def _last_on(runs: Sequence[Run], prefix: str) -> Run | None:
    return next((run for run in reversed(runs) if run.queue.startswith(prefix)), None)


def _busy(kernel: Kernel, plan: Plan, time: int, earlier: Earlier) -> Iterator[Clash]:
    for stage, window in _windows(plan):
        start = time + window.start
        free = kernel.scheduler.board.line(window.key).next_free(start, window.length)
        if free > start:
            yield _clash(kernel, stage, window.key, start, window.length)
    for index, (offset, length) in plan.alu_windows.items():
        start = time + offset
        lines = [
            (kernel.scheduler.board.line(a.queue).next_free(start, length), a) for a in plan.candidates[index]
        ]
        if lines and all(free > start for free, _ in lines):
            _, alu = min(lines, key=lambda item: (item[0], item[1].number))
            yield _clash(kernel, plan.flow.stages[index], alu.queue, start, length)


def _windows(plan: Plan) -> Iterator[tuple[Stage, Window]]:
    for stage in plan.rigid.shape.core:
        if isinstance(stage.place, At):
            yield stage, Window(stage.place.queue, plan.rigid.offsets[stage.index], stage.span + 1)
    for leaf, windows in plan.placed_windows():
        for window in windows:
            yield leaf.stage, window


def _clash(kernel: Kernel, stage: Stage, key: Key, start: int, length: int) -> Clash:
    queue = key if isinstance(key, str) else f"mem.{key[0]}"
    other = next(
        (
            run
            for run in kernel.scheduler.board.runs
            if run.queue == queue
            and run.time < start + length + 1
            and start - 1 <= run.time + timing.body_spans(run.loops)[-1]
        ),
        None,
    )
    name = key if isinstance(key, str) else f"bank {key[0]}.{key[1]}"
    return Clash(
        resource=name, reason=f"is busy then, wanted for {stage.mnemonic}", line=stage.line,
        other_line=other.line if other else 0, other_reason="it is busy with this line",
    )  # fmt: skip


def _streams(kernel: Kernel, plan: Plan, time: int, earlier: Earlier) -> Iterator[Clash]:
    del kernel
    for edge in plan.edges:
        if edge.edge.stream is None:
            continue
        for track in edge.tracks:
            use = _use(edge.edge.stream, track, time, edge.span)
            for flow, placed in earlier:
                other = _touching(use, edge.edge.width, flow, placed)
                if other is not None:
                    mine = next((s.line for s, _ in plan.flow.producers(edge.edge.index)), 0)
                    yield Clash(
                        resource=f"stream {stream_name(edge.edge.stream)}", reason="carries something else then",
                        line=mine, other_line=other, other_reason="what it carries comes from this line",
                    )  # fmt: skip


def _use(stream: int, track: Track, time: int, span: int) -> Use:
    first = time + track.slot
    return Use(stream, first, first + span, track.west, track.east)


def _touching(use: Use, width: int, flow: Flow, placed: Placed) -> int | None:
    """Return the line of an earlier stage whose value is on one of ``width`` streams there."""
    for other in placed.trial.uses:
        moved = Use(other.stream, use.first, use.last, use.west, use.east)
        if use.stream <= other.stream < use.stream + width and other.touches(moved):
            for edge in flow.edges:
                low = placed.trial.streams[edge.index]
                if low <= other.stream < low + edge.width:
                    return next((s.line for s, _ in flow.producers(edge.index)), 0)
    return None
