"""A GPU: the numbers of one, each with where it comes from, as chip files have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lpu_emu.errors import SpecError
from lpu_emu.gpu import facts as files

DTYPE_BYTES: Mapping[str, float] = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1, "int8": 1, "fp4": 0.5}
_TENSOR = {"bf16": "fp16", "fp16": "fp16", "fp8": "fp8", "int8": "fp8", "fp4": "fp4"}


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile of a result: rows M, columns N."""

    m: int
    n: int


@dataclass(frozen=True, kw_only=True)
class Gpu(files.Described):
    """All facts of a GPU by dotted key (``"hbm.rate"``)."""

    @property
    def sms(self) -> int:
        """Streaming multiprocessors."""
        return int(self["sm.count"])

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """Tile shapes of matrix products."""
        numbers = self["tensor.tiles"]
        return tuple(Tile(m=m, n=n) for m, n in zip(numbers[::2], numbers[1::2], strict=True))

    @property
    def memory_rate(self) -> float:
        """Bytes a second that long reads reach."""
        return float(self["hbm.rate"] * self["hbm.efficiency"])

    def flops(self, dtype: str) -> float:
        """Return the rate of products that a full wave reaches, FLOP/s.

        Raises:
            SpecError: the GPU multiplies no such type.
        """
        if not self.multiplies(dtype):
            known = ", ".join(t for t in _TENSOR if self.multiplies(t))
            raise SpecError([f"{self.name} multiplies no {dtype}; types: {known}"])
        return float(self[f"tensor.{_TENSOR[dtype]}_flops"] * self["tensor.efficiency"])

    def multiplies(self, dtype: str) -> bool:
        """Whether there are tensor cores for a type."""
        return dtype in _TENSOR and bool(self[f"tensor.{_TENSOR[dtype]}_flops"])


def gpu_names() -> list[str]:
    """Return the names of the GPUs that ship with the package, sorted."""
    return files.names("gpu")


@lru_cache(maxsize=16)
def load_gpu(name_or_path: str | Path) -> Gpu:
    """Load a bundled GPU by name, or a GPU file by path (anything with a ``.toml`` ending).

    Raises:
        SpecError: no such GPU, or the file breaks a rule; every finding is listed.
    """
    name, title, facts = files.facts_of("gpu", name_or_path)
    return Gpu(name=name, title=title, facts=facts)


def with_values(gpu: Gpu, values: Mapping[str, Any]) -> Gpu:
    """Return a GPU with other values for some dotted keys, which become choices.

    Raises:
        SpecError: the GPU has no such key.
    """
    facts = files.changed(gpu.facts, values, f"GPU {gpu.name}")
    return Gpu(name=gpu.name, title=gpu.title, facts=facts)
