"""Bundled kernels, and the Python file beside a kernel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lpu_emu.errors import InputError
from lpu_emu.library import kernels

GOOD = """
import numpy as np
def inputs(seed):
    return {"x": np.full(3, seed)}
def expected(inputs):
    return {"y": inputs["x"] * 2}
"""


def beside(folder: Path, text: str) -> Path:
    (folder / "k.py").write_text(text, encoding="utf-8")
    return folder / "k.lpu"


def companion(folder: Path, text: str) -> kernels.Companion:
    found = kernels.companion(beside(folder, text))
    assert found is not None
    return found


def test_a_kernel_may_stand_alone(tmp_path: Path) -> None:
    assert kernels.companion(tmp_path / "k.lpu") is None


def test_both_functions_are_used(tmp_path: Path) -> None:
    found = companion(tmp_path, GOOD)
    made = kernels.companion_inputs(found, 7)
    np.testing.assert_array_equal(made["x"], [7, 7, 7])
    np.testing.assert_array_equal(kernels.companion_expected(found, made)["y"], [14, 14, 14])


def test_either_function_may_be_missing(tmp_path: Path) -> None:
    found = companion(tmp_path, "def inputs(seed): return {}")
    assert found.inputs is not None
    assert found.expected is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import nowhere_at_all",
            "cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ("def inputs(:", "cannot be imported: SyntaxError: "),
        ("x = 1", "defines neither inputs(seed) nor expected(inputs)"),
        ("raise SystemExit(0)", "cannot be imported: SystemExit: 0"),
    ],
)
def test_files_without_use_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        kernels.companion(beside(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'k.py'}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def expected(i): return i['z']", "expected(inputs) failed: KeyError: 'z'"),
        ("def expected(i): return 5", "expected(inputs) must return a dict of arrays, not int"),
        ("def expected(): return {}", "expected(inputs) failed: TypeError: "),
        ("def expected(i): return {}", "expected(inputs) gives no output, so there is nothing to compare"),
        ("def expected(i): return {'y': object()}", "expected(inputs): 'y' is no numeric array"),
    ],
)
def test_functions_that_fail_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        kernels.companion_expected(companion(tmp_path, text), {})
    assert str(caught.value).startswith(f"{tmp_path / 'k.py'}: {message}")


def test_inputs_that_fail_are_named_with_the_seed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"k.py: inputs\(3\) failed: ZeroDivisionError: division by zero"):
        kernels.companion_inputs(companion(tmp_path, "def inputs(seed): return 1 / 0"), 3)


def test_bundled_names_are_unique_and_found() -> None:
    entries = kernels.bundled()
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    assert {"digits_mlp", "digits_mlp_int8"} <= set(names)
    for entry in entries:
        assert kernels.find(entry.name) == entry
        assert entry.path.is_file()
        assert entry.title
        assert bool(entry.chip) == (entry.kind != "model")


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(
        InputError, match=r"no bundled kernel or model 'digit_mlp'; did you mean 'digits_mlp'\?"
    ):
        kernels.find("digit_mlp")
    with pytest.raises(InputError, match="no bundled kernel or model 'zzz'; lpu-emu kernels list shows them"):
        kernels.find("zzz")


def test_titles_are_the_first_comment() -> None:
    assert kernels._title("\n; copy a vector\n.chip tiny\n") == "copy a vector"
    assert kernels._title(".chip tiny\n# later\n") == "later"
    assert kernels._title(".chip tiny\n") == ""
