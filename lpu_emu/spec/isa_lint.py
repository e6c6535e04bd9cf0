"""Rules that the files of the instruction set must keep. Every finding names file, entry and rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lpu_emu.errors import did_you_mean
from lpu_emu.spec import key_lint
from lpu_emu.spec.checks import (
    Rule,
    identifier,
    integer,
    is_integer,
    list_of,
    one_of,
    show,
    table_findings,
    text,
)
from lpu_emu.spec.layout_lint import STREAM_TEXTS, kind_findings, layout_findings

UNIT_FILES = ("icu", "mem", "vxm", "mxm", "sxm", "c2c")
PROVENANCE = ("published", "secondary", "derived", "choice")
_HEAD: dict[str, tuple[int, int, int]] = {  # key: lowest, highest, what the other rules use when it is wrong
    "version": (1, 1_000_000, 1),
    "opcode_bits": (1, 8, 8),
    "longest_bytes": (1, 64, 16),
    "repeat_dimensions": (1, 8, 3),
    "text_alignment_bytes": (1, 64, 4),
}


def findings(raw: Mapping[str, Any]) -> list[str]:
    """Return every broken rule of the parsed files, which stand in ``raw`` by name without ending."""
    found = [f"chip_keys.toml: {message}" for message in key_lint.findings(raw["chip_keys"])]
    found += [f"lpu.toml: {message}" for message in _head(raw["lpu"], raw["chip_keys"])]
    found += [
        f"operands.toml: [{n}] {m}"
        for n, t in raw["operands"].items()
        for m in (*_name(n), *kind_findings(t))
    ]
    found += [
        f"{name}.toml: holds no entry" for name in ("operands", "formats", *UNIT_FILES) if not raw[name]
    ]
    found += _layouts(raw)
    found += _instructions(raw)
    found += _unused(raw)
    return found


def head_numbers(head: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of ``lpu.toml``; one that breaks its rule is replaced, so that others can go on."""
    return {
        key: head[key] if not integer(low, high)(head.get(key)) else usual
        for key, (low, high, usual) in _HEAD.items()
    }


