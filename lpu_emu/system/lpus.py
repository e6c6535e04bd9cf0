"""Stages of a model on LPUs: programs compiled for a shard, and what crosses between chips.

Matrices are split over the chips of a group by columns, then by rows, so a layer ends in a sum over the group.
The next layer lies on the next group. Chips exchange at the latency of the ladder and the rate of their lanes;
programs follow each other without overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, log2

from lpu_emu.gpu.models import Attention, Ffn, Layer, Model
from lpu_emu.system.cycles import Cycles
from lpu_emu.system.racks import Rack, Site
from lpu_emu.system.shards import Shard

PARTIAL_BYTES = 4.0  # parts of sums are fp32
ACTIVATION_BYTES = 1.0  # whole sums travel on as FP8
COLUMN_STEP = 32  # widths of shards are rounded up to it, so that few shapes are compiled
MOST_WEIGHTS = 12_000_000  # larger shards are continued from two compiled ones
MOST_KEYS = 2048  # with many rows the compiler's softmax has no room for more
MOST_ROWS = 64


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of a stage by part: ``programs``, ``hops``, ``wires``."""

    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """All parts, one behind the other."""
        return sum(self.parts.values())

    def __add__(self, other: Cost) -> Cost:
        """Return both, one behind the other."""
        names = dict.fromkeys((*self.parts, *other.parts))
        return Cost(parts={name: self.parts.get(name, 0.0) + other.parts.get(name, 0.0) for name in names})

    def times(self, count: float) -> Cost:
        """Return it ``count`` times."""
        return Cost(parts={name: value * count for name, value in self.parts.items()})


