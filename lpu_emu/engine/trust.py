"""Which programs were found to be without hazards: a record between processes, by digests.

What decides is everything that the analysis looks at, of the program and of this package; the bytes of data
sections and the text of a source do not matter. A record is an empty file, so that concurrent processes cannot
spoil it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from lpu_emu._resources import isa_folder
from lpu_emu.engine._cache import cache_folder
from lpu_emu.program.model import Program

_RULES = ("analysis", "encoding", "program", "spec", "timing")
_FOLDER = "verified"


def is_trusted(program: Program) -> bool:
    """Return whether the schedule of a program was found to be without hazards, warnings included."""
    return _record(program).exists()


def trust(program: Program) -> None:
    """Note that the schedule of a program is without hazards; where nothing can be written, nothing is noted."""
    record = _record(program)
    try:
        if not record.exists():
            record.touch()
    except OSError:
        return


def schedule_digest(program: Program) -> str:
    """Return 64 hex digits over what the analysis of a program looks at."""
    digest = hashlib.sha256(_rules_digest())
    machine = program.machine
    _add(digest, f"{machine.chip.digest} {machine.isa.digest} {sorted(program.wires)}")
    for name, text in program.queues.items():
        _add(digest, f"{name} {len(text)}")
        for column in (text.opcodes, text.args, text.lines):
            digest.update(column.tobytes())
    for section in program.data:
        _add(digest, f"{section.slice} {section.address} {section.step} {len(section.words)} {section.name}")
    for binding in program.bindings:
        _add(digest, repr(binding))
    return digest.hexdigest()


def _record(program: Program) -> Path:
    return cache_folder(_FOLDER) / schedule_digest(program)


def _add(digest: hashlib._Hash, text: str) -> None:
    content = text.encode()
    digest.update(f"{len(content)}\0".encode())
    digest.update(content)


@lru_cache(maxsize=1)
def _rules_digest() -> bytes:
    """Return a digest of everything that decides what is a hazard."""
    package = Path(__file__).resolve().parents[1]
    files = [f for name in _RULES for f in sorted((package / name).rglob("*.py"))]
    files += [package / "timing.py", *sorted(isa_folder().rglob("*.toml"))]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            _add(digest, file.name)
            content = file.read_bytes()
            digest.update(f"{len(content)}\0".encode())
            digest.update(content)
    return digest.digest()
