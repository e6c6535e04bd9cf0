"""Chips of the tests: the bundled ones, and one on which no two delays are alike."""

from __future__ import annotations

import copy
from typing import Any

from lpu_emu.spec.chip import Chip, chip_from_table, load_chip
from lpu_emu.spec.machine import Machine, load_machine

TINY = load_machine("tiny")
TSP1 = load_machine("tsp1")

_SLOW = {
    "icu": {"skew": 2},
    "mem": {"skew": 1, "access": 2, "access_store": 3, "func": 4},
    "write": {"access": 2},
    "gather": {"access": 3, "func": 5},
    "scatter": {"access": 3},
    "vxm": {"skew": 2, "func": 6, "latch": 5},
    "mxm": {"skew": 2, "func": 9, "product": 7, "interval": 2, "interval_wide": 5, "land": 4},
    "iw": {"land": 3},
    "acc": {"skew": 1, "land": 3},
    "sxm": {"skew": 1, "func": 5},
    "permute": {"skew_map": 3, "skew_x": 1, "func": 8},
    "c2c": {"skew": 3, "func": 4},
}


def changed(chip: Chip, values: dict[str, Any]) -> Chip:
    """Return a chip with other values by dotted key; keys that it lacks are added."""
    table = copy.deepcopy(dict(chip.table))
    for key, value in values.items():
        *path, last = key.split(".")
        section = table
        for name in path:
            section = section.setdefault(name, {})
        section[last] = {"value": value, "tag": "choice", "source": "test"}
    return chip_from_table(table, where="test")


def changed_machine(values: dict[str, Any]) -> Machine:
    """Return the machine of the tiny chip with other values by dotted key."""
    return load_machine(changed(load_chip("tiny"), values))


SLOW = changed_machine(
    {f"timing.{name}.{key}": v for name, delays in _SLOW.items() for key, v in delays.items()}
)
BOTH = (TINY, SLOW)
BOTH_NAMES = ("tiny", "slow")
