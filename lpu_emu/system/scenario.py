"""Scenario files: a model, a workload, the racks, how they work together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpu_emu import _resources
from lpu_emu.errors import InputError, UsageError, did_you_mean
from lpu_emu.gpu.models import Model, load_model
from lpu_emu.gpu.spec import DTYPE_BYTES
from lpu_emu.spec.isa import read_toml
from lpu_emu.system.racks import Rack, Site, load_rack

MODES: Mapping[str, str] = {
    "gpu": "everything on GPUs",
    "afd": "attention and cache on GPUs, feed-forward layers and experts on LPUs",
    "decode": "prefill on GPUs, the whole decode step on LPUs",
    "draft": "a small drafter on LPUs, verification on GPUs",
}
CROSSINGS = ("layer", "full")
_KEYS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "": {"name": str, "title": str, "mode": str, "model": str},
    "workload": {"context": int, "prompt": int, "target": (int, float), "batches": list},
    "site": {"gpu_rack": str, "gpu_racks": int, "lpu_rack": str, "lpu_racks": int},
    "precision": {"multiply": str, "weights": str, "cache": str},
    "speculation": {"drafts": int, "acceptance": (int, float), "drafter": str},
    "split": {"crossings": str, "micro_batches": list, "ethernet_s": (int, float)},
}
_NEEDED = {"": ("name", "title", "mode", "model"), "workload": ("context", "target"), "site": ("gpu_rack",)}
_BATCHES = tuple(2**i for i in range(15))


@dataclass(frozen=True, kw_only=True)
class Speculation:
    """``drafts`` tokens are guessed per step, each right with probability ``acceptance``; ``drafter`` names a model.

    Without a drafter the model guesses itself, at the price of one of its layers and its logits per token.
    """

    drafts: int = 0
    acceptance: float = 0.0
    drafter: str = ""

    @property
    def tokens(self) -> float:
        """Tokens that a step is expected to give."""
        if self.acceptance >= 1:
            return float(self.drafts + 1)
        return (1 - self.acceptance ** (self.drafts + 1)) / (1 - self.acceptance)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a rack report is asked for. ``prompt`` are new tokens of a turn, on top of which ``context`` is in the cache."""

    name: str
    title: str
    mode: str
    model: Model
    context: int
    target: float
    site: Site
    prompt: int = 4096
    batches: tuple[int, ...] = _BATCHES
    multiply: str = "fp8"
    weights: str = "fp8"
    cache: str = "fp8"
    speculation: Speculation = field(default_factory=Speculation)
    crossings: str = "layer"
    micro_batches: tuple[int, ...] = (1, 2, 3)
    ethernet_s: float = 0.0

    def __post_init__(self) -> None:
        found = list(_problems(self))
        if found:
            raise UsageError("\n".join(f"scenario {self.name}: {finding}" for finding in found))

    @property
    def network_s(self) -> float:
        """One way between a GPU and an LPU."""
        rack = self.site.lpu_rack or self.site.gpu_rack
        own = self.ethernet_s or float(rack["network.latency_seconds"])
        return own * self.site.knob("ethernet.latency")

    def at(self, site: Site) -> Scenario:
        """Return the scenario on another site."""
        return replace(self, site=site)


