"""Models whose weights are more than the memory: the message says by how much and what would help."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.compiler.capacity import memory_bytes
from lpu_emu.errors import CompileError
from lpu_emu.graph import Graph, Node, ValueInfo
from lpu_emu.spec.chip import load_chip
from lpu_emu.spec.machine import load_machine

FLOAT = np.dtype(np.float32)


def product(rows: int, columns: int) -> Graph:
    """Return ``y = x @ w`` with weights that take no memory of the host."""
    weights = np.broadcast_to(np.float32(1), (rows, columns))
    shapes = {"x": (1, rows), "w": (rows, columns), "y": (1, columns)}
    return Graph(
        name="big",
        inputs=("x",),
        outputs=("y",),
        values={name: ValueInfo(name=name, dtype=FLOAT, shape=shape) for name, shape in shapes.items()},
        constants={"w": weights},
        nodes=(Node(name="layer", op_type="MatMul", domain="", opset=17, inputs=("x", "w"), outputs=("y",)),),
        source="big.onnx",
    )


def test_memory_is_that_of_the_published_chip() -> None:
    assert memory_bytes(load_chip("tsp1")) == 220 << 20


def test_the_message_says_by_how_much_and_what_helps() -> None:
    with pytest.raises(CompileError) as caught:
        compile_graph(
            product(8, 4096), machine=load_machine("tiny"), options=CompileOptions(precision="fp16")
        )
    assert str(caught.value) == (
        "big.onnx: its weights take 65,536 bytes as fp16, which is 32,768 bytes more than the 32,768 bytes of memory "
        "of chip tiny (2.00 times as much); quantise it (int8 weights take 32,768 bytes): lpu-emu quantise, or take "
        "a chip with more memory: --chip tsp1, or divide it into several models"
    )


def test_int8_is_no_advice_where_it_would_not_help() -> None:
    with pytest.raises(CompileError) as caught:
        compile_graph(product(8, 8192), machine=load_machine("tiny"))
    assert "quantise" not in str(caught.value)


def test_padding_counts_too() -> None:
    """The bare weights fit, but the tiles of a narrow product are mostly padding."""
    with pytest.raises(CompileError, match=re.escape("chip tiny")) as caught:
        compile_graph(product(8 * 1024 + 1, 1), machine=load_machine("tiny"))
    assert "bytes more" in str(caught.value)
