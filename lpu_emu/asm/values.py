"""Values of a machine type: text to bits and bits to text. Hexadecimal always means the bits themselves."""

from __future__ import annotations

from functools import lru_cache

from lpu_emu.asm.floats import FORMATS, float_bits, float_text, is_number
from lpu_emu.asm.problems import Wrong
from lpu_emu.asm.tokens import integer, shown
from lpu_emu.program.bindings import ELEMENT_BYTES

BOOL = "bool"


def integer_range(dtype: str) -> tuple[int, int]:
    """Return the smallest and largest value of an integer type."""
    if dtype == BOOL:
        return 0, 1
    bits = 8 * ELEMENT_BYTES[dtype]
    return (0, (1 << bits) - 1) if dtype.startswith("u") else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


@lru_cache(maxsize=65536)
def value_bits(text: str, dtype: str, field_bits: int) -> int:
    """Return the bits of a value of a type; ``field_bits`` is what a hexadecimal number may fill.

    Raises:
        Wrong: no number, or outside the type.
    """
    if text[:2].lower() == "0x":
        raw = integer(text)
        if raw is None or raw >> field_bits:
            raise Wrong(f"{shown(text)} does not fit in {field_bits} bits")
        return raw
    if dtype in FORMATS:
        return _float(text, dtype)
    value = integer(text)
    low, high = integer_range(dtype)
    if value is None or not text.lstrip("+-").replace("_", "").isdigit():
        raise Wrong(f"expected a number of type {dtype}, got {shown(text)}")
    if not low <= value <= high:
        raise Wrong(f"{text} is outside {dtype}, which holds {low}..{high}")
    return value & ((1 << 8 * ELEMENT_BYTES[dtype]) - 1)


def _float(text: str, dtype: str) -> int:
    form = FORMATS[dtype]
    bits = float_bits(text, form)
    if bits is not None:
        return bits
    if not is_number(text):
        raise Wrong(f"expected a number of type {dtype}, got {shown(text)}")
    largest = float_text(form.infinity - 1, form)
    raise Wrong(f"{shown(text)} is outside {dtype}, whose largest value is {largest}")


def value_text(bits: int, dtype: str) -> str:
    """Return the text that gives these bits: decimal where one does, else hexadecimal."""
    text = _decimal(bits, dtype)
    return text if text is not None else f"{bits:#x}"


def _decimal(bits: int, dtype: str) -> str | None:
    if dtype in FORMATS:
        form = FORMATS[dtype]
        return float_text(bits, form) if bits >> form.width == 0 else None
    low, high = integer_range(dtype)
    width = 8 * ELEMENT_BYTES[dtype]
    value = bits - (1 << width) if bits > high and low < 0 else bits
    return str(value) if low <= value <= high and bits >> width == 0 else None
