"""The element types of tensors: codes of the ONNX standard and their NumPy types."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from lpu_emu.graph.ir import DType

# TensorProto.DataType of the ONNX standard.
_TYPES: dict[int, DType] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    3: np.dtype(np.int8),
    4: np.dtype(np.uint16),
    5: np.dtype(np.int16),
    6: np.dtype(np.int32),
    7: np.dtype(np.int64),
    9: np.dtype(np.bool_),
    10: np.dtype(np.float16),
    11: np.dtype(np.float64),
    12: np.dtype(np.uint32),
    13: np.dtype(np.uint64),
    16: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype(ml_dtypes.float8_e4m3fn),
    19: np.dtype(ml_dtypes.float8_e5m2),
    21: np.dtype(ml_dtypes.uint4),
    22: np.dtype(ml_dtypes.int4),
}
_CODES: dict[DType, int] = {dtype: code for code, dtype in _TYPES.items()}
_NARROW_INTEGERS: dict[str, tuple[int, int]] = {"int4": (-8, 7), "uint4": (0, 15)}


def dtype_of_code(code: int) -> DType | None:
    """Return the NumPy type of an ONNX element type, None when this package does not know it."""
    return _TYPES.get(code)


def code_of_dtype(dtype: DType) -> int:
    """Return the ONNX code of an element type; raises KeyError when there is none."""
    return _CODES[dtype]


def integer_range(dtype: DType) -> tuple[int, int] | None:
    """Return the smallest and largest value of an integer type, None for other types."""
    if dtype.name in _NARROW_INTEGERS:
        return _NARROW_INTEGERS[dtype.name]
    if dtype.kind not in "iu":
        return None
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def is_float(dtype: DType) -> bool:
    """Say whether the elements are floating-point numbers, of 8 to 64 bits."""
    return dtype.kind not in "iub" and dtype.name not in _NARROW_INTEGERS


def known_types() -> str:
    """Return the names of all element types, for messages."""
    return ", ".join(dtype.name for dtype in _TYPES.values())
