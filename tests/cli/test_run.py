"""``lpu-emu run`` on kernels and program files: inputs, outputs, checks, JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpu_emu.library import tensors

from .commands import call
from .programs import write_kernel, write_program

X = np.arange(32, dtype=np.int8).reshape(4, 8)
COMPANION = """
import numpy as np
def inputs(seed):
    return {"x": np.full((4, 8), seed, dtype=np.int8)}
def expected(inputs):
    return {"y": inputs["x"] + np.int8(ERROR)}
"""
RUN_KEYS = [
    "schema",
    "version",
    "program",
    "engine",
    "cycles",
    "time_us",
    "host",
    "inputs",
    "outputs",
    "warnings",
]


def save_x(folder: Path, array: Any = X, name: str = "x") -> Path:
    np.savez(folder / "in.npz", **{name: array})
    np.save(folder / "x.npy", array)
    return folder / "in.npz"


def test_json_has_the_documented_keys(workdir: Path) -> None:
    done = call("run", write_program(workdir), "--input", save_x(workdir), "--json", "--check")
    assert (done.code, done.err) == (0, "")
    assert list(done.json) == [*RUN_KEYS, "check"]
    assert done.json["schema"] == "lpu-emu/run/1"
    assert list(done.json["program"]) == ["name", "chip", "precision", "instructions", "text_bytes", "digest"]
    assert list(done.json["host"]) == ["load_s", "compile_s", "jit_s", "run_s"]
    assert {"against", "max_abs_err", "max_rel_err", "mismatches", "passed"} <= set(done.json["check"])
    tensor = {"shape": [4, 8], "dtype": "int8", "sha256": tensors.digest(X)}
    assert done.json["outputs"] == {"y": tensor}
    assert done.json["inputs"] == {"x": tensor}
    assert (done.json["cycles"], done.json["time_us"], done.json["warnings"]) == (18, 0.018, 0)
    assert (done.json["program"]["name"], done.json["program"]["chip"]) == ("copy", "tiny")


def test_without_check_there_is_no_check(workdir: Path) -> None:
    assert list(call("run", write_program(workdir), "--json").json) == RUN_KEYS


def test_text_names_program_cycles_and_outputs(workdir: Path) -> None:
    done = call("run", write_kernel(workdir), "--input", save_x(workdir), "--check")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "copy on tiny: 5 instructions (28 bytes of text)"
    assert lines[1].startswith("18 cycles, 0.018 us (host: load ")
    assert lines[2] == f"output y: int8[4x8] sha256 {tensors.digest(X)[:12]}: 0 1 2 3 4 5 ..."
    assert lines[3:] == [
        "check passed against static analysis (cycles and hazards): 0 of 1 differ",
        "  largest error 0 (relative 0)",
        "  tolerance: exact",
    ]


@pytest.mark.parametrize("given", [["in.npz"], ["x=x.npy"]])
def test_inputs_come_from_archives_and_named_files(workdir: Path, given: list[str]) -> None:
    save_x(workdir)
    done = call("run", write_program(workdir), "--json", *(f"--input={argument}" for argument in given))
    assert done.json["outputs"]["y"]["sha256"] == tensors.digest(X)


def test_a_file_whose_name_has_an_equals_sign_is_an_archive(workdir: Path) -> None:
    save_x(workdir).rename(workdir / "a=b.npz")
    done = call("run", write_program(workdir), "--json", "--input", "a=b.npz")
    assert done.json["outputs"]["y"]["sha256"] == tensors.digest(X)


def test_an_archive_may_hold_more_than_is_needed(workdir: Path) -> None:
    np.savez(workdir / "in.npz", labels=np.zeros(3), x=X)
    done = call("run", write_program(workdir), "--input", "in.npz")
    assert (done.code, done.err) == (0, "note: not used from the archive: labels\n")


def test_missing_inputs_are_random_by_seed_and_it_says_so(workdir: Path) -> None:
    path = write_program(workdir)
    digests = [call("run", path, "--json", "--seed", s).json["outputs"]["y"]["sha256"] for s in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    done = call("run", path, "--seed", 5)
    assert done.err == "note: random values (seed 5) for input 'x'; give tensors with --input\n"


def test_a_kernel_brings_its_own_inputs(workdir: Path) -> None:
    path = write_kernel(workdir, companion=COMPANION.replace("ERROR", "0"))
    done = call("run", path, "--seed", 5, "--check", "--json")
    assert done.code == 0
    assert done.err == "note: input 'x' from copy.py with seed 5\n"
    assert done.json["inputs"]["x"]["sha256"] == tensors.digest(np.full((4, 8), 5, dtype=np.int8))
    assert done.json["check"]["against"] == "expected() of copy.py"
    assert (done.json["check"]["passed"], done.json["check"]["compared"]) == (True, 32)


def test_a_kernel_that_differs_from_its_expectation_fails(workdir: Path) -> None:
    path = write_kernel(workdir, companion=COMPANION.replace("ERROR", "1"))
    done = call("run", path, "--check", "--json", "--output", "y.npz")
    assert done.code == 1
    assert {k: done.json["check"][k] for k in ("passed", "mismatches", "max_abs_err")} == {
        "passed": False, "mismatches": 32, "max_abs_err": 1.0,
    }  # fmt: skip
    text = call("run", path, "--check")
    assert text.code == 1
    assert "check FAILED against expected() of copy.py: 32 of 32 differ" in text.out
    assert "  output 'y': 32 of 32 elements differ, first at [0, 0]: 0, expected 1" in text.out


def test_hazards_stop_a_run_with_code_1_and_leave_no_output(workdir: Path) -> None:
    done = call("run", write_program(workdir, late=1), "--output", "y.npz", "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: program 'copy' breaks the timing rules of chip tiny: 1 hazard\n")
    assert sorted(p.name for p in workdir.iterdir()) == ["copy.h5"]


def test_outputs_are_written(workdir: Path) -> None:
    done = call("run", write_program(workdir), "--input", save_x(workdir), "--output", "y.npz")
    assert done.code == 0
    with np.load("y.npz") as archive:
        np.testing.assert_array_equal(archive["y"], X)
    assert sorted(p.name for p in workdir.iterdir()) == ["copy.h5", "in.npz", "x.npy", "y.npz"]


def test_a_bundled_name_runs_without_a_path(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lpu_emu import _resources

    (workdir / "bundle").mkdir()
    write_kernel(workdir / "bundle")
    monkeypatch.setattr(_resources, "kernels_folder", lambda: workdir / "bundle")
    assert call("run", "copy", "--json").json["program"]["name"] == "copy"
    write_kernel(workdir, name="copy", late=1)
    assert call("run", "copy.lpu").code == 1


def test_nan_is_a_value_like_any_other(workdir: Path) -> None:
    save_x(workdir, np.full((2, 64), np.nan, dtype=np.float32))
    done = call("run", "digits_mlp", "--input", "in.npz", "--check", "--json")
    assert done.code == 0
    assert done.json["check"]["passed"]
