"""Tensors in files: what is read, what is refused, and that writing is reproducible."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from lpu_emu.errors import InputError
from lpu_emu.library import tensors

SEED = 20


def arrays() -> dict[str, tensors.Array]:
    return {
        "x": np.arange(6, dtype=np.float32).reshape(2, 3),
        "file": np.array(5, dtype=np.int64),
        "a/b:0": np.zeros((0, 4), dtype=np.float16),
        "flags": np.array([True, False]),
    }


def test_archives_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(tensors.npz_bytes(arrays()))
    found = tensors.read_npz(path)
    assert list(found) == list(arrays())
    for name, array in arrays().items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_equal_arrays_give_equal_bytes() -> None:
    assert tensors.npz_bytes(arrays()) == tensors.npz_bytes(arrays())


def test_numpy_reads_the_archive(tmp_path: Path) -> None:
    with np.load(io.BytesIO(tensors.npz_bytes(arrays()))) as archive:
        np.testing.assert_array_equal(archive["x"], arrays()["x"])


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn"])
def test_types_that_files_cannot_name_are_restored(tmp_path: Path, name: str) -> None:
    wanted: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    array = np.array([1.5, -2.0, 0.0], dtype=wanted)
    np.save(tmp_path / "x.npy", array)
    found = tensors.named(tensors.read_npy(tmp_path / "x.npy"), wanted)
    assert found.dtype == wanted
    np.testing.assert_array_equal(found, array)
    plain = np.zeros(3, dtype=np.float32)
    assert tensors.named(plain, wanted) is plain


def refusals(folder: Path) -> dict[str, tuple[bytes, str, str]]:
    """Return file contents with what reading them as .npz and as .npy says."""
    good = tensors.npz_bytes(arrays())
    one, objects = io.BytesIO(), io.BytesIO()
    np.save(one, arrays()["x"])
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    noise = np.random.default_rng(SEED).bytes(300)
    return {
        "empty": (b"", "not a .npz file, or a damaged one: No data left in file", ""),
        "noise": (noise, "not a .npz file, or a damaged one", "not a .npy file, or a damaged one"),
        "text": (b"hello", "not a .npz file, or a damaged one", "not a .npy file, or a damaged one"),
        "half": (good[: len(good) // 2], "not a .npz file, or a damaged one: File is not a zip file", ""),
        "single": (one.getvalue(), "holds one array without a name; give it as NAME=", "-"),
        "archive": (good, "-", "holds several arrays (.npz); give the file without a name in front"),
        "short": (one.getvalue()[:-4], "not a .npz file", "not a .npy file, or a damaged one"),
        "objects": (objects.getvalue(), "holds Python objects", "holds Python objects; save plain numeric"),
    }


@pytest.mark.parametrize("kind", list(refusals(Path())))
def test_damaged_files_are_refused_with_their_name(tmp_path: Path, kind: str) -> None:
    content, as_npz, as_npy = refusals(tmp_path)[kind]
    path = tmp_path / kind
    path.write_bytes(content)
    for message, read in ((as_npz, tensors.read_npz), (as_npy, tensors.read_npy)):
        if message == "-":
            read(path)
            continue
        with pytest.raises(InputError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: {message}"), kind


def test_every_truncation_and_many_altered_bytes_are_refused_or_read(tmp_path: Path) -> None:
    """Whatever is wrong with the bytes, there is an InputError or arrays, never anything else."""
    good = tensors.npz_bytes({"x": np.arange(3, dtype=np.int16)})
    generator = np.random.default_rng(SEED)
    path = tmp_path / "x.npz"
    cases = [good[:n] for n in range(0, len(good), 3)]
    for _ in range(200):
        altered = bytearray(good)
        altered[generator.integers(len(good))] ^= int(generator.integers(1, 256))
        cases.append(bytes(altered))
    for number, content in enumerate(cases):
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            assert set(tensors.read_npz(path)) is not None, (SEED, number)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nix: no such file"):
        tensors.read_npz(tmp_path / "nix")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        tensors.read_npy(tmp_path)


@pytest.mark.parametrize("name", ["bool", "int8", "uint8", "int16", "int32", "int64", "float32", "float16"])
def test_random_tensors_have_type_shape_and_range(name: str) -> None:
    dtype: np.dtype[Any] = np.dtype(name)
    values = tensors.random_tensor(np.random.default_rng(SEED), dtype, (40, 50))
    again = tensors.random_tensor(np.random.default_rng(SEED), dtype, (40, 50))
    assert (values.dtype, values.shape) == (dtype, (40, 50))
    np.testing.assert_array_equal(values, again)
    low, high = (0, 1) if name == "bool" else (-1, 1)
    if dtype.kind in "iu":
        low, high = (0, 9) if dtype.itemsize > 2 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    assert low <= values.min() < values.max() <= high


def test_the_digest_is_that_of_the_elements_in_order() -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert tensors.digest(array) == tensors.digest(np.asfortranarray(array))
    assert tensors.digest(array) != tensors.digest(array.T)
