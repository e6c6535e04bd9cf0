"""Models in the QDQ form that quantisers write: int8 or uint8, zero points zero, weights with scales per channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.models import ModelMaker


class QuantisedMaker(ModelMaker):
    """A maker that knows the scale of every dequantised tensor."""

    def __init__(self, rng: np.random.Generator, name: str = "quantised") -> None:
        super().__init__(name)
        self._rng = rng
        self._count = 0
        self._scales: dict[str, float] = {}

    def new(self, value: Any) -> str:
        self._count += 1
        return self.constant(f"k{self._count}", value)

    def shape_of(self, tensor: str) -> tuple[int, ...]:
        return self._values[tensor].shape

    def qdq(self, x: str, scale: float, dtype: Any = np.int8) -> str:
        """Quantise and dequantise a tensor."""
        self._count += 1
        number = self._count
        named, zero = self.new(np.float32(scale)), self.new(dtype(0))
        q = self.node("QuantizeLinear", [x, named, zero], f"q{number}")
        d = self.node("DequantizeLinear", [q, named, zero], f"d{number}")
        self._scales[d] = float(np.float32(scale))
        return d

    def dequantised(self, values: NDArray[Any], scale: Any, axis: int = 0) -> str:
        self._count += 1
        scale = np.asarray(scale, dtype=np.float32)
        zero = np.zeros(scale.shape, values.dtype)
        inputs = [self.new(values), self.new(scale), self.new(zero)]
        return self.node("DequantizeLinear", inputs, f"w{self._count}", axis=axis)

    def conv(
        self,
        x: str,
        shape: tuple[int, ...],
        output: str,
        *,
        op_type: str = "Conv",
        per_channel: bool = True,
        **attributes: Any,
    ) -> str:
        """Add a convolution with random int8 weights and int32 bias."""
        transposed = op_type == "ConvTranspose"
        outputs = shape[1] * attributes.get("group", 1) if transposed else shape[0]
        scales = self._rng.uniform(0.002, 0.01, shape[1] if transposed else outputs).astype(np.float32)
        scales = scales if per_channel else scales[:1].reshape(())
        weights = self._rng.integers(-127, 128, shape).astype(np.int8)
        w = self.dequantised(weights, scales, axis=1 if transposed else 0)
        each = np.tile(scales, outputs // scales.size) if scales.size > 1 else scales
        bias = self._rng.integers(-2000, 2000, outputs).astype(np.int32)
        b = self.dequantised(bias, (each * np.float32(self._scales[x])).astype(np.float32))
        return self.node(op_type, [x, w, b], output, **attributes)
