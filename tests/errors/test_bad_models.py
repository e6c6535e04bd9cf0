"""A bad model ends every command with one message and code 3: no traceback, no file left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lpu_emu.cli import cli

from .bad_models import BAD_MODELS, BadModel, gemm

COMMANDS = {
    "compile": ["compile", "m.onnx", "-o", "out.h5"],
    "run": ["run", "m.onnx", "--check", "-o", "out.npz"],
    "report": ["report", "m.onnx", "-o", "out.txt"],
    "verify": ["verify", "m.onnx"],
    "quantise": ["quantise", "m.onnx", "-o", "out.onnx"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("bad", BAD_MODELS, ids=lambda bad: bad.name)
def test_bad_model(bad: BadModel, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if command in bad.accepted_by:
        return
    monkeypatch.chdir(tmp_path)
    bad.write(tmp_path / "m.onnx")
    for name, content in bad.files.items():
        (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    result = CliRunner().invoke(cli, [*COMMANDS[command], *bad.options], prog_name="lpu-emu")
    said = result.stderr
    assert (result.exit_code, result.stdout) == (3, ""), said
    assert said.startswith("error: ")
    assert said.count("error: ") == 1
    assert "internal" not in said
    assert "Traceback" not in said
    for part in bad.says:
        assert part in said
    assert sorted(tmp_path.iterdir()) == before, "a failing command left a file"


def test_names_are_unique() -> None:
    assert len({bad.name for bad in BAD_MODELS}) == len(BAD_MODELS)


@pytest.mark.parametrize("shape", [(8,), (2, 8, 1), (8, 2), (2, 7), (0, 8)], ids=str)
def test_input_of_another_shape(
    shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gemm()(tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.zeros(shape, dtype=np.float32))
    result = CliRunner().invoke(cli, ["run", "m.onnx", "--input", "x=x.npy", "-o", "out.npz"])
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: program 'm': input 'x' is float32[")
    assert not (tmp_path / "out.npz").exists()
