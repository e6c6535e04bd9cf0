"""What lowering works on: the schedule, the tensors and constants, and what is done already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.constants import Constants, fits_doubled
from lpu_emu.compiler.lower.kernel import Lowered
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.memory.words import Words
from lpu_emu.compiler.schedule.scheduler import NoPlaceError, Placed, Scheduler


class Session:
    """One compilation below the graph."""

    def __init__(self, geometry: Geometry, lowered: Lowered) -> None:
        self.geometry = geometry
        self.tensors = dict(lowered.tensors)
        self.constants = Constants(geometry, per_side=fits_doubled(geometry, lowered.kernels))
        self.scheduler = Scheduler(geometry)
        self._done: set[object] = set()
        self._installed: dict[int, tuple[Words, ...]] = {}

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

    def first_time(self, key: object) -> bool:
        """Whether something is asked about for the first time."""
        if key in self._done:
            return False
        self._done.add(key)
        return True

    def install(self, planes: Iterable[int], tile: Sequence[tuple[Words, ...]]) -> bool:
        """Take note that planes get a tile; return whether any of them has another one now."""
        changed = False
        for plane, words in zip(planes, tile, strict=True):
            changed = changed or self._installed.get(plane) is not words
            self._installed[plane] = words
        return changed
