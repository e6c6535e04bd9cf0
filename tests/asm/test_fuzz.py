"""Whatever the bytes are, the assembler gives a program or diagnostics, never another exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lpu_emu.asm import assemble, assemble_file, disassemble
from lpu_emu.asm.directives import DIRECTIVES
from lpu_emu.asm.tokens import spans_of, tokens_of
from lpu_emu.errors import AssemblyError
from lpu_emu.spec.isa import load_isa
from program.compare import same_content
from program.generate import random_program

ISA = load_isa()
PIECES = [
    *DIRECTIVES, *ISA.instructions, *ISA.kinds["dtype"].values, "tiny", "mem.W3", "vxm.0", "mxm.0.weights", "c2c.W.0",
    "->", ",", ":", "[", "]", "|", "=", "@", "#", ";", '"', '"a b"', '"\\u0000"', "#1.5", "#0xffffffffff", "#nan",
    "e0", "w31", "e99", "latch", "_", "0", "1", "-1", "+7", "300", "65536", "4294967296", "9" * 60, "0x", "0x1f",
    "1e999", "at", "step", "seq", "fill", "file", "order", "columns", "pad", "block", "plane", "row", "count", "W0", "E9",
    "macs", "ideal", "none", "\0", "\t", "\r", "\x0b", "\u2028", "é", "\ud800", "٣", ".", "..", "add.int8.sat", "rotate.",
]  # fmt: skip


def outcome(text: str) -> bool:
    """Assemble a text; True if it is one. Diagnostics must point into the text."""
    try:
        program = assemble(text, filename="f.lpu")
    except AssemblyError as error:
        require_places(error, text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
        return False
    assert same_content(program, assemble(disassemble(program))) == []
    return True


def require_places(error: AssemblyError, lines: list[str]) -> None:
    assert error.diagnostics
    for found in error.diagnostics:
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1
        assert found.length >= 1
        assert "\n" not in found.message
        assert str(found)


@pytest.mark.parametrize("seed", range(30))
def test_words_of_the_language_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    head = ".chip tiny\n.queue mem.W3\n" if seed % 2 else ""
    for _ in range(20):
        words = rng.choice(np.array(PIECES, dtype=object), size=int(rng.integers(1, 60)))
        ends = rng.choice(np.array([" ", "", "\n", "\n"], dtype=object), size=len(words))
        outcome(head + "".join(f"{w}{e}" for w, e in zip(words, ends, strict=True)))


@pytest.mark.parametrize("seed", range(6))
def test_changed_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = disassemble(random_program(seed % 3))
    lines = text.splitlines()
    assembled = 0
    for _ in range(12):
        changed = list(lines[:40]) + [lines[int(i)] for i in rng.integers(40, len(lines), size=60)]
        for _ in range(int(rng.integers(1, 8))):
            at = int(rng.integers(len(changed)))
            changed[at] = mutated(changed[at], rng)
        assembled += outcome("\n".join(changed))
    assert assembled < 12


def mutated(line: str, rng: np.random.Generator) -> str:
    """Return a line with something replaced, put in, left out, doubled or cut off."""
    at = int(rng.integers(len(line) + 1))
    end = at + int(rng.integers(0, 6))
    word = str(rng.choice(np.array(PIECES, dtype=object)))
    return [
        line[:at] + word + line[end:],
        line[:at] + word + line[at:],
        line[:at] + line[end:],
        line[:at] + line[at:end] * 3 + line[end:],
        line[:at],
        line[:at] + chr(int(rng.integers(1, 0x3000))) + line[at + 1 :],
    ][int(rng.integers(6))]


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes_in_a_file(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "f.lpu"
    for trial in range(20):
        data = rng.integers(
            0, 256 if trial % 2 else 128, size=int(rng.integers(0, 400)), dtype=np.uint8
        ).tobytes()
        path.write_bytes((b".chip tiny\n" if trial % 3 else b"") + data)
        with pytest.raises(AssemblyError) as caught:
            assemble_file(path)
        assert str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "\0" * 100,
        ".chip tiny\n" + "(" * 10_000,
        ".chip tiny\n.data x int8 [" + "1," * 5000 + "1] at W0:0 = seq",
        ".chip tiny\n.data x int8 [2147483647, 2147483647] at W0:0 = seq",
        ".chip tiny\n.data x int8 [256, 2147483647] at W0:0 = fill 1",
        ".chip tiny\n.input x int8 [2147483647] at W0:0",
        ".chip tiny\n.words x at W0:" + "9" * 5000,
        ".chip tiny\n.queue mem.W0\nread " + "9" * 100_000 + " -> e0",
        ".chip tiny\n.queue vxm.0\nadd.fp32.mod e0, #1e" + "9" * 5000,
        ".chip tiny\n.queue vxm.0\nadd.fp32.mod e0, #" + "1" * 5000,
        ".chip tiny\n.queue mem.W0\n@" + "9" * 5000 + " sync",
        ".chip tiny\n.queue " + "x" * 100_000,
        ".chip " + "x" * 100_000,
        ".chip tiny\n" + "nonsense\n" * 20_000,
        '.chip tiny\n.program "' + "\\" * 9999,
    ],
    ids=range(15),
)
def test_hostile_texts_are_refused_quickly(text: str) -> None:
    assert outcome(text) is False


@pytest.mark.parametrize("seed", range(10))
def test_tokens_and_their_places_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        line = "".join(str(w) for w in rng.choice(np.array([*PIECES, " "], dtype=object), size=12)).replace(
            "\n", ""
        )
        spans = spans_of(line)
        assert [line[a:b] for a, b in spans[:-1]] == tokens_of(line), f"seed {seed}"
        assert spans[-1][0] == spans[-1][1]
