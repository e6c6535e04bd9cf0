"""Where the data folders live: inside an installed wheel first, beside the package in a checkout second."""

from __future__ import annotations

from pathlib import Path

from lpu_emu.errors import ResourceError

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """Return the folder ``isa`` or ``kernels``.

    Raises:
        ResourceError: neither the installed package nor the checkout has the folder.
    """
    candidates = [_PACKAGE / "_data" / name, _PACKAGE.parent / name]
    for folder in candidates:
        if folder.is_dir():
            return folder
    looked = ", ".join(str(folder) for folder in candidates)
    raise ResourceError(f"data folder {name!r} not found; looked in {looked}; reinstall lpu-emu")


def isa_folder() -> Path:
    """Return the folder of the instruction set and the chip files."""
    return data_folder("isa")


def kernels_folder() -> Path:
    """Return the folder of the bundled kernels."""
    return data_folder("kernels")
