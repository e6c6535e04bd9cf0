"""Tensors in files and random ones: ``.npy``, ``.npz``, digests."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError
from lpu_emu.program.model import Program

Array = NDArray[Any]
# NumPy files know these types only by their size; a program's binding says which is meant.
_NAMELESS = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3")
_LARGEST_INDEX = 9


def read_npz(path: Path) -> dict[str, Array]:
    """Return the arrays of a ``.npz`` file by name.

    Raises:
        InputError: no such file, not an archive of arrays, a damaged member, or objects that need pickle.
    """
    found = _read(path, ".npz")
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds one array without a name; give it as NAME={path}")
    return found


def read_npy(path: Path) -> Array:
    """Return the array of a ``.npy`` file.

    Raises:
        InputError: no such file, not an array file, damaged, or objects that need pickle.
    """
    found = _read(path, ".npy")
    if isinstance(found, dict):
        raise InputError(f"{path}: holds several arrays (.npz); give the file without a name in front")
    return found


def _read(path: Path, kind: str) -> Array | dict[str, Array]:
    """Return the array of a file, or the arrays of an archive."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                return {name: np.asarray(loaded[name]) for name in loaded.files}
            return np.asarray(loaded)
    except Exception as error:  # damage shows itself in many unrelated exceptions
        raise _unreadable(path, kind, error) from error


def _unreadable(path: Path, kind: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file")
    if isinstance(error, OSError) and error.strerror:
        return InputError(f"{path}: cannot be read: {error.strerror}")
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    if "Object arrays" in reason:
        return InputError(f"{path}: holds Python objects; save plain numeric arrays")
    detail = "" if "pickle" in reason else f": {reason}"
    return InputError(f"{path}: not a {kind} file, or a damaged one{detail}")


def npz_bytes(arrays: Mapping[str, Array]) -> bytes:
    """Return arrays as the content of a ``.npz`` file; the same arrays give the same bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            contiguous = np.ascontiguousarray(array).reshape(array.shape)
            np.lib.format.write_array(member, contiguous, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return whole.getvalue()


def digest(array: Array) -> str:
    """Return the SHA-256 (64 hex digits) of an array's elements in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def named(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return the array with the type that a ``.npy`` file cannot name: raw bytes as bfloat16 or fp8."""
    if array.dtype.type is np.void and dtype.name in _NAMELESS and array.dtype.itemsize == dtype.itemsize:
        return array.view(dtype)
    return array


def converted(name: str, value: object, dtype: np.dtype[Any]) -> Array:
    """Return lists and numbers as an array of the type an input needs; arrays stay as they are.

    Raises:
        InputError: ragged or not numeric, or numbers that an integer type does not hold.
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"input {name!r} is not a rectangular array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"input {name!r} is not a rectangular array of numbers, but {array.dtype}")
    with np.errstate(all="ignore"):
        fitting = array.astype(dtype)
    if dtype.kind in "biu" and not np.array_equal(fitting, array):
        raise InputError(f"input {name!r} holds numbers that are no {dtype}")
    return fitting


def signature(program: Program) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Return the NumPy type and the shape of every input of a program."""
    from lpu_emu.program.tensors import numpy_dtype

    return {b.name: (numpy_dtype(b.dtype), tuple(b.layout.shape)) for b in program.inputs}


def random_tensor(generator: np.random.Generator, dtype: np.dtype[Any], shape: Iterable[int]) -> Array:
    """Return random values: bits for bool, -1 to 1 for floats, the whole range for 8- and 16-bit integers.

    Wider integers, which are mostly indices and lengths, are 0 to 9.
    """
    size = tuple(shape)
    if dtype.kind == "b":
        return generator.integers(0, 2, size=size).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, size=size, endpoint=True).astype(dtype)
    if dtype.kind in "iu":
        return generator.integers(0, _LARGEST_INDEX, size=size, endpoint=True).astype(dtype)
    return generator.uniform(-1.0, 1.0, size=size).astype(np.float32).astype(dtype)
