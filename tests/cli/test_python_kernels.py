"""Every command that takes a file takes a kernel written in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import call, spawn

TEXT = '''"""mine: doubles a number."""

import numpy as np

SIZES = {"small": {"rows": 4}, "large": {"rows": 20}}


def build(k, rows):
    x = k.input("x", "int8", [rows, 320])
    y = k.output("y", "int8", [rows, 320])
    with k.flow("double", count=rows) as f:
        v = f.read(x)
        f.write(v.add(v, saturate=True), y)


def inputs(seed, rows):
    return {"x": np.random.default_rng(seed).integers(-90, 90, (rows, 320), dtype=np.int8)}


def expected(inputs):
    return {"y": np.clip(2 * inputs["x"].astype(int), -128, 127).astype(np.int8)}
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(TEXT, encoding="utf-8")
    return Path("mine.py")


def test_run_checks_against_expected(mine: Path) -> None:
    done = call("run", mine, "--check", "--seed", 5)
    assert done.code == 0, done.err
    assert "check passed against expected() of mine.py: 0 of 1,280 differ" in done.out
    assert "from mine.py with seed 5" in done.err


def test_sizes_have_names_or_changes(mine: Path) -> None:
    assert call("run", mine, "--size", "large", "--json").json["outputs"]["y"]["shape"] == [20, 320]
    assert call("run", mine, "--size", "rows=7", "--check", "--json").json["outputs"]["y"]["shape"] == [
        7,
        320,
    ]


def test_a_wrong_result_fails_the_check(mine: Path) -> None:
    mine.write_text(TEXT.replace("2 * inputs", "3 * inputs"), encoding="utf-8")
    done = call("run", mine, "--check")
    assert done.code == 1
    assert "check FAILED" in done.out


def test_a_tolerance_of_the_file_counts(mine: Path) -> None:
    mine.write_text(TEXT.replace("2 * inputs", "1 + 2 * inputs") + "\n\nTOLERANCE = 0.02\n", encoding="utf-8")
    done = call("run", mine, "--check")
    assert done.code == 0
    assert "tolerance: 0.02 of the tensor's largest magnitude" in done.out


def test_verify_report_and_disasm(mine: Path) -> None:
    assert call("verify", mine).out.endswith("cycles: no hazards\n")
    assert "double" in call("report", mine, "--size", "large").out
    text = call("disasm", mine, "--size", "large").out
    assert ".operator double Flow" in text
    Path("again.lpu").write_text(text, encoding="utf-8")
    assert call("verify", "again.lpu").code == 0


def test_compile_writes_a_program_file(mine: Path) -> None:
    done = call("compile", mine, "--size", "large", "-o", "mine.h5", "--json")
    assert done.json["program"]["name"] == "mine"
    assert call("run", "mine.h5", "--json").json["cycles"] == done.json["cycles"]


def test_another_chip(mine: Path) -> None:
    assert call("run", mine, "--chip", "lp30", "--check").code == 0


def test_bundled_kernels_are_listed_shown_and_run() -> None:
    listed = {e["name"]: e for e in call("kernels", "list", "--json").json["kernels"]}
    assert listed["axpy"]["kind"] == "python"
    assert listed["axpy"]["chip"] == "tsp1"
    assert call("kernels", "show", "axpy").out == Path(listed["axpy"]["path"]).read_text(encoding="utf-8")
    assert call("run", "axpy", "--check", "--size", "wide").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "mine.py", "--size", "huge"], 2, "mine.py has no size 'huge'; sizes: small, large"),
        (
            ["run", "mine.py", "--precision", "fp16"],
            2,
            "--precision goes with a model (.onnx); mine.py is a Python",
        ),
        (["run", "copy", "--size", "small"], 2, "--size goes with a kernel written in Python (.py)"),
        (["asm", "mine.py", "-o", "x.h5"], 2, "mine.py is no assembly text (.lpu)"),
        (["run", "other.py"], 3, "other.py: no such file"),
    ],
)
def test_what_is_refused(mine: Path, arguments: list[str], code: int, said: str) -> None:
    done = call(*arguments)
    assert done.code == code
    assert said in done.err


def test_a_process_of_its_own_prints_no_traceback(mine: Path) -> None:
    mine.write_text(TEXT.replace("f.read(x)", "f.raed(x)"), encoding="utf-8")
    done = spawn("run", mine, cwd=mine.resolve().parent)
    assert done.code == 3
    assert done.err.startswith(
        "error: mine.py:12: error: AttributeError: 'Flow' object has no attribute 'raed'"
    )
    assert "Traceback" not in done.err


def test_a_size_counts_wherever_a_program_is_looked_at(mine: Path) -> None:
    large = call("run", mine, "--size", "large", "--json").json["cycles"]
    small = call("run", mine, "--json").json["cycles"]
    assert large > small
    traced = call("trace", mine, "--size", "large", "-o", "t.json", "--json").json
    assert traced["cycles"] == large
    stepped = call("debug", mine, "--size", "large", "-c", f"goto {small + 1}", "--json").json
    assert stepped["answers"][0]["cycle"] == small + 1
    sights = [
        call("inspect", mine, "--cycle", f"0:{large - 1}", "--json", "--size", size).json["sights"]
        for size in ("large", "rows=4")
    ]
    assert len(sights[0]) - len(sights[1]) == (20 - 4) * 3  # a read, an addition and a write of each row


def test_compare_takes_the_size_for_kernels_in_python_only(mine: Path) -> None:
    call("compile", mine, "--size", "large", "-o", "large.h5")
    same = call("compare", "large.h5", mine, "--size", "large", "--fail-on", "cycles:0%", "--json")
    assert (same.code, same.json["operators"]) == (0, [])
    other = call("compare", "large.h5", mine, "--json").json
    (cycles,) = (figure for figure in other["figures"] if figure["name"] == "cycles")
    assert cycles["before"] > cycles["after"]
    none = call("compare", "large.h5", "large.h5", "--size", "large")
    assert (none.code, "neither A nor B is one" in none.err) == (2, True)
