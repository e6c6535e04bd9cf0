"""Commands on ONNX models: ``compile``, ``run``, ``demo``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lpu_emu import _resources
from lpu_emu.library import oracle

from .commands import ROOT, call
from .programs import write_kernel

MODELS = _resources.kernels_folder() / "models"
HELD_OUT = MODELS / "digits_heldout.npz"


@pytest.fixture
def batch(workdir: Path) -> Path:
    """Return an archive with eight held-out digits."""
    with np.load(HELD_OUT) as archive:
        np.savez(workdir / "batch.npz", x=archive["x"][:8])
    return workdir / "batch.npz"


def test_compile_writes_what_run_takes(workdir: Path, batch: Path) -> None:
    done = call("compile", MODELS / "digits_mlp.onnx", "--shape", "x=8x64", "-o", "d.h5")
    assert (done.code, done.err) == (0, "")
    size = (workdir / "d.h5").stat().st_size
    lines = done.out.splitlines()
    assert lines[0].startswith("digits_mlp on tsp1, fp16: ")
    assert lines[1].endswith(" us")
    assert lines[2] == f"wrote d.h5 ({size:,} bytes)"
    model = call("run", MODELS / "digits_mlp.onnx", "--input", batch, "--json").json
    program = call("run", "d.h5", "--input", batch, "--json").json
    for key in ("program", "cycles", "outputs", "inputs"):
        assert model[key] == program[key], key
    assert program["program"]["precision"] == "fp16"


def test_compile_json(workdir: Path) -> None:
    data = call("compile", "digits_mlp_int8", "--shape", "x=1x64", "-o", "d.h5", "--json").json
    assert list(data) == ["schema", "version", "program", "cycles", "time_us", "host", "file"]
    assert (data["schema"], data["program"]["precision"]) == ("lpu-emu/compile/1", "int8")
    assert data["time_us"] == pytest.approx(data["cycles"] / 900)


def test_compiling_twice_gives_the_same_bytes(workdir: Path) -> None:
    for name in ("a.h5", "b.h5"):
        call("compile", "digits_mlp", "--shape", "x=2x64", "-o", name)
    assert (workdir / "a.h5").read_bytes() == (workdir / "b.h5").read_bytes()


@pytest.mark.parametrize(("model", "precision"), [("digits_mlp", "fp16"), ("digits_mlp_int8", "int8")])
def test_models_are_checked_against_onnx_runtime(batch: Path, model: str, precision: str) -> None:
    done = call("run", model, "--input", batch, "--check", "--json")
    assert done.code == 0
    check = done.json["check"]
    assert (done.json["program"]["precision"], check["against"]) == (precision, "ONNX Runtime")
    assert (check["passed"], check["compared"], check["argmax_agreement"]) == (True, 80, 1.0)


@pytest.mark.parametrize(("model", "shape"), [("digits_mlp", "x=4x64"), ("digits_cnn", "x=2x1x8x8")])
def test_fp32_comes_as_close_as_fp32_does(model: str, shape: str) -> None:
    done = call("run", model, "--precision", "fp32", "--shape", shape, "--check", "--json")
    check = done.json["check"]
    assert (done.code, done.json["program"]["precision"], check["passed"]) == (0, "fp32", True)
    assert (check["against"], check["argmax_agreement"]) == ("ONNX Runtime", 1.0)
    assert check["tolerance"] == {"of_value": 1e-5, "of_range": 1e-5}
    assert 0 < check["max_abs_err"] <= 2e-6


def test_without_onnx_runtime_the_numpy_evaluation_is_used(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "has_onnxruntime", lambda: False)
    done = call("run", "digits_mlp", "--input", batch, "--check", "--json")
    assert (done.code, done.json["check"]["against"]) == (0, "NumPy evaluation of the model")
    assert done.err == 'note: ONNX Runtime is not installed (pip install "lpu-emu[verify]")\n'


def test_a_model_that_onnx_runtime_refuses_is_evaluated(batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> object:
        raise RuntimeError("no kernel\nfor this")

    monkeypatch.setattr("onnxruntime.InferenceSession", refuse)
    done = call("run", "digits_mlp", "--input", batch, "--check")
    assert done.code == 0
    assert "check passed against NumPy evaluation of the model" in done.out
    assert done.err == f"note: {MODELS / 'digits_mlp.onnx'}: ONNX Runtime cannot run it: no kernel\n"


def test_a_check_out_of_tolerance_fails(batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"probabilities": np.ones((8, 10), dtype=np.float32)}
    monkeypatch.setattr(oracle, "_by_onnxruntime", lambda *_: outputs)
    done = call("run", "digits_mlp", "--input", batch, "--check", "--json", "--output", "y.npz")
    assert (done.code, done.json["check"]["passed"]) == (1, False)
    assert done.json["check"]["mismatches"] > 0


def test_shapes_come_from_the_given_tensors(batch: Path) -> None:
    done = call("run", "digits_mlp", "--input", batch, "--json")
    assert done.json["inputs"]["x"]["shape"] == [8, 64]
    np.save("x.npy", np.zeros((3, 64), dtype=np.float32))
    assert call("run", "digits_mlp", "--input", "x=x.npy", "--json").json["inputs"]["x"]["shape"] == [3, 64]
    np.savez("more.npz", a=np.zeros(3), x=np.zeros((2, 64), dtype=np.float32))
    assert call("run", "digits_mlp", "--input", "more.npz", "--json").json["inputs"]["x"]["shape"] == [2, 64]


def test_demo(workdir: Path) -> None:
    done = call("demo", "--samples", 8)
    assert (done.code, done.err) == (0, "")
    for line in ("digits_mlp on tsp1, fp16: ", "digits_mlp_int8 on tsp1, int8: ", "  correct: ", "softmax"):
        assert line in done.out
    assert list(workdir.iterdir()) == []


def test_demo_json() -> None:
    data = call("demo", "--samples", 4, "--json").json
    assert list(data) == ["schema", "version", "models", "passed"]
    assert (data["schema"], data["passed"]) == ("lpu-emu/demo/1", True)
    for model, precision in zip(data["models"], ("fp16", "int8"), strict=True):
        assert model["program"]["precision"] == precision
        assert model["accuracy"] == model["accuracy_expected"]
        assert sum(op["added_cycles"] for op in model["ops"]) < model["cycles"]
        assert {"name", "op_type", "start", "end", "added_cycles", "bound_by"} <= set(model["ops"][0])


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = call("demo")
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "error: reading an ONNX model needs the package 'onnx', which is not installed; "
        'run: pip install "lpu-emu[onnx]"\n'
    )


def test_an_interrupted_run_ends_with_130_and_leaves_no_file(workdir: Path) -> None:
    """A process of its own is interrupted while its companion waits."""
    waiting = (
        "import pathlib, time\ndef inputs(seed):\n    pathlib.Path('here').touch()\n    time.sleep(60)\n"
    )
    path = write_kernel(workdir, companion=waiting)
    command = [sys.executable, "-m", "lpu_emu", "run", str(path), "--output", "y.npz"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    )
    while not Path("here").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert not Path("y.npz").exists()


def test_progress_is_silent_without_a_terminal(batch: Path) -> None:
    assert call("run", "digits_mlp", "--input", batch).err == ""
