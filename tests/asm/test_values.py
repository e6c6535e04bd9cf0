"""Values of machine types: decimal to bits is rounded once, bits to text and back is the identity."""

from __future__ import annotations

from decimal import Decimal

import ml_dtypes
import numpy as np
import pytest

from lpu_emu.asm.floats import FORMATS, float_bits, float_text
from lpu_emu.asm.problems import Wrong
from lpu_emu.asm.values import value_bits, value_text
from lpu_emu.program.bindings import ELEMENT_BYTES

NUMPY = {
    "fp16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "fp8": np.dtype(ml_dtypes.float8_e4m3fn),
    "fp32": np.dtype(np.float32),
}
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32}


def decoded(bits: int, dtype: str) -> float:
    """Return the value of a bit pattern as NumPy sees it."""
    raw = UNSIGNED[NUMPY[dtype].itemsize](bits)
    return float(np.array([raw]).view(NUMPY[dtype])[0])


def exact(value: float) -> str:
    """Return every digit of a float without exponent."""
    return f"{Decimal(value):f}"


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp8"])
def test_a_number_has_a_text_that_gives_it_back(dtype: str) -> None:
    size = NUMPY[dtype].itemsize
    for bits in range(0, 1 << 8 * size, 7 if size > 1 else 1):
        text = value_text(bits, dtype)
        assert value_bits(text, dtype, 32) == bits, text


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp8"])
def test_exact_values_and_midpoints(dtype: str) -> None:
    """A midpoint goes to the even neighbour, and the slightest step off it to the nearer one."""
    form = FORMATS[dtype]
    for bits in range(0, form.infinity - 1, 5 if form.width > 8 else 1):
        low, high = decoded(bits, dtype), decoded(bits + 1, dtype)
        assert float_bits(exact(low), form) == bits
        middle = exact((low + high) / 2)
        above = f"-{middle}{'' if '.' in middle else '.'}0000000000000000000001"
        assert float_bits(middle, form) == bits + bits % 2, middle
        assert float_bits(above, form) == bits + 1 | 1 << (form.width - 1), middle


def test_fp32_agrees_with_numpy_and_rounds_once() -> None:
    seed = 5
    rng = np.random.default_rng(seed)
    form = FORMATS["fp32"]
    for bits in rng.integers(0, 1 << 32, size=3000).tolist():
        value = decoded(bits, "fp32")
        if np.isfinite(value):
            assert float_bits(repr(float(np.float32(value))), form) == bits, f"seed {seed}"
            assert float_bits(float_text(bits, form) or "", form) == bits, f"seed {seed}"
    # Twice rounded, by way of float64, this would be 1.
    assert float_bits("1.00000005960464477539062500000000001", form) == 0x3F800001


@pytest.mark.parametrize(
    ("text", "dtype", "bits"),
    [
        ("0", "fp32", 0),
        ("-0", "fp32", 0x80000000),
        ("-0.0", "fp16", 0x8000),
        ("1.5", "fp32", 0x3FC00000),
        ("+1.5", "fp32", 0x3FC00000),
        ("1.", "fp32", 0x3F800000),
        ("1e-400", "fp32", 0),
        ("-1e-999999999", "fp32", 0x80000000),
        ("0e999999999", "fp32", 0),
        ("65519.999", "fp16", 0x7BFF),
        ("464", "fp8", 0x7E),
        ("448", "fp8", 0x7E),
        ("inf", "fp32", 0x7F800000),
        ("-inf", "bf16", 0xFF80),
        ("nan", "fp16", 0x7E00),
        ("nan", "fp8", 0x7F),
        ("0x7f800001", "fp32", 0x7F800001),
        ("0xffffffff", "fp8", 0xFFFFFFFF),
        ("-128", "int8", 0x80),
        ("127", "int8", 0x7F),
        ("255", "uint8", 0xFF),
        ("-1", "int16", 0xFFFF),
        ("-1", "int32", 0xFFFFFFFF),
        ("1_000", "int16", 1000),
        ("0xff", "int8", 0xFF),
        ("1", "bool", 1),
    ],
)
def test_bits_of_values(text: str, dtype: str, bits: int) -> None:
    assert value_bits(text, dtype, 32) == bits


@pytest.mark.parametrize(
    ("text", "dtype", "message"),
    [
        ("128", "int8", "128 is outside int8, which holds -128..127"),
        ("-1", "uint8", "-1 is outside uint8, which holds 0..255"),
        ("2", "bool", "2 is outside bool, which holds 0..1"),
        ("1.5", "int8", "expected a number of type int8, got '1.5'"),
        ("", "int8", "expected a number of type int8, got ''"),
        ("-0x1", "int8", "expected a number of type int8, got '-0x1'"),
        ("9" * 41, "int32", f"expected a number of type int32, got '{'9' * 37}...'"),
        ("65520", "fp16", "'65520' is outside fp16, whose largest value is 65504"),
        ("1e999999999", "fp32", "'1e999999999' is outside fp32, whose largest value is 3.4028235e+38"),
        ("465", "fp8", "'465' is outside fp8, whose largest value is 448"),
        ("inf", "fp8", "'inf' is outside fp8, whose largest value is 448"),
        ("-nan", "fp32", "expected a number of type fp32, got '-nan'"),
        ("--inf", "fp32", "expected a number of type fp32, got '--inf'"),
        ("1.2.3", "fp32", "expected a number of type fp32, got '1.2.3'"),
        ("²", "fp32", "expected a number of type fp32, got '²'"),
        ("٣", "int8", "expected a number of type int8, got '٣'"),
        ("0x1ffffffff", "int8", "'0x1ffffffff' does not fit in 32 bits"),
        ("0xg", "int8", "'0xg' does not fit in 32 bits"),
    ],
)
def test_what_is_no_value(text: str, dtype: str, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        value_bits(text, dtype, 32)
    assert str(caught.value) == message


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "bool"])
def test_bits_beyond_the_type_are_written_as_they_are(dtype: str) -> None:
    width = 8 * ELEMENT_BYTES[dtype]
    seed = 6
    rng = np.random.default_rng(seed)
    for bits in [0, 1, (1 << width) - 1, 1 << (width - 1), *rng.integers(0, 1 << 32, size=500).tolist()]:
        assert value_bits(value_text(bits, dtype), dtype, 32) == bits, f"seed {seed}"


@pytest.mark.parametrize(
    ("bits", "dtype", "text"),
    [
        (0x3FC00000, "fp32", "1.5"),
        (0x7BFF, "fp16", "65504"),
        (0x80000000, "fp32", "-0"),
        (0x3DCCCCCD, "fp32", "0.1"),
        (0x7F800000, "fp32", "inf"),
        (0x7FC00001, "fp32", "0x7fc00001"),
        (0xFF, "fp8", "0xff"),
        (0xFF, "int8", "-1"),
        (0x1FF, "int8", "0x1ff"),
        (0xFFFFFFFF, "int32", "-1"),
        (2, "bool", "0x2"),
    ],
)
def test_texts_of_bits(bits: int, dtype: str, text: str) -> None:
    assert value_text(bits, dtype) == text
