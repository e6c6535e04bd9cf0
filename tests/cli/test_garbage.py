"""Files of every kind with random, cut and altered bytes: one message and code 3, never a bug."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lpu_emu import _resources

from .commands import Done, call
from .programs import write_kernel, write_program

SEED = 1807


def damaged(good: bytes, generator: np.random.Generator, number: int) -> Iterator[bytes]:
    """Yield nothing, noise, beginnings, and copies with a few altered bytes or a piece taken out."""
    yield b""
    yield b"\x00"
    yield from (generator.bytes(int(size)) for size in generator.integers(1, 400, size=number))
    yield from (good[: int(cut)] for cut in generator.integers(0, len(good), size=number))
    for _ in range(number):
        altered = bytearray(good)
        for place in generator.integers(0, len(good), size=3):
            altered[int(place)] = int(generator.integers(256))
        yield bytes(altered)
        start = int(generator.integers(0, len(good)))
        yield good[:start] + good[start + int(generator.integers(1, 40)) :]


def rejected_or_fine(done: Done, context: object) -> None:
    """Assert that a command worked, found a fault of the program, or rejected its input in words."""
    assert done.code in (0, 1, 3), (context, done)
    assert "internal error" not in done.err, (context, done)
    if done.code == 3:
        assert done.out == "", context
        assert "error: " in done.err, context


@pytest.mark.parametrize("command", ["run", "verify"])
def test_damaged_program_files(workdir: Path, command: str) -> None:
    good = write_program(workdir).read_bytes()
    generator = np.random.default_rng(SEED)
    for i, content in enumerate(damaged(good, generator, 12)):
        (workdir / "p.h5").write_bytes(content)
        rejected_or_fine(call(command, "p.h5"), (SEED, i))


@pytest.mark.parametrize("command", ["run", "verify"])
def test_damaged_texts(workdir: Path, command: str) -> None:
    good = write_kernel(workdir).read_bytes()
    generator = np.random.default_rng(SEED)
    for i, content in enumerate(damaged(good, generator, 30)):
        (workdir / "p.lpu").write_bytes(content)
        rejected_or_fine(call(command, "p.lpu"), (SEED, i, content))


def test_damaged_models(workdir: Path) -> None:
    good = (_resources.kernels_folder() / "models" / "digits_mlp_int8.onnx").read_bytes()
    generator = np.random.default_rng(SEED)
    for i, content in enumerate(damaged(good, generator, 8)):
        (workdir / "m.onnx").write_bytes(content)
        rejected_or_fine(call("verify", "m.onnx", "--shape", "x=1x64"), (SEED, i))


def test_damaged_tensors(workdir: Path) -> None:
    program = write_program(workdir)
    np.savez(workdir / "good.npz", x=np.zeros((4, 8), dtype=np.int8))
    good = (workdir / "good.npz").read_bytes()
    generator = np.random.default_rng(SEED)
    for i, content in enumerate(damaged(good, generator, 15)):
        (workdir / "in.npz").write_bytes(content)
        rejected_or_fine(call("run", program, "--input", "in.npz"), (SEED, i))


@pytest.mark.parametrize("name", ["x.onnx", "x.lpu", "x.h5"])
@pytest.mark.parametrize("command", ["run", "verify", "report", "disasm"])
def test_one_message_for_noise(workdir: Path, name: str, command: str) -> None:
    (workdir / name).write_bytes(np.random.default_rng(SEED).bytes(200))
    done = call(command, name)
    assert (done.code, done.out) == (3, "")
    assert done.err.count("error: ") == 1
    assert name in done.err.splitlines()[0]


@pytest.mark.parametrize("name", ["x.onnx", "x.lpu", "x.h5", "x.npz"])
def test_files_that_cannot_be_opened(workdir: Path, name: str) -> None:
    (workdir / name).symlink_to(workdir / name)
    done = call("run", *([name] if name != "x.npz" else [write_program(workdir), "--input", name]))
    assert done.code == 3
    assert done.err.startswith(f"error: {name}: ")