def timing_keys(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the timing keys that ``chip_keys.toml`` names."""
    keys = raw["chip_keys"].get("timing")
    return tuple(keys) if isinstance(keys, Mapping) else ()


def queue_kinds(raw: Mapping[str, Any], unit: str) -> tuple[str, ...]:
    """Return the queue kinds of a unit that has several, in canonical order."""
    units = raw["lpu"].get("units")
    table = units.get(unit) if isinstance(units, Mapping) else None
    queues = table.get("queues") if isinstance(table, Mapping) else None
    entries = queues if isinstance(queues, list) else []
    return tuple(q["kind"] for q in entries if isinstance(q, Mapping) and isinstance(q.get("kind"), str))


def _name(name: str) -> Iterator[str]:
    if wrong := identifier(name):
        yield f"name: {wrong}"


def _head(head: Mapping[str, Any], chip_keys: Mapping[str, Any]) -> Iterator[str]:
    rules: dict[str, Rule] = {key: integer(low, high) for key, (low, high, _) in _HEAD.items()}
    required = {"name": text, **rules, "units": _any_table, "sources": _any_table}
    yield from table_findings(head, required, {})
    sources = head.get("sources")
    for key, entry in (sources if isinstance(sources, Mapping) else {}).items():
        if wrong := text(entry):
            yield f"[sources] {key}: {wrong}"
    units = head.get("units")
    if isinstance(units, Mapping):
        yield from _units(units, chip_keys)


def _units(units: Mapping[str, Any], chip_keys: Mapping[str, Any]) -> Iterator[str]:
    for unit in UNIT_FILES:
        if unit not in units:
            yield f"[units.{unit}] is missing"
    for unit, table in units.items():
        if unit not in UNIT_FILES:
            yield f"[units.{unit}] is unknown{did_you_mean(unit, UNIT_FILES)}"
        rules = {"queues": list_of(_queue(_countable(chip_keys)), empty=False)}
        yield from (
            f"[units.{unit}] {m}" for m in table_findings(table, {"title": text, "meaning": text}, rules)
        )


def _countable(chip_keys: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys of a chip file that hold one number."""
    return [
        f"{section}.{key}"
        for section, entries in chip_keys.items()
        if section != "timing" and isinstance(entries, Mapping)
        for key, rule in entries.items()
        if isinstance(rule, Mapping) and not rule.get("list") and not rule.get("names")
    ]


def _any_table(value: Any) -> str:
    return "" if isinstance(value, Mapping) else f"must be a table, got {show(value)}"


def _queue(keys: list[str]) -> Rule:
    return lambda value: "; ".join(table_findings(value, {"kind": identifier}, {"count": one_of(keys)}))


def _layouts(raw: Mapping[str, Any]) -> Iterator[str]:
    head, keys = head_numbers(raw["lpu"]), timing_keys(raw)
    for name, table in raw["formats"].items():
        found = (*_name(name), *layout_findings(table, raw["operands"], head, keys))
        yield from (f"formats.toml: [{name}] {message}" for message in found)


def _instructions(raw: Mapping[str, Any]) -> Iterator[str]:
    opcodes: dict[int, str] = {}
    mnemonics: dict[str, str] = {}
    for unit in UNIT_FILES:
        for mnemonic, table in raw[unit].items():
            where = f"{unit}.toml: [{mnemonic}]"
            yield from (
                f"{where} {message}" for message in (*_name(mnemonic), *_instruction(table, unit, raw))
            )
            if mnemonic in mnemonics:
                yield f"{where} is defined in {mnemonics[mnemonic]}.toml too"
            mnemonics.setdefault(mnemonic, unit)
            opcode = table.get("opcode") if isinstance(table, Mapping) else None
            if is_integer(opcode) and opcode in opcodes:
                yield f"{where} opcode: {opcode:#04x} is taken by {opcodes[opcode]}"
            elif is_integer(opcode):
                opcodes[opcode] = mnemonic


def _instruction(table: Any, unit: str, raw: Mapping[str, Any]) -> Iterator[str]:
    highest = (1 << head_numbers(raw["lpu"])["opcode_bits"]) - 1
    types = list_of(one_of(_dtypes(raw)))
    required: dict[str, Rule] = {
        "opcode": integer(0, highest),
        "layout": one_of(tuple(raw["formats"])),
        "timing": list_of(one_of(timing_keys(raw))),
        "meaning": text,
        "source": provenance,
    }
    optional: dict[str, Rule] = {"detail": text, "dtypes": types, "large": types}
    kinds = queue_kinds(raw, unit)
    (required if kinds else optional)["queue"] = one_of(kinds) if kinds else _no_queue
    yield from table_findings(table, required, optional)
    if isinstance(table, Mapping):
        yield from _types(table, raw)
        yield from _timing(table, raw)


def provenance(value: Any) -> str:
    """Rule: a text that begins with a provenance tag and a colon, and says more."""
    tag, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if tag in PROVENANCE and rest.strip():
        return ""
    return f"must be one of {', '.join(PROVENANCE)}, a colon, and where that comes from; got {show(value)}"


def _no_queue(value: Any) -> str:
    return f"{show(value)}: all queues of this unit are alike; leave it out"


def _dtypes(raw: Mapping[str, Any]) -> tuple[str, ...]:
    kind = raw["operands"].get("dtype")
    values = kind.get("values") if isinstance(kind, Mapping) else None
    return tuple(v for v in values if isinstance(v, str)) if isinstance(values, list) else ()


def _operands(
    table: Mapping[str, Any], raw: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the operands of an instruction's layout with their kinds, as far as they are tables."""
    layout = raw["formats"].get(table["layout"]) if isinstance(table.get("layout"), str) else None
    operands = layout.get("operands") if isinstance(layout, Mapping) else None
    found = []
    for operand in operands if isinstance(operands, list) else []:
        name = operand.get("kind") if isinstance(operand, Mapping) else None
        kind = raw["operands"].get(name) if isinstance(name, str) else None
        if isinstance(kind, Mapping):
            found.append((operand, kind))
    return found


def _types(table: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[str]:
    typed = any(operand.get("kind") == "dtype" for operand, _ in _operands(table, raw))
    if typed and not table.get("dtypes"):
        yield "dtypes: missing; an instruction with a type operand lists its types"
    if not typed and "dtypes" in table:
        yield "dtypes: the layout has no type operand"
    dtypes, large = table.get("dtypes"), table.get("large", [])
    if isinstance(dtypes, list) and isinstance(large, list):
        yield from (f"large: {show(name)} is not one of its dtypes" for name in large if name not in dtypes)
    elif "large" in table:
        yield "large: only an instruction with dtypes has it"


def _timing(table: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[str]:
    """Whatever samples a stream says when, and whatever drives one says when."""
    timing = table.get("timing")
    if not isinstance(timing, list):
        return
    for operand, kind in _operands(table, raw):
        if kind.get("text") not in STREAM_TEXTS:
            continue
        key = operand.get("skew", "skew") if operand.get("role") == "in" else "func"
        if key not in timing:
            yield f"timing: misses {show(key)}, which the operand {show(operand.get('name'))} needs"


def _unused(raw: Mapping[str, Any]) -> Iterator[str]:
    tables = [table for unit in UNIT_FILES for table in raw[unit].values() if isinstance(table, Mapping)]
    layouts = [table.get("layout") for table in tables]
    yield from (
        f"formats.toml: [{name}] no instruction uses it" for name in raw["formats"] if name not in layouts
    )
    used = [operand.get("kind") for table in tables for operand, _ in _operands(table, raw)]
    yield from (
        f"operands.toml: [{name}] no layout in use has it" for name in raw["operands"] if name not in used
    )