def _problems(scenario: Scenario) -> Any:
    if scenario.mode not in MODES:
        yield f"mode {scenario.mode!r} is none of {', '.join(MODES)}{did_you_mean(scenario.mode, MODES)}"
    for name in ("multiply", "weights", "cache"):
        if getattr(scenario, name) not in DTYPE_BYTES:
            yield f"precision.{name} {getattr(scenario, name)!r} is none of {', '.join(DTYPE_BYTES)}"
    if scenario.crossings not in CROSSINGS:
        yield f"split.crossings {scenario.crossings!r} is none of {', '.join(CROSSINGS)}"
    if scenario.mode != "gpu" and not scenario.site.lpus:
        yield f"mode {scenario.mode} needs LPUs: set site.lpu_rack and site.lpu_racks"
    if scenario.site.gpus < 1:
        yield "site.gpu_rack has no GPUs"
    if not 0 <= scenario.speculation.acceptance <= 1 or scenario.speculation.drafts < 0:
        yield "speculation: drafts are at least 0 and acceptance lies between 0 and 1"
    if scenario.mode == "draft" and not (scenario.speculation.drafts and scenario.speculation.drafter):
        yield "mode draft needs speculation.drafts and speculation.drafter"
    if (
        min(scenario.context, scenario.prompt, scenario.target, *scenario.batches, *scenario.micro_batches)
        <= 0
    ):
        yield "context, prompt, target, batches and micro_batches are above 0"


def scenario_names() -> list[str]:
    """Return the names of the scenarios that ship with the package, sorted."""
    return sorted(path.stem for path in (_resources.isa_folder() / "scenarios").glob("*.toml"))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Load a bundled scenario by name, or a file by path (anything with a ``.toml`` ending).

    Raises:
        InputError: there is no such scenario or file.
        SpecError: the file is no TOML, or names a model or rack that does not exist.
        UsageError: entries are missing, unknown, of the wrong type, or contradict each other; all are listed.
    """
    text, known = str(name_or_path), scenario_names()
    if text.endswith(".toml"):
        path = Path(text)
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    elif text in known:
        path = _resources.isa_folder() / "scenarios" / f"{text}.toml"
    else:
        raise InputError(f"no scenario {text!r}; known: {', '.join(known)}{did_you_mean(text, known)}")
    return scenario_of(read_toml(path), where=str(path))


def scenario_of(table: Mapping[str, Any], *, where: str) -> Scenario:
    """Build a scenario from a parsed file. Raises as :func:`load_scenario` does."""
    if found := list(_findings(table)):
        raise UsageError("\n".join(f"{where}: {finding}" for finding in found))
    more: dict[str, Any] = {**table["workload"], **table.get("precision", {}), **table.get("split", {})}
    more |= {name: tuple(more[name]) for name in ("batches", "micro_batches") if name in more}
    return Scenario(
        name=table["name"],
        title=table["title"],
        mode=table["mode"],
        model=load_model(table["model"]),
        site=_site(table["site"]),
        speculation=Speculation(**table.get("speculation", {})),
        **more,
    )


def _site(entries: Mapping[str, Any]) -> Site:
    lpu: Rack | None = load_rack(entries["lpu_rack"]) if "lpu_rack" in entries else None
    return Site(
        gpu_rack=load_rack(entries["gpu_rack"]),
        gpu_racks=entries.get("gpu_racks", 1),
        lpu_rack=lpu,
        lpu_racks=entries.get("lpu_racks", 1 if lpu else 0),
    )


def _findings(table: Mapping[str, Any]) -> Any:
    for key, value in table.items():
        if not isinstance(value, dict):
            yield from _entry("", key, value)
        elif key not in _KEYS:
            yield f"unknown section [{key}]{did_you_mean(key, _KEYS)}"
        else:
            for name, content in value.items():
                yield from _entry(key, name, content)
    for section, names in _NEEDED.items():
        there = table if not section else table.get(section, {})
        yield from (f"{_dotted(section, name)}: missing" for name in names if name not in there)


def _entry(section: str, name: str, value: Any) -> Any:
    kinds = _KEYS[section]
    if name not in kinds:
        yield f"{_dotted(section, name)}: unknown entry{did_you_mean(name, kinds)}"
    elif not isinstance(value, kinds[name]) or isinstance(value, bool):
        yield f"{_dotted(section, name)}: {value!r} is of the wrong type"
    elif isinstance(value, list) and (not value or not all(type(x) is int for x in value)):
        yield f"{_dotted(section, name)}: expected a list of whole numbers"


def _dotted(section: str, name: str) -> str:
    return f"{section}.{name}" if section else name
