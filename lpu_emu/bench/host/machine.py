"""What the host is, as far as it explains speed: no names of hosts, users or folders."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
_TELLING = ("avx2", "fma", "f16c", "avx512f", "avx_vnni", "avx512_vnni", "asimd", "asimddp", "i8mm", "sve")
_PACKAGES = ("numpy", "numba", "llvmlite")


def describe_machine() -> dict[str, Any]:
    """Return CPU, processors, memory, system and versions."""
    return {
        "cpu": cpu_name(),
        "processors": processors(),
        "features": cpu_features(),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "blas": blas(),
    }


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """Return the name that the CPU gives itself, with family and model where they are known."""
    found = _cpuinfo()
    name = found.get("model name") or platform.processor() or platform.machine()
    numbers = [
        f"{key} {found[full]}"
        for key, full in (("family", "cpu family"), ("model", "model"))
        if full in found
    ]
    return f"{name} ({', '.join(numbers)})" if numbers else name


def cpu_features() -> list[str]:
    """Return the vector extensions that matter here."""
    found = _cpuinfo()
    known = set((found.get("flags") or found.get("Features") or "").split())
    return [name for name in _TELLING if name in known]


def memory_bytes() -> int | None:
    """Return the size of the main memory, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def blas() -> str:
    """Return name and version of the library behind NumPy's matrix products."""
    import numpy as np

    found: Any = np.show_config(mode="dicts")
    library = (found or {}).get("Build Dependencies", {}).get("blas", {})
    return f"{library.get('name', 'unknown')} {library.get('version', '')}".strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _cpuinfo() -> dict[str, str]:
    """Return the entries of the first processor."""
    if not _CPUINFO.exists():
        return {}
    text = _CPUINFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (row.partition(":") for row in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
