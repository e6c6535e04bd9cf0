"""The gate to Numba: whose cache, which folder, and what makes it another one."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpu_emu._resources import isa_folder
from lpu_emu.engine import _cache
from lpu_emu.engine._jit import PLAIN, config, folder, jit

CHECKOUT = Path(__file__).resolve().parents[2]
DIGEST_LENGTH = 32

# Runs a few kernels of one entry point each, checks a result, and says how many it had to compile.
PROBE = """
import numpy as np
from lpu_emu.engine.kernels import planes, sxm
x = np.arange(64, dtype=np.uint8).reshape(8, 8)
out = np.zeros_like(x)
planes.copy_rows(x, 0, 1, out, 7, -1, 8)
assert (out[::-1] == x).all()
sxm.rotate(x, 0, 1, 1, 4, out, 0, 1, 8)
assert (out.reshape(8, 2, 4) == np.roll(x.reshape(8, 2, 4), -1, axis=2)).all()
print(sum(f.stats.cache_misses[s] for f in (planes.copy_rows, sxm.rotate) for s in f.signatures))
"""


def start(code: str, root: Path, **environment: str) -> subprocess.Popen[str]:
    """Start Python in a checkout, without the settings of this process for Numba."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "LPU_EMU_", "PYTHONPATH"))}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=root,
        env={**kept, "PYTHONPATH": os.fspath(root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a process and return what it printed."""
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return printed.strip()


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a checkout of its own: the package and the instruction set."""
    root = tmp_path / "checkout"
    shutil.copytree(CHECKOUT / "lpu_emu", root / "lpu_emu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(isa_folder(), root / "isa")
    return root


def test_a_folder_for_each_state_of_the_sources(sources: Path, tmp_path: Path) -> None:
    code = "from lpu_emu.engine._jit import folder; print(folder())"
    base = tmp_path / "cache"

    def named() -> str:
        return finish(start(code, sources, LPU_EMU_CACHE_DIR=os.fspath(base)))

    seen = [named(), named()]
    assert seen[0] == seen[1]
    for file in (
        "isa/vxm.toml",
        "isa/chips/tiny.toml",
        "lpu_emu/engine/kernels/narrow.py",
        "lpu_emu/engine/_jit.py",
    ):
        with (sources / file).open("a") as text:
            text.write("\n# changed\n")
        seen.append(named())
    assert len(set(seen)) == len(seen) - 1
    assert all(Path(name).parent == base and len(Path(name).name) == DIGEST_LENGTH for name in seen)


def test_another_cpu_is_another_folder(tmp_path: Path) -> None:
    code = "from lpu_emu.engine._jit import folder; print(folder())"
    one = finish(start(code, CHECKOUT, LPU_EMU_CACHE_DIR=os.fspath(tmp_path)))
    two = finish(start(code, CHECKOUT, LPU_EMU_CACHE_DIR=os.fspath(tmp_path), NUMBA_CPU_NAME="generic"))
    assert one != two


def test_an_edited_helper_never_runs_stale(sources: Path, tmp_path: Path) -> None:
    base = {"LPU_EMU_CACHE_DIR": os.fspath(tmp_path / "cache")}
    code = (
        "import numpy as np\n"
        "from lpu_emu.engine.kernels.planes import copy_rows\n"
        "x, out = np.full((1, 8), 5, np.uint8), np.zeros((1, 8), np.uint8)\n"
        "copy_rows(x, 0, 1, out, 0, 1, 1)\n"
        "print(out[0, 0])"
    )
    assert finish(start(code, sources, **base)) == "5"
    helper = sources / "lpu_emu/engine/kernels/moves.py"
    text = helper.read_text()
    changed = text.replace("        out[i] = x[i]\n", "        out[i] = x[i] + 1\n", 1)
    assert changed != text
    helper.write_text(changed)
    assert finish(start(code, sources, **base)) == "6"


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    base = {"LPU_EMU_CACHE_DIR": os.fspath(tmp_path)}
    assert finish(start(PROBE, CHECKOUT, **base)) == "2"
    assert finish(start(PROBE, CHECKOUT, **base)) == "0"


def test_processes_may_start_together_on_an_empty_cache(tmp_path: Path) -> None:
    base = {"LPU_EMU_CACHE_DIR": os.fspath(tmp_path)}
    for process in [start(PROBE, CHECKOUT, **base) for _ in range(4)]:
        finish(process)
    assert finish(start(PROBE, CHECKOUT, **base)) == "0"
    assert not [name for name in tmp_path.rglob("*") if ".tmp." in name.name]


def test_a_folder_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    code = PROBE + "\nfrom lpu_emu.engine._jit import folder\nprint(folder())"
    printed = finish(
        start(code, CHECKOUT, LPU_EMU_CACHE_DIR=os.fspath(blocked / "cache"), TMPDIR=os.fspath(temporary))
    )
    assert temporary in Path(printed.splitlines()[-1]).parents


def test_home_is_used_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_cache.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", os.fspath(tmp_path))
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    assert tmp_path in _cache.cache_folder("0" * DIGEST_LENGTH).parents


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="other systems have a temporary folder for each user")
def test_a_temporary_folder_of_others_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_cache.CACHE_VARIABLE, os.fspath(tmp_path / "file"))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("tempfile.tempdir", os.fspath(tmp_path))
    shared = tmp_path / f"lpu-emu-{os.getuid()}"
    shared.mkdir(mode=0o700)
    shared.chmod(0o777)
    found = _cache.cache_folder("0" * DIGEST_LENGTH)
    assert shared not in found.parents
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_old_folders_of_other_states_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPU_EMU_CACHE_DIR", os.fspath(tmp_path))
    day = 24 * 3600
    ages = {f"{i:032x}": i * day / 2 for i in range(1, 15)} | {
        "f" * DIGEST_LENGTH: 31 * day,
        "mine": 99 * day,
    }
    for name, age in ages.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.nbi").touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    used = "e" * DIGEST_LENGTH
    _cache.cache_folder(used)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {used, "mine", *(f"{i:032x}" for i in range(1, 9))}


def test_other_users_of_numba_keep_their_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", "elsewhere")
    jit(lambda x: x)
    assert config.CACHE_DIR == "elsewhere"


@pytest.mark.skipif(PLAIN, reason="nothing is compiled")
def test_our_functions_are_kept_in_our_folder() -> None:
    from lpu_emu.engine.kernels import alu, planes

    kernels: tuple[Any, ...] = (alu.binary, planes.pack4)
    for kernel in kernels:
        assert folder() in Path(kernel.stats.cache_path).parents


def test_plain_python_wraps_quietly_and_takes_the_twin() -> None:
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "import numpy as np\n"
        "from lpu_emu.engine._jit import jit, with_twin\n"
        "assert jit(lambda x: x + x)(np.int8(100)) == -56\n"
        "assert with_twin(lambda: 'twin')(lambda context: None)() == 'twin'\n"
    )
    finish(start(code, CHECKOUT, NUMBA_DISABLE_JIT="1"))


@pytest.mark.skipif(PLAIN, reason="nothing is compiled")
def test_compiled_code_divides_as_numpy_does_and_fuses_nothing() -> None:
    @jit
    def divide(x: float, y: float) -> float:
        return x / y

    @jit
    def multiply_add(x: float, y: float, z: float) -> float:
        return x * y + z

    assert np.isinf(divide(1.0, 0.0))
    near = 1.0 + 2.0**-30
    assert multiply_add(near, near, -near * near) == 0.0
