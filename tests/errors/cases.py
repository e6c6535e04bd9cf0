"""Inputs that are wrong, one at a time: a name, the files it needs, and the command that meets them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lpu_emu import _resources

KERNEL = """; Copy four vectors.
.chip tiny
.input x int8 [4, 8] at W0:0x000
.output y int8 [4, 8] at E4:0x000
.queue mem.W0
    read 0 -> e0
    repeat 3, 1, 1
.queue mem.E4
    @11 write e0 -> 0
    repeat 3, 1, 1
"""
SECOND_DRIVER = """.words other at W3:0
    0102030405060708
.queue mem.W3
    @1 read 0 -> e0
.queue mem.E4"""
GATHER = """.chip tiny
.input table int8 [4, 8] at W4:0x010
.input index int8 [1, 8] at W0:0
.output y int8 [1, 8] at E0:0
.queue mem.W0
    read 0 -> w0
.queue mem.W4
    @2 gather w0, 0x010, 0x013 -> e1
.queue mem.E0
    @20 write e1 -> 0
"""
Setup = Callable[[Path, pytest.MonkeyPatch], None]


def nothing(_folder: Path, _patch: pytest.MonkeyPatch) -> None:
    """Need no files."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One wrong input: its command line in a folder that ``setup`` fills."""

    name: str
    command: str
    setup: Setup = nothing


def text(name: str, content: str) -> Setup:
    """Return a setup that writes a text file."""
    return lambda folder, _patch: _write(folder / name, content)


def _write(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def kernel(*changes: tuple[str, str], companion: str = "") -> Setup:
    """Return a setup that writes ``k.lpu`` with some of its text replaced, and ``k.py`` beside it."""

    def setup(folder: Path, _patch: pytest.MonkeyPatch) -> None:
        content = KERNEL
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        _write(folder / "k.lpu", content)
        if companion:
            _write(folder / "k.py", companion)

    return setup


def tensors(**arrays: object) -> Setup:
    """Return a setup that writes ``k.lpu`` and an archive ``in.npz``."""

    def setup(folder: Path, patch: pytest.MonkeyPatch) -> None:
        kernel()(folder, patch)
        np.savez(folder / "in.npz", **arrays)  # type: ignore[arg-type]

    return setup


def model(op_type: str, shape: Sequence[int | str] = (1, 4)) -> Setup:
    """Return a setup that writes ``m.onnx`` of one node."""

    def setup(folder: Path, _patch: pytest.MonkeyPatch) -> None:
        node = helper.make_node(op_type, ["x"], ["y"], name="node")
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
        graph = helper.make_graph([node], "m", values[:1], values[1:])
        opset = helper.make_opsetid("", 17)
        onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), folder / "m.onnx")

    return setup


def chip(*changes: tuple[str, str]) -> Setup:
    """Return a setup that writes ``c.toml``, the tiny chip with some of its text replaced."""

    def setup(folder: Path, _patch: pytest.MonkeyPatch) -> None:
        content = (_resources.isa_folder() / "chips" / "tiny.toml").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        _write(folder / "c.toml", content)

    return setup


def without_onnx(_folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Hide the package onnx."""
    patch.setitem(sys.modules, "onnx", None)


def without_kernels(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Move the package to where its data folders are not."""
    patch.setattr(_resources, "_PACKAGE", folder / "site" / "lpu_emu")


def gather(folder: Path, _patch: pytest.MonkeyPatch) -> None:
    """Write a kernel whose address points outside its region."""
    _write(folder / "g.lpu", GATHER)
    index = np.zeros((1, 8), dtype=np.int8)
    index[0, [0, 4]] = 0x10, 0x14
    np.savez(folder / "in.npz", index=index, table=np.ones((4, 8), dtype=np.int8))


def single(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Write ``k.lpu`` and one array ``in.npy``."""
    kernel()(folder, patch)
    np.save(folder / "in.npy", X)


X = np.zeros((4, 8), dtype=np.int8)
CASES = (
    Case(
        name="assembly",
        command="asm k.lpu -o k.h5",
        setup=kernel(("read 0", "reed 0"), ("e0 -> 0", "f0 -> 0")),
    ),
    Case(name="assembly-no-chip", command="verify k.lpu", setup=kernel((".chip tiny\n", ""))),
    Case(
        name="assembly-range", command="verify k.lpu", setup=kernel(("write e0 -> 0", "write e0 -> 0x1000"))
    ),
    Case(name="chip-file", command="chip show c.toml", setup=chip(("[streams]", "[streems]"))),
    Case(
        name="chip-untagged",
        command="chip show c.toml",
        setup=chip(
            (
                '{ value = 4, tag = "choice", source = "made small for teaching and tests" }\n\n[streams]',
                "4\n\n[streams]",
            )
        ),
    ),
    Case(
        name="companion",
        command="run k.lpu --check",
        setup=kernel(companion="def expected(inputs):\n    return inputs['z']\n"),
    ),
    Case(name="companion-given", command="run k.py", setup=kernel(companion="x = 1\n")),
    Case(name="compile-precision", command="compile m.onnx --precision int8 -o m.h5", setup=model("Relu")),
    Case(name="fault", command="run g.lpu --input in.npz", setup=gather),
    Case(name="hazard-run", command="run k.lpu", setup=kernel(("@11", "@12"))),
    Case(name="hazard-verify", command="verify k.lpu", setup=kernel((".queue mem.E4", SECOND_DRIVER))),
    Case(name="input-dtype", command="run k.lpu --input in.npz", setup=tensors(x=X.astype(np.float32))),
    Case(name="input-missing-file", command="run k.lpu --input nix.npz", setup=kernel()),
    Case(name="input-name", command="run k.lpu --input y=in.npy", setup=single),
    Case(name="input-other-names", command="run k.lpu --input in.npz", setup=tensors(X=X, labels=X)),
    Case(name="input-shape", command="run k.lpu --input in.npz", setup=tensors(x=X.T)),
    Case(name="input-text", command="run k.lpu --input in.npz", setup=tensors(x=np.array(["a"]))),
    Case(name="input-twice", command="run k.lpu --input in.npz --input in.npz", setup=tensors(x=X)),
    Case(name="kind-of-file", command="run notes.txt", setup=text("notes.txt", "")),
    Case(name="kind-of-file-folder", command="run ."),
    Case(name="missing-extra", command="demo", setup=without_onnx),
    Case(name="missing-file", command="run nix.lpu"),
    Case(name="missing-kernel", command="run matmull"),
    Case(name="model-damaged", command="run m.onnx", setup=text("m.onnx", "hello")),
    Case(name="model-open", command="run m.onnx", setup=model("Relu", ("batch", 4))),
    Case(name="model-operator", command="run m.onnx", setup=model("Relyu")),
    Case(name="model-shape", command="run m.onnx --shape x=2x4", setup=model("Relu")),
    Case(name="model-unsupported", command="run m.onnx", setup=model("Det", (4, 4))),
    Case(name="output-folder", command="run k.lpu -o nix/y.npz", setup=kernel()),
    Case(name="program-file", command="run p.h5", setup=text("p.h5", "hello")),
    Case(name="resource", command="kernels list", setup=without_kernels),
    Case(name="usage-chip", command="run k.lpu --chip tini", setup=kernel()),
    Case(name="usage-command", command="rnu"),
    Case(name="usage-option", command="run k.lpu --inputs x.npz", setup=kernel()),
    Case(name="usage-precision", command="run k.lpu --precision fp16", setup=kernel()),
    Case(name="usage-shape-twice", command="run m.onnx --shape x=1x4 --shape x=2x4", setup=model("Relu")),
)
