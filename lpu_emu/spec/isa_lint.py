"""Rules that the files of the instruction set must keep. Every finding names file, entry and rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

UNIT_FILES = ("icu", "mem", "vxm", "mxm", "sxm", "c2c")
ROLES = ("mod", "in", "out", "hidden")
GROUPS = ("dtype", "result", "width", "lanes", "weights", "edge", "edge2")
TEXTS = ("stream", "source", "target", "immediate", "number", "enum")
PROVENANCE = ("published", "secondary", "derived", "choice")
_TIMING_KEYS = (
    "skew", "skew_x", "skew_map", "func", "access", "access_store", "land", "latch",
    "product", "interval", "interval_wide",
)  # fmt: skip
_INSTRUCTION_KEYS = {
    "opcode", "layout", "queue", "timing", "meaning", "detail", "source", "dtypes", "large",
}  # fmt: skip


def findings(raw: Mapping[str, Any]) -> list[str]:
    """Return every broken rule of the parsed files (``lpu``, ``operands``, ``formats`` and the units)."""
    found = [f"operands.toml: [{n}] {m}" for n, t in raw["operands"].items() for m in _kind(t)]
    found += [f"formats.toml: [{n}] {m}" for n, t in raw["formats"].items() for m in _layout(t, raw)]
    found += _instructions(raw)
    return found


def _kind(table: Mapping[str, Any]) -> Iterator[str]:
    for key in ("bits", "text", "meaning"):
        if key not in table:
            yield f"misses the key {key!r}"
    if table.get("text") not in TEXTS:
        yield f"text = {table.get('text')!r} is not one of {', '.join(TEXTS)}"
    values = table.get("values", ())
    if len(values) > 1 << table.get("bits", 0):
        yield f"{len(values)} values do not fit in {table.get('bits')} bits"


def _layout(table: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[str]:
    size = table.get("bytes", 0)
    longest, alignment = raw["lpu"]["longest_bytes"], raw["lpu"]["text_alignment_bytes"]
    if not 0 < size <= longest or size % alignment:
        yield f"bytes = {size} must be a multiple of {alignment}, at most {longest}"
    owner = dict.fromkeys(range(raw["lpu"]["opcode_bits"]), "opcode")
    names: set[str] = set()
    for operand in table["operands"]:
        yield from _operand(operand, raw["operands"])
        if operand["name"] in names:
            yield f"operand {operand['name']!r} appears twice"
        names.add(operand["name"])
        yield from _claim(owner, operand["name"], operand["bits"], size * 8)
    for bits in table.get("reserved", ()):
        yield from _claim(owner, "reserved", bits, size * 8)
    gaps = [bit for bit in range(size * 8) if bit not in owner]
    if gaps:
        yield f"bits {gaps[0]}..{gaps[-1]} are neither an operand nor reserved"


def _claim(owner: dict[int, str], name: str, bits: list[int], end: int) -> Iterator[str]:
    first, width = bits
    if first + width > end:
        yield f"{name} ends at bit {first + width - 1}, past the last bit {end - 1}"
    for bit in range(first, min(first + width, end)):
        if bit in owner:
            yield f"{name} overlaps {owner[bit]} at bit {bit}"
            return
        owner[bit] = name


def _operand(operand: Mapping[str, Any], kinds: Mapping[str, Any]) -> Iterator[str]:
    name = operand["name"]
    if operand["kind"] not in kinds:
        yield f"operand {name!r} has the unknown kind {operand['kind']!r}"
        return
    kind = kinds[operand["kind"]]
    if operand["bits"][1] != kind["bits"]:
        yield f"operand {name!r} has {operand['bits'][1]} bits; kind {operand['kind']} has {kind['bits']}"
    if operand["role"] not in ROLES:
        yield f"operand {name!r} has the unknown role {operand['role']!r}"
    group = operand.get("group", "")
    if kind["text"] in ("stream", "source", "target") and not (isinstance(group, int) or group in GROUPS):
        yield f"operand {name!r} needs a group: a number or one of {', '.join(GROUPS)}"


def _instructions(raw: Mapping[str, Any]) -> Iterator[str]:
    opcodes: dict[int, str] = {}
    mnemonics: dict[str, str] = {}
    for unit in UNIT_FILES:
        for mnemonic, table in raw[unit].items():
            where = f"{unit}.toml: [{mnemonic}]"
            yield from (f"{where} {message}" for message in _instruction(table, raw))
            if mnemonic in mnemonics:
                yield f"{where} is defined in {mnemonics[mnemonic]}.toml too"
            mnemonics[mnemonic] = unit
            opcode = table.get("opcode", -1)
            if opcode in opcodes:
                yield f"{where} opcode {opcode:#04x} is taken by {opcodes[opcode]}"
            opcodes[opcode] = mnemonic


def _instruction(table: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[str]:
    for key in ("opcode", "layout", "timing", "meaning", "source"):
        if key not in table:
            yield f"misses the key {key!r}"
    for key in sorted(set(table) - _INSTRUCTION_KEYS):
        yield f"has the unknown key {key!r}"
    if not 0 <= table.get("opcode", -1) < 1 << raw["lpu"]["opcode_bits"]:
        yield f"opcode {table.get('opcode')} does not fit in {raw['lpu']['opcode_bits']} bits"
    if table.get("layout") not in raw["formats"]:
        yield f"layout {table.get('layout')!r} is not in formats.toml"
    for key in table.get("timing", ()):
        if key not in _TIMING_KEYS:
            yield f"timing key {key!r} is unknown"
    if table.get("source", "").split(":")[0] not in PROVENANCE:
        yield f"source must begin with one of {', '.join(PROVENANCE)} and a colon"
    for name in (*table.get("dtypes", ()), *table.get("large", ())):
        if name not in raw["operands"]["dtype"]["values"]:
            yield f"type {name!r} is unknown"