@dataclass(frozen=True, kw_only=True)
class Lpus:
    """LPUs of a site with the cycles of their programs."""

    site: Site
    cycles: Cycles

    @property
    def rack(self) -> Rack:
        """The rack they are in."""
        assert self.site.lpu_rack is not None
        return self.site.lpu_rack

    def hop(self, chips: int) -> float:
        """Return the latency between any two of ``chips`` near LPUs; beyond the ladder it grows by its last step."""
        if chips <= 1:
            return 0.0
        reach, steps = self.rack["ladder.bytes"], self.rack["ladder.seconds"]
        needed = chips * self.rack["lpu.sram_bytes"]
        for size, seconds in zip(reach, steps, strict=True):
            if needed <= size:
                return float(seconds) * self.site.knob("lpu.hop")
        more = ceil((needed - reach[-1]) / (reach[-1] - reach[-2]))
        return float(steps[-1] + more * (steps[-1] - steps[-2])) * self.site.knob("lpu.hop")

    def exchange(self, size_bytes: float, chips: int) -> Cost:
        """Return the time in which each of ``chips`` sends and receives ``size_bytes``."""
        if chips <= 1:
            return Cost()
        rate = self.rack["lpu.lanes"] * self.rack["lpu.lane_rate"]
        return Cost(parts={"hops": self.hop(chips), "wires": size_bytes / rate * self.site.knob("lpu.wire")})

    def program(self, kind: str, rows: float, a: int, b: int) -> Cost:
        """Return the time of a compiled shard.

        Rows are rounded up to a power of two. What is too large to compile in a moment is continued from two
        programs that are not.
        """
        whole = 2 ** ceil(log2(max(1, rows)))
        columns = b if kind == "sum" else COLUMN_STEP * ceil(b / COLUMN_STEP)
        cycles = self._cycles(kind, min(whole, MOST_ROWS), a, columns) * max(1.0, whole / MOST_ROWS)
        return Cost(parts={"programs": cycles / self.cycles.clock_hz * self.site.knob("lpu.cycles")})

    def _cycles(self, kind: str, rows: int, a: int, b: int) -> float:
        most = MOST_WEIGHTS // (a * {"gated": 3, "attention": 2}.get(kind, 1)) // COLUMN_STEP * COLUMN_STEP
        if kind == "attention":
            most = min(most, MOST_KEYS)
        if kind == "sum" or b <= most:
            return self.cycles.of(Shard(kind=kind, rows=rows, a=a, b=b))
        half = max(COLUMN_STEP, most // 2)
        small, large = (self.cycles.of(Shard(kind=kind, rows=rows, a=a, b=x)) for x in (half, 2 * half))
        return large + (b - 2 * half) * (large - small) / half

    def add_up(self, rows: float, columns: int, parts: int) -> Cost:
        """Return the time in which a chip adds ``parts`` tensors, in pairs, round by round."""
        total = Cost()
        while parts > 1:
            total += self.program("sum", rows * (parts // 2), columns, 2)
            parts = (parts + 1) // 2
        return total

    def scatter(self, rows: float, columns: int, chips: int) -> Cost:
        """Return the time of a sum over chips, of which each then holds its share."""
        if chips <= 1:
            return Cost()
        share = ceil(columns / chips)
        return self.exchange(rows * columns * PARTIAL_BYTES, chips) + self.add_up(rows, share, chips)

    def all_reduce(self, rows: float, columns: int, chips: int) -> Cost:
        """Return the time of a sum over chips, of which each then holds all: by shares, or all to all at once."""
        gather = self.exchange(rows * columns * ACTIVATION_BYTES, chips)
        shares = self.scatter(rows, columns, chips) + gather
        if chips > self.rack["lpu.module"]:
            return shares
        once = self.exchange(rows * columns * PARTIAL_BYTES * (chips - 1), chips)
        once += self.add_up(rows, columns, chips)
        return min(shares, once, key=lambda cost: cost.seconds)

    def ffn(self, model: Model, ffn: Ffn, rows: float, chips: int) -> Cost:
        """Return the time of a feed-forward layer or of experts, each matrix split over all chips of the group.

        The experts that are expected to be hit are one program with as many rows each as they get on average.
        That routing is known when the program begins is an assumption: how a static machine is told is not published.
        """
        share = ceil(ffn.width / chips)
        if not ffn.experts:
            return self.program("gated", rows, model.hidden, share)
        hit = ffn.hit(rows)
        cost = self.program("gated", rows * ffn.active / hit, model.hidden, ceil(hit * share))
        if ffn.shared:
            cost += self.program("gated", rows, model.hidden, ffn.shared * share)
        return cost

    def attention(self, model: Model, attention: Attention, load: tuple[int, int, int], chips: int) -> Cost:
        """Return the time of norm, projections, attention and output projection; ``load``: sequences, new tokens, context.

        Heads go to chips, and the keys of a head to several of them. Latent attention is as one head for all queries.
        """
        sequences, new, context = load
        rows = sequences * new
        heads = attention.cache_heads
        columns = (
            attention.weights(model.hidden) // model.hidden - attention.heads.queries * attention.heads.values
        )
        keepers = max(1, chips // heads.keys)  # chips that share the keys of a head
        queries = new * heads.queries // heads.keys
        seen = ceil(attention.seen(context) / keepers)
        programs = sequences * ceil(heads.keys / chips)
        cost = self.program("norm", rows, model.hidden, 1)
        cost += self.program("linear", rows, model.hidden, ceil(columns / chips))
        cost += self.program("attention", queries, heads.width, max(1, seen)).times(programs)
        if keepers > 1:
            cost += self.scatter(queries * sequences, heads.values, keepers)
        share = ceil(attention.heads.queries * attention.heads.values / chips)
        return cost + self.program("linear", rows, share, model.hidden)

    def layer(self, model: Model, layer: Layer, load: tuple[int, int, int], chips: int) -> Cost:
        """Return the time of a whole layer on a group of chips, each of which holds the hidden state before and after."""
        rows = load[0] * load[1]
        summed = self.all_reduce(rows, model.hidden, chips)
        ffn = self.program("norm", rows, model.hidden, 1) + self.ffn(model, layer.ffn, rows, chips)
        return self.attention(model, layer.attention, load, chips) + summed + ffn + summed

    def head(self, model: Model, rows: int, chips: int) -> Cost:
        """Return the time of the logits on all chips of the last group, and of finding the largest among their shares."""
        logits = self.program("linear", rows, model.hidden, ceil(model.vocabulary / chips))
        return logits + self.exchange(rows * 8.0, chips)
