"""The planes of the MXM as benchmarks use them: loading weights, multiplying vectors, storing sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.bench.micro.script import Bytes, Script, each, stream
from lpu_emu.spec.machine import DTYPE_BYTES, EAST, WEST, Machine

# The bits of 1 and 2 in each type that planes may multiply.
ONE_TWO = {
    "int8": (1, 2), "uint8": (1, 2), "fp16": (0x3C00, 0x4000), "bf16": (0x3F80, 0x4000), "fp8": (0x38, 0x40)
}  # fmt: skip
INTEGERS = ("int8", "uint8")
RESULT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A plane: its number on the chip and in its hemisphere, the directions away from and to the centre."""

    number: int
    own: int
    outward: int
    inward: int

    @property
    def name(self) -> str:
        """Name of the plane's queues without their kind."""
        return f"mxm.{self.number}"


def planes(machine: Machine) -> list[Plane]:
    """Return all planes."""
    each_side = machine.chip.planes
    return [
        Plane(
            number=n, own=n % each_side, outward=(WEST, EAST)[n // each_side], inward=(EAST, WEST)[n // each_side]
        )
        for n in range(2 * each_side)
    ]  # fmt: skip


def load(
    script: Script, plane: Plane, cycle: int, rows: Bytes, text: str = "iw_stream", interval: int = 1
) -> int:
    """Load weight rows [lanes, lanes] over the plane's own streams, the first group in ``cycle``.

    ``text`` is the mnemonic of the load. Returns the cycle of the last load.
    """
    width = script.machine.chip.weight_streams
    first, queue = width * plane.own, f"{plane.name}.weights"
    groups = script.machine.chip.row_groups
    sampled = cycle + script.time(text, "skew")
    for number in range(width):
        words = rows[number::width]
        script.feed(queue, stream(plane.outward, first + number), sampled, words, each(groups, interval, 1))
    name = f"{'ew'[plane.outward]}{first}"
    script.issue(queue, cycle, f"{text} {name}, 0", each(groups, interval, 1))
    return cycle + (groups - 1) * interval


def multiply(
    script: Script, plane: Plane, cycle: int, dtype: str, vectors: list[Bytes], results: Bytes | None, interval: int = 1,
    half: str = "all",
) -> tuple[int, int]:  # fmt: skip
    """Send activations through a plane and take the products; store them when ``results`` [bytes, n, lanes] are given.

    ``vectors`` are the activations by byte, each [n, lanes]. Returns the dispatches of the first ``abc`` and ``acc``.
    """
    count = len(vectors[0])
    width = script.machine.chip.weight_streams * script.machine.chip.planes
    flow = "ew"[plane.outward]
    # Activations take the streams of weights, which have been loaded by then; planes side by side share one stream.
    first = 0 if DTYPE_BYTES[dtype] == 1 else plane.own * 2 % width
    issue = f"abc.{dtype}.{half} {flow}{first}"
    queue = f"{plane.name}.activations"
    sampled = cycle + script.time(issue, "skew")
    if plane.own == 0 or DTYPE_BYTES[dtype] > 1:
        for byte, words in enumerate(vectors):
            script.feed(queue, stream(plane.outward, first + byte), sampled, words, each(count, interval, 1))
    script.issue(queue, cycle, issue, each(count, interval))
    base = RESULT_BYTES * plane.own
    out = f" -> {'ew'[plane.inward]}{base}" if results is not None else ""
    take = f"acc.set 0{out}"
    taken = cycle + script.time(issue, "product") - script.time(take, "skew")
    script.issue(f"{plane.name}.accumulate", taken, take, each(count, interval))
    if results is not None:
        driven = taken + script.time(take, "func")
        for byte in range(RESULT_BYTES):
            script.catch(
                f"{plane.name}.accumulate", stream(plane.inward, base + byte), driven, count,
                each(count, interval, 1), words=results[byte],
            )  # fmt: skip
    return cycle, taken


def bytes_of(values: np.ndarray, size: int) -> list[Bytes]:
    """Return integers [n, lanes] as one array per byte, low byte first."""
    return [((values >> 8 * byte) & 0xFF).astype(np.uint8) for byte in range(size)]


def ones(script: Script, dtype: str, byte: int) -> Bytes:
    """Return weight rows [lanes, lanes] that hold one byte of the number 1."""
    return np.full((script.lanes, script.lanes), ONE_TWO[dtype][0] >> 8 * byte & 0xFF, dtype=np.uint8)


def sums(script: Script, dtype: str, count: int, half: str = "all") -> tuple[list[Bytes], Bytes]:
    """Return activations of ones and twos in turn by byte, and their sums as bytes [4, n, lanes]."""
    which = np.repeat(np.arange(count)[:, None] % 2, script.lanes, axis=1)
    codes = np.where(which == 0, *ONE_TWO[dtype])
    taking_part = script.lanes if half == "all" else script.lanes // 2
    total = ((which + 1) * taking_part).astype(np.int32 if dtype in INTEGERS else np.float32)
    return bytes_of(codes, DTYPE_BYTES[dtype]), np.stack(bytes_of(total.view(np.uint32), RESULT_BYTES))
