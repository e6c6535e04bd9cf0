"""Files that are missing, unreadable, not TOML, or of another shape than expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_emu.errors import SpecError
from lpu_emu.spec.chip import chip_from_file
from lpu_emu.spec.isa import UNIT_FILES, load_isa, read_toml

from .tables import copy_isa

NOT_TOML = {
    "words": b"this is not TOML",
    "cut off": b"[mem\n",
    "a key twice": b"a = 1\na = 2\n",
    "not UTF-8": b"name = '\xff\xfe'\n",
    "nested without end": b"a = " + b"[" * 100_000,
    "a number without end": b"a = " + b"9" * 10_000,
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", NOT_TOML.values(), ids=NOT_TOML.keys())
def test_files_that_are_not_toml(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match="is not TOML") as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no\.toml: cannot be read: No such file or directory"):
        chip_from_file(tmp_path / "no.toml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        chip_from_file(tmp_path)
    with pytest.raises(SpecError, match=r"cannot be read|is not TOML"):
        chip_from_file(Path("a\0b"))


def test_every_missing_file_of_an_instruction_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_isa(tmp_path)
    names = ["lpu", "operands", "formats", "chip_keys", *UNIT_FILES]
    assert caught.value.findings == tuple(
        f"{tmp_path}/{name}.toml: cannot be read: No such file or directory" for name in names
    )


@pytest.mark.parametrize("name", ["lpu", "operands", "formats", "chip_keys", *UNIT_FILES])
@pytest.mark.parametrize(
    "content", [b"", b"read = 1", b"[[read]]\nopcode = 1", b"read = [1, 2]", b"[units]\nmem = 3"]
)
def test_files_of_another_shape(name: str, content: bytes, tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    (folder / f"{name}.toml").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load_isa(folder)
    assert any(finding.startswith(f"{folder}/{name}.toml: ") for finding in caught.value.findings)


@pytest.mark.parametrize(
    "content", [b"", b"mem = 1", b"[[mem]]\nbanks = 1", b"name = []", b"[timing]\nmem = 1"]
)
def test_chip_files_of_another_shape(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        chip_from_file(path)
    assert all(finding.startswith(f"{path}: ") for finding in caught.value.findings)
    assert len(caught.value.findings) > 5


def test_an_instruction_set_of_a_folder(tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    assert load_isa(folder) == load_isa()
    assert load_isa(folder).digest == load_isa().digest
