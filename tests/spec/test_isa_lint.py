"""Every rule of the instruction set's files, by a copy that breaks it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from lpu_emu.errors import SpecError
from lpu_emu.spec import isa_lint
from lpu_emu.spec.isa import isa_from_tables, load_isa

from .tables import DELETE, change, isa_tables

OPERAND = {"name": "z", "kind": "edge", "role": "in", "bits": [61, 3], "meaning": "A test."}

# (what to change, to what, the finding: file, entry, rule)
BROKEN: list[tuple[str, Any, str]] = [
    # lpu.toml
    ("lpu/name", DELETE, "lpu.toml: misses the key 'name'"),
    ("lpu/name", 3, "lpu.toml: name: must be a text that is not empty, got 3"),
    ("lpu/versoin", 1, "lpu.toml: has the unknown key 'versoin'; did you mean 'version'?"),
    ("lpu/version", True, "lpu.toml: version: must be an integer, got True"),
    ("lpu/opcode_bits", 10**9, "lpu.toml: opcode_bits: 1000000000 is impossible; the range is 1..8"),
    ("lpu/longest_bytes", -16, "lpu.toml: longest_bytes: -16 is impossible"),
    ("lpu/text_alignment_bytes", 0, "lpu.toml: text_alignment_bytes: 0 is impossible"),
    ("lpu/repeat_dimensions", 1.5, "lpu.toml: repeat_dimensions: must be an integer, got 1.5"),
    ("lpu/units", [], "lpu.toml: units: must be a table, got []"),
    ("lpu/units/mem", DELETE, "lpu.toml: [units.mem] is missing"),
    (
        "lpu/units/nem",
        {"title": "a", "meaning": "b"},
        "lpu.toml: [units.nem] is unknown; did you mean 'mem'?",
    ),
    ("lpu/units/mem/title", "", "lpu.toml: [units.mem] title: must be a text that is not empty, got ''"),
    ("lpu/units/sxm/queues/0", {"kin": "a"}, "lpu.toml: [units.sxm] queues: misses the key 'kind'"),
    ("lpu/units/sxm/queues/1/count", "sxm.transposer", "did you mean 'sxm.transposers'?"),
    ("lpu/sources/S20", 1, "lpu.toml: [sources] S20: must be a text"),
    # operands.toml
    ("operands/stream/bits", DELETE, "operands.toml: [stream] misses the key 'bits'"),
    ("operands/stream/text", "steam", "operands.toml: [stream] text: 'steam' is not one of"),
    ("operands/stream/meaning", " ", "operands.toml: [stream] meaning: must be a text"),
    ("operands/stream/bit", 6, "operands.toml: [stream] has the unknown key 'bit'; did you mean 'bits'?"),
    ("operands/stream/bits", 64, "operands.toml: [stream] bits: 64 is impossible; the range is 1..63"),
    ("operands/stride/signed", 1, "operands.toml: [stride] signed: must be true or false, got 1"),
    ("operands/half/bits", 1, "operands.toml: [half] values: 3 names do not fit in 1 bits"),
    ("operands/half/values", "all", "operands.toml: [half] values: must be a list with at least one element"),
    ("operands/half/values", DELETE, "operands.toml: [half] values: an enum lists its names"),
    ("operands/address/values", ["a"], "operands.toml: [address] values: an enum lists its names"),
    ("operands/half/values/1", "all", "operands.toml: [half] values: 'all' appears twice"),
    ("operands/half/values/1", "High", "operands.toml: [half] values: must be small letters"),
    ("operands/half", 5, "operands.toml: [half] must be a table, got 5"),
    (
        "operands/spare",
        {"bits": 1, "text": "number", "meaning": "x"},
        "operands.toml: [spare] no layout in use has it",
    ),
    # formats.toml
    (
        "formats/mem_read/reserved",
        DELETE,
        "formats.toml: [mem_read] bits 30..31 hold 2 bits that are neither",
    ),
    (
        "formats/mem_read/operands/0/bits",
        [24, 16],
        "formats.toml: [mem_read] operand 'to' overlaps operand 'address' at bit 24",
    ),
    (
        "formats/mem_read/operands/0/bits",
        [0, 16],
        "formats.toml: [mem_read] operand 'address' overlaps the opcode at bit 0",
    ),
    (
        "formats/mem_read/reserved/0",
        [29, 3],
        "formats.toml: [mem_read] reserved overlaps operand 'to' at bit 29",
    ),
    (
        "formats/mem_read/reserved/0",
        [30, 3],
        "formats.toml: [mem_read] reserved ends at bit 32, past the last bit 31",
    ),
    ("formats/mem_read/operands/1/bits", [10**30, 6], "past the last bit 31"),
    (
        "formats/mem_read/operands/1/bits",
        [24, 16**5000],
        "has a value (int) too large to print bits; kind stream has 6",
    ),
    ("formats/mem_read/operands/1/bits", [-6, 6], "bits: bits must be [first bit, width], got [-6, 6]"),
    ("formats/mem_read/operands/1/bits", [24, True], "bits: bits must be [first bit, width], got [24, True]"),
    ("formats/mem_read/operands/1/bits", [24], "bits: bits must be [first bit, width], got [24]"),
    ("formats/mem_read/operands/1/bits", "24..29", "bits: bits must be [first bit, width]"),
    ("formats/mem_read/reserved", 7, "formats.toml: [mem_read] reserved: must be a list, got 7"),
    (
        "formats/mem_read/operands/0/bits",
        [8, 15],
        "formats.toml: [mem_read] operand 'address' has 15 bits; kind address has 16",
    ),
    ("formats/mem_read/bytes", 6, "formats.toml: [mem_read] bytes: 6 must be a multiple of 4"),
    (
        "formats/mem_read/bytes",
        10**12,
        "formats.toml: [mem_read] bytes: 1000000000000 is impossible; the range is 1..16",
    ),
    ("formats/mem_read/bytes", "4", "formats.toml: [mem_read] bytes: must be an integer, got '4'"),
    ("formats/mem_read/operands", {}, "formats.toml: [mem_read] operands: must be a list, got {}"),
    (
        "formats/mem_read/operands/0",
        "address",
        "formats.toml: [mem_read] operands: an operand must be a table",
    ),
    ("formats/mem_read/operands/0/kind", "adress", "operand 'address' kind: 'adress' is not one of"),
    ("formats/mem_read/operands/0/kind", ["address"], "operand 'address' kind: ['address'] is not one of"),
    ("formats/mem_read/operands/0/name", "to", "formats.toml: [mem_read] operand 'to' appears twice"),
    ("formats/mem_read/operands/0/name", "2nd", "name: must be small letters"),
    ("formats/mem_read/operands/0/meaning", DELETE, "operand 'address' misses the key 'meaning'"),
    (
        "formats/mem_read/operands/0/role",
        "inn",
        "operand 'address' role: 'inn' is not one of mod, in, out, hidden",
    ),
    (
        "formats/mem_read/operands/0/role",
        "mod",
        "has the role 'mod', which a kind written as 'number' cannot have",
    ),
    ("formats/mem_read/operands/0/group", 1, "operand 'address' has a group; only streams have one"),
    ("formats/mem_read/operands/1/group", DELETE, "operand 'to' needs a group"),
    ("formats/mem_read/operands/1/group", "widht", "operand 'to' needs a group"),
    ("formats/mem_read/operands/1/group", True, "operand 'to' needs a group"),
    (
        "formats/mem_read/operands/1/group",
        99,
        "operand 'to' group: 99 streams is impossible; the range is 1..32",
    ),
    (
        "formats/mem_read/operands/1/group",
        "dtype",
        "operand 'to' group: 'dtype' needs an operand 'dtype' of kind 'dtype'",
    ),
    ("formats/mem_read/operands/1/strided", True, "operand 'to' is strided; only numbers advance"),
    ("formats/mem_read/operands/0/strided", "yes", "operand 'address' strided: must be true or false"),
    (
        "formats/sxm_permute/operands/1/skew",
        "skew_y",
        "operand 'x' skew: 'skew_y' is not one of skew, skew_x, skew_map",
    ),
    ("formats/mem_read/size", 4, "formats.toml: [mem_read] has the unknown key 'size'"),
    ("formats/mem_read", [1], "formats.toml: [mem_read] must be a table, got [1]"),
    (
        "formats/spare",
        {"bytes": 4, "operands": [], "reserved": [[8, 24]]},
        "formats.toml: [spare] no instruction uses it",
    ),
    # the units
    ("mem/read/opcode", DELETE, "mem.toml: [read] misses the key 'opcode'"),
    ("mem/read/opcode", 0x11, "mem.toml: [write] opcode: 0x11 is taken by read"),
    ("mem/read/opcode", 256, "mem.toml: [read] opcode: 256 is impossible; the range is 0..255"),
    ("mem/read/opcode", -1, "mem.toml: [read] opcode: -1 is impossible"),
    ("mem/read/opcode", "0x10", "mem.toml: [read] opcode: must be an integer, got '0x10'"),
    ("mem/read/opcode", 16**5000, "mem.toml: [read] opcode: a value (int) too large to print is impossible"),
    ("mem/read/layout", "mem_raed", "mem.toml: [read] layout: 'mem_raed' is not one of"),
    ("mem/read/layout", ["mem_read"], "mem.toml: [read] layout: ['mem_read'] is not one of"),
    ("mem/read/timing", DELETE, "mem.toml: [read] misses the key 'timing'"),
    ("mem/read/timing", "func", "mem.toml: [read] timing: must be a list, got 'func'"),
    ("mem/read/timing", ["access", "funk"], "mem.toml: [read] timing: 'funk' is not one of"),
    ("mem/read/timing", ["func", "func"], "mem.toml: [read] timing: 'func' appears twice"),
    ("mem/read/timing", ["access"], "mem.toml: [read] timing: misses 'func', which the operand 'to' needs"),
    (
        "mem/write/timing",
        ["access"],
        "mem.toml: [write] timing: misses 'skew', which the operand 'data' needs",
    ),
    ("sxm/permute/timing", ["skew_x", "func"], "timing: misses 'skew_map', which the operand 'map' needs"),
    ("mem/read/meaning", "", "mem.toml: [read] meaning: must be a text that is not empty"),
    ("mem/read/detail", 1, "mem.toml: [read] detail: must be a text"),
    ("mem/read/source", DELETE, "mem.toml: [read] misses the key 'source'"),
    (
        "mem/read/source",
        "S20",
        "mem.toml: [read] source: must be one of published, secondary, derived, choice, a colon",
    ),
    ("mem/read/source", "published: ", "mem.toml: [read] source: must be one of published"),
    ("mem/read/source", datetime.date(2020, 6, 1), "mem.toml: [read] source: must be one of published"),
    ("mem/read/sorce", "x", "mem.toml: [read] has the unknown key 'sorce'; did you mean 'source'?"),
    (
        "mem/read/queue",
        "mem",
        "mem.toml: [read] queue: 'mem': all queues of this unit are alike; leave it out",
    ),
    ("mxm/lw/queue", DELETE, "mxm.toml: [lw] misses the key 'queue'"),
    (
        "mxm/lw/queue",
        "weight",
        "mxm.toml: [lw] queue: 'weight' is not one of weights, activations, accumulate; did you mean",
    ),
    (
        "vxm/add/dtypes",
        DELETE,
        "vxm.toml: [add] dtypes: missing; an instruction with a type operand lists its types",
    ),
    ("vxm/add/dtypes/0", "int4", "vxm.toml: [add] dtypes: 'int4' is not one of"),
    ("vxm/add/large", ["int4"], "vxm.toml: [add] large: 'int4' is not one of"),
    ("vxm/and/large", ["fp16"], "vxm.toml: [and] large: 'fp16' is not one of its dtypes"),
    ("mem/read/dtypes", ["int8"], "mem.toml: [read] dtypes: the layout has no type operand"),
    ("mem/read/large", ["int8"], "mem.toml: [read] large: only an instruction with dtypes has it"),
    ("mem/read", 16, "mem.toml: [read] must be a table, got 16"),
    ("mem/Read", {}, "mem.toml: [Read] name: must be small letters"),
    ("c2c/read", {"opcode": 0x7F}, "c2c.toml: [read] is defined in mem.toml too"),
    ("c2c", {}, "c2c.toml: holds no entry"),
    # chip_keys.toml
    ("chip_keys/timing", DELETE, "chip_keys.toml: [timing] is missing"),
    ("chip_keys/timing", 1, "chip_keys.toml: [timing] must be a table, got 1"),
    ("chip_keys/timing/func", 1, "chip_keys.toml: [timing.func] must be a text"),
    ("chip_keys/mem/banks", 2, "chip_keys.toml: [mem.banks] must be a table, got 2"),
    ("chip_keys/mem/banks/unit", DELETE, "chip_keys.toml: [mem.banks] misses the key 'unit'"),
    (
        "chip_keys/mem/banks/range",
        [4, 1],
        "chip_keys.toml: [mem.banks] range: must be [lowest, highest], got [4, 1]",
    ),
    ("chip_keys/mem/banks/range", DELETE, "chip_keys.toml: [mem.banks] a number has a range"),
    ("chip_keys/mxm/dtypes/names", 1, "chip_keys.toml: [mxm.dtypes] names: must be true or false"),
]


@pytest.mark.parametrize(
    ("path", "value", "finding"), BROKEN, ids=[f"{i}-{p}" for i, (p, _, _) in enumerate(BROKEN)]
)
def test_a_broken_copy_is_found(path: str, value: Any, finding: str) -> None:
    raw = isa_tables()
    change(raw, path, value)
    findings = isa_lint.findings(raw)
    assert any(finding in found for found in findings), findings


def test_the_valid_files_have_no_findings() -> None:
    assert isa_lint.findings(isa_tables()) == []


def test_all_findings_of_all_files_are_reported() -> None:
    raw = isa_tables()
    for path, value in {
        "lpu/version": 0,
        "operands/stream/bits": "six",
        "formats/mem_read/bytes": 5,
        "mem/read/opcode": 999,
        "vxm/add/source": "nowhere",
        "c2c/send/layout": "none",
    }.items():
        change(raw, path, value)
    with pytest.raises(SpecError) as caught:
        isa_from_tables(raw, where="folder")
    text = str(caught.value)
    assert text.count("\n") + 1 == len(caught.value.findings)
    for start in ("lpu.toml: version", "operands.toml: [stream] bits", "formats.toml: [mem_read] bytes"):
        assert f"folder/{start}" in text
    for start in ("mem.toml: [read] opcode", "vxm.toml: [add] source", "c2c.toml: [send] layout"):
        assert f"folder/{start}" in text


def test_an_operand_that_overlaps_two_is_reported_once_per_overlap() -> None:
    raw = isa_tables()
    change(raw, "formats/sxm_rotate/operands/+", {**OPERAND, "bits": [8, 3]})
    change(raw, "formats/sxm_rotate/operands/+", {**OPERAND, "name": "y", "bits": [14, 3]})
    found = [f for f in isa_lint.findings(raw) if "overlaps" in f]
    assert found == [
        "formats.toml: [sxm_rotate] operand 'z' overlaps operand 'x' at bit 8",
        "formats.toml: [sxm_rotate] operand 'y' overlaps operand 'to' at bit 14",
    ]


def test_better_words_do_not_change_the_digest() -> None:
    raw = isa_tables()
    for path in ("mem/read/meaning", "mem/read/detail", "operands/stream/meaning", "lpu/units/mem/title"):
        change(raw, path, "said in another way")
    change(raw, "mem/read/source", "choice: said in another way")
    change(raw, "formats/mem_read/operands/0/meaning", "said in another way")
    assert isa_from_tables(raw, where="folder").digest == load_isa().digest


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mem/read/opcode", 0xF0),
        ("lpu/version", 2),
        ("operands/half/values", ["all", "high", "low"]),
        ("vxm/add/large", []),
        ("formats/mem_read/operands/0/strided", False),
    ],
)
def test_another_meaning_changes_the_digest(path: str, value: Any) -> None:
    raw = isa_tables()
    change(raw, path, value)
    assert isa_from_tables(raw, where="folder").digest != load_isa().digest
