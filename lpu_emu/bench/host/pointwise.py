"""Point-wise work on the VXM: bias, requantise, ReLU and residual in one chain of ALUs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.bench.host.score import Score
from lpu_emu.bench.host.workload import CHIP, LANES, SEED, WORDS, Memory, Workload, count_differing, section
from lpu_emu.program.model import DataSection
from lpu_emu.spec.machine import IMMEDIATE, LATCH, WEST_STREAM, load_machine

_RANGE = 1 << 20
SCALE = np.float32(127 / _RANGE)


def point_wise(segments: int, *, words: int = WORDS) -> Workload:
    """Return bias, requantise, ReLU and residual over ``segments`` times ``words`` vectors.

    int32 values go east through four ALUs of row 0, come back as int8 and meet the residual in row 3.
    """
    score = Score(load_machine(CHIP))
    rng = np.random.default_rng(SEED)
    values = rng.integers(-_RANGE, _RANGE, (segments * words, LANES)).astype("<i4")
    residual = rng.integers(-128, 128, (segments * words, LANES)).astype(np.int8)
    bias = rng.integers(-1000, 1000, LANES).astype("<i4")
    _fill_bias(score)
    for number in range(segments):
        _requantise(score, 400 + number * (words + 10), number, words)

    def chain() -> NDArray[np.int8]:
        scaled = (values + bias).astype(np.float32) * SCALE
        rounded = np.clip(np.rint(scaled), -128, 127).astype(np.int8)
        summed: NDArray[np.int16] = np.maximum(rounded, 0).astype(np.int16) + residual
        return np.asarray(np.clip(summed, -128, 127), dtype=np.int8)

    def differing(memory: Memory) -> int:
        found = np.concatenate([memory[f"W{20 + s}"][:words] for s in range(segments)])
        return count_differing(found.view(np.int8), chain())

    return Workload(
        name=f"point-wise, {values.size / 1e6:.1f} M elements",
        program=score.program("point-wise", _data(values, residual, bias, segments)),
        work=values.size,
        unit="element",
        goal=0.5,
        differing=differing,
        numpy=chain,
    )


def _data(
    values: NDArray[np.int32], residual: NDArray[np.int8], bias: NDArray[np.int32], segments: int
) -> list[DataSection]:
    """Return what lies in SRAM: byte p of segment s in W(4s + p), its residual in E(s), the bias in W40..W43."""
    words = len(values) // segments
    planes = values.view(np.uint8).reshape(segments, words, LANES, 4)
    parts = [(s, p) for s in range(segments) for p in range(4)]
    data = [section(f"W{4 * s + p}", np.ascontiguousarray(planes[s, :, :, p])) for s, p in parts]
    data += [section(f"E{s}", residual[s * words :][:words].view(np.uint8)) for s in range(segments)]
    shared = bias.view(np.uint8).reshape(1, LANES, 4)
    return [*data, *(section(f"W{40 + p}", shared[:, :, p].copy()) for p in range(4))]


def _fill_bias(score: Score) -> None:
    for part in range(4):
        score.read_for(200 + score.time("copy", "skew"), "vxm.0", f"mem.W{40 + part}", 0, part)
    score.at(200, "vxm.0", "copy", x=0, to=LATCH, dtype=3)


def _requantise(score: Score, time: int, number: int, words: int) -> None:
    """Dispatch the chain of a segment so that its values meet ALU 0 at ``time``."""
    loop, strided = [(words, 1, 0)], [(words, 1, 1)]
    int8, int32, fp32, west = 0, 3, 5, WEST_STREAM
    scale = int(SCALE.view(np.uint32))
    for part in range(4):
        sampled = time + score.time("add", "skew")
        score.read_for(sampled, "vxm.0", f"mem.W{4 * number + part}", 0, part, strided)
    score.at(time, "vxm.0", "add", loop, dtype=int32, x=0, y=LATCH, to=4)
    time = _after(score, time, "vxm.0", "add", "vxm.1", 4)
    score.at(time, "vxm.1", "convert", loop, dtype=int32, result=fp32, x=4, to=8)
    time = _after(score, time, "vxm.1", "convert", "vxm.2", 8)
    score.at(time, "vxm.2", "mul", loop, dtype=fp32, x=8, y=IMMEDIATE, immediate=scale, to=12)
    time = _after(score, time, "vxm.2", "mul", "vxm.3", 12)
    score.at(time, "vxm.3", "convert", loop, dtype=fp32, result=int8, overflow=1, x=12, to=west)
    time = _after(score, time, "vxm.3", "convert", "vxm.14", west)
    score.at(time, "vxm.14", "relu", loop, dtype=int8, x=west, to=west + 1)
    time = _after(score, time, "vxm.14", "relu", "vxm.13", west + 1)
    score.at(time, "vxm.13", "add", loop, dtype=int8, overflow=1, x=west + 1, y=west + 2, to=west + 4)
    score.read_for(time + score.time("add", "skew"), "vxm.13", f"mem.E{number}", 0, west + 2, strided)
    score.write_from(time + score.time("add", "func"), "vxm.13", f"mem.W{20 + number}", 0, west + 4, strided)


def _after(score: Score, time: int, producer: str, mnemonic: str, consumer: str, stream: int) -> int:
    """Return when a consumer is dispatched that takes what a producer makes."""
    hops = score.hops(producer, consumer, stream)
    return time + score.time(mnemonic, "func") + hops - score.time("add", "skew")
