"""Numbers that kernels know operations and types by: opcodes and type codes of the instruction set."""

from __future__ import annotations

from lpu_emu.engine._jit import inner
from lpu_emu.spec.isa import load_isa

_isa = load_isa()

OPCODES: dict[str, int] = {name: i.opcode for name, i in _isa.instructions.items() if i.unit == "vxm"}
TYPES: dict[str, int] = {name: code for code, name in enumerate(_isa.kinds["dtype"].values)}

INT8, UINT8, INT16, INT32 = (TYPES[name] for name in ("int8", "uint8", "int16", "int32"))
FP16, FP32, BF16, FP8 = (TYPES[name] for name in ("fp16", "fp32", "bf16", "fp8"))

# What a kernel returns.
DONE = 0
UNSUPPORTED = 1

_FLOATS = sum(1 << code for code in (FP16, FP32, BF16, FP8))
_BYTES = {INT8: 1, UINT8: 1, INT16: 2, INT32: 4, FP16: 2, FP32: 4, BF16: 2, FP8: 1}
_PACKED_BYTES = sum(size << 4 * code for code, size in _BYTES.items())

# For which outcomes a comparison gives 1: bit 0 less, bit 1 equal, bit 2 greater, bit 3 a NaN.
_HOLDS = {"eq": 0b0010, "ne": 0b1101, "gt": 0b0100, "ge": 0b0110, "lt": 0b0001, "le": 0b0011}
_FIRST_COMPARISON = min(OPCODES[name] for name in _HOLDS)
_PACKED_HOLDS = sum(bits << 4 * (OPCODES[name] - _FIRST_COMPARISON) for name, bits in _HOLDS.items())


@inner
def is_float(dtype: int) -> int:
    """Return 1 for the float types."""
    return (_FLOATS >> dtype) & 1


@inner
def element_bytes(dtype: int) -> int:
    """Return the size of an element of a type."""
    return (_PACKED_BYTES >> (4 * dtype)) & 15


@inner
def comparison_holds(op: int) -> int:
    """Return for which outcomes a comparison gives 1 (bits: less, equal, greater, NaN); 0 for other opcodes."""
    place = op - _FIRST_COMPARISON
    return (_PACKED_HOLDS >> (4 * place)) & 15 if 0 <= place < 15 else 0
