"""Claims about whole networks: those of the catalogue are compiled, the others wait for a program."""

from __future__ import annotations

from functools import partial

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured, from_trial
from lpu_emu.bench.validate import compiled
from lpu_emu.bench.validate.claim import AT_MOST, EQUAL, NETWORK, Claim, Measure

# The deeper networks repeat blocks of the shallower ones, so differences are whole blocks.
CONV4_MORE_IN_101 = 17
CONV4_MORE_IN_152 = 13
CONV3_MORE_IN_152 = 4
IMAGES = "20.4 thousand images per second at 900 MHz, three digits"
NO_PROGRAM = "waits for a program: the catalogue of networks has none of this kind"
TOLERANCE = 0.15
SCHEDULES = "waits for better schedules"


def whole(lab: Lab, name: str) -> Measured:
    """Return the cycles of a network's program. Raises as :func:`.compiled.trial_of`."""
    trial = compiled.trial_of(lab, name)
    return from_trial(trial.cycles, trial)


RESNETS = {depth: partial(whole, name=f"resnet{depth}") for depth in (50, 101, 152)}


def conv4_block(lab: Lab) -> Measured:
    """Return what one conv4 block adds: the difference of two networks, by the number of blocks."""
    short, long = (lab.once(RESNETS[depth]) for depth in (50, 101))
    return _per_block(long.value - short.value, CONV4_MORE_IN_101, short, long)


def conv3_block(lab: Lab) -> Measured:
    """Return what one conv3 block adds: the difference of two networks without its conv4 blocks."""
    short, long, conv4 = lab.once(RESNETS[101]), lab.once(RESNETS[152]), lab.once(conv4_block)
    more = long.value - short.value - CONV4_MORE_IN_152 * conv4.value
    return _per_block(more, CONV3_MORE_IN_152, conv4, short, long)


def _per_block(cycles: float, blocks: int, *networks: Measured) -> Measured:
    programs = dict.fromkeys(name for network in networks for name in network.programs)
    return Measured(value=cycles / blocks, programs=tuple(programs), cycles=networks[-1].cycles)


def _resnet(
    id: str, what: str, published: float, measure: Measure, reason: str, *, bound: str = EQUAL
) -> Claim:
    return Claim(
        id=f"network.{id}", what=what, group=NETWORK, source="S20", published=published, unit="cycles", measure=measure,
        bound=bound, tolerance=TOLERANCE, reason=reason, tag="derived", slow=True, failure=SCHEDULES,
    )  # fmt: skip


def _waiting(id: str, what: str, source: str, published: float, reason: str) -> Claim:
    return Claim(
        id=f"network.{id}", what=what, group=NETWORK, source=source, published=published, unit="cycles",
        tolerance=TOLERANCE, reason=reason, tag="derived", waits=True, obstacle=NO_PROGRAM,
    )  # fmt: skip


NETWORKS = (
    _resnet("resnet50", "ResNet-50 v2, batch 1, int8", 44_118, RESNETS[50], IMAGES),
    _resnet(
        "resnet50.short", "the same, in another sentence", 38_700, RESNETS[50], "under 43 us, perhaps compute alone",
        bound=AT_MOST,
    ),
    _resnet("resnet101", "ResNet-101, batch 1, int8", 62_937, RESNETS[101], "14.3 thousand"),
    _resnet("resnet152", "ResNet-152, batch 1, int8", 84_112, RESNETS[152], "10.7 thousand"),
    _resnet(
        "conv3", "one conv3 block of ResNet, 28x28, 512/128", 1_696, conv3_block,
        "a difference of rounded rates: 220 cycles more or less",
    ),
    _resnet(
        "conv4", "one conv4 block of ResNet, 14x14, 1024/256", 1_107, conv4_block,
        "a difference of rounded rates: 20 cycles more or less",
    ),
    _waiting("bert_base", "BERT-base, batch 1, tail of 130 us", "AF", 117_000, "three digits"),
    _waiting(
        "bert_encoder", "one encoder of BERT-Large", "S22", 46_000,
        "1,225 us of a pipeline of four chips, divided by its parts",
    ),
)  # fmt: skip
