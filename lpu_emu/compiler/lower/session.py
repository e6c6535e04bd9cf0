"""What lowering works on: the schedule, the tensors and constants, and who must not share a slice."""

from __future__ import annotations

from collections.abc import Callable

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.constants import Constants, fits_doubled
from lpu_emu.compiler.lower.expression import leaves
from lpu_emu.compiler.lower.kernels import Kernel, Lowered
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.schedule.scheduler import NoPlaceError, Placed, Scheduler


class Session:
    """One compilation below the graph."""

    def __init__(self, geometry: Geometry, lowered: Lowered) -> None:
        self.geometry = geometry
        self.tensors = dict(lowered.tensors)
        weights = [kernel.weights for kernel in lowered.kernels if kernel.weights is not None]
        self.constants = Constants(geometry, per_side=fits_doubled(geometry, weights))
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

    def separate(self, kernel: Kernel) -> None:
        """Keep what the flows of a kernel read together on different slices."""
        read = (
            [self.tensors[leaf.tensor] for leaf in leaves(kernel.value)] if kernel.value is not None else []
        )
        for i, second in enumerate(read):
            for first in read[:i]:
                _keep_apart(first, second, [(b, b) for b in range(first.blocks)])
            if kernel.x is not None:
                _keep_apart(kernel.x, second, [(kernel.x.blocks - 1, b) for b in range(second.blocks)])


def _keep_apart(first: Tensor, second: Tensor, blocks: list[tuple[int, int]]) -> None:
    """Keep pairs of blocks of two tensors with the same rows on different slices."""
    for part in first.parts:
        for a, b in blocks:
            for words in first.words(part.index, a):
                for other in second.words(part.index, b):
                    words.apart.append(other)
                    other.apart.append(words)
