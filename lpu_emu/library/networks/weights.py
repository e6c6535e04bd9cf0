"""Seeded values for the parameters of a network, each drawn from its own generator."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_CHANNEL_SPREAD = 0.25


def kernel(name: str, shape: Sequence[int], seed: int) -> Floats:
    """Return weights [outputs, inputs, ..] after He: deviation sqrt(2 / inputs of one output).

    Output channels differ in scale by about a quarter, as those of trained networks do.
    """
    generator = generator_of(name, seed)
    values = generator.standard_normal(size=tuple(shape), dtype=np.float32)
    spread = generator.lognormal(0.0, _CHANNEL_SPREAD, size=(shape[0], *(1,) * (len(shape) - 1)))
    values *= (spread * np.sqrt(2.0 / prod(shape[1:]))).astype(np.float32)
    return values


def gains(name: str, channels: int, seed: int, *, mean: float = 1.0) -> Floats:
    """Return the scale of a normalisation: uniform within half of ``mean`` around it."""
    return generator_of(name, seed).uniform(0.5 * mean, 1.5 * mean, size=channels).astype(np.float32)


def shifts(name: str, channels: int, seed: int) -> Floats:
    """Return the shift of a normalisation: mean 0, deviation 0.2."""
    return generator_of(name, seed).normal(0.0, 0.2, size=channels).astype(np.float32)


def generator_of(name: str, seed: int) -> np.random.Generator:
    """Return the generator of one tensor: other tensors may come and go without changing it."""
    return np.random.default_rng([seed, crc32(name.encode())])
