"""What an author is told: the line, what was expected, what to do; and both lines when two pins collide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lpu_emu.builder.files import build_program, load_kernel
from lpu_emu.cli import cli
from lpu_emu.errors import InputError, KernelError, UsageError
from lpu_emu.spec.machine import load_machine

TEXT = '''"""t: a kernel."""
def build(k):
    x = k.input("x", "fp32", [8, 320]{x})
    y = k.input("y", "fp32", [8, 320]{y})
    z = k.output("z", "fp32", [8, 320])
    z2 = k.output("z2", "fp32", [8, 320])
    with k.flow("one", count=8{one}) as f:
        a = f.read(x{read})
        b = f.read(y{read2})
        s = a.add(b{add})
        f.write(s.relu({relu}), z)
    with k.flow("two", count=8{two}) as f:
        f.write(f.read(x).exp({exp}), z2)
'''
NAMES = ("x", "y", "one", "read", "read2", "add", "relu", "two", "exp")
FLOW = '\n    with k.flow("c", 8) as g:\n        v = g.read(x)\n        '


def built(folder: Path, more: str = "", **changes: str) -> None:
    path = folder / "t.py"
    path.write_text(TEXT.format(**{**dict.fromkeys(NAMES, ""), **changes}) + more, encoding="utf-8")
    build_program(load_kernel(path), machine=load_machine("tsp1"))


def message(folder: Path, more: str = "", **changes: str) -> str:
    """Return what an author is told, with file names shortened."""
    with pytest.raises(KernelError) as caught:
        built(folder, more, **changes)
    return str(caught.value).replace(f"{folder}/", "")


def test_without_changes_it_builds(tmp_path: Path) -> None:
    built(tmp_path)


BOTH_LINES = [
    ({"x": ', at=["W0", "W1", "W2", "W3"]', "y": ', at=["W3", "W5", "W6", "W7"]'}, (3, 4),
     "flow 'one' cannot have 'x' in W0, W1, W2, W3 and 'y' in W3, W5, W6, W7 at once"),
    ({"x": ', at=["W0:0", "W1:0", "W2:0", "W3:0"]', "y": ', at=["W4:0", "W5:0", "W6:0", "W3:5"]'}, (4, 3),
     "W3:5 is not free for 8 words"),
    ({"add": ", alu=0", "relu": "alu=0"}, (10, 11), "flow 'one' cannot have ALU 0 twice at the same time"),
    ({"add": ", alu=0", "relu": "alu=8"}, (10, 11), "flow 'one' cannot have ALU 0 and ALU 8 at once"),
    ({"read": ', stream="e0"', "read2": ', stream="e0"'}, (8, 9),
     "flow 'one' cannot have stream e0 twice at the same time"),
    ({"x": ', at=["W0", "W1", "W2", "W3"]', "one": ", at=60", "two": ", at=62"}, (13, 12, 8),
     "at=62: mem.W0 is busy then, wanted for read"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "lines", "text"), BOTH_LINES, ids=[text for _, _, text in BOTH_LINES])
def test_colliding_pins_name_both_lines(
    changes: dict[str, str], lines: tuple[int, ...], text: str, tmp_path: Path
) -> None:
    said = message(tmp_path, **changes)
    assert said.startswith(f"t.py:{lines[0]}: error: {text}\n")
    assert tuple(int(n) for n in re.findall(r"^t\.py:(\d+):", said, re.M)) == lines
    source = (tmp_path / "t.py").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert f"  {source[line - 1].strip()}\n" in said
    assert "\n  hint: " in said


ONE_LINE = [
    ({"add": ", alu=1"}, "", 10, "add of fp32 needs a large ALU, and 1 is a small one"),
    ({"add": ", alu=16"}, "", 10, "no ALU 16"),
    ({"read": ', stream="e3"'}, "", 8, "e3 cannot be the first of 4 streams"),
    ({"read": ', stream="x3"'}, "", 8, "no stream 'x3'"),
    ({"x": ', at="W0"'}, "", 3, "1 places for input 'x' (fp32 [8, 320])"),
    ({"x": ', at=["W0", "W1", "W2", "W99"]'}, "", 3, "no place 'W99'"),
    ({"x": ', side="N"'}, "", 3, "no hemisphere 'N'"),
    ({"x": ", parts=9"}, "", 3, "8 rows cannot be cut into 9 parts"),
    ({"one": ", at=3"}, "", 7, "at=3 is before the start"),
    ({"one": ", interval=0"}, "", 7, "interval=0"),
    ({}, '    w = k.input("w", "int8", [1, 320])', 14, "input 'w' (int8 [1, 320]) is never used"),
    ({}, '    w = k.output("w", "int8", [1, 320])', 14, "nothing is written to output 'w' (int8 [1, 320])"),
    ({}, '    w = k.input("x", "int8", [1, 320])', 14, "a second tensor named 'x'"),
    ({}, '    w = k.input("w", "int9", [1, 320])', 14, "no type 'int9'"),
    ({}, "    1 / 0", 14, "ZeroDivisionError: division by zero"),
    ({}, "    f.read(x)", 14, "flow 'two' is over"),
    ({}, FLOW + "v.to('fp16') + v", 17, "add of fp16 and fp32"),
    ({}, FLOW + "g.write(s, z)", 17, "a value of flow 'one' is used in flow 'c'"),
    ({}, FLOW + "v if v else 0", 17, "a value is not known while the kernel is written"),
    ({}, FLOW + "g.read(x, row=1)", 17, "rows 1 to 8 of input 'x' (fp32 [8, 320]) do not exist"),
    ({}, FLOW + "g.read(x, block=1)", 17, "input 'x' (fp32 [8, 320]) has no block 1"),
    ({}, FLOW + "v.exp()", 17, "this value is never used"),
    ({}, FLOW + "v.to('int8') + 300", 17, "300 is no int8"),
    ({}, FLOW + "v.bit_and(3)", 17, "and does not work on fp32"),
    ({}, FLOW + "g.write(v, x)", 17, "input 'x' (fp32 [8, 320]) cannot be written"),
    ({}, FLOW + "g.write(v.to('int8'), z)", 17, "a value of type int8 does not go into output 'z' (fp32 [8, 320])"),
    ({}, FLOW + "v.running('add')", 17, "a running add needs 3 cycles per vector, the flow has interval=1"),
    ({}, FLOW + "g.transpose([v])", 17, "4 streams are given"),
    ({}, FLOW + "g.gather(g.byte(v, 0), x)", 17, "input 'x' (fp32 [8, 320]) has no fixed address"),
    ({}, '    k.load(k.weights("w", "fp32", [320, 16]))', 14, "the planes of chip tsp1 do not multiply fp32"),
    ({}, '    k.load(k.weights("w", "int8", [320, 7]))', 14, "input weights with N = 7: loads bring 16 rows at a time"),
    ({}, '    k.load(k.weights("w", "int8", [320, 16]))', 14, "tile (0, 0) of 'w' on plane 0 is never used"),
    ({}, '    k.load(k.weights("w", "fp16", [320, 16]), plane=1)', 14, "fp16 weights on plane 1"),
    ({}, '    w = k.weights("w", "int8", [320, 16])' + FLOW + "g.matmul(v, k.load(w))", 17,
     "a fp32 value meets int8 weights"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "more", "line", "text"), ONE_LINE, ids=[text for *_, text in ONE_LINE])
def test_errors_point_at_the_line(
    changes: dict[str, str], more: str, line: int, text: str, tmp_path: Path
) -> None:
    said = message(tmp_path, more, **changes)
    assert said.startswith(f"t.py:{line}: error: {text}"), said


def test_a_tile_that_is_gone_names_three_lines(tmp_path: Path) -> None:
    more = """    w = k.weights("w", "int8", [640, 16])
    q = k.input("q", "int8", [4, 320])
    r = k.output("r", "int32", [4, 16])
    tiles = []
    for i in range(2):
        tiles.append(k.load(w, i, plane=1))
        with k.flow("p", 4) as g:
            g.matmul(g.read(q), tiles[i], row=0, add=i > 0)
    with k.flow("q", 4) as g:
        g.write(g.matmul(g.read(q), tiles[0]), r)
