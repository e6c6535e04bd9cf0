"""One small NumPy function per operator, by operator type; importing this registers them all."""

from __future__ import annotations

from lpu_emu.graph.numpy_ops import (
    convolution,
    elementwise,
    indexing,
    layout,
    linear,
    normalize,
    pooling,
    quantize,
    reduce,
    resize,
    shapes,
)
from lpu_emu.graph.numpy_ops.registry import KERNELS, Call, NotEvaluatedError

__all__ = [
    "KERNELS",
    "Call",
    "NotEvaluatedError",
    "convolution",
    "elementwise",
    "indexing",
    "layout",
    "linear",
    "normalize",
    "pooling",
    "quantize",
    "reduce",
    "resize",
    "shapes",
]
