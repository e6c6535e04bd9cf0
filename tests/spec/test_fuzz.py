"""Whatever stands in a table: findings or a working machine, and never another error."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from lpu_emu.errors import SpecError
from lpu_emu.spec.chip import chip_from_table, load_chip
from lpu_emu.spec.chip_pages import chip_diff_text, chip_page
from lpu_emu.spec.isa import isa_from_tables, load_isa
from lpu_emu.spec.machine import HEMISPHERES, Machine
from lpu_emu.spec.manual import check, reference_page

from .tables import CHIPS, Tables, chip_table, copy_isa, isa_tables

T = TypeVar("T")
JUNK: tuple[Any, ...] = (
    -1, 0, 1, 2, 3, 5, 7, 8, 16, 31, 63, 64, 255, 65_536, 10**30, 16**5000, 0.0, 1.5, float("nan"),
    float("inf"),
    True, False, "", " ", "x", "Ünicode", "dtype", "stream", "skew", "func", "published: S20", "a" * 10_000,
    [], [[]], [0], [1, 2], [8, 4], ["int8"], {}, {"value": 1}, {"a": {"b": []}},
    datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
)  # fmt: skip


def places(table: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key or index) below a table."""
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in list(items):
        yield table, key
        yield from places(value)


def mutate(table: Tables, rng: np.random.Generator) -> None:
    """Change one to three places: put junk or another place's value there, delete, rename, nudge a number."""
    for _ in range(int(rng.integers(1, 4))):
        everywhere = list(places(table))
        where, key = everywhere[rng.integers(len(everywhere))]
        other, other_key = everywhere[rng.integers(len(everywhere))]
        match int(rng.integers(6)):
            case 0 | 1:
                where[key] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
            case 2:
                where[key] = copy.deepcopy(other[other_key])
            case 3:
                del where[key]
            case 4 if isinstance(where, dict):
                where[str(key) + "x"] = where.pop(key)
            case _:
                value = where[key]
                if isinstance(value, int) and not isinstance(value, bool):
                    where[key] = value + int(rng.integers(-4, 5))


def outcome(build: Callable[[], T]) -> tuple[tuple[str, ...], T | None]:
    """Return the findings of a build, and what it built if there were none."""
    try:
        return (), build()
    except SpecError as error:
        return error.findings, None


def exercise(machine: Machine) -> None:
    """Use everything that a machine offers."""
    names = [queue.name for queue in machine.queues]
    assert len(set(names)) == len(names)
    for queue in machine.queues:
        for direction in (0, 1):
            assert 0 <= machine.x_in(queue, direction) < machine.positions
            assert 0 <= machine.x_out(queue, direction) < machine.positions
    assert [machine.x_mxm(side) for side in HEMISPHERES] == [0, machine.positions - 1]
    for instruction in machine.isa.instructions.values():
        machine.timing(instruction)
        for operand in instruction.operands:
            machine.group(instruction, operand, [0] * len(instruction.operands))
    chip_page(machine)


@pytest.mark.parametrize("seed", range(10))
def test_mutated_chips(seed: int) -> None:
    rng = np.random.default_rng(seed)
    accepted = 0
    for round_ in range(60):
        table = chip_table(CHIPS[rng.integers(3)])
        mutate(table, rng)
        findings, chip = outcome(partial(chip_from_table, table, where="fuzz"))
        assert all(f.startswith("fuzz: ") for f in findings), (seed, round_)
        if chip is None:
            continue
        accepted += 1
        machine = Machine(chip=chip, isa=load_isa())
        exercise(machine)
        chip_diff_text(machine, Machine(chip=load_chip("tsp1"), isa=load_isa()))
    assert accepted > 0, seed


@pytest.mark.parametrize("seed", range(10))
def test_mutated_instruction_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for round_ in range(30):
        raw = isa_tables()
        mutate(raw[list(raw)[rng.integers(len(raw))]], rng)
        findings, isa = outcome(partial(isa_from_tables, raw, where="fuzz"))
        assert all(f.startswith("fuzz/") and ".toml: " in f for f in findings), (seed, round_)
        if isa is None:
            continue
        assert len(reference_page(isa, [])) > 1000, (seed, round_)
        keys = raw["chip_keys"]
        _, chip = outcome(partial(chip_from_table, chip_table("tiny"), where="fuzz", isa=isa, keys=keys))
        if chip is not None:
            exercise(Machine(chip=chip, isa=isa))


@pytest.mark.parametrize("seed", range(20))
def test_mutated_files(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    folder = copy_isa(tmp_path)
    files = sorted(folder.rglob("*.toml"))
    for path in rng.choice(len(files), size=2, replace=False):
        text = bytearray(files[path].read_bytes())
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(len(text)))
            text[at : at + int(rng.integers(4))] = rng.bytes(int(rng.integers(3)))
        files[path].write_bytes(bytes(text))
    for finding in check(folder):
        assert finding.startswith(str(folder)), (seed, finding)
