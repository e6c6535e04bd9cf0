"""How much memory this process holds and has held."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def held_bytes() -> int | None:
    """Return the resident memory of this process now, None where the system does not say."""
    return _status("VmRSS")


def peak_bytes() -> int | None:
    """Return the most resident memory this process has had, None where the system does not say.

    Linux keeps the figure of ``getrusage`` from the process that started this one, so its own file comes first.
    """
    return _status("VmHWM") or _usage()


def _status(key: str) -> int | None:
    if not _STATUS.exists():
        return None
    for row in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = row.partition(":")
        if name == key:
            return 1024 * int(value.split()[0])
    return None


def _usage() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used
