"""The same results on other CPUs and without compilation: these tests again, in processes that build for them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding

from lpu_emu.engine._jit import PLAIN

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]

_AVX2 = ("sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "fma", "f16c", "bmi", "bmi2")
# What a host with AVX-512 takes by itself, the tests of this process cover.
TARGETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "no vector extensions": ("x86-64", ()),
    "AVX2": ("haswell", _AVX2),
    "AVX2 and VNNI": ("alderlake", (*_AVX2, "avxvnni")),
}
# Where results depend on the instructions a target has: the tiles and the conversions of halves.
FILES = ("test_matmul_int.py", "test_matmul_float.py", "test_conversions.py")
CHOSEN = (
    "(rows_with_steps and (shape0-49 or shape2 or shape4)) or extremes"
    " or (test_products and finite and (shape1 or shape3)) or shape0-17-normal or order or zeros"
    " or fp16-fp32 or fp32-fp16"
)


def _runs_here(features: tuple[str, ...]) -> bool:
    found = binding.get_host_cpu_features()
    return platform.machine() in ("x86_64", "AMD64") and all(found.get(feature) for feature in features)


def _test_again(environment: dict[str, str], *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        cwd=CHECKOUT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(PLAIN, reason="this process is the lane without compilation")
def test_without_compilation() -> None:
    report = _test_again({"NUMBA_DISABLE_JIT": "1"}, str(HERE), "--deselect", str(Path(__file__)))
    assert "failed" not in report


# A host only runs what it has: this is not hidden behaviour but another machine.
@pytest.mark.parametrize("name", [name for name, (_, features) in TARGETS.items() if _runs_here(features)])
@pytest.mark.skipif(PLAIN, reason="nothing is compiled")
def test_compiled_for(name: str) -> None:
    cpu, features = TARGETS[name]
    environment = {
        "NUMBA_CPU_NAME": cpu,
        "NUMBA_CPU_FEATURES": ",".join(f"+{feature}" for feature in features),
    }
    _test_again(environment, *(str(HERE / file) for file in FILES), "-k", CHOSEN)
