"""Results of benchmarks over time: runs appended to one HDF5 file, so that a history can be plotted.

Each run is a group ``runs/000000``, ``runs/000001``, ... with its facts as a JSON text in the attribute ``facts``, the
name of its suite in ``suite``, and one dataset per column. Its attribute ``kind`` says how a column is stored:
``number`` (float64, NaN for none), ``text`` (UTF-8), or ``json`` (UTF-8, one JSON value per row). h5py is imported when
a file is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lpu_emu.errors import InputError

FORMAT = "lpu-emu results"
FORMAT_VERSION = 1
RUNS = "runs"
NUMBER, TEXT, JSON = "number", "text", "json"
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One run: its suite, what identifies it (versions, digests, time), and its rows."""

    suite: str
    facts: Mapping[str, Any]
    rows: tuple[Row, ...]


def append_run(path: Path, run: StoredRun) -> None:
    """Add a run to a file of results, which is made if there is none.

    The file is copied, extended and renamed into place, so that a failure leaves it as it was.

    Raises:
        InputError: there is a file of another kind, or it cannot be written.
    """
    if path.exists():
        read_runs(path)
    try:
        _replace(path, run)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _replace(path: Path, run: StoredRun) -> None:
    import h5py

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    beside = Path(name)
    try:
        if path.exists():
            shutil.copyfile(path, beside)
        else:
            beside.unlink()
        with h5py.File(beside, "a") as file:
            file.attrs["format"], file.attrs["version"] = FORMAT, FORMAT_VERSION
            runs = file.require_group(RUNS)
            _write(runs.create_group(f"{len(runs):06d}"), run)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write(group: Any, run: StoredRun) -> None:
    import h5py

    group.attrs["suite"] = run.suite
    group.attrs["facts"] = json.dumps(dict(run.facts), sort_keys=True)
    group.attrs["columns"] = json.dumps(list(dict.fromkeys(key for row in run.rows for key in row)))
    for key in json.loads(group.attrs["columns"]):
        values = [row.get(key) for row in run.rows]
        kind = _kind(values)
        if kind == NUMBER:
            data = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
            column = group.create_dataset(key, data=data)
        else:
            texts = [v if kind == TEXT else json.dumps(v) for v in values]
            column = group.create_dataset(key, data=texts, dtype=h5py.string_dtype())
        column.attrs["kind"] = kind


def _kind(values: Sequence[Any]) -> str:
    if all(isinstance(v, str) for v in values):
        return TEXT
    if all(v is None or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in values):
        return NUMBER
    return JSON


def read_runs(path: Path, suite: str = "") -> list[StoredRun]:
    """Return the runs of a file in the order in which they were added, those of one suite if it is named.

    Raises:
        InputError: the file cannot be read, or holds no results.
    """
    import h5py

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT or RUNS not in file:
                raise InputError(f"{path}: holds no results of benchmarks; choose another file")
            found = [_read(group) for _, group in sorted(file[RUNS].items())]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as results of benchmarks: {error}") from error
    return [run for run in found if suite in ("", run.suite)]


def _read(group: Any) -> StoredRun:
    names = json.loads(group.attrs["columns"])
    columns = {name: _column(group[name]) for name in names}
    count = len(next(iter(columns.values()), []))
    rows = tuple({name: columns[name][i] for name in names} for i in range(count))
    return StoredRun(suite=group.attrs["suite"], facts=json.loads(group.attrs["facts"]), rows=rows)


def _column(data: Any) -> list[Any]:
    kind = data.attrs["kind"]
    if kind == NUMBER:
        return [_number(value) for value in data[()].tolist()]
    texts = [value.decode() for value in data[()].tolist()]
    return texts if kind == TEXT else [json.loads(text) for text in texts]


def _number(value: float) -> int | float | None:
    if np.isnan(value):
        return None
    return int(value) if value.is_integer() else value
