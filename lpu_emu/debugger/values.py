"""Bytes of lanes as numbers, and numbers as one line of text."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

TYPES: dict[str, Any] = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "fp16": np.float16,
    "fp32": np.float32,
    "bf16": ml_dtypes.bfloat16,
    "fp8": ml_dtypes.float8_e4m3fn,
}
SHOWN_LANES = 8


def width_of(dtype: str) -> int:
    """Return the bytes of a type, which is the streams that one value takes."""
    return int(np.dtype(TYPES[dtype]).itemsize)


def as_values(planes: NDArray[np.uint8], dtype: str) -> NDArray[Any]:
    """Return bytes uint8 [byte plane, lanes], low byte first, as values [lanes] of a type."""
    values: NDArray[Any] = np.ascontiguousarray(planes.T).view(TYPES[dtype])[:, 0]
    return values


def lanes_text(values: NDArray[Any], first: int = 0, count: int = SHOWN_LANES) -> str:
    """Return some lanes and the range of all: ``1 2 3 … (320 lanes, 0 to 7)``."""
    shown = values[first : first + count]
    text = " ".join(_number(value) for value in shown)
    return f"{text}{' …' if first + count < len(values) else ''}  ({_range(values)})"


def _number(value: Any) -> str:
    return str(int(value)) if np.issubdtype(type(value), np.integer) else f"{float(value):.5g}"


def _range(values: NDArray[Any]) -> str:
    whole = values.astype(np.float64)
    finite = whole[np.isfinite(whole)]
    if not len(finite):
        return f"{len(values)} lanes, none finite"
    odd = len(whole) - len(finite)
    low, high = (_number(values.dtype.type(edge)) for edge in (finite.min(), finite.max()))
    return f"{len(values)} lanes, {low} to {high}{f', {odd} not finite' if odd else ''}"


def plain(values: NDArray[Any]) -> list[int | float]:
    """Return values as Python numbers, for JSON."""
    if np.issubdtype(values.dtype, np.integer):
        return [int(v) for v in values]
    return [float(v) for v in values.astype(np.float64)]
