"""An estimate of energy: what a program does, counted exactly, times a table of guesses with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpu_emu._resources import isa_folder
from lpu_emu.analysis import Analysis
from lpu_emu.analysis.usage import stream_hops
from lpu_emu.errors import InputError, SpecError
from lpu_emu.program.model import Program
from lpu_emu.spec.chip_lint import TAGS
from lpu_emu.spec.isa import read_toml
from lpu_emu.spec.machine import DTYPE_BYTES

SCHEMA = "lpu-emu/energy/1"
PICO = 1e-12
STATIC = "static_w"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Energy of one act in picojoules (power in watts for ``static_w``): the guess, and by which factor it may be wrong."""

    value: float
    factor: float
    unit: str
    tag: str
    source: str


@dataclass(frozen=True, kw_only=True)
class EnergyTable:
    """Costs by activity, and the published power of the card in watts."""

    chip: str
    costs: Mapping[str, Cost]
    average_w: float
    tdp_w: float


@dataclass(frozen=True, kw_only=True)
class Item:
    """One activity: how often, and joules with the ends of their range."""

    name: str
    count: float
    joules: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Energy of one execution. Ends of ranges are added as if all guesses were wrong the same way."""

    items: tuple[Item, ...]
    seconds: float
    table: EnergyTable

    @property
    def joules(self) -> float:
        """All of it."""
        return sum(item.joules for item in self.items)

    @property
    def low(self) -> float:
        """The low end, joules."""
        return sum(item.low for item in self.items)

    @property
    def high(self) -> float:
        """The high end, joules."""
        return sum(item.high for item in self.items)

    @property
    def watts(self) -> float:
        """Average power while the program runs."""
        return self.joules / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the estimate as JSON-like data."""
        return {
            "schema": SCHEMA,
            "joules": self.joules,
            "low": self.low,
            "high": self.high,
            "watts": self.watts,
            "published_average_w": self.table.average_w,
            "published_tdp_w": self.table.tdp_w,
            "share_of_average": self.watts / self.table.average_w,
            "items": [vars(item) for item in self.items],
        }


def energy_table(chip: str) -> EnergyTable:
    """Return the table of a chip.

    Raises:
        InputError: there is none; nobody published anything to base one on.
        SpecError: the file breaks a rule.
    """
    path = isa_folder() / "energy" / f"{chip}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml")))
        raise InputError(
            f"there is no energy table for chip {chip}: nothing is published to base one on; tables: {known}"
        )
    table = read_toml(path)
    wrong = [
        f"{path}: energy.{name}: needs value, factor of at least 1, unit, tag and source"
        for name, entry in table["energy"].items()
        if set(entry) != {"value", "factor", "unit", "tag", "source"}
        or entry["factor"] < 1
        or entry["tag"] not in TAGS
    ]
    if wrong:
        raise SpecError(wrong)
    return EnergyTable(
        chip=table["chip"],
        costs={name: Cost(**entry) for name, entry in table["energy"].items()},
        average_w=table["published"]["average_w"]["value"],
        tdp_w=table["published"]["tdp_w"]["value"],
    )


def estimate(program: Program, analysis: Analysis) -> Energy:
    """Return the energy of one execution.

    Raises:
        InputError: there is no table for the program's chip.
    """
    table = energy_table(program.machine.chip.name)
    seconds = analysis.cycles / program.machine.chip.clock_hz
    items = [_item(table.costs[name], name, count) for name, count in activities(program, analysis).items()]
    static = table.costs[STATIC]
    joules = static.value * seconds
    items.append(
        Item(
            name=STATIC, count=seconds, joules=joules, low=joules / static.factor, high=joules * static.factor
        )
    )
    return Energy(items=tuple(items), seconds=seconds, table=table)


def _item(cost: Cost, name: str, count: float) -> Item:
    joules = cost.value * PICO * count
    return Item(name=name, count=count, joules=joules, low=joules / cost.factor, high=joules * cost.factor)


