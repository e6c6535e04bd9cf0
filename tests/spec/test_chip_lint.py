"""Every rule of a chip file, by a copy that breaks it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from lpu_emu.errors import SpecError
from lpu_emu.spec import chip_lint
from lpu_emu.spec.chip import chip_from_table, chip_keys, chip_names, load_chip
from lpu_emu.spec.isa import load_isa

from .tables import CHIPS, DELETE, ISA, change, chip_table

FOUR = {"value": 4, "tag": "choice", "source": "a test"}

# (what to change on tsp1, to what, the finding)
BROKEN: list[tuple[str, Any, str]] = [
    ("name", DELETE, "name: missing; every chip file has it"),
    ("name", 5, "name: must be a text that is not empty, got 5"),
    ("title", "", "title: must be a text that is not empty"),
    ("sources", "S20", "sources: must be a table of texts, got 'S20'"),
    ("sources/S20", 2020, "sources.S20: must be a text that is not empty, got 2020"),
    # sections and keys
    ("mem", DELETE, "mem: missing section"),
    ("mem", [1], "mem: must be a table, got [1]"),
    ("mem", "all", "mem: must be a table, got 'all'"),
    ("memm", {}, "memm: unknown section; did you mean 'mem'?"),
    ("mem/banks", DELETE, "mem.banks: missing; it is: Banks of a slice"),
    ("mem/bank", FOUR, "mem.bank: unknown key; did you mean 'banks'?"),
    # tags and sources
    ("mem/banks", 2, "mem.banks: untagged; write { value = ..., tag = ..., source = ... }, got 2"),
    ("mem/banks/tag", DELETE, "mem.banks: untagged"),
    ("mem/banks/value", DELETE, "mem.banks: untagged"),
    (
        "mem/banks/tag",
        "publised",
        "mem.banks: tag: 'publised' is not one of published, secondary, derived, choice; did",
    ),
    ("mem/banks/tag", 1, "mem.banks: tag: 1 is not one of"),
    ("mem/banks/source", DELETE, "mem.banks: misses the key 'source'"),
    ("mem/banks/source", "  ", "mem.banks: source: must be a text that is not empty"),
    ("mem/banks/note", "x", "mem.banks: has the unknown key 'note'"),
    # values
    ("mem/banks/value", True, "mem.banks: value: must be an integer (banks), got True"),
    ("mem/banks/value", 2.0, "mem.banks: value: must be an integer (banks), got 2.0"),
    ("mem/banks/value", float("nan"), "mem.banks: value: must be an integer (banks), got nan"),
    ("mem/banks/value", "2", "mem.banks: value: must be an integer (banks), got '2'"),
    ("mem/banks/value", [2], "mem.banks: value: must be an integer (banks), got [2]"),
    (
        "mem/banks/value",
        datetime.time(1),
        "mem.banks: value: must be an integer (banks), got datetime.time(1, 0)",
    ),
    ("mem/banks/value", -2, "mem.banks: value: -2 banks is impossible; the range is 1..4"),
    ("mem/banks/value", 16**5000, "mem.banks: value: a value (int) too large to print banks is impossible"),
    ("clock/hz/value", 0, "clock.hz: value: 0 Hz is impossible; the range is 1000000..20000000000"),
    ("vxm/large/value", 3, "vxm.large: value: must be a list with at least one element, got 3"),
    ("vxm/large/value", [], "vxm.large: value: must be a list with at least one element, got []"),
    ("vxm/large/value", [1, 1], "vxm.large: value: 1 appears twice"),
    ("vxm/large/value", [1, "2"], "vxm.large: value: must be an integer (ALU), got '2'"),
    ("mxm/dtypes/value", "int8", "mxm.dtypes: value: must be a list"),
    ("mxm/dtypes/value", ["int7"], "mxm.dtypes: value: 'int7' is not one of int8, uint8, fp16, bf16, fp8"),
    ("mxm/dtypes/value", ["fp32"], "mxm.dtypes: value: 'fp32' is not one of"),
    # rules between keys
    ("streams/per_direction/value", 20, "streams.per_direction: 20 must be a multiple of 8"),
    ("streams/per_direction/value", 8, "streams.per_direction: 8 is fewer than the transposer's 16"),
    ("lanes/per_superlane/value", 5, "mxm.weight_streams: 16 must divide 32 streams and 100 lanes"),
    ("mxm/weight_streams/value", 12, "mxm.weight_streams: 12 must divide 32 streams and 320 lanes"),
    ("mxm/weight_streams/value", 4, "mxm.weight_streams: 320 lanes / 4 are more than 64 row groups"),
    (
        "mem/words_per_bank/value",
        40_000,
        "mem.words_per_bank: 2 x 40000 words are more than 16 address bits reach",
    ),
    ("vxm/large/value", [0, 16], "vxm.large: ALU 16 does not exist in a mesh of 4 x 4"),
    ("vxm/rows/value", 3, "vxm.large: ALU 15 does not exist in a mesh of 3 x 4"),
    ("vxm/groups_per_row/value", 8, ""),  # as many as there are
    ("mxm/planes/value", 3, "mxm.planes: 3 must be even"),
    ("c2c/queues/value", 3, "c2c.links: 8 must be a multiple of c2c.queues, 3"),
    ("icu/queue_bytes/value", 639, "icu.queue_bytes: 639 must hold at least one fetch, 640"),
    # timing
    ("timing", 3, "timing: must be a table, got 3"),
    ("timing", DELETE, "timing: missing section"),
    ("timing/mem", [FOUR], "timing.mem: must be a table of tagged numbers"),
    ("timing/raed", {"func": FOUR}, "timing.raed: neither a unit nor a mnemonic; did you mean 'read'?"),
    ("timing/mem/fnuc", FOUR, "timing.mem.fnuc: unknown timing key; did you mean 'func'?"),
    (
        "timing/mem/func",
        DELETE,
        "timing.mem.func: missing; needed by read, read_write, gather, which have none",
    ),
    (
        "timing/vxm/latch",
        DELETE,
        "timing.vxm.latch: missing; needed by add, sub, mul, max, ..., which have none",
    ),
    ("timing/mem/func", 1, "timing.mem.func: untagged"),
    ("timing/mem/func/value", -1, "timing.mem.func: value: -1 cycles is impossible; the range is 0..100000"),
    ("timing/mem/func/value", 10**9, "timing.mem.func: value: 1000000000 cycles is impossible"),
    (
        "timing/shift_up/skew",
        {**FOUR, "value": 16**5000},
        "timing.shift_up.skew: value: a value (int) too large",
    ),
    ("timing/mem/func/value", False, "timing.mem.func: value: must be an integer (cycles), got False"),
    (
        "timing/vxm/func/value",
        0,
        "timing.vxm.func: 0 cycles is impossible; it must be more than timing.vxm.skew, 0",
    ),
    (
        "timing/vxm/skew/value",
        3,
        "timing.vxm.latch: 3 cycles is impossible; it must be more than timing.vxm.skew, 3",
    ),
    (
        "timing/mem/access/value",
        1,
        "timing.mem.func: 1 cycles is impossible; it must be more than timing.mem.access, 1",
    ),
    (
        "timing/permute/func/value",
        8,
        "timing.permute.func: 8 cycles is impossible; it must be more than timing.permute.skew_x, 8",
    ),
    ("timing/mxm/product/value", 0, "timing.mxm.product: 0 cycles is impossible"),
    ("timing/iw/land/value", 0, "timing.iw.land: 0 cycles is impossible; it must be more than 0"),
    (
        "timing/write/skew",
        {**FOUR, "value": 2},
        "timing.write.access: 1 cycles is impossible; it must not be less than timing.write.skew, 2",
    ),
    (
        "timing/read_write",
        {"skew": FOUR, "func": {**FOUR, "value": 9}},
        "timing.mem.access_store: 1 cycles is impossible",
    ),
    (
        "timing/gather",
        {"skew": FOUR, "func": {**FOUR, "value": 9}},
        "timing.mem.access: 0 cycles is impossible",
    ),
    ("timing/mxm/interval/value", 0, "timing.mxm.interval: must be at least 1"),
]


def findings(table: dict[str, Any]) -> list[str]:
    return chip_lint.findings(table, chip_keys(), load_isa())


@pytest.mark.parametrize(
    ("path", "value", "finding"), BROKEN, ids=[f"{i}-{path}" for i, (path, _, _) in enumerate(BROKEN)]
)
def test_a_broken_copy_is_found(path: str, value: Any, finding: str) -> None:
    table = chip_table()
    change(table, path, value)
    found = findings(table)
    if finding:
        assert any(finding in one for one in found), found
    else:
        assert found == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"lanes/superlanes": 5, "lanes/per_superlane": 5, "mxm/weight_streams": 4}, "25 lanes"),
        ({"lanes/superlanes": 3, "lanes/per_superlane": 5}, "3 x 5 lanes must be even"),
        ({"streams/per_direction": 16, "vxm/groups_per_row": 5}, "5 is more than the 4 groups of 16 streams"),
    ],
)
def test_numbers_that_contradict_each_other(changes: dict[str, int], finding: str) -> None:
    table = chip_table()
    for path, value in changes.items():
        change(table, f"{path}/value", value)
    assert any(finding in found for found in findings(table)), findings(table)


@pytest.mark.parametrize("name", CHIPS)
def test_the_bundled_chips_have_no_findings(name: str) -> None:
    assert findings(chip_table(name)) == []


def test_all_findings_of_a_file_are_reported_at_once() -> None:
    table = chip_table()
    for path, value in {
        "clock/hz": 900_000_000,
        "mem/banks/tag": "guess",
        "mem/slices/value": 0,
        "mxm/planes/value": 3,
        "vxm/large/value": [16],
        "timing/vxm/func/value": 0,
        "timing/mem/func": DELETE,
        "extra": {},
    }.items():
        change(table, path, value)
    with pytest.raises(SpecError) as caught:
        chip_from_table(table, where="mine.toml")
    assert [f.split(":")[1].strip() for f in caught.value.findings] == [
        "extra",
        "clock.hz",
        "mem.slices",
        "mem.banks",
        "timing.vxm.func",
        "timing.mem.func",
        "vxm.large",
        "mxm.planes",
    ]
    assert all(f.startswith("mine.toml: ") for f in caught.value.findings)


def test_a_wrong_timing_number_is_not_called_missing_too() -> None:
    table = chip_table()
    change(table, "timing/vxm/func/value", "3")
    assert findings(table) == ["timing.vxm.func: value: must be an integer (cycles), got '3'"]


def test_the_same_finding_is_reported_once() -> None:
    table = chip_table()
    change(table, "timing/vxm/func/value", 0)  # one number, used by all VXM instructions
    assert len(findings(table)) == 1


def test_a_chip_file_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((ISA / "chips" / "tiny.toml").read_text().replace('name = "tiny"', 'name = "mine"'))
    chip = load_chip(path)
    assert (chip.name, chip.lanes) == ("mine", 8)
    assert load_chip(str(path)).digest == chip.digest
    assert chip.digest != load_chip("tiny").digest


def test_a_path_object_is_always_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="tsp1: cannot be read: No such file or directory"):
        load_chip(Path("tsp1"))


def test_an_unknown_chip_suggests() -> None:
    with pytest.raises(SpecError) as caught:
        load_chip("tsp")
    assert str(caught.value) == (
        "no chip named 'tsp'; known chips: lp30, tiny, tsp1; a chip file of your own is given by its path, "
        "ending in .toml; did you mean 'tsp1'?"
    )
    with pytest.raises(
        SpecError, match=r"no chip named 'no_such'; known chips: lp30, tiny, tsp1; .* in \.toml$"
    ):
        load_chip("no_such")


def test_chip_names() -> None:
    assert chip_names() == list(CHIPS)


def test_the_digest_depends_on_values_only() -> None:
    table = chip_table()
    original = load_chip("tsp1").digest
    change(table, "mem/banks/source", "S20: said in another way")
    change(table, "mem/banks/tag", "choice")
    change(table, "title", "another title")
    assert chip_from_table(table, where="x").digest == original
    change(table, "timing/vxm/func/value", 4)
    assert chip_from_table(table, where="x").digest != original
