"""Rules that a chip file must keep. Every finding names key and rule; the loader adds the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lpu_emu.errors import did_you_mean
from lpu_emu.spec.checks import Rule, integer, is_integer, list_of, one_of, show, table_findings, text
from lpu_emu.spec.isa import Instruction, Isa

TAGS = ("published", "secondary", "derived", "choice")
_FREE = ("name", "title", "sources")
_TIMING_RULE: Mapping[str, Any] = {"unit": "cycles", "range": [0, 100_000]}


def findings(table: Mapping[str, Any], keys: Mapping[str, Any], isa: Isa) -> list[str]:
    """Return every broken rule of a parsed chip file: missing, unknown, untagged, impossible.

    Args:
        table: the chip file as parsed.
        keys: ``chip_keys.toml`` as parsed, itself in order (``key_lint``).
        isa: the instruction set whose timing keys the chip must give.
    """
    found = [f"{key}: missing; every chip file has it" for key in ("name", "title") if key not in table]
    found += [f"{key}: {wrong}" for key in ("name", "title") if key in table and (wrong := text(table[key]))]
    found += _sources(table.get("sources", {}))
    found += _sections(table, keys, isa)
    found += _timing(table.get("timing"), isa)
    found += _cross(_values(table, keys, isa))
    return list(dict.fromkeys(found))


def _sources(sources: Any) -> Iterator[str]:
    if not isinstance(sources, Mapping):
        yield f"sources: must be a table of texts, got {show(sources)}"
        return
    yield from (f"sources.{key}: {wrong}" for key, entry in sources.items() if (wrong := text(entry)))


def _sections(table: Mapping[str, Any], keys: Mapping[str, Any], isa: Isa) -> Iterator[str]:
    for section in table:
        if section not in keys and section not in _FREE:
            yield f"{section}: unknown section{did_you_mean(section, keys)}"
    for section, entries in keys.items():
        if section not in table:
            yield f"{section}: missing section"
        elif not isinstance(table[section], Mapping):
            yield f"{section}: must be a table, got {show(table[section])}"
        elif section == "timing":
            yield from _timing_entries(table[section], entries, isa)
        else:
            yield from _section(section, table[section], entries, isa)


def _section(section: str, table: Mapping[str, Any], entries: Mapping[str, Any], isa: Isa) -> Iterator[str]:
    for key in table:
        if key not in entries:
            yield f"{section}.{key}: unknown key{did_you_mean(key, entries)}"
    for key, rule in entries.items():
        if key not in table:
            yield f"{section}.{key}: missing; it is: {rule['meaning']}"
        else:
            yield from (f"{section}.{key}: {message}" for message in _entry(table[key], rule, isa))


def _timing_entries(timing: Mapping[str, Any], keys: Mapping[str, Any], isa: Isa) -> Iterator[str]:
    known = (*isa.units, *isa.instructions)
    for name, entries in timing.items():
        if name not in known:
            yield f"timing.{name}: neither a unit nor a mnemonic{did_you_mean(name, known)}"
        if not isinstance(entries, Mapping):
            yield f"timing.{name}: must be a table of tagged numbers, got {show(entries)}"
            continue
        for key, entry in entries.items():
            if key not in keys:
                yield f"timing.{name}.{key}: unknown timing key{did_you_mean(key, keys)}"
            else:
                yield from (f"timing.{name}.{key}: {message}" for message in _entry(entry, _TIMING_RULE, isa))


def _entry(entry: Any, rule: Mapping[str, Any], isa: Isa) -> Iterator[str]:
    if not isinstance(entry, Mapping) or not {"value", "tag"} <= set(entry):
        yield f"untagged; write {{ value = ..., tag = ..., source = ... }}, got {show(entry)}"
        return
    yield from table_findings(
        entry, {"value": value_rule(rule, isa), "tag": one_of(TAGS), "source": text}, {}
    )


def value_rule(rule: Mapping[str, Any], isa: Isa) -> Rule:
    """Return the rule for a value from its entry in ``chip_keys.toml``."""
    low, high = rule.get("range", (0, 0))
    element = one_of(_types(isa)) if rule.get("names") else integer(low, high, rule["unit"])
    return list_of(element, empty=False) if rule.get("list") else element


def _types(isa: Isa) -> tuple[str, ...]:
    """Return the types that matrix planes multiply, in the order of the instruction set."""
    planes = {name for i in isa.instructions.values() if i.unit == "mxm" for name in i.dtypes}
    kind = isa.kinds.get("dtype")
    return tuple(name for name in (kind.values if kind else ()) if name in planes)


def _values(table: Mapping[str, Any], keys: Mapping[str, Any], isa: Isa) -> dict[str, Any]:
    """Return the values that keep their rules, by dotted key; the rules between keys look at these."""
    found = {}
    for section, entries in keys.items():
        if section == "timing" or not isinstance(table.get(section), Mapping):
            continue
        for key, rule in entries.items():
            entry = table[section].get(key)
            name = f"{section}.{key}"
            value = entry.get("value") if isinstance(entry, Mapping) else None
            if isinstance(value, list) == (name == "vxm.large") and not value_rule(rule, isa)(value):
                found[name] = value
    return found


def _cross(values: Mapping[str, Any]) -> Iterator[str]:
    for needed, check in _CROSS.items():
        if all(key in values for key in needed):
            yield from check(*(values[key] for key in needed))


def _streams(streams: int, per_superlane: int) -> Iterator[str]:
    if streams % 8:
        yield f"streams.per_direction: {streams} must be a multiple of 8, the distributor's group"
    if per_superlane > streams:
        yield f"streams.per_direction: {streams} is fewer than the transposer's {per_superlane}"


def _halves(superlanes: int, per_superlane: int) -> Iterator[str]:
    if superlanes * per_superlane % 2:
        yield f"lanes.superlanes: {superlanes} x {per_superlane} lanes must be even; half of them can work"


def _weights(weights: int, streams: int, superlanes: int, per_superlane: int) -> Iterator[str]:
    lanes = superlanes * per_superlane
    if lanes % weights or streams % weights:
        yield f"mxm.weight_streams: {weights} must divide {streams} streams and {lanes} lanes"
    elif lanes // weights > 64:
        yield f"mxm.weight_streams: {lanes} lanes / {weights} are more than 64 row groups"


def _words(banks: int, words_per_bank: int) -> Iterator[str]:
    if banks * words_per_bank > 65536:
        yield f"mem.words_per_bank: {banks} x {words_per_bank} words are more than 16 address bits reach"


def _mesh(rows: int, columns: int, large: list[int]) -> Iterator[str]:
    for alu in large:
        if alu >= rows * columns:
            yield f"vxm.large: ALU {alu} does not exist in a mesh of {rows} x {columns}"


def _groups(groups: int, streams: int) -> Iterator[str]:
    if groups > streams // 4:
        yield f"vxm.groups_per_row: {groups} is more than the {streams // 4} groups of {streams} streams"


def _tandem(planes: int) -> Iterator[str]:
    if planes % 2:
        yield f"mxm.planes: {planes} must be even; two planes work in tandem for two-byte types"


def _links(links: int, queues: int) -> Iterator[str]:
    if links % queues:
        yield f"c2c.links: {links} must be a multiple of c2c.queues, {queues}"


def _text_store(queue_bytes: int, fetch_bytes: int) -> Iterator[str]:
    if queue_bytes < fetch_bytes:
        yield f"icu.queue_bytes: {queue_bytes} must hold at least one fetch, {fetch_bytes}"


_CROSS: dict[tuple[str, ...], Callable[..., Iterator[str]]] = {
    ("streams.per_direction", "lanes.per_superlane"): _streams,
    ("lanes.superlanes", "lanes.per_superlane"): _halves,
    ("mxm.weight_streams", "streams.per_direction", "lanes.superlanes", "lanes.per_superlane"): _weights,
    ("mem.banks", "mem.words_per_bank"): _words,
    ("vxm.rows", "vxm.columns", "vxm.large"): _mesh,
    ("vxm.groups_per_row", "streams.per_direction"): _groups,
    ("mxm.planes",): _tandem,
    ("c2c.links", "c2c.queues"): _links,
    ("icu.queue_bytes", "icu.fetch_bytes"): _text_store,
}


def timing_place(timing: Mapping[str, Any], instruction: Instruction, key: str) -> str:
    """Return where a timing value stands, ``"UNIT.KEY"`` or ``"MNEMONIC.KEY"``; empty when nowhere."""
    for name in (instruction.mnemonic, instruction.unit):
        entries = timing.get(name)
        entry = entries.get(key) if isinstance(entries, Mapping) else None
        if isinstance(entry, Mapping) and is_integer(entry.get("value")):
            return f"{name}.{key}"
    return ""


def timing_value(timing: Mapping[str, Any], instruction: Instruction, key: str) -> int | None:
    """Return a timing value: the instruction's own if the chip gives one, else its unit's, else None."""
    place = timing_place(timing, instruction, key)
    if not place:
        return None
    name, _, _ = place.partition(".")
    return int(timing[name][key]["value"])


def _timing(timing: Any, isa: Isa) -> Iterator[str]:
    if not isinstance(timing, Mapping):
        return
    missing: dict[str, list[str]] = {}
    for instruction in isa.instructions.values():
        for key in instruction.timing:
            if not _stated(timing, instruction, key):
                missing.setdefault(f"timing.{instruction.unit}.{key}", []).append(instruction.mnemonic)
        yield from _order(instruction, timing)
    for name, users in missing.items():
        first = ", ".join(users[:4]) + (", ..." if users[4:] else "")
        yield f"{name}: missing; needed by {first}, which have none of their own"


def _stated(timing: Mapping[str, Any], instruction: Instruction, key: str) -> bool:
    """Whether a timing value stands somewhere, right or wrong; a wrong one has a finding of its own."""
    tables = [timing[name] for name in (instruction.mnemonic, instruction.unit) if name in timing]
    return any(not isinstance(table, Mapping) or key in table for table in tables)


def _order(instruction: Instruction, timing: Mapping[str, Any]) -> Iterator[str]:
    """A result cannot exist before its operands: every delay is longer than every skew."""
    low, high = _TIMING_RULE["range"]
    known = {key: timing_value(timing, instruction, key) for key in instruction.timing}
    values = {key: value for key, value in known.items() if value is not None and low <= value <= high}
    places = {key: f"timing.{timing_place(timing, instruction, key)}" for key in values}
    skews = [key for key in values if key.startswith("skew")]
    skew = max(skews, key=lambda key: values[key], default="")
    for key in ("func", "latch", "product", "land"):
        if key in values and values[key] <= (values[skew] if skew else 0):
            than = f"{places[skew]}, {values[skew]}" if skew else "0"
            yield f"{places[key]}: {values[key]} cycles is impossible; it must be more than {than}"
    if "func" in values and "access" in values and values["func"] <= values["access"]:
        yield (
            f"{places['func']}: {values['func']} cycles is impossible; "
            f"it must be more than {places['access']}, {values['access']}"
        )
    # The last access of an instruction is the one that needs its operands.
    last = next((key for key in ("access_store", "access") if key in values), "")
    if last and skew and values[last] < values[skew]:
        yield (
            f"{places[last]}: {values[last]} cycles is impossible; "
            f"it must not be less than {places[skew]}, {values[skew]}"
        )
    for key in ("interval", "interval_wide"):
        if values.get(key, 1) < 1:
            yield f"{places[key]}: must be at least 1"
