"""The instruction set as frozen dataclasses, read from ``isa/*.toml``.

A mnemonic, a bit position, an opcode or an operand name is written once, in those files; codec,
assembler, disassembler, manual and dispatch derive from what this module returns.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lpu_emu import _resources
from lpu_emu.errors import SpecError

UNIT_FILES = ("icu", "mem", "vxm", "mxm", "sxm", "c2c")


@dataclass(frozen=True, kw_only=True)
class OperandKind:
    """What an operand means: width in bits, sign, how it is written, and its names if it is an enum."""

    name: str
    bits: int
    text: str
    meaning: str
    signed: bool = False
    values: tuple[str, ...] = ()

    @property
    def minimum(self) -> int:
        """Smallest value the field can hold."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest value the field can hold."""
        if self.values:
            return len(self.values) - 1
        return (1 << (self.bits - self.signed)) - 1


@dataclass(frozen=True, kw_only=True)
class Operand:
    """One operand of a layout: its kind, role, bits, and for streams how many it covers."""

    name: str
    kind: OperandKind
    role: str
    first_bit: int
    width_bits: int
    group: str = ""
    strided: bool = False
    skew: str = "skew"

    @property
    def is_stream(self) -> bool:
        """Whether the operand can name a stream."""
        return self.kind.text in ("stream", "source", "target")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The operands of an instruction and the bytes it takes in program text."""

    name: str
    size_bytes: int
    operands: tuple[Operand, ...]
    reserved: tuple[tuple[int, int], ...]

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Position of each operand in ``operands`` (and in the argument columns of a program)."""
        return {operand.name: i for i, operand in enumerate(self.operands)}


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction: where it runs, how it is encoded, which timing keys it has, what it means."""

    mnemonic: str
    unit: str
    queue: str
    opcode: int
    layout: Layout
    timing: tuple[str, ...]
    meaning: str
    source: str
    detail: str = ""
    dtypes: tuple[str, ...] = ()
    large: tuple[str, ...] = ()

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The operands in the order of the argument columns."""
        return self.layout.operands

    @property
    def repeatable(self) -> bool:
        """Whether a ``repeat`` may follow: data instructions only."""
        return self.unit != "icu" and bool(self.timing)

    def operand_index(self, name: str) -> int:
        """Return the argument column of an operand."""
        return self.layout.index[name]


@dataclass(frozen=True, kw_only=True)
class Isa:
    """All instructions, by mnemonic and by opcode, with the digest of the files they came from."""

    name: str
    version: int
    repeat_dimensions: int
    units: Mapping[str, Mapping[str, str]]
    kinds: Mapping[str, OperandKind]
    layouts: Mapping[str, Layout]
    instructions: Mapping[str, Instruction]
    digest: str

    @cached_property
    def by_opcode(self) -> Mapping[int, Instruction]:
        """Instructions keyed by opcode."""
        return {i.opcode: i for i in self.instructions.values()}

    @cached_property
    def widest(self) -> int:
        """The largest number of operands of any instruction."""
        return max(len(layout.operands) for layout in self.layouts.values())

    def __getitem__(self, mnemonic: str) -> Instruction:
        return self.instructions[mnemonic]


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SpecError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError([f"{path}: cannot be read as TOML: {error}"]) from error


def load_isa(folder: Path | None = None) -> Isa:
    """Load and check the instruction set of a folder (by default the one that ships with the package).

    Raises:
        SpecError: the files break a rule; every finding of every file is listed.
    """
    return _load(folder or _resources.isa_folder())


@lru_cache(maxsize=8)
def _load(folder: Path) -> Isa:
    from lpu_emu.spec import isa_lint
    from lpu_emu.spec.digest import digest_of

    raw = {name: read_toml(folder / f"{name}.toml") for name in ("lpu", "operands", "formats", *UNIT_FILES)}
    findings = isa_lint.findings(raw)
    if findings:
        raise SpecError([f"{folder}/{finding}" for finding in findings])
    return _build(raw, digest_of(raw))


def _build(raw: Mapping[str, Any], digest: str) -> Isa:
    kinds = {name: _kind(name, table) for name, table in raw["operands"].items()}
    layouts = {name: _layout(name, table, kinds) for name, table in raw["formats"].items()}
    instructions = {
        mnemonic: _instruction(mnemonic, unit, table, layouts)
        for unit in UNIT_FILES
        for mnemonic, table in raw[unit].items()
    }
    head = raw["lpu"]
    return Isa(
        name=head["name"],
        version=head["version"],
        repeat_dimensions=head["repeat_dimensions"],
        units=head["units"],
        kinds=kinds,
        layouts=layouts,
        instructions=instructions,
        digest=digest,
    )


def _kind(name: str, table: Mapping[str, Any]) -> OperandKind:
    fields = {**table, "values": tuple(table.get("values", ()))}
    return OperandKind(name=name, **fields)


def _layout(name: str, table: Mapping[str, Any], kinds: Mapping[str, OperandKind]) -> Layout:
    operands = tuple(
        Operand(
            name=o["name"],
            kind=kinds[o["kind"]],
            role=o["role"],
            first_bit=o["bits"][0],
            width_bits=o["bits"][1],
            group=str(o.get("group", "")),
            strided=o.get("strided", False),
            skew=o.get("skew", "skew"),
        )
        for o in table["operands"]
    )
    reserved = tuple((first, width) for first, width in table.get("reserved", ()))
    return Layout(name=name, size_bytes=table["bytes"], operands=operands, reserved=reserved)


def _instruction(
    mnemonic: str, unit: str, table: Mapping[str, Any], layouts: Mapping[str, Layout]
) -> Instruction:
    return Instruction(
        mnemonic=mnemonic,
        unit=unit,
        queue=table.get("queue", ""),
        opcode=table["opcode"],
        layout=layouts[table["layout"]],
        timing=tuple(table["timing"]),
        meaning=table["meaning"],
        source=table["source"],
        detail=table.get("detail", "").strip(),
        dtypes=tuple(table.get("dtypes", ())),
        large=tuple(table.get("large", ())),
    )
