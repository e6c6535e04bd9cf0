"""Tensors in files and random ones: ``.npy``, ``.npz``, digests."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError

Array = NDArray[Any]
# NumPy files know these types only by their size; a program's binding says which is meant.
_NAMELESS = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3")
_LARGEST_INDEX = 9


def read_npz(path: Path) -> dict[str, Array]:
    """Return the arrays of a ``.npz`` file by name.

    Raises:
        InputError: no such file, not an archive of arrays, a damaged member, or objects that need pickle.
    """
    archive = _load(path, ".npz")
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InputError(f"{path}: holds one array without a name; give it as NAME={path}")
    with archive:
        try:
            return {name: np.asarray(archive[name]) for name in archive.files}
        except Exception as error:  # a damaged member shows itself in many unrelated exceptions
            raise _unreadable(path, ".npz", error) from error


def read_npy(path: Path) -> Array:
    """Return the array of a ``.npy`` file.

    Raises:
        InputError: no such file, not an array file, damaged, or objects that need pickle.
    """
    array = _load(path, ".npy")
    if isinstance(array, np.lib.npyio.NpzFile):
        array.close()
        raise InputError(f"{path}: holds several arrays (.npz); give the file without a name in front")
    return np.asarray(array)


def _load(path: Path, kind: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:  # as above
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


def write_npz(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Write arrays as ``.npz``; the same arrays give the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())


def digest(array: Array) -> str:
    """Return the SHA-256 (64 hex digits) of an array's elements in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def named(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return the array with the type a ``.npy`` file could not name: two raw bytes as bfloat16, one as fp8."""
    if array.dtype.type is np.void and dtype.name in _NAMELESS and array.dtype.itemsize == dtype.itemsize:
        return array.view(dtype)
    return array


def random_tensor(generator: np.random.Generator, dtype: np.dtype[Any], shape: Iterable[int]) -> Array:
    """Return random values: bits for bool, -1 to 1 for floats, the whole range for integers of at most 16 bits.

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

