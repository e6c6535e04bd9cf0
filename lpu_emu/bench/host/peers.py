"""Other simulators: what they compute, and how fast they were when this project measured them.

Measured in November 2026 on an AMD EPYC (Zen 3, two cores, AVX2, no VNNI) that had other work to do at the time. Seconds
are CPU seconds of the process, which is what a quiet core would take; all of these simulators run on one thread.
"""

from __future__ import annotations

from dataclasses import dataclass

PEER_HOST = "an AMD EPYC (Zen 3, AVX2, no VNNI), two cores, busy with other work"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A simulator: its language, whether it computes values, and what its cycles are."""

    name: str
    language: str
    values: str
    cycles: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A run of a simulator: CPU seconds, peak MB, 1,000 simulated cycles and 10**6 MACs a CPU second."""

    peer: str
    work: str
    cpu_s: str
    memory_mb: str
    kilocycles: str
    megamacs: str


PEERS = (
    Peer(
        name="SCALE-Sim 3.0.0",
        language="Python",
        values="no",
        cycles="address traces of a systolic array, cycle by cycle",
    ),
    Peer(
        name="ONNXim a1e8629",
        language="C++",
        values="no",
        cycles="latencies of tiles; DRAM and network cycle by cycle",
    ),
    Peer(
        name="mNPUsim b0f3c14",
        language="C++",
        values="no",
        cycles="address traces; DRAM cycle by cycle",
    ),
    Peer(
        name="ZigZag 3.9.1", language="Python", values="no", cycles="closed form, with a search for a mapping"
    ),
    Peer(
        name="STONNE 22634b8",
        language="C++",
        values="yes, floats",
        cycles="every cycle of every switch",
    ),
    Peer(
        name="FTLPU CMODEL",
        language="C++",
        values="yes: int8 weights, bf16, fp16",
        cycles="every cycle of a whole LPU-like chip, 32 lanes wide",
    ),
)

_GEMM, _RESNET = "matmul 1024x1024x1024", "ResNet-50, one picture (4.1 GMAC)"
_TOKEN = "one token through a decoder layer (13.9 MMAC)"
FIGURES = (
    Figure(
        peer="SCALE-Sim, 320x320",
        work=_GEMM,
        cpu_s="19.1",
        memory_mb="814",
        kilocycles="1.7",
        megamacs="56.1",
    ),
    Figure(
        peer="SCALE-Sim, 320x320",
        work=_RESNET,
        cpu_s="193",
        memory_mb="11,263",
        kilocycles="2.5",
        megamacs="21.2",
    ),
    Figure(
        peer="SCALE-Sim, 320x320",
        work=_TOKEN,
        cpu_s="82.8",
        memory_mb="4,914",
        kilocycles="2.7",
        megamacs="0.17",
    ),
    Figure(
        peer="ONNXim, 1 core of 128x128",
        work="matmul 2304x4096x4096",
        cpu_s="91.3",
        memory_mb="170",
        kilocycles="25.9",
        megamacs="423",
    ),
    Figure(
        peer="ONNXim, 1 core of 128x128",
        work=_RESNET,
        cpu_s="15.0",
        memory_mb="130",
        kilocycles="74.1",
        megamacs="272",
    ),
    Figure(
        peer="ONNXim, 1 core of 128x128",
        work=_TOKEN,
        cpu_s="5.0",
        memory_mb="34",
        kilocycles="25.0",
        megamacs="2.8",
    ),
    Figure(
        peer="mNPUsim, 128x128",
        work="its own ResNet-50 table",
        cpu_s="249",
        memory_mb="238",
        kilocycles="10.5",
        megamacs="about 16",
    ),
    Figure(
        peer="ZigZag, TPU-like",
        work=_RESNET,
        cpu_s="173",
        memory_mb="654",
        kilocycles="none simulated",
        megamacs="23.7 (search)",
    ),
    Figure(
        peer="STONNE, 16x16",
        work="matmul 320x320x320",
        cpu_s="22.3",
        memory_mb="14",
        kilocycles="6.4",
        megamacs="1.5",
    ),
    Figure(
        peer="FTLPU, 32 lanes",
        work="projection 128x576x1536 (113 MMAC)",
        cpu_s="9.1",
        memory_mb="365",
        kilocycles="12.2",
        megamacs="12.5",
    ),
    Figure(
        peer="FTLPU, 32 lanes",
        work="feed-forward of one token (2.65 MMAC)",
        cpu_s="2.4",
        memory_mb="55",
        kilocycles="1.0",
        megamacs="1.1",
    ),
)
