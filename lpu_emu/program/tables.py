"""Tables in HDF5: one dataset per column, attributes for where they come from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpu_emu.errors import InputError


def save_table(path: Path, columns: Mapping[str, Sequence[Any]], attributes: Mapping[str, str]) -> None:
    """Write columns of equal length; numbers as float64 or int64 (missing ones NaN), everything else as text.

    It is written beside ``path`` and renamed into place.

    Raises:
        InputError: the file cannot be written.
    """
    import h5py

    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with h5py.File(beside, "w") as file:
            for name, value in attributes.items():
                file.attrs[name] = value
            for name, values in columns.items():
                _write(file, name, values)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be written: {error}") from error
    finally:
        beside.unlink(missing_ok=True)


def load_table(path: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Return the columns and attributes of a table; missing numbers come back as None.

    Raises:
        InputError: the file cannot be read.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            columns = {name: _values(file[name]) for name in file.attrs["columns"].split("\n")}
            return columns, {n: str(v) for n, v in file.attrs.items() if n != "columns"}
    except (OSError, KeyError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error


def _write(file: Any, name: str, values: Sequence[Any]) -> None:
    import h5py

    file.attrs["columns"] = "\n".join([*filter(None, [file.attrs.get("columns", "")]), name])
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        file.create_dataset(name, data=np.array(values, dtype=np.int64))
    elif all(v is None or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in values):
        file.create_dataset(
            name, data=np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        )
    else:
        texts = ["" if v is None else str(v) for v in values]
        file.create_dataset(name, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())


def _values(dataset: Any) -> list[Any]:
    if dataset.dtype.kind == "O":
        return [str(text) for text in dataset.asstr()[()]]
    return [None if value != value else value for value in dataset[()].tolist()]
