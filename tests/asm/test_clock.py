"""Dispatch cycles: ``@`` fills gaps, and says so when a cycle has passed or is not known."""

from __future__ import annotations

import pytest

from asm.helpers import issues, only_error, written


def gaps(*lines: str) -> list[int]:
    """Return the counts of the gaps that the assembler put into lines for a queue."""
    return [args[0] for mnemonic, args in written("mem.W0", *lines) if mnemonic == "nop"]


READ = "read 0 -> e0"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f"@0 {READ}"], []),
        ([f"@7 {READ}"], [7]),
        ([READ, f"@1 {READ}", f"@9 {READ}"], [7]),
        ([READ, "repeat 3, 2, 0", f"@7 {READ}"], []),
        ([READ, "repeat 3, 2, 0", "repeat 1, 10, 0", f"@20 {READ}"], [3]),
        (["nop 5", f"@5 {READ}"], [5]),
        (["config 1", "notify", "ifetch e0", f"@5 {READ}"], [2]),
        ([f"@65535 {READ}"], [65535]),
        ([f"@0x10000 {READ}"], [65535, 1]),
        ([f"@131071 {READ}"], [65535, 65535, 1]),
        (["sync", f"@+0 {READ}", f"@+4 {READ}"], [3]),
        (["sync", READ, "sync", f"@+4 {READ}"], [4]),
        (["@3 nop 4", f"@9 {READ}"], [3, 4, 2]),
    ],
)
def test_gaps(lines: list[str], expected: list[int]) -> None:
    assert gaps(*lines) == expected


def test_deskew_aligns_to_the_epoch_of_the_chip() -> None:
    counts = [i.args[0] for i in issues("c2c.W.0", "deskew", "@17 nop 1") if i.args]
    assert counts == [1, 1]
    later = [
        i.args[0] for i in issues("c2c.W.0", "nop 16", "deskew", "runtime_deskew 3", "@40 sync") if i.args
    ]
    assert later == [16, 3, 5]
    released = [i.args[0] for i in issues("c2c.W.0", "sync", "nop 3", "deskew", "@+2 sync") if i.args]
    assert released == [3, 2]


def test_gaps_belong_to_the_line_that_asked_for_them() -> None:
    assert [i.line for i in issues("mem.W0", READ, f"@9 {READ}")] == [3, 4, 4]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [READ, f"@0 {READ}"],
            "cycle 0 has passed; the instruction of line 3 leaves the queue free from cycle 1 on",
        ),
        (
            [READ, "repeat 3, 2, 0", f"@6 {READ}"],
            "cycle 6 has passed; the instruction of line 4 leaves the queue free from cycle 7 on",
        ),
        (
            ["sync", "nop 3", f"@+2 {READ}"],
            "cycle +2 has passed; the instruction of line 4 leaves the queue free from cycle +3 on",
        ),
        (
            ["sync", f"@9 {READ}"],
            "the cycle after a sync is not known; write @+ and the cycles since its release",
        ),
        (
            [f"@+9 {READ}"],
            "@+ counts from the release of a sync, and this queue has none before; write @ and a cycle",
        ),
        (
            [READ, "@9 repeat 1, 1, 1"],
            "a repeat has no dispatch cycle of its own; give one to the instruction before it",
        ),
        ([f"@-1 {READ}"], "expected a dispatch cycle, 0..2147483647, got '-1'"),
        ([f"@2147483648 {READ}"], "expected a dispatch cycle, 0..2147483647, got '2147483648'"),
        (["@"], "expected a dispatch cycle, 0..2147483647, but the line ends"),
        (["@5"], "expected an instruction, but the line ends"),
    ],
)
def test_cycles_that_cannot_be(lines: list[str], message: str) -> None:
    found = only_error(".queue mem.W0", *lines)
    assert (found.line, found.message) == (2 + len(lines), message)


def test_a_queue_goes_on_where_it_was_left() -> None:
    lines = [READ, ".queue mem.W1", f"@3 {READ}", ".queue mem.W0", f"@3 {READ}"]
    assert gaps(*lines) == [2]
