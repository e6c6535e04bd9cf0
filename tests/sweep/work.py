"""Work for workers: top-level functions, so that spawned processes and clusters can import them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpu_emu.sweep.evaluation import ERROR, METRICS, SECONDS


def row(cycles: int, error: str = "") -> dict[str, Any]:
    """Return a row with these cycles."""
    return {**dict.fromkeys(METRICS), "cycles": cycles, ERROR: error, SECONDS: 0.0}


def square(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the square of a number as cycles."""
    return row(int(settings["seed"]) ** 2)


def slow_square(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the square, after a moment."""
    time.sleep(0.05)
    return square(settings)


def die_once(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Kill the worker at seed 3 unless it did so before (a file remembers)."""
    mark = Path(str(settings["target"]))
    if settings["seed"] == 3 and not mark.exists():
        mark.write_text("killed")
        os.kill(os.getpid(), signal.SIGKILL)
    return square(settings)


def die_always(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Kill the worker at seed 3, always."""
    if settings["seed"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(settings)
