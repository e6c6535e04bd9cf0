"""The board: everything that is already scheduled, as what is busy when."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.allocator import Memory
from lpu_emu.compiler.schedule.planes import Planes
from lpu_emu.compiler.schedule.streams import StreamMap
from lpu_emu.compiler.schedule.timeline import Timeline
from lpu_emu.timing import Loop

# A queue by name, or a bank by slice name and number.
Key = str | tuple[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One instruction as scheduled: first dispatch (counted from the end of the start barrier), operands, loops."""

    queue: str
    time: int
    mnemonic: str
    operands: dict[str, int]
    loops: tuple[Loop, ...]
    origin: int
    line: int = 0


class Board:
    """Busy times of queues and banks, uses of streams, free memory, state of the planes, and the runs so far.

    ``budget`` is how many choices one attempt to place a flow may look at. ``liked`` holds, if it is kept at all, the
    ALUs and streams that suited the last flow of a shape, which the next one tries first.
    """

    def __init__(self, geometry: Geometry, budget: int) -> None:
        self.geometry = geometry
        self.budget = budget
        self.liked: dict[object, tuple[dict[int, int], dict[int, int]]] | None = None
        self.memory = Memory(geometry)
        self.streams = StreamMap()
        self.planes = Planes(geometry)
        self.runs: list[Run] = []
        self.end = 0
        self._lines: dict[Key, Timeline] = {}

    def line(self, key: Key) -> Timeline:
        """Return the busy times of a queue or a bank."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Timeline()
        return line
