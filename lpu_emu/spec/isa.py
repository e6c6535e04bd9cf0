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
from lpu_emu.spec.digest import digest_of

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
    meaning: str = ""

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
class QueueKind:
    """One kind of queue of a unit, and the key of the chip file that says how many there are (none: one)."""

    kind: str
    count: str = ""


@dataclass(frozen=True, kw_only=True)
class Isa:
    """All instructions, by mnemonic and by opcode.

    ``units`` holds title and meaning of each unit, ``queue_kinds`` the kinds of queue of the units that have
    several, ``sources`` what the source letters stand for, ``timing_keys`` what the timing keys mean.
    ``digest`` covers everything but prose.
    """

    name: str
    version: int
    repeat_dimensions: int
    units: Mapping[str, Mapping[str, str]]
    queue_kinds: Mapping[str, tuple[QueueKind, ...]]
    sources: Mapping[str, str]
    timing_keys: Mapping[str, str]
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
        """Return an instruction by mnemonic."""
        return self.instructions[mnemonic]


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SpecError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # not UTF-8, not TOML, a number or a nesting beyond all limits
        raise SpecError([f"{path}: is not TOML: {error}"]) from error


def load_isa(folder: Path | None = None) -> Isa:
    """Load and check the instruction set of a folder (by default the one that ships with the package).

    Raises:
        SpecError: the files break a rule; every finding of every file is listed.
    """
    return _load(folder or _resources.isa_folder())


@lru_cache(maxsize=8)
def _load(folder: Path) -> Isa:
    return isa_from_tables(read_isa_files(folder), where=str(folder))


def read_isa_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the files of an instruction set, each as parsed TOML by its name without ending.

    Raises:
        SpecError: files are missing or not TOML; all of them are listed.
    """
    raw: dict[str, dict[str, Any]] = {}
    found: list[str] = []
    for name in ("lpu", "operands", "formats", "chip_keys", *UNIT_FILES):
        try:
            raw[name] = read_toml(folder / f"{name}.toml")
        except SpecError as error:
            found += error.findings
    if found:
        raise SpecError(found)
    return raw


def isa_from_tables(raw: Mapping[str, Mapping[str, Any]], *, where: str) -> Isa:
    """Build an instruction set from the parsed files; ``where`` names their folder in errors.

    Raises:
        SpecError: the files break a rule; every finding of every file is listed.
    """
    from lpu_emu.spec import isa_lint

    findings = isa_lint.findings(raw)
    if findings:
        raise SpecError([f"{where}/{finding}" for finding in findings])
    return _build(raw)


def _build(raw: Mapping[str, Mapping[str, Any]]) -> Isa:
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
        units={
            unit: {k: v for k, v in table.items() if k != "queues"} for unit, table in head["units"].items()
        },
        queue_kinds={
            unit: tuple(QueueKind(**entry) for entry in table.get("queues", ()))
            for unit, table in head["units"].items()
        },
        sources=head["sources"],
        timing_keys=raw["chip_keys"]["timing"],
        kinds=kinds,
        layouts=layouts,
        instructions=instructions,
        digest=digest_of(_without_prose(raw)),
    )


def _without_prose(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what decides how programs are encoded and run: a better wording must invalidate none."""
    tables = {
        name: {entry: _bare(table) for entry, table in raw[name].items()}
        for name in ("operands", *UNIT_FILES)
    }
    layouts = {
        name: {**table, "operands": [_bare(operand) for operand in table["operands"]]}
        for name, table in raw["formats"].items()
    }
    head = {key: value for key, value in raw["lpu"].items() if key not in ("units", "sources")}
    queues = {unit: table.get("queues", []) for unit, table in raw["lpu"]["units"].items()}
    return {**tables, "formats": layouts, "lpu": head, "queues": queues}


def _bare(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in ("title", "meaning", "detail", "source")}


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
            meaning=o["meaning"],
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
