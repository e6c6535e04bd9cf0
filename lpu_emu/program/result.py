"""What a run of a program gives, whichever executor ran it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.hazard import Hazard


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResult:
    """Outputs by name, cycles, hazards (warnings too), and the final SRAM.

    ``memory`` maps slice names (``W3``) to uint8 [words, lanes]; ``sent`` maps links (``W0``) to the vectors
    that left the chip on them, uint8 [n, lanes].
    """

    outputs: Mapping[str, NDArray[np.generic]]
    cycles: int
    hazards: tuple[Hazard, ...] = ()
    memory: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    sent: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
