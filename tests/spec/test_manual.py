"""The manual says what the tables say, and is up to date."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from lpu_emu.errors import SpecError
from lpu_emu.spec import forms
from lpu_emu.spec.isa import Isa, load_isa
from lpu_emu.spec.machine import load_machine
from lpu_emu.spec.manual import (
    bundled_machines,
    check,
    highest,
    instruction_page,
    isa_listing,
    reference_page,
    write_reference,
)
from lpu_emu.spec.markdown import number, table

from .tables import ISA, copy_isa


@pytest.fixture(scope="module")
def isa() -> Isa:
    return load_isa()


@pytest.fixture(scope="module")
def page(isa: Isa) -> str:
    return reference_page(isa)


def test_the_committed_manual_is_up_to_date(page: str) -> None:
    assert (ISA / "REFERENCE.md").read_text(encoding="utf-8") == page, "run: python -m lpu_emu.spec.manual"


def test_the_bundled_folder_has_no_findings() -> None:
    assert check() == []


def test_every_instruction_has_one_entry_and_one_line_in_the_index(isa: Isa, page: str) -> None:
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert headings == list(isa.instructions)
    index = re.findall(r"^\| (0x[0-9a-f]{2}) +\| \[(\w+)\]", page, re.MULTILINE)
    assert index == [(f"{i.opcode:#04x}", i.mnemonic) for _, i in sorted(isa.by_opcode.items())]


def test_every_link_inside_the_page_has_a_target(page: str) -> None:
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors
    for path in re.findall(r"\]\((\.\./[^)#]+)\)", page):
        assert (ISA / path).is_file(), path


def test_every_operand_of_every_instruction_is_described(isa: Isa) -> None:
    machines = bundled_machines(isa)
    for instruction in isa.instructions.values():
        text = instruction_page(isa, instruction.mnemonic, machines)
        assert text.startswith(
            f"### {instruction.mnemonic}\n\n```text\n{forms.text_form(instruction)}\n```\n"
        )
        assert instruction.meaning in text
        assert text.endswith(f"Source, {instruction.source}.\n")
        for operand in instruction.operands:
            assert f"| `{operand.name}` " in text
            assert operand.meaning in text
        for machine in machines:
            values = [machine.timing(instruction)[key] for key in instruction.timing]
            row = r"\| " + machine.chip.name + r" +\| " + r" +\| ".join(map(str, values)) + r" \|"
            assert not values or re.search(row, text)


@pytest.mark.parametrize(
    ("mnemonic", "text"),
    [
        ("nop", "nop count"),
        ("sync", "sync"),
        ("read", "read address -> to"),
        ("write", "write data -> address"),
        ("read_write", "read_write address, data -> to, store"),
        ("scatter", "scatter map, data -> base, limit"),
        ("add", "add.<dtype>.<overflow> x, y [-> to[, to2[, to3]]]"),
        ("convert", "convert.<dtype>.<result>.<overflow> x [-> to[, to2[, to3]]]"),
        ("acc", "acc.<mode> row [-> to]"),
        ("send", "send data -> link"),
    ],
)
def test_text_forms(mnemonic: str, text: str, isa: Isa) -> None:
    assert forms.text_form(isa[mnemonic]) == text


def test_a_drawing(isa: Isa) -> None:
    assert forms.encoding_picture(isa["read_write"]) == [
        "  31     30   29 24   23    8   7  0",
        "+-----------+-------+---------+------+",
        "| data[1:0] |   to  | address | 0x12 |",
        "+-----------+-------+---------+------+",
        "  63 52   51 36   35     32",
        "+-------+-------+-----------+",
        "|   0   | store | data[5:2] |",
        "+-------+-------+-----------+",
    ]
    assert forms.encoding_picture(isa["config"])[-1] == "bits 32..127 are zero"
    assert "mask[0] " in forms.encoding_picture(isa["shift_up"])[2]


def drawn_bits(lines: list[str]) -> list[int]:
    """Return the bits that the numbers above the cells of a drawing span, cell by cell."""
    bits: list[int] = []
    for top, cells in zip(lines[::4], [*lines[2::4], ""], strict=False):
        if rest := re.fullmatch(r"bits (\d+)\.\.(\d+) are zero", top):
            bits += range(int(rest[1]), int(rest[2]) + 1)
            continue
        walls = [i for i, c in enumerate(cells) if c == "|"]
        for left, right in pairwise(walls):
            high, *low = map(int, top[left:right].split())
            bits += range(low[0] if low else high, high + 1)
    return bits


def test_drawings_show_every_bit_once(isa: Isa) -> None:
    for instruction in isa.instructions.values():
        lines = forms.encoding_picture(instruction)
        assert sorted(drawn_bits(lines)) == list(range(instruction.layout.size_bytes * 8)), (
            instruction.mnemonic
        )
        for operand in instruction.operands:
            assert any(operand.name in line for line in lines), instruction.mnemonic


def test_forms_that_several_instructions_share_are_drawn_once(page: str) -> None:
    assert re.findall(r"^### Form (\w+)$", page, re.MULTILINE) == ["vxm_binary", "vxm_unary"]
    assert "[add](#add), [sub](#sub), [mul](#mul)" in page


def test_alu_classes(isa: Isa) -> None:
    assert "Runs on large ALUs only." in instruction_page(isa, "mul", [])
    assert "Runs on every ALU." in instruction_page(isa, "convert", [])
    assert "Needs a large ALU for fp16, fp32, bf16, fp8." in instruction_page(isa, "add", [])
    assert "ALU" not in instruction_page(isa, "abc", [])


def test_an_unknown_instruction_suggests(isa: Isa) -> None:
    with pytest.raises(SpecError, match=r"^no instruction 'raed'; did you mean 'read'"):
        instruction_page(isa, "raed")
    with pytest.raises(SpecError, match=r"^no instruction 'zzz'; there are: nop, repeat, "):
        instruction_page(isa, "zzz")


def test_the_listing(isa: Isa) -> None:
    rows = isa_listing(isa)
    assert [row["opcode"] for row in rows] == sorted(isa.by_opcode)
    by_name = {row["mnemonic"]: row for row in rows}
    assert by_name["lw"] == {
        "mnemonic": "lw",
        "unit": "mxm",
        "queue": "weights",
        "opcode": 0x50,
        "bytes": 4,
        "text": "lw rows, row_group",
        "meaning": isa["lw"].meaning,
        "dtypes": [],
        "source": isa["lw"].source,
    }


def test_the_2020_chip_comes_first(isa: Isa) -> None:
    assert [machine.chip.name for machine in bundled_machines(isa)] == ["tsp1", "lp30", "tiny"]


def test_highest_values() -> None:
    tsp1 = load_machine("tsp1")
    found = [
        highest(tsp1, kind)
        for kind in ("stream", "address", "superlanes", "row", "row_group", "amount", "link")
    ]
    assert found == ["e31, w31", "8191", "20", "511", "19", "320", "7"]


def test_a_stale_or_missing_manual_is_found(tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    assert check(folder) == []
    manual = folder / "REFERENCE.md"
    manual.write_text(manual.read_text() + "\n")
    assert check(folder) == [f"{manual}: does not match the tables; run: python -m lpu_emu.spec.manual"]
    manual.unlink()
    assert check(folder) == [f"{manual}: missing; run: python -m lpu_emu.spec.manual"]
    assert write_reference(folder) == manual
    assert check(folder) == []


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_changed_table_makes_the_manual_stale(tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    replace(folder / "mem.toml", "opcode = 0x10", "opcode = 0x1F")
    assert check(folder) == [
        f"{folder}/REFERENCE.md: does not match the tables; run: python -m lpu_emu.spec.manual"
    ]
    write_reference(folder)
    assert "| 0x1f   | [read](#read)" in (folder / "REFERENCE.md").read_text()


def test_the_example_of_the_readme_is_all_that_a_new_instruction_needs(tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    readme = (ISA / "README.md").read_text()
    blocks = re.findall(r"   ```toml\n(   \[.*?)   ```", readme, re.DOTALL)
    for name, block in zip(("formats", "mem"), blocks, strict=True):
        path = folder / f"{name}.toml"
        path.write_text(path.read_text() + "\n" + re.sub(r"^   ", "", block, flags=re.MULTILINE))
    assert check(folder) == [
        f"{folder}/REFERENCE.md: does not match the tables; run: python -m lpu_emu.spec.manual"
    ]
    write_reference(folder)
    assert check(folder) == []
    clear = load_isa(folder)["clear"]
    assert forms.text_form(clear) == "clear -> address"
    assert load_isa(folder).digest != load_isa().digest


def test_broken_tables_and_chips_are_found(tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    chip = folder / "chips" / "tiny.toml"
    replace(chip, 'name = "tiny"', 'name = "small"')
    replace(chip, 'tag = "choice", source = "as tsp1"', 'tag = "published", source = "as tsp1"')
    replace(folder / "mem.toml", 'source = "published: S20"', 'source = "published: a paper"')
    (folder / "chips" / "other.toml").write_text("no = toml = here")
    found = check(folder)
    assert found[0].startswith(f"{folder}/mem.toml: [read] source: names none of S20, R20,")
    assert f"{chip}: name: 'small' must be the name of the file" in found
    assert any(
        f.startswith(f"{chip}: icu.queue_bytes: source: a published number names one of") for f in found
    )
    assert any(f.startswith(f"{folder}/chips/other.toml: is not TOML") for f in found)
    replace(folder / "mem.toml", "opcode = 0x10", "opcode = 0x11")
    assert check(folder) == [f"{folder}/mem.toml: [write] opcode: 0x11 is taken by read"]


def test_a_list_of_keys_that_lacks_what_the_package_reads_is_found(tmp_path: Path) -> None:
    folder = copy_isa(tmp_path)
    keys = folder / "chip_keys.toml"
    keys.write_text(re.sub(r"\[mxm\.accumulator_rows\](\n[a-z].*)*", "", keys.read_text()))
    for chip in (folder / "chips").glob("*.toml"):
        chip.write_text(re.sub(r"accumulator_rows = .*\n", "", chip.read_text()))
    assert check(folder) == [f"{keys}: misses 'mxm.accumulator_rows', which the package reads"]


def test_tables_escape_bars_and_pad_all_but_the_last_column() -> None:
    assert table(("a", "b"), [("x|y", 1), ("z", "long\ntext")]) == [
        "| a    | b |",
        "|------|-----|",
        "| x\\|y | 1 |",
        "| z    | long text |",
    ]
    assert [number(v) for v in (1234567, 426.6666, 2.0)] == ["1,234,567", "426.67", "2"]