def activities(program: Program, analysis: Analysis) -> dict[str, float]:
    """Return how often everything happens that costs energy, by the names of the table."""
    accounts, lanes = analysis.accounts, program.machine.chip.lanes
    macs = _macs(program, analysis)
    alus = _alu_lanes(program, analysis)
    return {
        **macs,
        **alus,
        "sram_byte": float(accounts.memory.moved_bytes),
        "hop_byte": float(stream_hops(analysis.flows.streams) * lanes),
        "sxm_byte": float(_dispatches(program, analysis, "sxm") * lanes),
        "weight_byte": float(_weight_vectors(program, analysis) * lanes),
        "text_byte": float(program.text_bytes()),
    }


def _dispatches(program: Program, analysis: Analysis, unit: str) -> int:
    return int(analysis.runs.count[_of_unit(program, analysis, unit)].sum())


def _of_unit(program: Program, analysis: Analysis, unit: str) -> Any:
    is_unit = np.array([queue.unit == unit for queue in program.machine.queues])
    return is_unit[analysis.runs.queue]


def _macs(program: Program, analysis: Analysis) -> dict[str, float]:
    """Multiply-accumulates of all lanes of an array, padding too: it switches whether it is useful or not."""
    isa, runs = program.machine.isa, analysis.runs
    issues = runs.opcode == isa["abc"].opcode
    types = isa.kinds["dtype"].values
    column = isa["abc"].operand_index("dtype")
    per_issue = program.machine.chip.lanes**2
    found = {"mac_int8": 0.0, "mac_fp16": 0.0}
    for code, name in enumerate(types):
        count = float(runs.count[issues & (runs.args[:, column] == code)].sum()) * per_issue
        found["mac_fp16" if DTYPE_BYTES[name] > 1 else "mac_int8"] += count
    return found


def _alu_lanes(program: Program, analysis: Analysis) -> dict[str, float]:
    isa, runs = program.machine.isa, analysis.runs
    floats = {
        i for i, name in enumerate(isa.kinds["dtype"].values) if name in ("fp16", "fp32", "bf16", "fp8")
    }
    found = {"alu_int": 0.0, "alu_float": 0.0}
    for instruction in isa.instructions.values():
        if instruction.unit != "vxm":
            continue
        rows = runs.opcode == instruction.opcode
        is_float = np.isin(runs.args[:, instruction.operand_index("dtype")], list(floats))
        for name, chosen in (("alu_float", rows & is_float), ("alu_int", rows & ~is_float)):
            found[name] += float(runs.count[chosen].sum()) * program.machine.chip.lanes
    return found


def _weight_vectors(program: Program, analysis: Analysis) -> int:
    """Vectors that are loaded into weight buffers or arrays."""
    isa, runs = program.machine.isa, analysis.runs
    loading = [i.opcode for i in isa.instructions.values() if any(o.name == "row_group" for o in i.operands)]
    loads = np.isin(runs.opcode, loading)
    return int(runs.count[loads].sum()) * program.machine.chip.weight_streams


def energy_text(energy: Energy) -> str:
    """Return the estimate as text, what takes most first."""
    lines = [
        f"Energy, an estimate: {energy.joules * 1e6:,.1f} uJ, between {energy.low * 1e6:,.1f} and {energy.high * 1e6:,.1f}.",
        f"{energy.watts:,.0f} W while it runs; the card is published with {energy.table.average_w:,.0f} W on average and "
        f"{energy.table.tdp_w:,.0f} W TDP.",
    ]
    for item in sorted(energy.items, key=lambda item: -item.joules):
        if item.joules:
            share = item.joules / energy.joules
            ends = f"{item.low * 1e6:,.2f} to {item.high * 1e6:,.2f}"
            lines.append(f"  {item.name:12s}{item.joules * 1e6:>12,.2f} uJ {share:>5.0%}   {ends}")
    return "\n".join(lines) + "\n"
