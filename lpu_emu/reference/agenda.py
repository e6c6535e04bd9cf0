"""What happens when: the order of things inside one cycle, and the list of what is still to come."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from enum import IntEnum
from typing import NamedTuple

Action = Callable[[], None]


class Phase(IntEnum):
    """The order of what happens inside one cycle; everything in one phase sees all earlier phases."""

    LAND = 0  # weights are in buffer or array, accumulator rows are complete
    DRIVE = 1  # results stand on stream registers and in latches, products reach the accumulator
    RELEASE = 2  # a notify arrives
    DISPATCH = 3  # queues dispatch
    CHECK = 4  # what holds at dispatch is judged when every queue has dispatched
    SAMPLE = 5  # operands are taken
    READ = 6  # SRAM is read
    WRITE = 7  # SRAM is written
    END = 8  # what nobody took is lost


class Moment(NamedTuple):
    """A phase of a cycle."""

    cycle: int
    phase: Phase


# What an instruction does: it yields the moments it waits for and acts in between.
Steps = Generator[Moment, None, None]


class Agenda:
    """Actions by moment. Those of one moment happen in the order of their dispatch (or queue) number."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, Phase, int, int, Action]] = []
        self._added = 0

    def add(self, moment: Moment, order: int, action: Action) -> None:
        """Enter an action; ``order`` decides among actions of one moment."""
        self._added += 1
        heapq.heappush(self._entries, (*moment, order, self._added, action))

    @property
    def next_cycle(self) -> int | None:
        """The cycle of the next action, None when there is none."""
        return self._entries[0][0] if self._entries else None

    def pop(self) -> Action:
        """Remove the next action and return it."""
        return heapq.heappop(self._entries)[-1]
