"""Cycles of shards: compiled once each, kept by a digest of the shape, the chip and the code that compiles."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.spec.chip import load_chip
from lpu_emu.spec.digest import digest_of
from lpu_emu.spec.machine import Machine, load_machine
from lpu_emu.system.shards import Shard

CACHE_VARIABLE = "LPU_EMU_CACHE_DIR"
_DECIDING = ("compiler", "graph", "analysis", "program", "encoding", "spec")
Progress = Callable[[str], None]


class Cycles:
    """Cycles of shards on one chip. What is known is read from ``folder``, what is new is compiled and kept there.

    ``compiled`` and ``known`` say how many shapes came from where.
    """

    def __init__(
        self, chip: str = "lp30", folder: Path | None = None, progress: Progress | None = None
    ) -> None:
        self.chip = chip
        self.clock_hz = load_chip(chip).clock_hz
        self._machine: Machine | None = None
        self._digest = load_chip(chip).digest
        self._folder = folder or _default_folder()
        self._progress = progress
        self._seen: dict[Shard, int] = {}
        self.compiled = self.known = 0

    def of(self, shard: Shard) -> int:
        """Return the cycles of a shard.

        Raises:
            CompileError: it does not fit the chip.
        """
        if shard not in self._seen:
            self._seen[shard] = self._find(shard)
        return self._seen[shard]

    def seconds(self, shard: Shard) -> float:
        """Return the time of a shard. Raises CompileError as :meth:`of` does."""
        return self.of(shard) / self.clock_hz

    @property
    def shapes(self) -> dict[str, int]:
        """Cycles of every shape that was asked for, by its text."""
        return {shard.text: cycles for shard, cycles in self._seen.items()}

    def _find(self, shard: Shard) -> int:
        file = self._folder / f"{digest_of([shard.text, self._digest, code_digest()])}.json"
        try:
            found = int(json.loads(file.read_text(encoding="utf-8"))["cycles"])
        except (OSError, ValueError, KeyError, TypeError):
            found = self._compile(shard)
            _keep(file, {"shard": shard.text, "chip": self.chip, "cycles": found})
            self.compiled += 1
        else:
            self.known += 1
        return found

    def _compile(self, shard: Shard) -> int:
        if self._progress:
            self._progress(f"compiling {shard.text}")
        self._machine = self._machine or load_machine(self.chip)
        precision = "fp16" if shard.kind in ("sum", "norm") else shard.precision
        program = compile_graph(
            shard.graph(), machine=self._machine, options=CompileOptions(precision=precision)
        )
        return int(program.attributes["predicted_cycles"])


def _keep(file: Path, content: dict[str, object]) -> None:
    """Write beside and rename; a folder that cannot be written only costs the next run its time."""
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(content), encoding="utf-8")
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink()


def _default_folder() -> Path:
    base = os.environ.get(CACHE_VARIABLE) or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lpu-emu" / "shards"


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a digest of the sources that decide how many cycles a graph takes."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    files = [package / "timing.py", package / "system" / "shards.py"]
    files += [file for name in _DECIDING for file in sorted((package / name).rglob("*.py"))]
    for file in files:
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
