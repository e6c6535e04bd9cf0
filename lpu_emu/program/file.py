"""Program files: HDF5 with a few large tables, self-contained, byte-reproducible, and guarded by digests.

``docs/program-file.md`` describes the format. h5py is imported when a file is touched, not before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import ProgramError, ProgramFileError, SpecError
from lpu_emu.program._parts import ARRAYS, DOCUMENTS, Parts, content_digest, join, split
from lpu_emu.program.model import Program
from lpu_emu.program.validate import require_valid
from lpu_emu.spec.chip import Chip, chip_from_table
from lpu_emu.spec.isa import load_isa
from lpu_emu.spec.machine import Machine

__all__ = ["FORMAT", "FORMAT_VERSION", "ProgramHeader", "content_digest", "load", "read_header", "save"]

FORMAT = "lpu-emu program"
FORMAT_VERSION = 1
LIBRARY_VERSION = ("v110", "v110")  # from this version on HDF5 guards its own structures with checksums
COMPRESSED_FROM_BYTES = 1 << 16
CHUNK_BYTES = 1 << 20
LARGEST_DEFLATE_RATIO = 1032
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class ProgramHeader:
    """What a program file says about itself; digests are 64 hex digits."""

    name: str
    chip: str
    instructions: int
    text_bytes: int
    data_bytes: int
    format_version: int
    isa_digest: str
    chip_digest: str
    content_digest: str


def save(program: Program, path: str | Path) -> None:
    """Write a program file; equal programs give equal bytes.

    It is written beside ``path`` and renamed into place, so nobody ever sees half of it.

    Raises:
        ProgramError: the program does not fit its chip, so it could not be loaded again.
        ProgramFileError: the file cannot be written.
    """
    require_valid(program)
    parts = split(program)
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ProgramFileError(
            f"{path}: cannot be written: a program goes into an ordinary file, and this is none"
        )
    try:
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    except ValueError as error:
        raise ProgramFileError(f"{path}: is no name of a file") from error
    try:
        _write(beside, program, parts)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:  # HDF5 reports a full disk as either
        raise ProgramFileError(f"{path}: cannot be written: {_reason(error)}") from error
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, program: Program, parts: Parts) -> None:
    import h5py

    attributes = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "isa_digest": program.machine.isa.digest,
        "chip_digest": program.machine.chip.digest,
        "content_digest": parts.digest,
    }
    with h5py.File(path, "w", libver=LIBRARY_VERSION) as file:
        for name, value in attributes.items():
            file.attrs[name] = np.bytes_(value.encode("ascii"))
        for name in DOCUMENTS:
            file.create_dataset(name, data=np.bytes_(parts.documents[name].encode("ascii")))
        for name in ARRAYS:
            _write_array(file, name, parts)


def _write_array(file: Any, name: str, parts: Parts) -> None:
    dtype, shape = np.dtype(ARRAYS[name]), parts.shape(name)
    options: dict[str, Any] = {}
    if name != "words" and shape[0] * dtype.itemsize >= COMPRESSED_FROM_BYTES:
        chunk = min(shape[0], CHUNK_BYTES // dtype.itemsize)
        options = {"chunks": (chunk,), "compression": "gzip", "compression_opts": 1, "shuffle": True}
    dataset = file.create_dataset(name, shape=shape, dtype=dtype, **options)
    first = 0
    for piece in parts.arrays[name]:
        if len(piece):
            dataset[first : first + len(piece)] = piece
        first += len(piece)


def load(path: str | Path, *, chip: Chip | None = None) -> Program:
    """Read a program file and check that it is whole, unaltered, and fits.

    Args:
        path: the file.
        chip: the chip that the program has to be made for; by default the one that the file describes.

    Raises:
        ProgramFileError: no such file, not a program file, of another format version or instruction set, made
            for another chip, truncated, or altered. The message says which.
        ProgramError: the file is whole, but its program breaks rules.
    """
    path = Path(path)
    with _reading(path) as file:
        attributes = _attributes(file)
        documents = _documents(file, path.stat().st_size)
        arrays = {name: _array(file, name, path.stat().st_size) for name in ARRAYS}
        parts = Parts(documents=documents, arrays={name: [array] for name, array in arrays.items()})
        if parts.digest != attributes["content_digest"]:
            raise ProgramFileError("its content does not match its digest; it was altered or damaged")
        machine = Machine(chip=_chip(documents, attributes, chip), isa=load_isa())
        program = join(documents, arrays, machine)
        require_valid(program)
    return program


def read_header(path: str | Path) -> ProgramHeader:
    """Read what a program file says about itself, without reading or checking its content.

    Raises:
        ProgramFileError: no such file, not a program file, or of another format version or instruction set.
    """
    path = Path(path)
    with _reading(path) as file:
        attributes = _attributes(file)
        fields = json.loads(_document(file, "header", path.stat().st_size))
        return ProgramHeader(
            name=str(fields["name"]),
            chip=str(fields["chip"]),
            instructions=int(fields["instructions"]),
            text_bytes=int(fields["text_bytes"]),
            data_bytes=int(fields["data_bytes"]),
            format_version=int(attributes["format_version"]),
            isa_digest=attributes["isa_digest"],
            chip_digest=attributes["chip_digest"],
            content_digest=attributes["content_digest"],
        )


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """Open a file, and turn whatever goes wrong with it into a ProgramFileError that names it."""
    import h5py

    try:
        _require_signature(path)
        with h5py.File(path, "r") as file:
            yield file
    except ProgramFileError as error:
        raise ProgramFileError(f"{path}: {error}") from error.__cause__
    except ProgramError as error:
        raise ProgramError(f"{path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # damage shows itself in many unrelated exceptions of h5py and json
        raise ProgramFileError(f"{path}: is truncated or damaged: {_reason(error)}") from error


def _require_signature(path: Path) -> None:
    try:
        if not path.is_file():
            raise ProgramFileError("is a folder" if path.is_dir() else "no such file")
        with path.open("rb") as file:
            start = file.read(len(_SIGNATURE))
    except (OSError, ValueError) as error:
        raise ProgramFileError(f"cannot be read: {_reason(error)}") from error
    if start != _SIGNATURE:
        raise ProgramFileError("is not an HDF5 file")


def _attributes(file: Any) -> dict[str, str]:
    """Return the attributes of a file that is ours and of this format version and instruction set."""
    found = {name: _ascii(value) for name, value in file.attrs.items()}
    if found.get("format") != FORMAT:
        raise ProgramFileError("is an HDF5 file, but not a program of lpu-emu")
    version = found.get("format_version", "")
    if version != str(FORMAT_VERSION):
        age = "a newer" if version.isdecimal() and int(version) > FORMAT_VERSION else "another"
        raise ProgramFileError(
            f"has {age} format version, {version or 'none'}; this lpu-emu reads version {FORMAT_VERSION}"
            f"; {'update lpu-emu' if age == 'a newer' else 'make the program again'}"
        )
    for name in ("isa_digest", "chip_digest", "content_digest"):
        if name not in found:
            raise ProgramFileError(f"misses the attribute {name!r}")
    if found["isa_digest"] != load_isa().digest:
        raise ProgramFileError("was made for another instruction set; assemble or compile the program again")
    return found


def _ascii(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""


def _documents(file: Any, file_bytes: int) -> dict[str, str]:
    unknown = sorted(set(file.keys()) - {*DOCUMENTS, *ARRAYS})
    if unknown:
        raise ProgramFileError(f"holds the unknown dataset {unknown[0]!r}")
    return {name: _document(file, name, file_bytes) for name in DOCUMENTS}


def _document(file: Any, name: str, file_bytes: int) -> str:
    dataset = _dataset(file, name)
    if dataset.shape != () or dataset.dtype.kind != "S" or dataset.dtype.itemsize > file_bytes:
        raise ProgramFileError(f"its dataset {name!r} is not a text")
    return bytes(dataset[()]).decode("latin-1")


def _array(file: Any, name: str, file_bytes: int) -> NDArray[Any]:
    dataset, dtype = _dataset(file, name), np.dtype(ARRAYS[name])
    dimensions = 2 if name == "words" else 1
    if dataset.dtype != dtype or len(dataset.shape) != dimensions:
        actual = f"{dataset.dtype} {list(dataset.shape)}"
        raise ProgramFileError(
            f"its dataset {name!r} is {actual}, expected {dtype} in {dimensions} dimensions"
        )
    if dataset.nbytes > file_bytes * (LARGEST_DEFLATE_RATIO if dataset.chunks else 1):
        raise ProgramFileError(f"its dataset {name!r} is larger than the file; it is truncated or damaged")
    array = np.empty(dataset.shape, dtype=dtype)
    if array.size:
        dataset.read_direct(array)
    return array


def _dataset(file: Any, name: str) -> Any:
    import h5py

    if name not in file:
        raise ProgramFileError(f"misses the dataset {name!r}")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ProgramFileError(f"its member {name!r} is not a dataset")
    return dataset


def _chip(documents: Mapping[str, str], attributes: Mapping[str, str], wanted: Chip | None) -> Chip:
    try:
        chip = chip_from_table(json.loads(documents["chip"]), where="its chip")
    except SpecError as error:
        raise ProgramFileError(f"describes a chip that breaks a rule: {error.findings[0]}") from error
    if chip.digest != attributes["chip_digest"]:
        raise ProgramFileError("its chip does not match its digest; it was altered or damaged")
    if wanted is not None and wanted.digest != chip.digest:
        raise ProgramFileError(
            f"was made for chip {chip.name} ({chip.digest[:12]}), not for {wanted.name} "
            f"({wanted.digest[:12]}); assemble or compile it for that chip"
        )
    return wanted or chip


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno and error.strerror:
        return os.strerror(error.errno)
    lines = str(error.args[0] if isinstance(error, KeyError) and error.args else error).splitlines()
    return lines[0] if lines else type(error).__name__
