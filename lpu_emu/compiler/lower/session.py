"""What lowering works on: the schedule, the tensors and constants, and who must not share a slice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.constants import Constants
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.schedule.scheduler import NoPlaceError, Placed, Scheduler


class Session:
    """One compilation below the graph."""

    def __init__(self, geometry: Geometry, tensors: Mapping[str, Tensor]) -> None:
        self.geometry = geometry
        self.tensors = dict(tensors)
        self.constants = Constants(geometry)
        self.scheduler = Scheduler(geometry)

    def place(self, build: Callable[[bool], FlowBuilder]) -> Placed:
        """Schedule a flow. When constants lie in the way of its other words, try again with copies of them.

        ``build`` returns the flow; its argument says whether constants are to be stored again.
        """
        try:
            return self.scheduler.place(build(False).build())
        except NoPlaceError:
            return self.scheduler.place(build(True).build())

    def release(self, tensor: Tensor) -> None:
        """Give back the memory of a tensor that nobody reads any more; what a model comes with stays."""
        for words in tensor.all_words():
            if words.placed and not words.preloaded:
                self.scheduler.board.memory.release(words)

    def keep_apart(self, first: Tensor, second: Tensor) -> None:
        """Keep two tensors that flows read together on different slices."""
        if first.parts != second.parts:
            return
        for part in first.parts:
            for a, b in _pairs(first.blocks, second.blocks):
                for words in first.words(part.index, a):
                    for other in second.words(part.index, b):
                        words.apart.append(other)
                        other.apart.append(words)


def _pairs(first: int, second: int) -> list[tuple[int, int]]:
    """Blocks that meet in a flow: equal ones, all with all when the numbers differ."""
    if first == second:
        return [(i, i) for i in range(first)]
    return [(a, b) for a in range(first) for b in range(second)]
