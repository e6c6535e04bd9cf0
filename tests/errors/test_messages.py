"""The whole text of errors, in ``*.expect`` beside this file; ``--update-golden`` writes them anew.

A text begins with the command and its exit code. Paths of the machine are shown as ``<kernels>`` and ``<here>``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lpu_emu import _resources, errors
from lpu_emu.cli import cli
from lpu_emu.cli.failure import describe

from .cases import CASES, Case

HERE = Path(__file__).parent


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_message(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden: Callable[[Path, str], None]
) -> None:
    kernels = str(_resources.kernels_folder())
    monkeypatch.chdir(tmp_path)
    case.setup(tmp_path, monkeypatch)
    before = sorted(tmp_path.iterdir())
    result = CliRunner().invoke(cli, case.command.split(), prog_name="lpu-emu")
    said = result.output.replace(kernels, "<kernels>").replace(str(tmp_path), "<here>")
    golden(HERE / f"{case.name}.expect", f"$ lpu-emu {case.command}\n{said}exit {result.exit_code}\n")
    assert result.exit_code in (1, 2, 3)
    left = [path for path in tmp_path.iterdir() if path.name != "__pycache__"]
    assert sorted(left) == before, "a failing command left a file"


def test_every_expectation_has_a_case() -> None:
    assert {path.stem for path in HERE.glob("*.expect")} == {case.name for case in CASES}


def test_case_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def every_error() -> list[errors.LpuError]:
    """Return one error of every class that has no command of its own above."""
    return [
        errors.EncodingError("value 300 does not fit"),
        errors.ProgramError("no queue 'mem.W9'"),
        errors.CompileError("layer does not fit"),
    ]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_every_error_is_one_line_and_rejects_the_input(error: errors.LpuError) -> None:
    failure = describe(error, debug=False)
    assert (failure.message, failure.code) == (f"error: {error}", 3)


def test_exit_codes_of_all_error_classes() -> None:
    codes = {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LpuError)
    }
    assert {name for name, code in codes.items() if code == 1} == {"HazardError", "FaultError"}
    assert {name for name, code in codes.items() if code == 2} == {"UsageError"}
    assert set(codes.values()) == {1, 2, 3}
