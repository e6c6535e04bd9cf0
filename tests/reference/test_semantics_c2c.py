"""Links: what is sent arrives, in order and once."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.program.model import Program
from lpu_emu.program.text import Issue
from lpu_emu.spec.machine import Machine

from .builders import ISA, Bench, hazard, hazards_of, make, program, run, site, timeline
from .chips import BOTH, BOTH_NAMES, TINY

VECTOR_CYCLES = int(TINY.chip["c2c.vector_cycles"])
LATENCY_CYCLES = int(TINY.chip["c2c.latency_cycles"])
WORDS = np.arange(24, dtype=np.uint8).reshape(3, 8)


def sender(machine: Machine, *links: int) -> Bench:
    """Return a bench that sends words on links of the western hemisphere, as fast as one link allows."""
    bench = Bench(machine)
    for i, link in enumerate(links):
        item = make("send", data="w0", link=link)
        bench.apply("c2c.W.0", 30 + VECTOR_CYCLES * i, item, data=WORDS[i])
    return bench


def wired(bench: Bench, receives: dict[int, Issue], *wires: tuple[str, str]) -> Program:
    """Return the bench's program with wires and an eastern queue that receives."""
    made = bench.program()
    east = program(bench.machine, {"c2c.E.0": timeline(receives)})
    queues = {
        q.name: text
        for q in bench.machine.queues
        for text in [made.queues.get(q.name) or east.queues.get(q.name)]
        if text
    }
    return Program(name="test", machine=made.machine, queues=queues, data=made.data, wires=wires)


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_vectors_arrive_in_order_once_and_from_the_latency_on(machine: Machine) -> None:
    skew = machine.timing(ISA["send"])["skew"]
    func = machine.timing(ISA["receive"])["func"]
    bench = sender(machine, 0, 0, 0)
    arrivals = [30 + skew + VECTOR_CYCLES * i + LATENCY_CYCLES for i in range(3)]
    receive = make("receive", link=1, to="w7")
    for cycle in arrivals:
        bench.store("got", 32 + 7, 1, "c2c.E.0", cycle + func)
    made = wired(bench, dict.fromkeys(arrivals, receive), ("W0", "E1"))
    result = run(made)
    assert result.hazards == ()
    assert result.sent == {}
    assert bench.stored(result, "got").tolist() == WORDS.tolist()


def test_a_receive_may_come_late() -> None:
    bench = sender(TINY, 0, 0)
    bench.store("got", 32, 1, "c2c.E.0", 101)
    made = wired(bench, {100: make("receive", link=0, to="w0")}, ("W0", "E0"))
    assert bench.stored(run(made), "got").tolist() == [WORDS[0].tolist()]


def test_vectors_on_links_without_a_wire_leave_the_chip() -> None:
    result = run(wired(sender(TINY, 1, 0, 1), {}, ("E0", "W1")))
    assert result.hazards == ()
    assert {link: vectors.tolist() for link, vectors in result.sent.items()} == {
        "W0": WORDS[1:2].tolist(),
        "W1": WORDS[[0, 2]].tolist(),
    }


def test_a_send_on_a_busy_link() -> None:
    bench = sender(TINY, 0)
    bench.apply("c2c.W.0", 30 + VECTOR_CYCLES - 1, make("send", data="w0", link=0), data=WORDS[1])
    assert hazards_of(bench.program()) == [
        hazard("link_busy", "link W0", 33, site("c2c.W.0", 1, 30), site("c2c.W.0", 3, 33))
    ]


def test_another_link_is_not_busy() -> None:
    bench = sender(TINY, 0)
    bench.apply("c2c.W.0", 31, make("send", data="w0", link=1), data=WORDS[1])
    assert hazards_of(bench.program()) == []


def test_receive_before_arrival_and_without_a_sender() -> None:
    early = 30 + LATENCY_CYCLES - 1
    receives = {early: make("receive", link=0, to="w0"), early + 1: make("receive", link=1, to="w0")}
    assert hazards_of(wired(sender(TINY, 0), receives, ("W0", "E0"))) == [
        hazard("receive_empty", "link E0", early, site("c2c.E.0", 1, early)),
        hazard("receive_empty", "link E1", early + 1, site("c2c.E.0", 2, early + 1)),
    ]


def test_the_second_receive_waits_for_the_second_vector() -> None:
    """A receive that came too early has taken its turn: the next one is not served by its vector."""
    first = 30 + LATENCY_CYCLES
    receives = {first - 2: make("receive", link=0, to="w0"), first: make("receive", link=0, to="w0")}
    assert hazards_of(wired(sender(TINY, 0, 0), receives, ("W0", "E0"))) == [
        hazard("receive_empty", "link E0", first - 2, site("c2c.E.0", 1, first - 2)),
        hazard("receive_empty", "link E0", first, site("c2c.E.0", 3, first)),
    ]
