"""The command line as tests call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import lpu_emu
from lpu_emu.cli import cli

ROOT = Path(lpu_emu.__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, which must be one JSON document and nothing else."""
        return json.loads(self.out)


def call(*arguments: object) -> Done:
    """Run a command in this process."""
    result = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="lpu-emu")
    return Done(code=result.exit_code, out=result.stdout, err=result.stderr)


def spawn(*arguments: object, **options: Any) -> Done:
    """Run a command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lpu_emu", *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)
