"""A timeline of events: jobs go through tasks, each on a resource that serves one at a time, first come first served."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Task:
    """A step of a job: ``busy_s`` on its resource, then ``after_s`` on the way before the next step may begin.

    A task without a resource holds nothing up.
    """

    name: str
    resource: str
    busy_s: float
    after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """A task as it happened: ready at ``ready_s``, on its resource from ``start_s`` to ``end_s``, over at ``done_s``."""

    job: int
    index: int
    name: str
    resource: str
    ready_s: float
    start_s: float
    end_s: float
    done_s: float


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """All events in order of their start."""

    events: tuple[Event, ...]

    @property
    def seconds(self) -> float:
        """When everything is over."""
        return max((event.done_s for event in self.events), default=0.0)

    def busy(self) -> Mapping[str, float]:
        """Return for each resource how long it was held."""
        held: dict[str, float] = {}
        for event in self.events:
            if event.resource:
                held[event.resource] = held.get(event.resource, 0.0) + event.end_s - event.start_s
        return held

    def job(self, job: int) -> tuple[Event, ...]:
        """Return the events of a job, in order of its tasks."""
        return tuple(sorted((e for e in self.events if e.job == job), key=lambda e: e.index))

    def budget(self, job: int) -> Mapping[str, float]:
        """Return where the time of a job goes: each task's name with its time, and ``waiting`` for resources."""
        spent: dict[str, float] = {}
        for event in self.job(job):
            spent[event.name] = spent.get(event.name, 0.0) + event.done_s - event.start_s
            spent["waiting"] = spent.get("waiting", 0.0) + event.start_s - event.ready_s
        return spent


def simulate(jobs: Sequence[Sequence[Task]], starts: Sequence[float] = ()) -> Timeline:
    """Run jobs until all are over. Of tasks that become ready at the same time, the job with the lower number goes first."""
    free: dict[str, float] = {}
    events: list[Event] = []
    waiting = [(starts[job] if starts else 0.0, job, 0) for job, tasks in enumerate(jobs) if tasks]
    heapq.heapify(waiting)
    while waiting:
        ready, job, index = heapq.heappop(waiting)
        task = jobs[job][index]
        start = max(ready, free.get(task.resource, 0.0)) if task.resource else ready
        end = start + task.busy_s
        if task.resource:
            free[task.resource] = end
        events.append(_event(task, job, index, (ready, start, end)))
        if index + 1 < len(jobs[job]):
            heapq.heappush(waiting, (end + task.after_s, job, index + 1))
    return Timeline(events=tuple(sorted(events, key=lambda e: (e.start_s, e.job, e.index))))


def _event(task: Task, job: int, index: int, times: tuple[float, float, float]) -> Event:
    ready, start, end = times
    return Event(
        job=job,
        index=index,
        name=task.name,
        resource=task.resource,
        ready_s=ready,
        start_s=start,
        end_s=end,
        done_s=end + task.after_s,
    )
