"""Racks of GPUs or LPUs, and a site made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from lpu_emu.errors import UsageError, did_you_mean
from lpu_emu.gpu import facts as files
from lpu_emu.gpu.spec import Gpu, load_gpu, with_values

# What can be made quicker or slower: a factor on its time. Halving each in turn finds the bottleneck.
KNOBS: Mapping[str, str] = {
    "gpu.launch": "start and end of GPU kernels",
    "gpu.memory": "GPU memory",
    "gpu.tensor": "GPU tensor cores",
    "gpu.link": "NVLink between GPUs",
    "ethernet.latency": "latency of Ethernet between GPUs and LPUs",
    "ethernet.rate": "rate of Ethernet between GPUs and LPUs",
    "lpu.cycles": "cycles of LPU programs",
    "lpu.hop": "latency between LPUs",
    "lpu.wire": "rate between LPUs",
}
_GPU_KEYS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "gpu.launch": (("launch.seconds", 1), ("launch.ramp_seconds", 1)),
    "gpu.memory": (("hbm.rate", -1), ("l2.rate", -1)),
    "gpu.tensor": (("tensor.fp16_flops", -1), ("tensor.fp8_flops", -1), ("tensor.fp4_flops", -1)),
    "gpu.link": (("link.latency_seconds", 1), ("link.rate", -1)),
}


@dataclass(frozen=True, kw_only=True)
class Rack(files.Described):
    """All facts of a rack by dotted key."""

    @property
    def sram_bytes(self) -> float:
        """SRAM of all LPUs."""
        return float(self["rack.lpus"] * self["lpu.sram_bytes"])


def rack_names() -> list[str]:
    """Return the names of the racks that ship with the package, sorted."""
    return files.names("rack")


@lru_cache(maxsize=16)
def load_rack(name_or_path: str | Path) -> Rack:
    """Load a bundled rack by name, or a rack file by path (anything with a ``.toml`` ending).

    Raises:
        SpecError: no such rack, or the file breaks a rule; every finding is listed.
    """
    name, title, facts = files.facts_of("rack", name_or_path)
    return Rack(name=name, title=title, facts=facts)


@dataclass(frozen=True, kw_only=True)
class Site:
    """``gpu_racks`` of one kind beside ``lpu_racks`` of another (or none), with factors on times (:data:`KNOBS`)."""

    gpu_rack: Rack
    gpu_racks: int = 1
    lpu_rack: Rack | None = None
    lpu_racks: int = 0
    knobs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.knobs:
            if name not in KNOBS:
                raise UsageError(f"no knob {name!r}; knobs: {', '.join(KNOBS)}{did_you_mean(name, KNOBS)}")

    @property
    def gpus(self) -> int:
        """GPUs of all racks."""
        return int(self.gpu_rack["rack.gpus"]) * self.gpu_racks

    @property
    def lpus(self) -> int:
        """LPUs of all racks."""
        return int(self.lpu_rack["rack.lpus"]) * self.lpu_racks if self.lpu_rack else 0

    @property
    def gpu(self) -> Gpu:
        """The GPU, with the factors of the site."""
        gpu = load_gpu(self.gpu_rack["gpu.name"])
        changes = {
            key: gpu[key] * self.knob(knob) ** power
            for knob, keys in _GPU_KEYS.items()
            if self.knob(knob) != 1
            for key, power in keys
        }
        return with_values(gpu, changes) if changes else gpu

    def knob(self, name: str) -> float:
        """Return a factor."""
        return self.knobs.get(name, 1.0)

    def turned(self, name: str, factor: float) -> Site:
        """Return the site with one more factor."""
        return replace(self, knobs={**self.knobs, name: self.knob(name) * factor})

    def watts(self, which: str = "watts") -> float:
        """Return the power of all racks; ``which``: ``"watts"``, ``"watts_low"`` or ``"watts_high"``."""
        power = float(self.gpu_rack[f"rack.{which}"] * self.gpu_racks)
        return power + (self.lpu_rack[f"rack.{which}"] * self.lpu_racks if self.lpu_rack else 0.0)
