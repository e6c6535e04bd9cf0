"""The Python interface."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lpu_emu as lpu
from lpu_emu import _resources
from lpu_emu.errors import AssemblyError, HazardError, InputError, ModelError, ProgramFileError, SpecError
from lpu_emu.spec.machine import load_machine

MODEL = _resources.kernels_folder() / "models" / "digits_mlp.onnx"
KERNEL = """.chip tiny
.input x int8 [4, 8] at W0:0x000
.output y int8 [4, 8] at E4:0x000
.queue mem.W0
    read 0 -> e0
    repeat 3, 1, 1
.queue mem.E4
    @11 write e0 -> 0
    repeat 3, 1, 1
"""
X = np.arange(32, dtype=np.int8).reshape(4, 8)


def test_public_names_are_all_there_and_listed() -> None:
    for name in lpu.__all__:
        assert getattr(lpu, name) is not None
        assert name in dir(lpu)
    with pytest.raises(AttributeError, match="has no attribute 'compiel'"):
        lpu.compiel  # noqa: B018


def test_names_for_type_checkers_are_the_lazy_ones() -> None:
    """The imports under TYPE_CHECKING and the table of homes say the same."""
    tree = ast.parse(Path(lpu.__file__).read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    imports = [n for n in block.body if isinstance(n, ast.ImportFrom)]
    assert {a.name: n.module for n in imports for a in n.names} == lpu._HOMES
    assert {*lpu._HOMES, "__version__"} == set(lpu.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, lpu_emu; print(set(sys.modules) & {'numpy', 'numba', 'h5py', 'onnx', 'click'})"
    root = str(Path(lpu.__file__).resolve().parents[1])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "set()\n"


def test_assemble_run_and_look() -> None:
    kernel = lpu.assemble(KERNEL)
    result = kernel.run({"x": X})
    np.testing.assert_array_equal(result.outputs["y"], X)
    assert result.cycles == kernel.cycles == 18
    assert (kernel.chip, kernel.precision, kernel.time_us) == ("tiny", "", 0.018)
    assert kernel.inputs == {"x": ("int8", (4, 8))}
    assert kernel.outputs == {"y": ("int8", (4, 8))}
    assert kernel.hazards == ()
    assert repr(kernel) == "<Executable 'program' for tiny: 5 instructions>"


def test_lists_are_converted_and_arrays_are_not() -> None:
    kernel = lpu.assemble(KERNEL)
    np.testing.assert_array_equal(kernel.run({"x": X.tolist()}).outputs["y"], X)
    with pytest.raises(InputError, match="expected int8"):
        kernel.run({"x": X.astype(np.int16)})
    for wrong in ([[1000] * 8] * 4, [[1, 2], [3]], "text", [[0.5] * 8] * 4):
        with pytest.raises(InputError, match="input 'x'"):
            kernel.run({"x": wrong})
    with pytest.raises(InputError, match="no value for input x"):
        kernel.run()
    with pytest.raises(InputError, match="has no input 'z'"):
        kernel.run({"x": X, "z": [1]})


def test_files_and_texts_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "copy.lpu"
    path.write_text(KERNEL)
    assert lpu.assemble(path).name == lpu.assemble(str(path)).name == "copy"
    assert lpu.assemble(KERNEL, chip="lp30").chip == "lp30"
    with pytest.raises(InputError, match=r"nix\.lpu: no such file"):
        lpu.assemble(tmp_path / "nix.lpu")
    with pytest.raises(AssemblyError):
        lpu.assemble("hello\n")


def test_save_and_load(tmp_path: Path) -> None:
    kernel = lpu.assemble(KERNEL)
    kernel.save(tmp_path / "k.h5")
    again = lpu.load(str(tmp_path / "k.h5"))
    assert again.summary() == kernel.summary()
    np.testing.assert_array_equal(again.run({"x": X}).outputs["y"], X)
    with pytest.raises(ProgramFileError, match="no such file"):
        lpu.load(tmp_path / "nix.h5")


def test_hazards_raise_or_are_returned() -> None:
    kernel = lpu.assemble(KERNEL.replace("@11", "@12"))
    with pytest.raises(HazardError) as caught:
        kernel.run({"x": X})
    assert caught.value.hazards == kernel.hazards
    assert kernel.run({"x": X}, strict=False).hazards == kernel.hazards != ()


def test_compile_run_report() -> None:
    heard: list[tuple[str, float]] = []
    model = lpu.compile(MODEL, chip="tsp1", shapes={"x": (2, 64)}, progress=lambda *a: heard.append(a))
    result = model.run({"x": np.zeros((2, 64), dtype=np.float32)})
    assert result.outputs["probabilities"].shape == (2, 10)
    assert (model.precision, result.cycles) == ("fp16", model.cycles)
    assert heard[-1][1] == 1.0
    assert [share for _, share in heard] == sorted(share for _, share in heard)
    report = model.report()
    assert report.data["cycles"] == model.cycles
    assert str(report) == repr(report) == report.text
    assert report._repr_html_().startswith("<iframe")
    assert lpu.compile(str(MODEL), chip=load_machine("tsp1"), shapes={"x": (2, 64)}).digest == model.digest


def test_compile_refuses() -> None:
    with pytest.raises(ModelError, match="open dimension batch"):
        lpu.compile(MODEL)
    with pytest.raises(SpecError, match="did you mean 'tsp1'"):
        lpu.compile(MODEL, chip="tsp2", shapes={"x": (2, 64)})


def test_the_notebook_table_is_safe_and_complete() -> None:
    html = lpu.assemble(KERNEL.replace(".chip tiny", '.chip tiny\n.program "<b>&"'))._repr_html_()
    assert "<caption>&lt;b&gt;&amp;</caption>" in html
    for text in ("tiny", "as written", "18", "x int8[4,8]", "y int8[4,8]"):
        assert f"<td>{text}" in html


def test_analysis_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = lpu.assemble(KERNEL)
    first = kernel.analysis
    assert kernel.analysis is first
