"""What determines the result of a point, as one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import lpu_emu
from lpu_emu._resources import isa_folder
from lpu_emu.errors import LpuError
from lpu_emu.spec.digest import digest_of
from lpu_emu.sweep.evaluation import chip_of, target_path
from lpu_emu.sweep.published import is_row


class Identities:
    """Digests of points: settings, content of target and chip, and the code that builds and measures programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._code = code_digest()
        self._targets: dict[str, str] = {}

    def of(self, settings: Mapping[str, Any]) -> str:
        """Return the digest (64 hex digits) of a point."""
        return digest_of(
            {
                "settings": dict(settings),
                "code": self._code,
                "target": self._target(str(settings["target"])),
                "chip": self._chip(settings),
            }
        )

    def _target(self, target: str) -> str:
        """What a target is, found out once."""
        if target not in self._targets:
            self._targets[target] = self._content(target)
        return self._targets[target]

    def _content(self, target: str) -> str:
        """Content of the target's file; a missing one is missing for every point alike. Rows are part of the code."""
        if is_row(target):
            return target
        try:
            path = target_path(target, self._folder)
        except LpuError:
            return "missing"
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def _chip(self, settings: Mapping[str, Any]) -> str:
        """Digest of a chip file; those that ship with the package are part of the code."""
        name = str(settings.get("chip", ""))
        if not name.endswith(".toml"):
            return name
        try:
            return chip_of({"chip": name}, self._folder).digest
        except LpuError:
            return "missing"


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a digest of the version and of all sources of the package and its instruction set."""
    package = Path(lpu_emu.__file__).parent
    digest = hashlib.sha256(lpu_emu.__version__.encode())
    for root, kind in ((package, "*.py"), (isa_folder(), "*.toml")):
        for file in sorted(root.rglob(kind)):
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
