"""Results depend on values alone: not on shape, memory order, strides, or the NumPy functions of a host."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lpu_emu.reference.numerics
from lpu_emu.reference.numerics.convert import convert
from lpu_emu.reference.numerics.dtypes import DTYPES, to_bits
from lpu_emu.reference.numerics.mxm import dot_float, dot_int
from lpu_emu.reference.numerics.vxm import BINARY, SUPPORTED, UNARY

from .oracles import Array, samples

SIZE = 2 * 3 * 5 * 7
SHAPES = [(SIZE,), (2, 105), (2, 3, 35), (105, 2)]


def _operands(dtype: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(71)
    pool = samples(dtype, 71)
    return rng.choice(pool, SIZE), rng.choice(pool, SIZE)


def _layouts(x: Array) -> Iterator[Array]:
    """The same values in other shapes, orders and strides; reading in C order gives them back."""
    for shape in SHAPES:
        yield x.reshape(shape)
        yield np.asfortranarray(x.reshape(shape))
    spaced = np.zeros(2 * SIZE, x.dtype)
    spaced[::2] = x
    yield spaced[::2]
    yield x[::-1].copy()[::-1]


@pytest.mark.parametrize(("op", "dtype"), [(op, t) for op in SUPPORTED for t in sorted(SUPPORTED[op])])
def test_operations_do_not_depend_on_layout(op: str, dtype: str) -> None:
    x, y = _operands(dtype)
    before = to_bits(x, dtype).copy()

    def run(a: Array, b: Array) -> Array:
        return UNARY[op](a, dtype, False) if op in UNARY else BINARY[op](a, b, dtype, False)

    expected = to_bits(run(x, y), dtype)
    for a, b in zip(_layouts(x), _layouts(y), strict=True):
        found = run(a, b)
        assert found.shape == a.shape
        assert np.array_equal(to_bits(found, dtype).ravel(), expected), "seed 71"
    for index in range(8):
        single = run(np.array(x[index]), np.array(y[index]))
        assert isinstance(single, np.ndarray)
        assert single.shape == ()
        assert to_bits(single, dtype) == expected[index], "seed 71"
    assert run(x[:0], y[:0]).shape == (0,)
    assert np.array_equal(to_bits(x, dtype), before)


@pytest.mark.parametrize("target", DTYPES)
@pytest.mark.parametrize("source", DTYPES)
def test_conversions_do_not_depend_on_layout(source: str, target: str) -> None:
    x, _ = _operands(source)
    expected = to_bits(convert(x, source, target, True), target)
    for a in _layouts(x):
        assert np.array_equal(to_bits(convert(a, source, target, True), target).ravel(), expected), "seed 71"


def test_dot_products_do_not_depend_on_layout_or_column_count() -> None:
    rng = np.random.default_rng(72)
    w = rng.standard_normal((320, 64)).astype(np.float16)
    a = rng.standard_normal(320).astype(np.float16)
    whole = dot_float(a, w, "fp16")
    assert np.array_equal(dot_float(a, np.asfortranarray(w), "fp16"), whole), "seed 72"
    assert np.array_equal(dot_float(np.repeat(a, 2)[::2], w[:, ::-1], "fp16")[::-1], whole), "seed 72"
    assert [float(dot_float(a, w[:, n : n + 1], "fp16")[0]) for n in range(64)] == whole.tolist(), "seed 72"
    i, v = rng.integers(-128, 128, 320).astype(np.int8), rng.integers(-128, 128, (320, 64)).astype(np.int8)
    assert np.array_equal(dot_int(i, np.asfortranarray(v)), dot_int(i, v)), "seed 72"


@pytest.mark.parametrize("saturate", [False, True])
def test_no_operation_raises_or_warns_about_any_value(saturate: bool) -> None:
    with np.errstate(all="raise"):
        for dtype in DTYPES:
            x, y = samples(dtype, 73)[::7], samples(dtype, 73)[::-7]
            for op in UNARY:
                if dtype in SUPPORTED[op]:
                    UNARY[op](x, dtype, saturate)
            for op in BINARY:
                if dtype in SUPPORTED[op]:
                    BINARY[op](x, y, dtype, saturate)
            for target in DTYPES:
                convert(x, dtype, target, saturate)
            if dtype in ("fp16", "bf16", "fp8"):
                dot_float(x, y[:, None], dtype)


# Each of these is exact, or an IEEE operation, or moves bits. No entry may come from a mathematics library.
ALLOWED = {
    "abs",
    "asarray",
    "dtype",
    "errstate",
    "float16",
    "float32",
    "float64",
    "full_like",
    "inf",
    "int16",
    "int32",
    "int64",
    "int8",
    "isnan",
    "nan",
    "ndarray",
    "signbit",
    "sqrt",
    "stack",
    "uint32",
    "uint8",
    "where",
    "zeros",
    "zeros_like",
}


def test_only_exact_numpy_functions_are_used() -> None:
    folder = Path(str(lpu_emu.reference.numerics.__file__)).parent
    used: set[str] = set()
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
                used.add(node.attr)
    assert used <= ALLOWED
