"""Machines for random programs: bundled chips, and one whose every number is odd."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache

from lpu_emu.spec.chip import chip_from_table, load_chip
from lpu_emu.spec.machine import Machine, load_machine

# Timing that no bundled chip has: late samples, slow landings, banks that are met at several distances.
_CROOKED = {
    "lanes.superlanes": 3,
    "mem.slices": 5,
    "mem.slices_per_hop": 2,
    "mem.banks": 4,
    "mem.words_per_bank": 16,
    "vxm.rows": 2,
    "vxm.columns": 3,
    "vxm.large": [0, 2, 5],
    "vxm.groups_per_row": 3,
    "vxm.group_step": 1,
    "mxm.accumulator_rows": 9,
    "c2c.vector_cycles": 3,
    "c2c.latency_cycles": 9,
    "c2c.epoch_cycles": 7,
    "icu.barrier_cycles": 3,
    "distance.vxm_to_mem": 2,
    "distance.mem_to_sxm": 1,
    "distance.sxm_to_mxm": 3,
    "timing.icu.skew": 2,
    "timing.mem.skew": 1,
    "timing.mem.access": 1,
    "timing.mem.access_store": 3,
    "timing.mem.func": 4,
    "timing.write.access": 2,
    "timing.gather.access": 2,
    "timing.gather.func": 5,
    "timing.scatter.access": 4,
    "timing.vxm.skew": 1,
    "timing.vxm.func": 4,
    "timing.vxm.latch": 2,
    "timing.mul.func": 6,
    "timing.mul.latch": 5,
    "timing.mxm.skew": 1,
    "timing.mxm.product": 5,
    "timing.mxm.interval": 2,
    "timing.mxm.interval_wide": 8,
    "timing.mxm.land": 4,
    "timing.mxm.func": 9,
    "timing.lw.land": 7,
    "timing.iw.land": 2,
    "timing.acc.land": 3,
    "timing.permute.skew_map": 3,
    "timing.permute.skew_x": 1,
    "timing.permute.func": 6,
    "timing.c2c.skew": 2,
    "timing.c2c.func": 3,
}


@lru_cache(maxsize=4)
def machine(name: str) -> Machine:
    """Return a bundled machine, or ``crooked``."""
    return load_machine(name) if name != "crooked" else _crooked()


def _crooked() -> Machine:
    table = deepcopy(dict(load_chip("tiny").table))
    table["name"] = table["title"] = "crooked"
    for key, value in _CROOKED.items():
        *path, last = key.split(".")
        entry = table
        for part in path:
            entry = entry.setdefault(part, {})
        entry[last] = {"value": value, "tag": "choice", "source": "odd on purpose"}
    return load_machine(chip_from_table(table, where="crooked"))
