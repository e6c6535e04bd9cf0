"""Bit patterns of single values, half-precision conversion, and scratch arrays on the stack.

Patterns are signed integers, so that compiled code and plain Python promote them alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.np.arrayobj import make_array, populate_array
from numpy.typing import NDArray

from lpu_emu.engine._jit import PLAIN, inner, target, with_twin

Array = NDArray[Any]

# Python calls these numbers int and float; compiled code needs their width. A literal argument would make Numba
# compile a function anew for this value: ``whole(0)`` does not.
whole: Callable[[int], int] = cast(Any, np.int64)
byte: Callable[[int], int] = cast(Any, np.int8)
word: Callable[[int], int] = cast(Any, np.int32)
single: Callable[[float], float] = cast(Any, np.float32)

_I16, _I32 = ir.IntType(16), ir.IntType(32)


def _reinterpret(source: Any, result: Any, ir_type: ir.Type) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir_type)

    return result(source), generate


@with_twin(lambda value: np.float32(value).view(np.int32))
def float_bits(context: Any, value: Any) -> Any:
    """Return the pattern of a float32 as int32."""
    return _reinterpret(types.float32, types.int32, _I32)


@with_twin(lambda value: np.int32(value).view(np.float32))
def bits_float(context: Any, value: Any) -> Any:
    """Return the float32 with the pattern of an int32."""
    return _reinterpret(types.int32, types.float32, ir.FloatType())


@with_twin(lambda value: np.float64(value).view(np.int64))
def double_bits(context: Any, value: Any) -> Any:
    """Return the pattern of a float64 as int64."""
    return _reinterpret(types.float64, types.int64, ir.IntType(64))


@with_twin(lambda value: np.int64(value).view(np.float64))
def bits_double(context: Any, value: Any) -> Any:
    """Return the float64 with the pattern of an int64."""
    return _reinterpret(types.int64, types.float64, ir.DoubleType())


@with_twin(lambda value: np.float32(np.int16(value).view(np.float16)))
def _half_to_float_by_hardware(context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.int16), generate


@with_twin(lambda value: np.float16(value).view(np.int16))
def _float_to_half_by_hardware(context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.fptrunc(args[0], ir.HalfType()), _I16)

    return types.int16(types.float32), generate


@inner
def half_to_float_by_bits(value: Any) -> Any:
    """Return the float32 value of an fp16 pattern (int16), by integer operations."""
    magnitude = np.int32(value) & np.int32(0x7FFF)
    sign = (np.int32(value) & np.int32(-0x8000)) << np.int32(16)
    offset = np.int32(0x70000000) if magnitude >= 0x7C00 else np.int32(0x38000000)
    normal = np.int32((magnitude << np.int32(13)) + offset)
    subnormal = float_bits(np.float32(magnitude) * np.float32(2.0**-24))
    return bits_float(np.int32((subnormal if magnitude < 0x400 else normal) | sign))


@inner
def float_to_half_by_bits(value: Any) -> Any:
    """Return the fp16 pattern (int16) of a float32 rounded to nearest even, by integer operations."""
    bits = float_bits(value)
    magnitude = np.int32(bits & np.int32(0x7FFFFFFF))
    limited = np.int32(min(magnitude, np.int32(0x47800000)))  # 65536: infinity in fp16
    odd = (limited >> np.int32(13)) & np.int32(1)
    normal = np.int32(((limited + np.int32(0xFFF) + odd) >> np.int32(13)) - np.int32(0x1C000))
    # The float32 sum with 0.5 has the quantum of fp16 subnormals: its low bits count them.
    counted = float_bits(
        np.float32(bits_float(np.int32(min(magnitude, np.int32(0x38800000)))) + np.float32(0.5))
    )
    small = np.int32(counted - np.int32(0x3F000000))
    found = small if magnitude < 0x38800000 else normal
    found = np.int32(0x7E00) if magnitude > 0x7F800000 else found
    return np.int16(found | ((bits >> np.int32(16)) & np.int32(-0x8000)))


def converts_halves(triple: str, features: frozenset[str]) -> bool:
    """Return whether the target converts fp16 itself; where not, LLVM would call what the JIT lacks."""
    return "f16c" in features or triple.startswith(("aarch64", "arm64"))


_by_hardware = PLAIN or converts_halves(target()[0], target()[2])
half_to_float = _half_to_float_by_hardware if _by_hardware else half_to_float_by_bits
float_to_half = _float_to_half_by_hardware if _by_hardware else float_to_half_by_bits


@with_twin(lambda size: np.empty(size, np.uint8))
def stack_bytes(context: Any, size: Any) -> Any:
    """Return an uninitialised ``uint8[size]`` on the stack of the calling function; size is a constant."""
    if not isinstance(size, types.IntegerLiteral):
        return None
    result = types.Array(types.uint8, 1, "C")
    count = size.literal_value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # Not cgutils.alloca_once: it clears the block, byte by byte in the eyes of LLVM, which takes seconds.
        with builder.goto_entry_block():
            block = builder.alloca(ir.ArrayType(ir.IntType(8), count))
        block.align = 64
        array = make_array(result)(context, builder)  # type: ignore[no-untyped-call]
        length = context.get_constant(types.intp, count)
        populate_array(  # type: ignore[no-untyped-call]
            array,
            data=builder.bitcast(block, array.data.type),
            shape=[length],
            strides=[context.get_constant(types.intp, 1)],
            itemsize=context.get_constant(types.intp, 1),
            meminfo=None,
        )
        return array._getvalue()

    return result(size), generate
