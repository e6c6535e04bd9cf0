"""Programs whose pages are looked at, and what a page holds, read back without a browser."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.analysis import analyse
from lpu_emu.asm import assemble
from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.graph import read_onnx
from lpu_emu.program.model import Program
from lpu_emu.report import html_report
from lpu_emu.report.picture.pack import unpack
from lpu_emu.report.picture.table import Table
from lpu_emu.spec.machine import load_machine

KERNELS = Path(__file__).parents[2] / "kernels"


@dataclass(frozen=True, kw_only=True)
class Read:
    """A page read back: its document and its tables, as the script finds them."""

    document: dict[str, Any]
    tables: dict[str, Table]


class Elements(HTMLParser):
    """The tags of a page with their attributes, and the texts of its scripts and styles by tag and id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[tuple[str, str | None], str] = {}
        self._inside: tuple[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs).get("id")) if tag in ("script", "style", "title") else None

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside] = self.texts.get(self._inside, "") + data


def read_page(text: str) -> Read:
    """Read back what a page holds."""
    texts = Elements(text).texts
    document = json.loads(zlib.decompress(base64.b64decode(texts["script", "document"])))
    return Read(document=document, tables=unpack(document["tables"], texts["script", "tables"]))


def page_of(program: Program) -> str:
    """Return the page of a program."""
    return html_report(program, analyse(program))


@cache
def digits(precision: str = "fp16") -> Program:
    """The bundled digit classifier for a batch of 16."""
    name = {"fp16": "digits_mlp", "int8": "digits_mlp_int8"}[precision]
    return compiled(KERNELS / "models" / f"{name}.onnx", {"x": (16, 64)})


@cache
def kernel(name: str) -> Program:
    """A bundled assembly kernel."""
    return assemble((KERNELS / f"{name}.lpu").read_text(encoding="utf-8"), filename=f"{name}.lpu")


def gated_block(folder: Path, rows: int = 32, width: int = 320) -> Program:
    """A gated feed-forward block: down(silu(gate(x)) * up(x))."""
    rng = np.random.default_rng(3)

    def weights(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array((rng.standard_normal(shape) / 20).astype(np.float32), name)

    nodes = [
        helper.make_node("MatMul", ["x", "wg"], ["g"], name="gate"),
        helper.make_node("Sigmoid", ["g"], ["s"], name="sigmoid"),
        helper.make_node("Mul", ["g", "s"], ["silu"], name="silu"),
        helper.make_node("MatMul", ["x", "wu"], ["u"], name="up"),
        helper.make_node("Mul", ["silu", "u"], ["h"], name="gated"),
        helper.make_node("MatMul", ["h", "wd"], ["y"], name="down"),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [rows, width]) for n in "xy"]
    data = [weights("wg", width, 2 * width), weights("wu", width, 2 * width), weights("wd", 2 * width, width)]
    graph = helper.make_graph(nodes, "gated block", ends[:1], ends[1:], data)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 10
    path = folder / "gated.onnx"
    onnx.save(model, path)
    return compiled(path, {})


def compiled(path: Path, shapes: dict[str, tuple[int, ...]]) -> Program:
    """Compile a model for tsp1."""
    return compile_graph(read_onnx(path, shapes), machine=load_machine("tsp1"), options=CompileOptions())


def urls(text: str) -> list[str]:
    """Return what looks like an address outside of the page; the name of SVG is none."""
    return [
        u
        for u in re.findall(r"""(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s"']*""", text)
        if "w3.org/2000/svg" not in u
    ]
