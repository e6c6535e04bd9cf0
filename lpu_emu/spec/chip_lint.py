"""Rules that a chip file must keep. Every finding names key and rule; the loader adds the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lpu_emu.errors import did_you_mean
from lpu_emu.spec.isa import Instruction, Isa

TAGS = ("published", "secondary", "derived", "choice")
_FREE = ("name", "title", "sources")


def findings(table: Mapping[str, Any], keys: Mapping[str, Any], isa: Isa) -> list[str]:
    """Return every broken rule of a parsed chip file: missing, unknown, untagged, impossible."""
    found = [f"{key}: missing; every chip file has it" for key in ("name", "title") if key not in table]
    found += _sections(table, keys)
    if found:
        return found
    found += _timing(table["timing"], isa)
    found += _cross(table)
    return found


def _sections(table: Mapping[str, Any], keys: Mapping[str, Any]) -> Iterator[str]:
    for section in sorted(set(table) - set(keys) - set(_FREE)):
        yield f"{section}: unknown section{did_you_mean(section, keys)}"
    for section, entries in keys.items():
        if not isinstance(table.get(section), Mapping):
            yield f"{section}: missing section"
            continue
        if section == "timing":
            yield from _timing_entries(table[section], entries)
            continue
        for key in sorted(set(table[section]) - set(entries)):
            yield f"{section}.{key}: unknown key{did_you_mean(key, entries)}"
        for key, rule in entries.items():
            if key not in table[section]:
                yield f"{section}.{key}: missing; it is: {rule['meaning']}"
            else:
                yield from _entry(f"{section}.{key}", table[section][key], rule)


def _timing_entries(timing: Mapping[str, Any], keys: Mapping[str, Any]) -> Iterator[str]:
    rule = {"unit": "cycles", "range": [0, 100_000]}
    for name, entries in timing.items():
        if not isinstance(entries, Mapping):
            yield f"timing.{name}: must be a table of tagged numbers"
            continue
        for key, entry in entries.items():
            if key not in keys:
                yield f"timing.{name}.{key}: unknown timing key{did_you_mean(key, keys)}"
            else:
                yield from _entry(f"timing.{name}.{key}", entry, rule)


def _entry(where: str, entry: Any, rule: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(entry, Mapping) or not {"value", "tag", "source"} <= set(entry):
        yield f"{where}: untagged; write {{ value = ..., tag = ..., source = ... }}"
        return
    if entry["tag"] not in TAGS:
        yield f"{where}: tag {entry['tag']!r} is not one of {', '.join(TAGS)}"
    if not isinstance(entry["source"], str) or not entry["source"].strip():
        yield f"{where}: the source is empty; say where the number comes from"
    yield from _value(where, entry["value"], rule)


def _value(where: str, value: Any, rule: Mapping[str, Any]) -> Iterator[str]:
    if rule.get("list"):
        if not isinstance(value, list) or not value:
            yield f"{where}: expected a list with at least one element, got {value!r}"
            return
        values = value
    else:
        values = [value]
    for element in values:
        if rule.get("names"):
            if not isinstance(element, str):
                yield f"{where}: expected names, got {element!r}"
            continue
        low, high = rule["range"]
        if isinstance(element, bool) or not isinstance(element, int):
            yield f"{where}: expected an integer ({rule['unit']}), got {element!r}"
        elif not low <= element <= high:
            yield f"{where}: {element} {rule['unit']} is impossible; the range is {low}..{high}"


def timing_value(timing: Mapping[str, Any], instruction: Instruction, key: str) -> int | None:
    """Return a timing value: the instruction's own if the chip gives one, else its unit's, else None."""
    for name in (instruction.mnemonic, instruction.unit):
        entry = timing.get(name, {}).get(key)
        if entry is not None:
            return int(entry["value"])
    return None


def _timing(timing: Mapping[str, Any], isa: Isa) -> Iterator[str]:
    known = {*isa.units, *isa.instructions}
    for name in timing:
        if name not in known:
            yield f"timing.{name}: neither a unit nor a mnemonic{did_you_mean(name, known)}"
    for instruction in isa.instructions.values():
        values = {key: timing_value(timing, instruction, key) for key in instruction.timing}
        for key, value in values.items():
            if value is None:
                yield (
                    f"timing.{instruction.mnemonic}.{key}: missing, and timing.{instruction.unit} has no default"
                )
        yield from _order(instruction, {k: v for k, v in values.items() if v is not None})


def _order(instruction: Instruction, values: Mapping[str, int]) -> Iterator[str]:
    """A result cannot exist before its operands: every delay is longer than every skew."""
    skew = max((v for k, v in values.items() if k.startswith("skew")), default=0)
    name = f"timing.{instruction.mnemonic}"
    for key in ("func", "latch", "product", "land"):
        if key in values and values[key] <= skew:
            yield f"{name}.{key}: {values[key]} cycles is impossible; it must be more than its skew {skew}"
    if "func" in values and "access" in values and values["func"] <= values["access"]:
        yield f"{name}.func: {values['func']} cycles is impossible; it must be more than access {values['access']}"
    if instruction.layout.name in ("mem_write", "mem_scatter", "mem_gather") and values.get("access", 0) < skew:
        yield f"{name}.access: must not be less than its skew {skew}"
    if "access_store" in values and values["access_store"] < skew:
        yield f"{name}.access_store: must not be less than its skew {skew}"
    for key in ("interval", "interval_wide"):
        if values.get(key, 1) < 1:
            yield f"{name}.{key}: must be at least 1"


def _cross(table: Mapping[str, Any]) -> Iterator[str]:
    def value(section: str, key: str) -> Any:
        return table[section][key]["value"]

    lanes = value("lanes", "superlanes") * value("lanes", "per_superlane")
    streams = value("streams", "per_direction")
    weights = value("mxm", "weight_streams")
    alus = value("vxm", "rows") * value("vxm", "columns")
    if streams % 8:
        yield f"streams.per_direction: {streams} must be a multiple of 8, the distributor's group"
    if value("lanes", "per_superlane") > streams:
        yield f"streams.per_direction: {streams} is fewer than the transposer's {value('lanes', 'per_superlane')}"
    if weights > streams or lanes % weights or streams % weights:
        yield f"mxm.weight_streams: {weights} must divide {streams} streams and {lanes} lanes"
    elif lanes // weights > 64:
        yield f"mxm.weight_streams: {lanes} lanes / {weights} are more than 64 row groups"
    if value("mem", "banks") * value("mem", "words_per_bank") > 65536:
        yield "mem.words_per_bank: a slice has more than 65,536 words; addresses have 16 bits"
    if max(value("vxm", "large")) >= alus:
        yield f"vxm.large: ALU {max(value('vxm', 'large'))} does not exist in a mesh of {alus}"
    if value("vxm", "groups_per_row") > streams // 4:
        yield f"vxm.groups_per_row: more than the {streams // 4} groups of {streams} streams"
    if value("mxm", "planes") % 2:
        yield "mxm.planes: must be even; two planes work in tandem for two-byte types"
    if value("c2c", "links") % value("c2c", "queues"):
        yield "c2c.links: must be a multiple of c2c.queues"
