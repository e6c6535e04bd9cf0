"""Producers of whole runs, against dispatches written out one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.order import Links

from . import dispatches as plain
from .programs import KINDS, listing, random_program

Pairs = Counter[tuple[plain.Element, plain.Element | None]]
SEEDS = range(30)
CHIPS = ("tiny", "crooked")


def written_out(links: Links) -> Pairs:
    """Count pairs of reader element and writer element."""
    found: Pairs = Counter()
    for row in range(len(links)):
        for j in range(int(links.count[row])):
            reader = (int(links.reader[row]), int(links.first[row] + j * links.step[row]))
            writer = (int(links.writer[row]), int(links.writer_first[row] + j * links.writer_step[row]))
            found[reader, None if writer[0] == -1 else plain.IMAGE if writer[0] == -2 else writer] += 1
    return found


def pairs(seen: Iterable[tuple[plain.Element, plain.Element | None]]) -> Pairs:
    return Counter(seen)


def streams_written_out(analysis: Analysis) -> dict[plain.Tap, plain.Tap | None]:
    links = analysis.producers.streams
    found: dict[plain.Tap, plain.Tap | None] = {}
    columns = [column.tolist() for column in vars(links).values()]
    for run, operand, part, first, step, count, source, output, lane, begin, by in zip(*columns, strict=True):
        for j in range(count):
            tap = (run, first + j * step, operand, part)
            assert tap not in found
            found[tap] = (source, begin + j * by, output, lane) if source >= 0 else None
    return found


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_link_is_the_one_that_the_dispatches_give(kind: str, chip: str) -> None:
    for seed in SEEDS:
        program = random_program(kind, seed, chip)
        analysis = analyse(program)
        every, found = plain.dispatches(analysis), analysis.producers
        where = f"{kind} {seed} on {chip}\n{listing(program)}"
        assert streams_written_out(analysis) == plain.streams(every), where
        expected: dict[str, list[tuple[plain.Element, plain.Element | None]]] = {
            "words": [(e, w) for (_, e), w in plain.words(every, program).items()],
            "rows": [(e, w) for (_, e), w in plain.rows(every).items()],
            "weights": [(e, w) for (_, e), w in plain.weights(every).items()],
            "products": list(plain.products(every).items()),
            "vectors": list(plain.vectors(every, program).items()),
        }
        for name, links in expected.items():
            assert written_out(getattr(found, name)) == pairs(links), f"{name} of {where}"
        latches = [(e, w) for (_, e), w in plain.latches(every).items()]
        assert set(written_out(found.latches)) == set(latches), where


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_come_from_the_last_writer(kind: str) -> None:
    seen = 0
    for seed in range(60):
        program = random_program(kind, seed)
        analysis = analyse(program)
        last = plain.final_writers(plain.dispatches(analysis), program)
        pieces = [p for b in program.outputs for p in b.layout.pieces]
        expected = pairs(
            ((number, row), last.get((p.slice, p.address + row * p.step)))
            for number, p in enumerate(pieces)
            for row in range(p.rows)
        )
        assert written_out(analysis.producers.outputs) == expected, f"{kind} {seed}\n{listing(program)}"
        seen += sum(expected.values())
    assert seen > 50


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("kind", ["planned", "soup"])
def test_regions_are_ordered_against_the_other_users_of_their_words(kind: str, chip: str) -> None:
    seen: Counter[int] = Counter()
    for seed in range(50):
        program = random_program(kind, seed, chip)
        analysis = analyse(program)
        uses = analysis.producers.regions
        found = {
            (region, other): relation
            for region, other, relation in zip(
                uses.region.tolist(), uses.other.tolist(), uses.relation.tolist(), strict=True
            )
        }
        assert found == plain.regions(plain.dispatches(analysis)), f"{kind} {seed}\n{listing(program)}"
        seen.update(found.values())
    assert seen[-1] > 5
    assert seen[1] > 5
    assert kind == "planned" or seen[0] > 5
