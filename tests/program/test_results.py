"""Histories of benchmark results in HDF5."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_emu.errors import InputError
from lpu_emu.program.results import StoredRun, append_run, read_runs

ROWS = (
    {"name": "a", "value": 3, "note": "", "programs": ["x", "y"], "low": None},
    {"name": "b", "value": 0.25, "note": "n", "programs": [], "low": 2.5},
    {"name": "c", "value": None, "note": "", "programs": ["z"], "low": None},
)
RUN = StoredRun(suite="micro", facts={"time": "2020-01-01", "executed": True}, rows=ROWS)


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    append_run(path, RUN)
    append_run(path, StoredRun(suite="host", facts={}, rows=()))
    append_run(path, StoredRun(suite="micro", facts={"time": "2020-01-02"}, rows=ROWS[:1]))
    assert read_runs(path)[0] == RUN
    assert [run.suite for run in read_runs(path)] == ["micro", "host", "micro"]
    assert [len(run.rows) for run in read_runs(path, "micro")] == [3, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.h5"]


def test_rows_may_have_different_columns(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    append_run(path, StoredRun(suite="s", facts={}, rows=({"name": "a"}, {"name": "b", "ok": True})))
    assert read_runs(path)[0].rows == ({"name": "a", "ok": None}, {"name": "b", "ok": True})


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n and nothing"])
def test_other_files_are_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.h5: cannot be read as results"):
        append_run(path, RUN)
    assert path.read_bytes() == content
    with pytest.raises(InputError, match="no such file"):
        read_runs(tmp_path / "missing.h5")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        append_run(tmp_path / "missing" / "r.h5", RUN)
