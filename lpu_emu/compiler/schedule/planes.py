"""What the MXM planes allow next: loads, installs and issues in the order the hardware needs.

A plane works through its weights in the order in which they are scheduled. A load may begin when the buffer was
installed, an install waits for the load to land and for the last issue on the old weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.flow.model import At, Flow, Stage
from lpu_emu.compiler.geometry import Geometry


@dataclass(slots=True)
class PlaneState:
    """Earliest dispatches on one plane: of a load, of an install, of an issue on the installed weights."""

    load_from: int = 0
    install_from: int = 0
    landed: int = 0
    installed: int = 0
    issue_from: int = 0


class Planes:
    """The states of all planes of a chip."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self.states = [PlaneState() for _ in range(2 * geometry.chip.planes)]

    def earliest(self, flow: Flow, stage: Stage) -> int:
        """Return the earliest first dispatch of a stage; 0 for stages that no plane rule bounds."""
        state = self._state(stage)
        if state is None:
            return 0
        if stage.mnemonic == "lw":
            return state.load_from
        if stage.mnemonic == "iw":
            return max(state.landed, state.install_from)
        if stage.mnemonic == "abc":
            installs = any(s.mnemonic == "iw" for s in flow.stages)
            members = self._members(stage)
            ready = 0 if installs else max(m.installed for m in members)
            return max(ready, *(m.issue_from for m in members))
        return 0

    def commit(self, stage: Stage, time: int) -> None:
        """Take note of a stage that is scheduled with its first dispatch at ``time``."""
        state = self._state(stage)
        if state is None:
            return
        last = time + stage.span
        if stage.mnemonic == "lw":
            state.landed = max(state.landed, last + self._geometry.delay("lw", "land"))
        elif stage.mnemonic == "iw":
            state.load_from = last + 1
            state.installed = last + self._geometry.delay("iw", "land")
        elif stage.mnemonic == "abc":
            wide = self._geometry.is_wide(stage.mnemonic, stage.operands)
            busy = self._geometry.delay("abc", "interval_wide" if wide else "interval")
            for member in self._members(stage):
                member.install_from = max(member.install_from, last + 1)
                member.issue_from = max(member.issue_from, last + busy)

    def busy_until(self, plane: int) -> int:
        """Return the cycle from which a plane has nothing scheduled."""
        return self.states[plane].issue_from

    def _state(self, stage: Stage) -> PlaneState | None:
        if not isinstance(stage.place, At) or not stage.place.queue.startswith("mxm."):
            return None
        return self.states[_plane(stage.place)]

    def _members(self, stage: Stage) -> list[PlaneState]:
        assert isinstance(stage.place, At)
        first = _plane(stage.place)
        tandem = self._geometry.is_tandem(stage.mnemonic, stage.operands)
        return self.states[first : first + (2 if tandem else 1)]


def _plane(place: At) -> int:
    return int(place.queue.split(".")[1])
