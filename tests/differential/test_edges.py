"""Rare timing, directed: what random programs hardly ever meet, on a chip where it can happen."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.model import DataSection, Program
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.reference import run
from lpu_emu.reference.operation import Operation

from .chips import machine

CROOKED = machine("crooked")


@pytest.fixture(autouse=True)
def values_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep runs going when a value is no address."""
    monkeypatch.setattr(Operation, "fault", lambda self, message: None)


def make(mnemonic: str, **operands: int) -> Issue:
    return issue(CROOKED.isa, mnemonic, **operands)


def agreed(
    queues: dict[str, list[Issue]], data: list[tuple[str, int, int]]
) -> dict[str, tuple[int, int, str]]:
    """Return cycle, count and resource by kind, after comparing analysis and reference."""
    lanes = CROOKED.chip.lanes
    made = Program(
        name="edge",
        machine=CROOKED,
        queues={q.name: pack_text(CROOKED.isa, queues[q.name]) for q in CROOKED.queues if q.name in queues},
        data=tuple(
            DataSection(
                name=where, slice=where, address=address, words=np.zeros((words, lanes), dtype=np.uint8)
            )
            for where, address, words in data
        ),
    )
    found, expected = analyse(made), run(made, strict=False)
    assert found.hazards == expected.hazards
    assert found.cycles == expected.cycles
    return {h.kind: (h.cycle, h.count, h.resource) for h in found.hazards}


@pytest.mark.parametrize("stride", [1, -1])
@pytest.mark.parametrize("wait", range(4))
def test_a_region_that_is_still_being_filled(stride: int, wait: int) -> None:
    """The last stores of a loop land after the bank is gathered from: as many words as that are missing."""
    timing = {name: CROOKED.timing(CROOKED.isa[name]) for name in ("read_write", "gather")}
    late = timing["read_write"]["access_store"] - timing["gather"]["access"]
    base, limit = 20, 27
    loop = make("repeat", count=limit - base, interval=1, stride=stride)
    first = base if stride > 0 else limit
    queues = {
        "mem.W0": [
            make("read_write", address=first + 20, data=0, to=1, store=first),
            loop,
            make("nop", count=wait),
            make("gather", map=2, base=base, limit=limit, to=3),
            make("repeat", count=5, interval=2, stride=0),
        ],
    }
    found = agreed(queues, [("W0", 40, 8)])
    dispatch = limit - base + 1 + wait
    missing = max(late - wait, 0)
    if missing:
        lowest = limit - missing + 1 if stride > 0 else base
        resource = f"word W0:0x{lowest:03x}"
        assert found["unwritten_read"] == (
            dispatch + timing["gather"]["access"], -(-missing // 2), resource,
        )  # fmt: skip
    else:
        assert "unwritten_read" not in found


def test_a_row_that_a_fast_reader_catches_up_with() -> None:
    """Rows are set slowly and read fast; only the last reads come before their row has landed."""
    land = CROOKED.timing(CROOKED.isa["acc"])["land"]
    acc = make("acc", row=0, to=127)
    queues = {
        "mxm.0.accumulate": [
            acc,
            make("repeat", count=4, interval=5, stride=1),
            make("acc_read", row=0, to=0),
            make("repeat", count=4, interval=1, stride=1),
        ],
    }
    found = agreed(queues, [])
    assert land <= 21 + 4 - 20
    assert "row_incomplete" not in found
    queues["mxm.0.accumulate"][2] = make("acc_read", row=4, to=0)
    queues["mxm.0.accumulate"][3] = make("repeat", count=4, interval=1, stride=-1)
    assert agreed(queues, [])["row_incomplete"] == (21, 1, "plane 0 row 4")


def test_installs_of_both_kinds_under_way_name_the_latest() -> None:
    stream = make("iw_stream", rows=0, row_group=0)
    queues = {
        "mxm.0.weights": [stream, make("iw"), make("nop", count=20), make("iw"), stream],
        "mxm.0.activations": [
            make("nop", count=2),
            make("abc", x=0),
            make("nop", count=20),
            make("abc", x=0),
        ],
    }
    assert agreed(queues, [])["install_busy"][1] == 1
    assert [
        h.first.index for h in analyse(_program(queues)).hazards if h.kind == "install_busy" and h.first
    ] == [1, 4]


def _program(queues: dict[str, list[Issue]]) -> Program:
    return Program(
        name="edge",
        machine=CROOKED,
        queues={q.name: pack_text(CROOKED.isa, queues[q.name]) for q in CROOKED.queues if q.name in queues},
    )
