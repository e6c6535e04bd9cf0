"""The model stays as near to measurements as docs/gpu.md says, and that page is what the code writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_emu.errors import InputError
from lpu_emu.gpu.calibration import compare, geometric_mean, mean_error
from lpu_emu.gpu.pages import page

ROOT = Path(__file__).resolve().parents[2]
KERNELS = [row for row in compare() if row.operator != "generate"]


def test_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    assert written == page(), "run: lpu-emu gpu calibrate --markdown > docs/gpu.md"


def test_kernels_are_near_what_was_measured() -> None:
    assert geometric_mean(KERNELS) == pytest.approx(1, abs=0.06)
    assert mean_error(KERNELS) < 1.1
    assert all(0.8 < row.ratio < 1.35 for row in KERNELS)


def test_own_measurements(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    head = '[[set]]\ntitle = "t"\noperator = "decode"\ngpu = "h200"\ndtype = "bf16"\nsource = "s"\n'
    file.write_text(
        head
        + 'columns = ["batch", "context", "heads", "keys", "width"]\nunit = "us"\nrows = [[1, 8192, 32, 8, 128, 20.0]]\n'
    )
    (row,) = compare([file])
    assert row.shape["heads"] == 32
    assert 5 < row.predicted < 40


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[set]]\ntitle = "t"\n')
    with pytest.raises(InputError, match="lacks columns, dtype, gpu, operator, rows, source, unit"):
        compare([file])
    file.write_text(
        '[[set]]\ntitle = "t"\noperator = "gem"\ngpu = "h100"\ndtype = "fp8"\nsource = "s"\n'
        'columns = []\nunit = "us"\nrows = []\n'
    )
    with pytest.raises(InputError, match="unknown operator 'gem'; did you mean 'gemm'"):
        compare([file])
