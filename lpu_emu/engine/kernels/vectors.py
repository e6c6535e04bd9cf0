"""Words of LLVM's language that the code generators of this package share."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.np.arrayobj import make_array

Value = Any

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def load(builder: ir.IRBuilder, address: Value, vector: ir.Type) -> Value:
    """Load a value of a type from an address, aligned or not."""
    return builder.load(builder.inttoptr(address, ir.PointerType(vector)), align=1)


def splat(builder: ir.IRBuilder, value: Value, count: int) -> Value:
    """Return a vector that holds a value ``count`` times."""
    vector = ir.VectorType(value.type, count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, count), None))


def address(context: Any, builder: ir.IRBuilder, array_type: Any, array: Value, index: Value) -> Value:
    """Return the address of an element of a contiguous array, by its flat index."""
    data = make_array(array_type)(context, builder, array).data  # type: ignore[no-untyped-call]
    size = ir.Constant(I64, array_type.dtype.bitwidth // 8)
    return builder.add(builder.ptrtoint(data, I64), builder.mul(index, size))
