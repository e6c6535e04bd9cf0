"""``lpu-emu isa``: the instruction set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.group import Group
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.spec.isa import Instruction

LIST_SCHEMA = "lpu-emu/isa-list/1"
SHOW_SCHEMA = "lpu-emu/isa-show/1"
CHECK_SCHEMA = "lpu-emu/isa-check/1"


@click.group("isa", cls=Group)
def command() -> None:
    """Show, list and check instructions.

    \b
    Example:
      lpu-emu isa show abc
    """


@command.command("list")
@click.option("--unit", help="Only the instructions of this unit.")
@json_option
def list_command(unit: str | None, as_json: bool) -> None:
    """List all instructions: mnemonic, unit, opcode, size, text form and meaning.

    \b
    Example:
      lpu-emu isa list --unit vxm
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.errors import did_you_mean
    from lpu_emu.spec.isa import load_isa
    from lpu_emu.spec.manual import isa_listing

    isa = load_isa()
    if unit is not None and unit not in isa.units:
        raise click.BadParameter(
            f"no unit {unit!r}; units: {', '.join(isa.units)}{did_you_mean(unit, isa.units)}",
            param_hint="--unit",
        )
    rows = [row for row in isa_listing(isa) if unit in (None, row["unit"])]
    if as_json:
        print_json(document(LIST_SCHEMA, isa=_identity(), instructions=rows))
    else:
        cells = [(r["mnemonic"], r["unit"], f"{r['opcode']:#04x}", r["bytes"], r["text"]) for r in rows]
        click.echo(table(("mnemonic", "unit", "opcode", "bytes", "text"), cells, right="d"))


@command.command("show")
@click.argument("mnemonic")
@json_option
def show_command(mnemonic: str, as_json: bool) -> None:
    """Show everything about one instruction: form, operands, bits, timing on every chip, source.

    \b
    Example:
      lpu-emu isa show abc
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.spec.isa import load_isa
    from lpu_emu.spec.manual import instruction_page

    isa = load_isa()
    page = instruction_page(isa, mnemonic)
    if as_json:
        print_json(document(SHOW_SCHEMA, isa=_identity(), instruction=_instruction_json(isa[mnemonic])))
    else:
        click.echo(page, nl=not page.endswith("\n"))


@command.command("check")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def check_command(folder: Path | None, as_json: bool) -> None:
    """Check the tables of the instruction set and of all chips: those of FOLDER, or those of the package.

    Every broken rule is listed, also a reference page that does not match the tables. The exit code is 1
    when there is one.

    \b
    Example:
      lpu-emu isa check isa
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.spec.manual import check

    findings = check(folder)
    where = str(folder) if folder is not None else "bundled instruction set"
    if as_json:
        print_json(document(CHECK_SCHEMA, folder=where, findings=findings, passed=not findings))
    else:
        for finding in findings:
            click.echo(f"error: {finding}", err=True)
        click.echo(f"{where}: {len(findings)} findings" if findings else f"{where}: no findings")
    if findings:
        raise click.exceptions.Exit(FAILED)


def _identity() -> dict[str, Any]:
    from lpu_emu.spec.isa import load_isa

    isa = load_isa()
    return {"name": isa.name, "version": isa.version, "digest": isa.digest}


def _instruction_json(instruction: Instruction) -> dict[str, Any]:
    """Return an instruction with operands, bits, and its timing on every bundled chip."""
    from lpu_emu.spec.forms import text_form
    from lpu_emu.spec.isa import load_isa
    from lpu_emu.spec.manual import bundled_machines

    return {
        "mnemonic": instruction.mnemonic,
        "unit": instruction.unit,
        "queue": instruction.queue or None,
        "opcode": instruction.opcode,
        "bytes": instruction.layout.size_bytes,
        "text": text_form(instruction),
        "meaning": instruction.meaning,
        "detail": instruction.detail,
        "dtypes": list(instruction.dtypes),
        "large": list(instruction.large),
        "operands": [
            {
                "name": o.name,
                "role": o.role,
                "kind": o.kind.name,
                "first_bit": o.first_bit,
                "bits": o.width_bits,
            }
            for o in instruction.operands
        ],
        "timing": {
            machine.chip.name: dict(machine.timing(instruction)) for machine in bundled_machines(load_isa())
        },
        "source": instruction.source,
    }
