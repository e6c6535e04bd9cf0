"""The parts of reading a model file that need no onnx: foreign files, outside data, names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lpu_emu.errors import ModelError

OLDEST_OPSET = 7
_FOREIGN_FILES = (
    (b"PK\x03\x04", "a zip archive (a PyTorch or NumPy file?)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"{", "a JSON text"),
    (b"\x80", "a Python pickle"),
    (b"version https://git-lfs", "a Git LFS pointer whose content was not fetched"),
)


def read_model_bytes(file: Path) -> bytes:
    """Return the content of a model file.

    Raises:
        ModelError: the file is missing, unreadable, or plainly of another kind.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{file}: there is no such file") from None
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}") from error
    for start, kind in _FOREIGN_FILES:
        if data.startswith(start):
            raise ModelError(f"{file}: this is {kind}, not an ONNX model")
    return data


def check_opset(source: str, opsets: Mapping[str, int], newest: int) -> None:
    """Check the versions of the standard that a model uses, by domain.

    Raises:
        ModelError: no version is stated, or the standard's own is older or newer than is understood.
    """
    if not opsets:
        raise ModelError(f"{source}: the model does not say which opset it uses; export it again")
    standard = opsets.get("", newest)
    if standard > newest:
        raise ModelError(f"{source}: uses opset {standard}; the installed onnx knows {newest}: upgrade onnx")
    if standard < OLDEST_OPSET:
        raise ModelError(
            f"{source}: uses opset {standard}; {OLDEST_OPSET} is the oldest that is understood: "
            f"convert it with onnx.version_converter"
        )


def external_bytes(entries: Mapping[str, str], where: str, folder: Path) -> bytes:
    """Return the part of another file that holds a tensor: keys location, offset, length.

    Raises:
        ModelError: the file does not lie beside or below the model, is missing, or is too short.
    """
    location = entries.get("location", "")
    file = (folder / location).resolve()
    if not location or not file.is_relative_to(folder.resolve()):
        raise ModelError(f"{where} refers to {location!r}, which does not lie beside or below the model file")
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or -1)
        with file.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(length)
    except FileNotFoundError:
        raise ModelError(f"{where} is kept in {location!r}, which is missing beside the model file") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{where} is kept in {location!r}, which cannot be read: {error}") from error
    if len(data) < length:
        raise ModelError(f"{where} needs {length} bytes at {offset} of {location!r}, which is too short")
    return data


def unique_names(given: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Return one name per node: the given one or ``kind_index``, with a count when it is taken.

    The first node to carry a given name keeps it.
    """
    taken = {name for name in given if name}
    used: set[str] = set()
    result = []
    for index, (name, kind) in enumerate(zip(given, kinds, strict=True)):
        stem = name or f"{kind}_{index}"
        unique, count = stem, 1
        while unique in used or (unique in taken and unique != name):
            count += 1
            unique = f"{stem}_{count}"
        used.add(unique)
        result.append(unique)
    return result
