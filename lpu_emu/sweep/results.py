"""Finished sweeps as files: one row per point, ready for pandas and xarray."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpu_emu.errors import InputError, MissingExtraError, UsageError

Rows = Sequence[Mapping[str, Any]]
SUITE = "sweep"


@dataclass(frozen=True, kw_only=True)
class Results:
    """Rows with the same columns each, in the order of the sweep's points, and where they come from."""

    columns: tuple[str, ...]
    rows: Rows
    provenance: Mapping[str, str]

    def column(self, name: str) -> list[Any]:
        """Return a column by name.

        Raises:
            UsageError: there is no such column.
        """
        if name not in self.columns:
            raise UsageError(f"there is no column {name!r}; columns: {', '.join(self.columns)}")
        return [row.get(name) for row in self.rows]


def settings_of(results: Results) -> list[str]:
    """Return the columns that are settings: those in front of the first metric."""
    from lpu_emu.sweep.evaluation import RESULTS

    columns = list(results.columns)
    first = next((i for i, name in enumerate(columns) if name in RESULTS), len(columns))
    return columns[:first]


def require_format(path: Path) -> None:
    """Refuse a file name whose ending says nothing that can be written.

    Raises:
        UsageError: unknown ending.
    """
    if path.suffix not in _WRITERS:
        raise UsageError(f"{path}: unknown kind of file {path.suffix!r}; results go to {', '.join(_WRITERS)}")


def save_results(results: Results, path: Path) -> None:
    """Write results in the form that the file's ending names, beside it and then renamed into place.

    Raises:
        UsageError: unknown ending.
        MissingExtraError: Parquet without the package pyarrow.
        InputError: the file cannot be written.
    """
    require_format(path)
    try:
        _WRITERS[path.suffix](results, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def load_results(path: Path) -> Results:
    """Read what :func:`save_results` wrote.

    Raises:
        UsageError: unknown ending.
        MissingExtraError: Parquet without the package pyarrow.
        InputError: the file cannot be read.
    """
    require_format(path)
    try:
        return _READERS[path.suffix](path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


# --- CSV: provenance as comment lines in front


def _save_csv(results: Results, path: Path) -> None:
    text = io.StringIO()
    for name, value in results.provenance.items():
        text.write(f"# {name}: {value}\n")
    writer = csv.DictWriter(text, fieldnames=results.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in results.rows)
    _replace(path, text.getvalue().encode())


def _load_csv(path: Path) -> Results:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    head = [line[2:].rstrip("\n").partition(": ") for line in lines if line.startswith("# ")]
    reader = csv.DictReader(line for line in lines if not line.startswith("# "))
    rows = [{k: _number(v) for k, v in row.items()} for row in reader]
    return Results(columns=tuple(reader.fieldnames or ()), rows=rows, provenance={k: v for k, _, v in head})


def _number(text: str) -> Any:
    """Return an integer, a float, None for nothing, or the text itself."""
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# --- Parquet


def _arrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", "a Parquet file") from error
    return pyarrow


def _save_parquet(results: Results, path: Path) -> None:
    arrow = _arrow()
    table = arrow.table({name: _uniform(results.column(name)) for name in results.columns})
    table = table.replace_schema_metadata(dict(results.provenance))
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        arrow.parquet.write_table(table, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _uniform(values: list[Any]) -> list[Any]:
    """Return values of one type: mixed ones as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or len(kinds) <= 1:
        return values
    return [None if value is None else str(value) for value in values]


def _load_parquet(path: Path) -> Results:
    arrow = _arrow()
    try:
        table = arrow.parquet.read_table(path)
    except arrow.ArrowInvalid as error:
        raise InputError(f"{path}: cannot be read as a Parquet file: {error}") from error
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if b":" not in k}
    return Results(columns=tuple(table.column_names), rows=table.to_pylist(), provenance=metadata)


# --- HDF5


def _save_hdf5(results: Results, path: Path) -> None:
    """Write a file of results that holds this one run, as ``lpu-emu bench`` does."""
    from lpu_emu.program.results import StoredRun, append_run

    rows = tuple({name: row.get(name) for name in results.columns} for row in results.rows)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        append_run(beside, StoredRun(suite=SUITE, facts=results.provenance, rows=rows))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _load_hdf5(path: Path) -> Results:
    from lpu_emu.program.results import read_runs

    runs = read_runs(path, SUITE)
    if not runs:
        raise InputError(f"{path}: holds no results of a sweep")
    columns = tuple(runs[-1].rows[0]) if runs[-1].rows else ()
    return Results(columns=columns, rows=runs[-1].rows, provenance=dict(runs[-1].facts))


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


_WRITERS: dict[str, Callable[[Results, Path], None]] = {
    ".csv": _save_csv,
    ".parquet": _save_parquet,
    ".h5": _save_hdf5,
}
_READERS: dict[str, Callable[[Path], Results]] = {
    ".csv": _load_csv,
    ".parquet": _load_parquet,
    ".h5": _load_hdf5,
}
