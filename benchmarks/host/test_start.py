"""How long the command line takes to start. Goal: `lpu-emu --help` in under 0.25 s."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_start(benchmark: BenchmarkFixture, argument: str) -> None:
    command = [sys.executable, "-m", "lpu_emu", argument]
    benchmark.pedantic(
        subprocess.run, args=(command,), kwargs={"check": True, "stdout": subprocess.DEVNULL}, rounds=10
    )
    benchmark.extra_info["goal_s"] = 0.25
