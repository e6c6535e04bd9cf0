"""Compiling on two processors: Numba compiles one function at a time in a process, so a second process helps.

Both put what they compile into the same folder. Where the second one cannot be started or fails, the first compiles
everything itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lpu_emu.analysis import analyse
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import PLAIN, folder
from lpu_emu.engine.dispatch import dispatch
from lpu_emu.engine.kernels import alu, conversions
from lpu_emu.engine.kernels.codes import INT8, OPCODES
from lpu_emu.engine.planning.plan import plan_of
from lpu_emu.engine.steps.state import State
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import load_machine

_HELP = "from lpu_emu.engine import warming; warming.help_out()"


@contextmanager
def helper() -> Iterator[None]:
    """Let a second process compile what the loop does not wait for, if nothing has been compiled yet."""
    process = None
    if not PLAIN and (os.cpu_count() or 1) > 1 and not any(folder().rglob("*.nbi")):
        process = _started()
    try:
        yield
    finally:
        if process is not None:
            process.wait()


def _started() -> subprocess.Popen[bytes] | None:
    root = os.fspath(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _HELP],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError):
        return None


def help_out() -> None:
    """Compile the kernels that the loop comes to last, and the planner."""
    x = np.zeros(64, dtype=np.uint8)
    alu.binary(OPCODES["add"], INT8, 0, x, x, x.copy())
    alu.unary(OPCODES["copy"], INT8, 0, x, x.copy())
    conversions.convert(INT8, INT8, 0, x, x.copy())
    plan_of(analyse(Program(name="", machine=load_machine("tiny"), queues={})))


def compile_loop() -> None:
    """Compile the loop that executes plans, by giving it nothing to do."""
    bytes_, words = np.zeros((8, 8), dtype=np.uint8), np.zeros((1, 64), dtype=np.int64)
    state = State(
        memory=bytes_.reshape(-1), grid=bytes_, ops=words, steps=words, sources=words, rows=words, tiles=words.copy(),
        found=words[0], board=words[0], zeros=0, immediates=0, scratch=0, room=0, each=c.OP_COLUMNS, team=1,
    )  # fmt: skip
    dispatch(state, 0, 0, 0)
