"""The instruction manual, derived from the tables: pages, listing, and whether ``REFERENCE.md`` is stale.

``python -m lpu_emu.spec.manual`` writes ``isa/REFERENCE.md`` anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpu_emu import _resources, errors
from lpu_emu.spec import forms, manual_text
from lpu_emu.spec.chip import Chip, chip_from_table
from lpu_emu.spec.isa import Instruction, Isa, isa_from_tables, read_isa_files, read_toml
from lpu_emu.spec.machine import Machine
from lpu_emu.spec.markdown import table

REFERENCE = "REFERENCE.md"
_FIRST_CHIP = "tsp1"
_SHARED_FROM = 3  # a layout that so many instructions of a unit have is described once
_LIMITS = ("stream", "address", "superlanes", "row", "row_group", "amount", "link")


def reference_page(isa: Isa, machines: Sequence[Machine] | None = None) -> str:
    """Return the whole manual; ``machines`` are the chips whose timing is shown, else the bundled ones."""
    shown = bundled_machines(isa) if machines is None else machines
    units = ", ".join(f"[{t['title']}](#{_anchor(t['title'])})" for t in isa.units.values())
    longest = max(layout.size_bytes for layout in isa.layouts.values())
    alignment = min(layout.size_bytes for layout in isa.layouts.values())
    parts = [
        manual_text.HEAD.format(name=isa.name, version=isa.version, units=units),
        manual_text.MACHINE,
        manual_text.READING,
        manual_text.WRITING,
        manual_text.ENCODING.format(alignment=alignment, longest=longest),
        manual_text.KINDS + "\n" + _lines(_kinds(isa)) + "\n" + _lines(_limits(shown)),
        manual_text.TIMING + "\n" + _lines(table(("key", "meaning"), _keys(isa))),
        manual_text.PROVENANCE + "\n" + _lines([f"- {key}: {text}" for key, text in isa.sources.items()]),
        *(_lines(_unit(isa, unit, shown)) for unit in isa.units),
        _lines(["## Index of opcodes", "", *_index(isa)]),
    ]
    return "\n".join(parts)


def instruction_page(isa: Isa, mnemonic: str, machines: Sequence[Machine] | None = None) -> str:
    """Return the complete entry of one instruction.

    Raises:
        SpecError: there is no such instruction.
    """
    if mnemonic not in isa.instructions:
        hint = (
            errors.did_you_mean(mnemonic, isa.instructions) or f"; there are: {', '.join(isa.instructions)}"
        )
        raise errors.SpecError([f"no instruction {mnemonic!r}{hint}"])
    shown = bundled_machines(isa) if machines is None else machines
    return _lines(_entry(isa[mnemonic], shown, shared=False))


def isa_listing(isa: Isa) -> list[dict[str, Any]]:
    """Return one row per instruction, in the order of opcodes.

    A row has mnemonic, unit, queue, opcode, bytes, text, meaning, dtypes and source.
    """
    return [
        {
            "mnemonic": i.mnemonic,
            "unit": i.unit,
            "queue": i.queue,
            "opcode": i.opcode,
            "bytes": i.layout.size_bytes,
            "text": forms.text_form(i),
            "meaning": i.meaning,
            "dtypes": list(i.dtypes),
            "source": i.source,
        }
        for _, i in sorted(isa.by_opcode.items())
    ]


def bundled_machines(isa: Isa, folder: Path | None = None) -> list[Machine]:
    """Return the machines of all chip files of an ``isa`` folder (the bundled one by default), tsp1 first.

    Raises:
        SpecError: a chip file breaks a rule.
    """
    root = folder or _resources.isa_folder()
    keys = read_toml(root / "chip_keys.toml")
    chips = [_chip(path, isa, keys) for path in (root / "chips").glob("*.toml")]
    chips.sort(key=lambda chip: (chip.name != _FIRST_CHIP, chip.name))
    return [Machine(chip=chip, isa=isa) for chip in chips]


def _chip(path: Path, isa: Isa, keys: Mapping[str, Any]) -> Chip:
    return chip_from_table(read_toml(path), where=str(path), isa=isa, keys=keys)


def write_reference(isa_folder: Path | None = None) -> Path:
    """Write ``REFERENCE.md`` of an ``isa`` folder and return its path.

    Raises:
        SpecError: the tables break a rule.
    """
    folder = isa_folder or _resources.isa_folder()
    path = folder / REFERENCE
    path.write_text(_page_of(folder), encoding="utf-8")
    return path


def _page_of(folder: Path) -> str:
    isa = isa_from_tables(read_isa_files(folder), where=str(folder))
    return reference_page(isa, bundled_machines(isa, folder))


def check(isa_folder: Path | None = None) -> list[str]:
    """Return every finding about an ``isa`` folder: broken rules, unknown sources, a stale manual."""
    folder = isa_folder or _resources.isa_folder()
    try:
        isa = isa_from_tables(read_isa_files(folder), where=str(folder))
    except errors.SpecError as error:
        return list(error.findings)
    found = [f"{folder}/{finding}" for finding in _unknown_letters(isa)]
    for path in sorted((folder / "chips").glob("*.toml")):
        found += _chip_findings(path, isa, read_toml(folder / "chip_keys.toml"))
    try:
        return found or _stale(folder)
    except KeyError as error:
        return [f"{folder}/chip_keys.toml: misses {error}, which the package reads"]


def _unknown_letters(isa: Isa) -> list[str]:
    return [
        f"{i.unit}.toml: [{i.mnemonic}] source: names none of {', '.join(isa.sources)}; only a choice may"
        for i in isa.instructions.values()
        if not i.source.startswith("choice:") and not any(key in i.source for key in isa.sources)
    ]


def _chip_findings(path: Path, isa: Isa, keys: Mapping[str, Any]) -> list[str]:
    try:
        chip = _chip(path, isa, keys)
    except errors.SpecError as error:
        return list(error.findings)
    found = [] if chip.name == path.stem else [f"{path}: name: {chip.name!r} must be the name of the file"]
    for key, fact in chip.facts.items():
        if fact.tag != "choice" and fact.source.partition(":")[0] not in chip.sources:
            letters = ", ".join(chip.sources)
            found.append(
                f"{path}: {key}: source: a {fact.tag} number names one of {letters}, and a colon, first"
            )
    return found


def _stale(folder: Path) -> list[str]:
    path = folder / REFERENCE
    command = "run: python -m lpu_emu.spec.manual"
    if not path.is_file():
        return [f"{path}: missing; {command}"]
    expected = _page_of(folder)
    return (
        []
        if path.read_text(encoding="utf-8") == expected
        else [f"{path}: does not match the tables; {command}"]
    )


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _kinds(isa: Isa) -> list[str]:
    rows = [
        (k.name, k.bits, forms.value_range(k), forms.field_codes(k), k.meaning) for k in isa.kinds.values()
    ]
    return table(("kind", "bits", "range", "encoding", "meaning"), rows)


def _limits(machines: Sequence[Machine]) -> list[str]:
    rows = [(kind, *(highest(machine, kind) for machine in machines)) for kind in _LIMITS]
    return table(("highest", *(machine.chip.name for machine in machines)), rows)


def highest(machine: Machine, kind: str) -> str:
    """Return the highest value of an operand kind that a chip accepts, as it is written."""
    chip = machine.chip
    return {
        "stream": f"e{chip.streams - 1}, w{chip.streams - 1}",
        "address": str(chip.words - 1),
        "superlanes": str(chip.superlanes),
        "row": str(chip.accumulator_rows - 1),
        "row_group": str(chip.row_groups - 1),
        "amount": str(chip.lanes),
        "link": str(int(chip["c2c.links"]) - 1),
    }[kind]


def _keys(isa: Isa) -> list[tuple[str, str]]:
    return [(f"`{key}`", meaning) for key, meaning in isa.timing_keys.items()]


def _unit(isa: Isa, unit: str, machines: Sequence[Machine]) -> list[str]:
    members = [i for i in isa.instructions.values() if i.unit == unit]
    uses = Counter(i.layout.name for i in members)
    shared = [name for name, count in uses.items() if count >= _SHARED_FROM and isa.layouts[name].operands]
    lines = [f"## {isa.units[unit]['title']}", "", isa.units[unit]["meaning"], ""]
    queues = ", ".join(f"`{q.kind}`" for q in isa.queue_kinds[unit])
    lines += [f"Kinds of queue: {queues}.", ""] if queues else []
    for name in shared:
        lines += _shared_form([i for i in members if i.layout.name == name])
    for instruction in members:
        lines += [*_entry(instruction, machines, shared=instruction.layout.name in shared), ""]
    return lines[:-1]


def _shared_form(members: Sequence[Instruction]) -> list[str]:
    first = members[0]
    names = ", ".join(f"[{i.mnemonic}](#{i.mnemonic})" for i in members)
    picture = forms.encoding_picture(first, "opcode")
    return [f"### Form {first.layout.name}", "", f"{names}.", "", *_operands(first), *_fenced(picture), ""]


def _entry(instruction: Instruction, machines: Sequence[Machine], *, shared: bool) -> list[str]:
    lines = [
        f"### {instruction.mnemonic}",
        "",
        *_fenced([forms.text_form(instruction)]),
        "",
        instruction.meaning,
        "",
    ]
    if instruction.detail:
        lines += [*instruction.detail.splitlines(), ""]
    if shared:
        form = instruction.layout.name
        lines += [f"Operands and bits: [form {form}](#form-{form}), opcode {instruction.opcode:#04x}.", ""]
    else:
        lines += [*_operands(instruction), *_fenced(forms.encoding_picture(instruction)), ""]
    return [*lines, *_traits(instruction), *_timing(instruction, machines), f"Source, {instruction.source}."]


def _operands(instruction: Instruction) -> list[str]:
    rows = forms.operand_rows(instruction)
    return (
        [*table(("operand", "role", "kind", "bits", "range", "meaning"), rows), ""]
        if rows
        else ["No operands.", ""]
    )


def _traits(instruction: Instruction) -> list[str]:
    traits = [f"Queue: `{instruction.queue}`."] if instruction.queue else []
    if instruction.dtypes:
        traits.append(f"Types: {', '.join(instruction.dtypes)}.")
    if instruction.dtypes and instruction.unit == "vxm":
        traits.append(_alu_class(instruction))
    return [" ".join(traits), ""] if traits else []


def _alu_class(instruction: Instruction) -> str:
    if not instruction.large:
        return "Runs on every ALU."
    if set(instruction.large) == set(instruction.dtypes):
        return "Runs on large ALUs only."
    return f"Needs a large ALU for {', '.join(instruction.large)}."


def _timing(instruction: Instruction, machines: Sequence[Machine]) -> list[str]:
    if not instruction.timing:
        return []
    rows = [
        (machine.chip.name, *(machine.timing(instruction)[key] for key in instruction.timing))
        for machine in machines
    ]
    return [*table(("cycles", *(f"`{key}`" for key in instruction.timing)), rows), ""]


def _fenced(lines: Sequence[str]) -> list[str]:
    return ["```text", *lines, "```"]


def _index(isa: Isa) -> list[str]:
    rows = [
        (
            f"{row['opcode']:#04x}",
            f"[{row['mnemonic']}](#{row['mnemonic']})",
            row["unit"],
            row["bytes"],
            f"`{row['text']}`",
        )
        for row in isa_listing(isa)
    ]
    return table(("opcode", "mnemonic", "unit", "bytes", "text"), rows)


if __name__ == "__main__":
    write_reference()
