"""Program files: whole programs come back, equal programs give equal bytes, everything else is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lpu_emu.errors import ProgramError, ProgramFileError
from lpu_emu.program import file as program_file
from lpu_emu.program._parts import ARRAYS, DOCUMENTS, Parts
from lpu_emu.program.file import content_digest, load, read_header, save
from lpu_emu.program.model import DataSection, Program, Source
from lpu_emu.program.text import issue, pack_text
from lpu_emu.spec.chip import Chip, chip_from_table, load_chip
from lpu_emu.spec.machine import Machine, load_machine
from program.compare import same_content
from program.generate import random_program, random_words

ISA = load_machine("tiny").isa


def small(name: str = "small") -> Program:
    """Return a program with a bit of everything in a small file."""
    text = pack_text(ISA, [issue(ISA, "read", address=3, to=5, line=7), issue(ISA, "nop", count=9, line=8)])
    words = np.arange(16, dtype=np.uint8).reshape(2, 8)
    return Program(
        name=name,
        machine=load_machine("tiny"),
        queues={"mem.W3": text},
        data=(DataSection(name="d", slice="W3", address=3, words=words),),
        source=Source(name="small.lpu", text=".chip tiny\n"),
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "p.h5"
    save(small(), path)
    return path


@pytest.mark.parametrize("seed", range(10))
def test_programs_come_back_whole(seed: int, tmp_path: Path) -> None:
    program = random_program(seed)
    save(program, tmp_path / "p.h5")
    back = load(tmp_path / "p.h5")
    assert same_content(program, back) == [], f"seed {seed}"
    assert back.queues == program.queues, f"seed {seed}"
    assert back.source == program.source, f"seed {seed}"
    assert content_digest(back) == content_digest(program), f"seed {seed}"


def test_an_empty_program_comes_back(tmp_path: Path) -> None:
    program = Program(name="", machine=load_machine("tiny"), queues={})
    save(program, tmp_path / "p.h5")
    assert same_content(program, load(tmp_path / "p.h5")) == []


def test_long_texts_are_compressed_and_come_back(tmp_path: Path) -> None:
    text = pack_text(ISA, [issue(ISA, "nop", count=i % 7, line=i) for i in range(40_000)])
    program = Program(name="long", machine=load_machine("tiny"), queues={"vxm.0": text})
    save(program, tmp_path / "p.h5")
    assert (tmp_path / "p.h5").stat().st_size < 100_000
    assert load(tmp_path / "p.h5").queues == program.queues


def test_equal_programs_give_equal_bytes(tmp_path: Path) -> None:
    save(random_program(3), tmp_path / "a.h5")
    time.sleep(1.1)  # HDF5 counts times in seconds
    save(random_program(3), tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_another_process_writes_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]; from program.test_file import small, save; "
        "save(small(), sys.argv[3])"
    )
    tests = Path(__file__).resolve().parents[1]
    again = tmp_path / "again.h5"
    subprocess.run([sys.executable, "-c", code, str(tests.parent), str(tests), str(again)], check=True)
    assert saved.read_bytes() == again.read_bytes()


def test_the_digest_sees_every_part() -> None:
    base = random_program(1)
    queue = next(iter(base.queues))
    text = base.queues[queue]
    changed = [
        dataclasses.replace(base, name="other"),
        dataclasses.replace(base, source=Source(name="random.lpu", text="; something\n")),
        dataclasses.replace(base, attributes={}),
        dataclasses.replace(
            base, queues={**base.queues, queue: dataclasses.replace(text, lines=text.lines + 1)}
        ),
        dataclasses.replace(base, machine=load_machine("tsp1"), data=()),
    ]
    digests = {content_digest(p) for p in [base, *changed]}
    assert len(digests) == len(changed) + 1


def test_the_header_is_read_without_the_rest(saved: Path) -> None:
    header = read_header(saved)
    assert (header.name, header.chip, header.format_version) == ("small", "tiny", 1)
    assert (header.instructions, header.text_bytes, header.data_bytes) == (2, 8, 16)
    assert header.isa_digest == ISA.digest
    assert header.chip_digest == load_chip("tiny").digest
    assert header.content_digest == content_digest(small())


def own_chip(name: str = "mine", slices: int = 8) -> Chip:
    table: dict[str, Any] = json.loads(json.dumps(load_chip("tiny").table))
    table["name"] = name
    table["mem"]["slices"]["value"] = slices
    return chip_from_table(table, where=name)


def test_a_program_of_a_users_own_chip_is_self_contained(tmp_path: Path) -> None:
    chip = own_chip(slices=12)
    program = dataclasses.replace(small(), machine=Machine(chip=chip, isa=ISA))
    save(program, tmp_path / "p.h5")
    back = load(tmp_path / "p.h5")
    assert back.machine.chip.digest == chip.digest
    assert back.machine.chip.table == chip.table
    assert same_content(program, back) == []


def test_the_chip_that_is_asked_for_must_be_the_one(saved: Path) -> None:
    assert load(saved, chip=load_chip("tiny")).machine.chip is load_chip("tiny")
    with pytest.raises(ProgramFileError) as caught:
        load(saved, chip=own_chip())
    assert str(caught.value).startswith(
        f"{saved}: was made for chip tiny ({load_chip('tiny').digest[:12]}), not for mine ("
    )


def test_large_images_are_read_once_and_not_copied(tmp_path: Path) -> None:
    machine = load_machine("tsp1")
    rng = np.random.default_rng(0)
    sections = tuple(
        DataSection(name=f"w{n}", slice=f"E{n}", address=n, words=random_words(rng, 1000, machine.chip.lanes))
        for n in range(10)
    )
    save(Program(name="image", machine=machine, queues={}, data=sections), tmp_path / "p.h5")
    back = load(tmp_path / "p.h5")
    assert all(np.array_equal(a.words, b.words) for a, b in zip(sections, back.data, strict=True))
    assert len({id(section.words.base) for section in back.data}) == 1


# Refusals


def refusal(path: Path) -> str:
    with pytest.raises(ProgramFileError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


def test_files_that_are_none(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    assert refusal(other) == "no such file"
    assert refusal(tmp_path) == "is a folder"
    other.write_bytes(b"")
    assert refusal(other) == "is not an HDF5 file"
    other.write_text(".chip tiny\n")
    assert refusal(other) == "is not an HDF5 file"
    with pytest.raises(ProgramFileError, match="is not an HDF5 file"):
        read_header(other)
    with h5py.File(other, "w") as file:
        file["x"] = 1
    assert refusal(other) == "is an HDF5 file, but not a program of lpu-emu"


def altered(path: Path, change: Callable[[Any], None]) -> Path:
    """Return a copy of a file that HDF5 itself has changed, so that all its checksums are right."""
    copy = path.with_name("altered.h5")
    shutil.copy(path, copy)
    with h5py.File(copy, "r+", libver=program_file.LIBRARY_VERSION) as file:
        change(file)
    return copy


def set_attribute(name: str, value: object) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file.attrs[name] = value

    return change


def replace_document(name: str, text: bytes) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[name]
        file.create_dataset(name, data=np.bytes_(text))

    return change


def signed(change: Callable[[Any], None]) -> Callable[[Any], None]:
    """Make a change and give the file the digest that goes with it."""

    def both(file: Any) -> None:
        change(file)
        documents = {name: file[name][()].decode("ascii") for name in DOCUMENTS}
        digest = Parts(documents=documents, arrays={name: [file[name][...]] for name in ARRAYS}).digest
        file.attrs["content_digest"] = np.bytes_(digest.encode("ascii"))

    return both


ALTERED = "its content does not match its digest; it was altered or damaged"
BAD_CHIP = "describes a chip that breaks a rule: its chip: name: missing; every chip file has it"
BAD_TABLE = "is truncated or damaged: its dataset 'words' is [2, 8]; its tables say [0, 8]"
BAD_JSON = (
    "is truncated or damaged: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_attribute("format_version", np.bytes_(b"2")),
            "has a newer format version, 2; this lpu-emu reads version 1; update lpu-emu",
        ),
        (
            set_attribute("format_version", np.bytes_(b"0")),
            "has another format version, 0; this lpu-emu reads version 1; make the program again",
        ),
        (
            set_attribute("format_version", 1),
            "has another format version, none; this lpu-emu reads version 1; make the program again",
        ),
        (
            set_attribute("isa_digest", np.bytes_(b"0" * 64)),
            "was made for another instruction set; assemble or compile the program again",
        ),
        (
            set_attribute("chip_digest", np.bytes_(b"0" * 64)),
            "its chip does not match its digest; it was altered or damaged",
        ),
        (
            set_attribute("content_digest", np.bytes_(b"0" * 64)),
            ALTERED,
        ),
        (lambda file: file.attrs.__delitem__("content_digest"), "misses the attribute 'content_digest'"),
        (lambda file: file.create_dataset("more", data=1), "holds the unknown dataset 'more'"),
        (replace_document("wires", b'[["W0","E0"]]'), ALTERED),
        (signed(replace_document("chip", b"{}")), BAD_CHIP),
        (signed(replace_document("queues", b"{")), BAD_JSON),
        (signed(replace_document("sections", b"[]")), BAD_TABLE),
    ],
)  # fmt: skip
def test_altered_files(change: Callable[[Any], None], message: str, saved: Path) -> None:
    assert refusal(altered(saved, change)) == message


@pytest.mark.parametrize("name", [*DOCUMENTS, *ARRAYS])
def test_every_dataset_is_needed_and_of_its_kind(name: str, saved: Path) -> None:
    assert refusal(altered(saved, lambda file: file.__delitem__(name))) == f"misses the dataset '{name}'"

    def group(file: Any) -> None:
        del file[name]
        file.create_group(name)

    assert refusal(altered(saved, group)) == f"its member '{name}' is not a dataset"

    def number(file: Any) -> None:
        del file[name]
        file[name] = 1.5

    assert "its dataset" in refusal(altered(saved, number))


def test_a_value_in_the_text_is_not_changed_unnoticed(saved: Path) -> None:
    def change(file: Any) -> None:
        file["text"][1] = 4

    assert "digest" in refusal(altered(saved, change))


def test_a_whole_file_with_a_program_that_breaks_rules(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = pack_text(ISA, [issue(ISA, "read", address=256)])
    program = Program(name="bad", machine=load_machine("tiny"), queues={"mem.W3": bad})
    with pytest.raises(ProgramError, match="0x100 is outside"):
        save(program, saved)
    assert load(saved).name == "small"
    with monkeypatch.context() as patch:
        patch.setattr(program_file, "require_valid", lambda _: None)
        save(program, saved)
    with pytest.raises(ProgramError, match=r"p\.h5: program 'bad' cannot run on chip tiny: 1 finding"):
        load(saved)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 47, 48, 100, 500, 2000, -1, -8, -17, -400])
def test_truncated_files(kept: int, saved: Path) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[:kept])
    message = refusal(saved)
    assert "truncated" in message or message == "is not an HDF5 file"


def test_flipped_bits(saved: Path, tmp_path: Path) -> None:
    """Each flip is refused, or hits a byte that no reader looks at and changes nothing."""
    original = small()
    data = saved.read_bytes()
    seed = 20
    rng = np.random.default_rng(seed)
    path = tmp_path / "flipped.h5"
    refused = 0
    for bit in rng.choice(8 * len(data), size=700, replace=False).tolist():
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(flipped))
        try:
            program = load(path)
        except ProgramFileError:
            refused += 1
            continue
        assert same_content(original, program) == [], f"seed {seed}, bit {bit}"
        assert program.queues == original.queues, f"seed {seed}, bit {bit}"
        assert program.source == original.source, f"seed {seed}, bit {bit}"
    assert refused > 500


def test_runs_of_garbage(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    seed = 21
    rng = np.random.default_rng(seed)
    path = tmp_path / "garbage.h5"
    for trial in range(200):
        start, size = int(rng.integers(8, len(data))), int(rng.integers(1, 200))
        broken = data[:start] + rng.integers(0, 256, size, dtype=np.uint8).tobytes() + data[start + size :]
        path.write_bytes(broken)
        try:
            program = load(path)
        except ProgramFileError:
            continue
        assert same_content(small(), program) == [], f"seed {seed}, trial {trial}"


# Writing


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "p.h5"
    target.write_bytes(b"before")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(program_file, "_write_array", fail)
    with pytest.raises(ProgramFileError) as caught:
        save(small(), target)
    assert str(caught.value) == f"{target}: cannot be written: No space left on device"
    assert target.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["p.h5"]


@pytest.mark.parametrize("place", ["missing/p.h5", "folder"])
def test_places_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ProgramFileError, match="cannot be written"):
        save(small(), tmp_path / place)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ProgramFileError, match="goes into an ordinary file"):
        save(small(), pipe)
    assert pipe.is_fifo()


def test_a_file_is_replaced_in_one_step(saved: Path) -> None:
    before = saved.stat().st_ino
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    save(small("other"), saved)
    assert saved.stat().st_ino != before
    assert load(saved).name == "other"
    save(small(), str(saved))
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == digest


def test_importing_the_module_does_not_import_h5py() -> None:
    code = "import sys, lpu_emu.program.file; print('h5py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
