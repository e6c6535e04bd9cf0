"""Decimal numbers to floating-point bits, rounded once and exactly, and back to the shortest decimal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST_TEXT = 400
LARGEST_WHOLE = 10**6
LARGEST_EXPONENT = 5000  # decimal; beyond it every type overflows or gives zero
_DECIMAL = re.compile(r"([+-]?)(\d+(?:\.\d*)?)(?:[eE]([+-]?\d+))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class FloatFormat:
    """A binary format; ``finite`` means that it has no infinity and one NaN, all bits set."""

    exponent_bits: int
    fraction_bits: int
    finite: bool = False

    @property
    def width(self) -> int:
        """Bits of the format."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def minimum_exponent(self) -> int:
        """Exponent of the smallest normal number."""
        return 2 - (1 << (self.exponent_bits - 1))

    @property
    def infinity(self) -> int:
        """Bits of the first magnitude that is no finite number."""
        top = 1 << (self.exponent_bits + self.fraction_bits)
        return top - 1 if self.finite else top - (1 << self.fraction_bits)

    @property
    def nan(self) -> int:
        """Bits of the quiet NaN."""
        return self.infinity if self.finite else self.infinity | (1 << (self.fraction_bits - 1))


FORMATS = {
    "fp16": FloatFormat(exponent_bits=5, fraction_bits=10),
    "fp32": FloatFormat(exponent_bits=8, fraction_bits=23),
    "bf16": FloatFormat(exponent_bits=8, fraction_bits=7),
    "fp8": FloatFormat(exponent_bits=4, fraction_bits=3, finite=True),
}


def float_bits(text: str, form: FloatFormat) -> int | None:
    """Return the bits of a decimal number, ``inf`` or ``nan``; None if it is none of these or has no place.

    A number that rounds beyond the largest finite one has no place: infinity has to be asked for.
    """
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    sign = (text[:1] == "-") << (form.width - 1)
    if unsigned == "nan":
        return form.nan if unsigned == text else None
    if unsigned == "inf":
        return None if form.finite else sign | form.infinity
    match = _DECIMAL.fullmatch(text)
    if len(text) > LONGEST_TEXT or match is None:
        return None
    magnitude = _round(*_ratio(match.group(2), int(match.group(3) or 0)), form)
    return sign | magnitude if magnitude < form.infinity else None


def is_number(text: str) -> bool:
    """Whether a text is a decimal number or an infinity, whatever the format."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    return unsigned == "inf" or (len(text) <= LONGEST_TEXT and _DECIMAL.fullmatch(text) is not None)


def _ratio(digits: str, exponent: int) -> tuple[int, int]:
    """Return a decimal number as numerator and denominator."""
    whole, _, fraction = digits.partition(".")
    power = max(-LARGEST_EXPONENT, min(exponent, LARGEST_EXPONENT)) - len(fraction)
    number = int(whole + fraction)
    return (number * 10**power, 1) if power >= 0 else (number, 10**-power)


def _round(numerator: int, denominator: int, form: FloatFormat) -> int:
    """Return the bits of a magnitude, rounded to nearest, ties to even; may lie beyond the largest."""
    if not numerator:
        return 0
    exponent = numerator.bit_length() - denominator.bit_length()
    if _scaled(numerator, -exponent) < _scaled(denominator, exponent):
        exponent -= 1
    exponent = max(exponent, form.minimum_exponent)
    shift = form.fraction_bits - exponent
    divisor = _scaled(denominator, -shift)
    fraction, rest = divmod(_scaled(numerator, shift), divisor)
    if 2 * rest + (fraction & 1) > divisor:
        fraction += 1
    return ((exponent - form.minimum_exponent) << form.fraction_bits) + fraction


def _scaled(number: int, shift: int) -> int:
    """Return a number times two to a power; a negative power is left to the other side of the ratio."""
    return number << shift if shift > 0 else number


@lru_cache(maxsize=65536)
def float_text(bits: int, form: FloatFormat) -> str | None:
    """Return a decimal that gives these bits, ``inf`` or ``nan``; None for other NaNs.

    Whole numbers below a million are written as they are, all others with as few digits as they need.
    """
    magnitude = bits & ((1 << (form.width - 1)) - 1)
    sign = "-" if bits != magnitude else ""
    if bits == form.nan:
        return "nan"
    if magnitude >= form.infinity:
        return None if magnitude > form.infinity or form.finite else f"{sign}inf"
    value = _value(magnitude, form)
    if value.is_integer() and value < LARGEST_WHOLE:
        return f"{sign}{int(value)}"
    for digits in range(1, 18):
        text = f"{sign}{value:.{digits}g}"
        if float_bits(text, form) == bits:
            return text
    raise AssertionError(f"no decimal for {bits:#x}")


def _value(magnitude: int, form: FloatFormat) -> float:
    field = magnitude >> form.fraction_bits
    fraction = magnitude & ((1 << form.fraction_bits) - 1)
    if field:
        fraction |= 1 << form.fraction_bits
    return float(fraction) * 2.0 ** (max(field, 1) - 1 + form.minimum_exponent - form.fraction_bits)
