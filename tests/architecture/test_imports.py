"""What importing the package pulls in, and which module may import which library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "lpu_emu"
HOME = {
    "numba": ("engine/",),
    "llvmlite": ("engine/",),
    "h5py": ("program/file", "program/results"),
    "click": ("cli/",),
    # Reading models is the front end's; the library makes them, quantises them, and asks for their inner tensors.
    "onnx": (
        "graph/",
        "library/networks/",
        "library/quantise",
        "library/calibration",
        "library/layer_oracle",
    ),
    "onnxruntime": ("library",),
}


def imported(path: Path) -> set[str]:
    """Return the top-level names of every import of a file, wherever it stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("library", HOME)
def test_each_library_has_one_home(library: str) -> None:
    users = {str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py") if library in imported(p)}
    assert {u for u in users if not u.startswith(HOME[library])} == set()


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, lpu_emu; print(sorted(set(sys.modules) & {'numpy', 'numba', 'h5py', 'onnx', 'click'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
