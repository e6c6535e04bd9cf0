"""Claims about whole networks. Each waits until a program for it can be compiled: see ``PROGRAMS``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lpu_emu.analysis.core import analyse
from lpu_emu.bench.micro.lab import Lab, MeasurementError, Trial
from lpu_emu.bench.micro.measured import Measured, from_trial
from lpu_emu.bench.validate.claim import AT_MOST, EQUAL, Claim
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine

Builder = Callable[[Machine], Program]

PROGRAMS: dict[str, Builder] = {}
"""How the program of a claim is compiled, by the claim's id. A claim without an entry is waiting."""

MICRO = 1e6


def network_cycles(lab: Lab, id: str) -> Measured:
    """Compile the program of a claim, verify it, and return its cycles."""
    program = PROGRAMS[id](lab.machine)
    analysis = analyse(program)
    if analysis.hazards:
        raise MeasurementError(f"{id}: {len(analysis.hazards)} hazards in program {program.name}")
    trial = Trial(program=program, analysis=analysis)
    lab.keep(program.name, trial)
    return from_trial(trial.cycles, trial)


def _network(
    id: str, what: str, source: str, published: float, tolerance: float, reason: str, *, bound: str = EQUAL
) -> Claim:
    waiting = "" if f"network.{id}" in PROGRAMS else "waits for a program: no compiled network yet"
    return Claim(
        id=f"network.{id}", what=what, group="network", source=source, published=published, unit="cycles",
        measure=partial(network_cycles, id=f"network.{id}"), tolerance=tolerance, reason=reason, waits=True,
        tag="derived", bound=bound, obstacle=waiting,
    )  # fmt: skip


def networks() -> tuple[Claim, ...]:
    """Return the claims about networks; those in ``PROGRAMS`` are measured."""
    images = "20.4 thousand images per second at 900 MHz, three digits"
    return (
        _network("resnet50", "ResNet-50 v2, batch 1, int8", "S20", 44_118, 0.15, images),
        _network(
            "resnet50.short", "the same, in another sentence", "S20", 38_700, 0.30,
            "under 43 us, perhaps compute alone", bound=AT_MOST,
        ),
        _network("resnet101", "ResNet-101, batch 1, int8", "S20", 62_937, 0.15, "14.3 thousand"),
        _network("resnet152", "ResNet-152, batch 1, int8", "S20", 84_112, 0.15, "10.7 thousand"),
        _network(
            "conv3", "one conv3 block of ResNet, 28x28, 512/128", "S20", 1_696, 0.15,
            "a difference of rounded rates: 220 cycles more or less",
        ),
        _network(
            "conv4", "one conv4 block of ResNet, 14x14, 1024/256", "S20", 1_107, 0.15,
            "a difference of rounded rates: 20 cycles more or less",
        ),
        _network("bert_base", "BERT-base, batch 1, tail of 130 us", "AF", 117_000, 0.15, "three digits"),
        _network(
            "bert_encoder", "one encoder of BERT-Large", "S22", 46_000, 0.15,
            "1,225 us of a pipeline of four chips, divided by its parts",
        ),
    )  # fmt: skip
