"""Files that commands write: places that cannot be written, and what a failure leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_emu.cli.files import write_bytes

from .commands import call
from .programs import write_kernel, write_program


def places(folder: Path) -> dict[str, str]:
    """Return bad destinations with the end of their message."""
    (folder / "file").write_text("kept")
    (folder / "folder").mkdir(exist_ok=True)
    return {
        "nix/y": "the folder nix does not exist; create it first",
        "file/y": "the folder file is not a folder",
        "folder": "it is a folder; give a file name in it",
        "/proc/y": "No such file or directory",
    }


@pytest.mark.parametrize("place", ["nix/y", "file/y", "folder", "/proc/y"])
@pytest.mark.parametrize("command", ["run", "report", "disasm", "asm", "compile"])
def test_places_that_cannot_be_written(workdir: Path, place: str, command: str) -> None:
    message = places(workdir)[place]
    source = {"asm": write_kernel(workdir), "compile": "digits_mlp"}.get(command, write_program(workdir))
    done = call(command, source, "-o", place)
    assert (done.code, done.out, done.err) == (2, "", f"error: cannot write {place}: {message}\n")
    assert (workdir / "file").read_text() == "kept"


@pytest.mark.parametrize("command", ["asm", "compile"])
def test_programs_go_into_ordinary_files_only(workdir: Path, command: str) -> None:
    source = {"asm": write_kernel(workdir), "compile": Path("digits_mlp")}[command]
    done = call(command, source, "-o", "/dev/null")
    assert (done.code, done.err) == (
        2,
        "error: cannot write /dev/null: a program goes into an ordinary file\n",
    )
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("command", ["asm", "compile", "run"])
def test_what_is_no_text_does_not_go_to_stdout(workdir: Path, command: str) -> None:
    source = {"compile": Path("digits_mlp")}.get(command, write_kernel(workdir))
    done = call(command, source, "-o", "-")
    assert (done.code, done.err) == (2, "error: cannot write -: it is no text for stdout; give a file name\n")
    assert not (workdir / "-").exists()


def test_devices_are_written_directly(workdir: Path) -> None:
    program = write_program(workdir)
    for command in ("run", "report", "disasm"):
        assert call(command, program, "-o", "/dev/null").code == 0
        assert call(command, program, "-o", "/dev/full").err.endswith("/dev/full: No space left on device\n")
        assert call(command, program, "-o", "/dev/full").code == 3
    assert Path("/dev/null").is_char_device()


def test_a_failure_keeps_what_was_there(workdir: Path) -> None:
    (workdir / "y.npz").write_text("old")
    assert call("run", write_program(workdir, late=1), "-o", "y.npz").code == 1
    assert (workdir / "y.npz").read_text() == "old"


def test_nothing_is_left_when_renaming_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_bytes(tmp_path / "y", b"data")
    assert caught.value.filename == str(tmp_path / "y")
    assert list(tmp_path.iterdir()) == []


def test_new_files_have_ordinary_permissions(workdir: Path) -> None:
    (workdir / "plain").write_text("")
    write_bytes(workdir / "y", b"data")
    assert (workdir / "y").stat().st_mode == (workdir / "plain").stat().st_mode


def test_a_dash_is_stdout(workdir: Path) -> None:
    program = write_program(workdir)
    assert call("disasm", program, "-o", "-").out == call("disasm", program).out
    assert not (workdir / "-").exists()