"""
    said = message(tmp_path, more)
    assert said.startswith("t.py:23: error: tile (0, 0) of 'w' on plane 1 is gone\n")
    assert "t.py:19: it was loaded here\n" in said
    assert "t.py:19: tile (1, 0) of 'w' on plane 1 took its place\n" in said


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1", 1, "this file defines no build(k, **size)"),
        ("def build(k): pass\nSIZES = 5", 1, 'SIZES is no dict such as {"small": {"rows": 8}}'),
        ("def build(k: pass", 1, "SyntaxError: "),
        ("import nothing_of_this_name", 1, "ModuleNotFoundError: "),
        ("\n\nraise SystemExit(3)", 3, "SystemExit: 3"),
    ],
)
def test_files_that_are_no_kernels(text: str, line: int, said: str, tmp_path: Path) -> None:
    path = tmp_path / "t.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KernelError) as caught:
        load_kernel(path)
    assert str(caught.value).startswith(f"{path}:{line}: error: {said}")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as text"):
        load_kernel(tmp_path / "nowhere.py")


def test_sizes(tmp_path: Path) -> None:
    path = tmp_path / "t.py"
    path.write_text(
        'SIZES = {"a": {"rows": 1, "how": "x"}, "b": {"rows": 2}}\ndef build(k): pass', encoding="utf-8"
    )
    kernel = load_kernel(path)
    assert kernel.size() == ("a", {"rows": 1, "how": "x"})
    assert kernel.size("b") == ("b", {"rows": 2})
    assert kernel.size("rows=7,how=word") == ("rows=7,how=word", {"rows": 7, "how": "word"})
    with pytest.raises(UsageError, match="no size 'c'; sizes: a, b"):
        kernel.size("c")
    with pytest.raises(UsageError, match="no size argument 'row'; arguments: rows, how; did you mean 'rows'"):
        kernel.size("row=3")


def test_the_command_line_shows_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.py").write_text('"""t."""\ndef build(k):\n    k.inptu("x")\n', encoding="utf-8")
    result = CliRunner().invoke(cli, ["run", "t.py"], prog_name="lpu-emu")
    assert result.exit_code == 3
    assert result.stderr.startswith(
        "error: t.py:3: error: AttributeError: 'Kernel' object has no attribute 'inptu'"
    )
    assert "Traceback" not in result.stderr
