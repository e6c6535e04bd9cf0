"""Rules for operand kinds (``operands.toml``) and layouts (``formats.toml``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lpu_emu.errors import did_you_mean
from lpu_emu.spec.checks import (
    Rule,
    boolean,
    identifier,
    integer,
    is_integer,
    list_of,
    one_of,
    show,
    table_findings,
    text,
)

ROLES = ("mod", "in", "out", "hidden")
TEXTS = ("stream", "source", "target", "immediate", "number", "enum")
STREAM_TEXTS = ("stream", "source", "target")
# Group names that are read from another operand, and the kind which that operand must have.
OPERAND_GROUPS = {"dtype": "dtype", "result": "dtype", "width": "width", "edge": "edge", "edge2": "edge"}
CHIP_GROUPS = ("lanes", "weights")
# What may stand in each role; the syntax of assembly follows from it.
_ROLE_TEXTS = {
    "mod": ("enum",),
    "in": ("stream", "source", "number"),
    "out": ("stream", "target", "number"),
    "hidden": ("immediate",),
}
_WIDEST_GROUP = 32
_KIND_REQUIRED: dict[str, Rule] = {"bits": integer(1, 63), "text": one_of(TEXTS), "meaning": text}
_KIND_OPTIONAL: dict[str, Rule] = {"signed": boolean, "values": list_of(identifier, empty=False)}


def kind_findings(table: Any) -> Iterator[str]:
    """Yield the broken rules of one operand kind."""
    yield from table_findings(table, _KIND_REQUIRED, _KIND_OPTIONAL)
    if not isinstance(table, Mapping):
        return
    values, bits = table.get("values"), table.get("bits")
    if isinstance(values, list) and is_integer(bits) and 0 < bits < 64 and len(values) > 1 << bits:
        yield f"values: {len(values)} names do not fit in {bits} bits"
    if (table.get("text") == "enum") != ("values" in table):
        yield "values: an enum lists its names, and no other kind does"


def layout_findings(
    table: Any, kinds: Mapping[str, Any], head: Mapping[str, int], timing: Any
) -> Iterator[str]:
    """Yield the broken rules of one layout.

    Args:
        table: the layout as parsed.
        kinds: the operand kinds by name, as parsed.
        head: ``opcode_bits``, ``longest_bytes`` and ``text_alignment_bytes``.
        timing: the timing keys there are.
    """
    required = {"bytes": integer(1, head["longest_bytes"]), "operands": list_of(_any_table)}
    yield from table_findings(table, required, {"reserved": list_of(_bits)})
    if not isinstance(table, Mapping):
        return
    operands = table.get("operands")
    operands = [o for o in operands if isinstance(o, Mapping)] if isinstance(operands, list) else []
    for operand in operands:
        where = f"operand {show(operand.get('name'))}"
        yield from (f"{where} {message}" for message in _operand(operand, operands, kinds, timing))
    yield from _names(operands)
    if not integer(1, head["longest_bytes"])(table.get("bytes")):
        yield from _coverage(table, operands, head)


def _any_table(value: Any) -> str:
    return "" if isinstance(value, Mapping) else f"an operand must be a table, got {show(value)}"


def _bits(value: Any) -> str:
    if (
        isinstance(value, list)
        and len(value) == 2
        and all(is_integer(v) for v in value)
        and value[0] >= 0 < value[1]
    ):
        return ""
    return f"bits must be [first bit, width], got {show(value)}"


def _names(operands: list[Mapping[str, Any]]) -> Iterator[str]:
    names = [operand.get("name") for operand in operands]
    yield from (f"operand {show(n)} appears twice" for i, n in enumerate(names) if n in names[:i])


def _operand(
    operand: Mapping[str, Any], operands: list[Mapping[str, Any]], kinds: Mapping[str, Any], timing: Any
) -> Iterator[str]:
    names = one_of(tuple(kinds))
    required = {"name": identifier, "kind": names, "role": one_of(ROLES), "bits": _bits, "meaning": text}
    skews = [key for key in timing if key.startswith("skew")]
    yield from table_findings(operand, required, {"group": _any, "strided": boolean, "skew": one_of(skews)})
    kind = kinds.get(operand["kind"]) if isinstance(operand.get("kind"), str) else None
    if not isinstance(kind, Mapping):
        return
    if not _bits(operand.get("bits")) and operand["bits"][1] != kind.get("bits"):
        yield f"has {show(operand['bits'][1])} bits; kind {operand['kind']} has {show(kind.get('bits'))}"
    role, written = operand.get("role"), kind.get("text")
    if isinstance(role, str) and written in TEXTS and written not in _ROLE_TEXTS.get(role, TEXTS):
        yield f"has the role {role!r}, which a kind written as {written!r} cannot have"
    if written in STREAM_TEXTS:
        yield from _group(operand.get("group"), operands)
    elif "group" in operand:
        yield f"has a group; only streams have one, and its kind is written as {show(written)}"
    if operand.get("strided") is True and written != "number":
        yield "is strided; only numbers advance with a repeat"


def _any(_: Any) -> str:
    return ""


def _group(group: Any, operands: list[Mapping[str, Any]]) -> Iterator[str]:
    if is_integer(group):
        if not 1 <= group <= _WIDEST_GROUP:
            yield f"group: {show(group)} streams is impossible; the range is 1..{_WIDEST_GROUP}"
    elif not isinstance(group, str) or group not in (*OPERAND_GROUPS, *CHIP_GROUPS):
        names = (*OPERAND_GROUPS, *CHIP_GROUPS)
        hint = did_you_mean(group, names) if isinstance(group, str) else ""
        yield f"needs a group: a number of streams or one of {', '.join(names)}, got {show(group)}{hint}"
    elif group in OPERAND_GROUPS:
        name = "edge" if group == "edge2" else group
        if not any(o.get("name") == name and o.get("kind") == OPERAND_GROUPS[group] for o in operands):
            yield f"group: {group!r} needs an operand {name!r} of kind {OPERAND_GROUPS[group]!r}"


def _coverage(
    table: Mapping[str, Any], operands: list[Mapping[str, Any]], head: Mapping[str, int]
) -> Iterator[str]:
    size = table["bytes"]
    if size % head["text_alignment_bytes"]:
        yield f"bytes: {size} must be a multiple of {head['text_alignment_bytes']}"
    reserved = table.get("reserved", [])
    claims = [(f"operand {show(o.get('name'))}", o.get("bits")) for o in operands]
    claims += [("reserved", bits) for bits in (reserved if isinstance(reserved, list) else [])]
    owner = dict.fromkeys(range(head["opcode_bits"]), "the opcode")
    for name, bits in claims:
        if not _bits(bits):
            yield from _claim(owner, name, bits, size * 8)
    gaps = [bit for bit in range(size * 8) if bit not in owner]
    if gaps:
        yield f"bits {gaps[0]}..{gaps[-1]} hold {len(gaps)} bits that are neither an operand nor reserved"


def _claim(owner: dict[int, str], name: str, bits: Any, end: int) -> Iterator[str]:
    first, width = bits
    if first + width > end:
        yield f"{name} ends at bit {show(first + width - 1)}, past the last bit {end - 1}"
    taken = [bit for bit in range(first, min(first + width, end)) if bit in owner]
    if taken:
        yield f"{name} overlaps {owner[taken[0]]} at bit {taken[0]}"
    owner.update((bit, name) for bit in range(first, min(first + width, end)) if bit not in owner)
