"""Matrix products.

An ordered product sums in float64 in ascending k and rounds once: the same bits on every machine. An
unordered one uses the host's matrix library in float32, which is faster and may differ in the last bit.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, kernel


def dot(a: Array, b: Array, *, ordered: bool) -> Array:
    """Return ``a @ b`` with NumPy's broadcasting, in the type of ``a``; integers wrap as in C."""
    if a.dtype.kind in "iu":
        return np.asarray(np.matmul(a, b))
    if not ordered:
        wide = np.float64 if a.dtype == np.float64 else np.float32
        return np.asarray(np.matmul(a.astype(wide), b.astype(wide))).astype(a.dtype)
    return np.asarray(ordered_dot(a.astype(np.float64), b.astype(np.float64)).astype(a.dtype))


def ordered_dot(a: Array, b: Array) -> Array:
    """Return ``a @ b`` of float64 arrays, summed in ascending k. Vectors are as for ``numpy.matmul``."""
    left = a[np.newaxis, :] if a.ndim == 1 else a
    right = b[:, np.newaxis] if b.ndim == 1 else b
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(f"inner dimensions {left.shape[-1]} and {right.shape[-2]} differ")
    total = np.zeros((*batch, left.shape[-2], right.shape[-1]))
    for k in range(left.shape[-1]):
        total += left[..., :, k, np.newaxis] * right[..., k, np.newaxis, :]
    if a.ndim == 1:
        total = total[..., 0, :]
    return total[..., 0] if b.ndim == 1 else total


def exact_dot(a: Array, b: Array) -> Array:
    """Return the int32 product of 8-bit (zero-point corrected) integers, wrapping as in C."""
    wide: Array = np.matmul(a.astype(np.float64), b.astype(np.float64))
    return wide.astype(np.int64).astype(np.int32)


@kernel("MatMul")
def mat_mul(call: Call) -> list[Array]:
    """The matrix product of two tensors."""
    return [np.asarray(dot(call.need(0), call.need(1), ordered=call.ordered))]


@kernel("Gemm")
def gemm(call: Call) -> list[Array]:
    """alpha * A @ B + beta * C with optional transposes."""
    a, b, c = call.need(0), call.need(1), call.optional(2)
    a = a.T if call.node.int_attribute("transA", 0) else a
    b = b.T if call.node.int_attribute("transB", 0) else b
    alpha, beta = (np.asarray(call.node.float_attribute(name, 1.0)) for name in ("alpha", "beta"))
    result = np.asarray(dot(a, b, ordered=call.ordered))
    if alpha != 1:
        result = result * alpha.astype(result.dtype)
    if c is not None:
        result = result + (c if beta == 1 else c * beta.astype(c.dtype))
    return [result.astype(a.dtype)]


@kernel("Einsum")
def einsum(call: Call) -> list[Array]:
    """A sum over named indices, in float64 and rounded once."""
    tensors = call.present()
    wide = [x if x.dtype.kind in "iu" else x.astype(np.float64) for x in tensors]
    equation = call.node.text_attribute("equation", "").replace(" ", "")
    return [np.asarray(np.einsum(equation, *wide)).astype(tensors[0].dtype)]


@kernel("MatMulInteger")
def mat_mul_integer(call: Call) -> list[Array]:
    """The exact int32 product of 8-bit integers less their zero points."""
    a, b = call.need(0), call.need(1)
    return [exact_dot(centred(a, call.optional(2), -2), centred(b, call.optional(3), -1))]


def centred(x: Array, zero_point: Array | None, axis: int) -> Array:
    """Return x less its zero point as int32; a vector of zero points runs along ``axis``."""
    wide = x.astype(np.int32)
    if zero_point is None:
        return wide
    offset = zero_point.astype(np.int32)
    if offset.ndim == 1 and offset.size > 1:
        shape = [1] * x.ndim
        shape[axis] = offset.size
        offset = offset.reshape(shape)
    elif offset.size == 1:
        offset = offset.reshape(())
    return wide - offset
