"""Numbers that kernels know operations and types by: opcodes and type codes of the instruction set."""

from __future__ import annotations

from lpu_emu.spec.isa import load_isa

_isa = load_isa()

OPCODES: dict[str, int] = {name: i.opcode for name, i in _isa.instructions.items() if i.unit == "vxm"}
TYPES: dict[str, int] = {name: code for code, name in enumerate(_isa.kinds["dtype"].values)}

INT8, UINT8, INT16, INT32 = (TYPES[name] for name in ("int8", "uint8", "int16", "int32"))
FP16, FP32, BF16, FP8 = (TYPES[name] for name in ("fp16", "fp32", "bf16", "fp8"))

# What a kernel returns.
DONE = 0
UNSUPPORTED = 1
