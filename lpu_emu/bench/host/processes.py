"""Fresh processes: each measurement gets one, with a set number of threads and nothing of what came before."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lpu_emu
from lpu_emu.bench.host.load import Load
from lpu_emu.bench.host.measure import best, wait_for_quiet
from lpu_emu.errors import LpuError

# Which of these counts depends on the library behind NumPy.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_CACHE = "LPU_EMU_CACHE_DIR"
_PACKAGE = "lpu_emu.bench.host"


def run_task(task: str, *, threads: int, **arguments: Any) -> dict[str, Any]:
    """Do a task of :mod:`lpu_emu.bench.host.tasks` in a process of its own.

    Raises:
        LpuError: the process failed; the message has its last line.
    """
    text = json.dumps({"task": task, "threads": threads, **arguments})
    result: dict[str, Any] = json.loads(_python([f"{_PACKAGE}.child", text], _environment(threads)))
    return result


def start_times(*, threads: int, tries: int, patience_s: float = 0.0) -> dict[str, float | None]:
    """Return the seconds from the start of a process until it has reached what, the fastest of some processes.

    ``others`` is what other processes used meanwhile, in processors.
    """
    environment = _environment(threads)
    _start(environment)  # compiles if needed, and brings the files into memory
    found = []
    for _ in range(tries):
        patience_s -= wait_for_quiet(patience_s)
        found.append(_start(environment))
    return min(found, key=lambda reached: reached["run"] or 0.0)


def command_seconds(*, tries: int) -> float:
    """Return the seconds that ``lpu-emu run hello --engine fast`` takes from start to end."""
    command, environment = ["lpu_emu", "run", "hello", "--engine", "fast"], _environment(1)
    return best(lambda: _python(command, environment), calls=tries)


def cold_start_times(*, threads: int, patience_s: float = 0.0) -> dict[str, float | None]:
    """Return the same as :func:`start_times` for a machine that has no compiled code yet."""
    wait_for_quiet(patience_s)
    with tempfile.TemporaryDirectory(prefix="lpu-emu-cold-") as folder:
        return _start({**_environment(threads), _CACHE: folder})


def _start(environment: Mapping[str, str]) -> dict[str, float | None]:
    load, begin = Load(), time.time()
    with load.stretch():
        reached = json.loads(_python([f"{_PACKAGE}.start"], environment))
    return {**{name: at - begin for name, at in reached.items()}, "others": load.others()}


def _environment(threads: int) -> dict[str, str]:
    """Return the environment of a child: it finds this very package, and its libraries use so many threads."""
    root = str(Path(lpu_emu.__file__).resolve().parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **dict.fromkeys(_THREADS, str(threads))}


def _python(arguments: list[str], environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(environment), check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        what = f"{arguments[0]} ended with {done.returncode}"
        raise LpuError(f"bench: {what}: {last}; run it alone with: python -m {shlex.join(arguments)}")
    return done.stdout
