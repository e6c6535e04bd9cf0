"""What ``benchmarks/gpu/measure.py`` writes is read by the calibration; the measuring itself needs a GPU."""

from __future__ import annotations

import runpy
from pathlib import Path

from lpu_emu.gpu.calibration import compare

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu" / "measure.py"


def test_rows_are_read_back(tmp_path: Path) -> None:
    write = runpy.run_path(str(SCRIPT))["text"]
    columns = ["m", "n", "k"]
    sets = [
        {
            "title": "t",
            "operator": "gemm",
            "dtype": "fp8",
            "columns": columns,
            "unit": "TFLOP/s",
            "rows": [[64, 64, 64, 1.5]],
        }
    ]
    file = tmp_path / "mine.toml"
    file.write_text(write(sets, "h100", "measured here"))
    (row,) = compare([file])
    assert (row.gpu, row.shape, row.measured) == ("h100", {"m": 64, "n": 64, "k": 64}, 1.5)
