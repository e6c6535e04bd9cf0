"""Where compiled code is kept between processes: one folder per state of the sources, versions and CPU."""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from lpu_emu._resources import isa_folder

CACHE_VARIABLE = "LPU_EMU_CACHE_DIR"
_APPLICATION = "lpu-emu"
_DIGEST = re.compile("[0-9a-f]{32}")
_KEPT_FOLDERS = 8
_UNUSED_S, _LONG_UNUSED_S = 24 * 3600, 30 * 24 * 3600
# Data of what stands beside a chip: compiled code never sees it.
_BESIDE = (
    "gpus",
    "gpu_keys",
    "gpu_measurements",
    "models",
    "model_keys",
    "racks",
    "rack_keys",
    "scenarios",
    "energy",
)


def source_files() -> list[tuple[str, Path]]:
    """Return every file whose text decides what compiled code does, with its name, in a fixed order."""
    roots = ((isa_folder(), "*.toml"), (Path(__file__).parent, "*.py"))
    found = [(f.relative_to(root), f) for root, kind in roots for f in sorted(root.rglob(kind))]
    return [(name.as_posix(), f) for name, f in found if name.with_suffix("").parts[0] not in _BESIDE]


def source_digest(versions: Sequence[str]) -> str:
    """Return 32 hex digits over ``versions`` and the names and contents of all ``source_files``."""
    digest = hashlib.sha256("\0".join(versions).encode())
    for name, path in source_files():
        content = path.read_bytes()
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def cache_folder(digest: str) -> Path:
    """Return a writable folder for this digest, made if needed.

    ``LPU_EMU_CACHE_DIR`` comes first, or else the cache folder of the user; then a private folder among the
    temporary files; and when even that cannot be trusted, one that is deleted when the process ends.
    """
    for base in _candidates():
        folder = base / digest
        if _is_usable(folder):
            _prune(base, folder)
            return folder
    folder = Path(tempfile.mkdtemp(prefix=f"{_APPLICATION}-"))
    atexit.register(partial(shutil.rmtree, folder, ignore_errors=True))
    return folder


def _prune(base: Path, used: Path) -> None:
    """Delete what other states of the sources have left: unused for a month, or for a day if there is much newer.

    Every process marks the folder that it uses. A folder is renamed first, so that nobody sees half of one; whoever
    is still working with it compiles anew.
    """
    now = time.time()
    try:
        os.utime(used)
        others = [f for f in base.iterdir() if _DIGEST.fullmatch(f.name) and f != used]
        ages = sorted((now - f.stat().st_mtime, f) for f in others)
    except OSError:
        return
    for place, (age_s, folder) in enumerate(ages):
        if age_s > _LONG_UNUSED_S or (place >= _KEPT_FOLDERS and age_s > _UNUSED_S):
            aside = folder.with_name(f".{folder.name}.{os.getpid()}")
            try:
                folder.rename(aside)
            except OSError:
                continue
            shutil.rmtree(aside, ignore_errors=True)


def _candidates() -> Iterator[Path]:
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        yield Path(chosen).expanduser().absolute()
    else:
        yield from _user_cache()
    private = Path(tempfile.gettempdir()) / f"{_APPLICATION}-{_user_id()}"
    if _is_private(private):
        yield private


def _user_cache() -> Iterator[Path]:
    try:
        home = Path.home()
    except RuntimeError:
        return
    if sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / _APPLICATION / "Cache"
    elif sys.platform == "darwin":
        yield home / "Library" / "Caches" / _APPLICATION
    else:
        yield Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / _APPLICATION


def _user_id() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _is_private(folder: Path) -> bool:
    """Make a folder only this user may enter, or check that it is one: loading a cache runs its code."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == _user_id() and not found.st_mode & 0o077


def _is_usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
