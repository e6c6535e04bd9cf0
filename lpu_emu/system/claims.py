"""Published claims beside what the model gives: one row each, with its scope, what was assumed, and a verdict.

Low and high values come from evaluating again with everything that nobody publishes at its slow or quick end.
Nothing is fitted to a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from lpu_emu.gpu.spec import load_gpu
from lpu_emu.spec.chip import load_chip
from lpu_emu.system.cycles import Cycles, Progress
from lpu_emu.system.evaluate import MEGAWATT, Outcome, evaluate
from lpu_emu.system.racks import load_rack
from lpu_emu.system.scenario import Scenario, Speculation, load_scenario

GIGAWATT = 1e9
# Ends of the choices: factors on times. Programs: 0.5 if stages overlap in one schedule, as the vendor says they do.
SLOW: Mapping[str, float] = {"gpu.launch": 1.3, "ethernet.latency": 10 / 3, "lpu.cycles": 1.0, "lpu.hop": 1.0}
QUICK: Mapping[str, float] = {"gpu.launch": 0.5, "ethernet.latency": 1 / 3, "lpu.cycles": 0.5, "lpu.hop": 1.0}
GUESSES = Speculation(drafts=3, acceptance=0.8)
CLOSE = 0.05
ENDS_TEXT = (
    "kernels start in 0.5 to 1.3 times the chosen time, Ethernet "
    "takes 1 to 10 us one way, LPU programs take 0.5 to 1 times their "
    "compiled cycles, and racks their lowest to highest power"
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One row. ``value`` is what was claimed (None: nothing that is a "
    "number), ``model`` what comes out, between ``low`` and ``high``."""

    id: str
    claim: str
    scope: str
    source: str
    tag: str
    value: float | None
    model: float | None
    low: float | None
    high: float | None
    verdict: str
    assumptions: str


@dataclass(frozen=True, kw_only=True)
class Range:
    """A result with its ends."""

    model: float | None
    low: float | None
    high: float | None

    def times(self, factor: float) -> Range:
        """Return all three times a factor."""
        parts = (None if x is None else x * factor for x in (self.model, self.low, self.high))
        return Range(**dict(zip(("model", "low", "high"), parts, strict=True)))


class Worked:
    """Scenarios worked out as they stand and with the choices at both ends, each once."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.cycles = Cycles("lp30", progress=progress)
        self._known: dict[tuple[str, str], Outcome] = {}

    def outcome(self, scenario: Scenario, ends: Mapping[str, float] | None = None) -> Outcome:
        """Return the outcome of a scenario, with factors on times."""
        key = (repr(scenario), repr(ends))
        if key not in self._known:
            changed = scenario.at(replace(scenario.site, knobs=dict(ends or {})))
            self._known[key] = evaluate(changed, self.cycles, bounds=False)
        return self._known[key]

    def ranged(self, scenario: Scenario, pick: Callable[[Outcome, str], float | None]) -> Range:
        """Return a figure of a scenario with its ends; ``pick`` also gets which power goes with them."""
        return Range(
            model=pick(self.outcome(scenario), "watts"),
            low=pick(self.outcome(scenario, SLOW), "watts_high"),
            high=pick(self.outcome(scenario, QUICK), "watts_low"),
        )


def quickest(outcome: Outcome, _which: str = "watts") -> float | None:
    """Return the most tokens per second of one user."""
    return max((step.per_user for step in outcome.points), default=None)


def at_target(outcome: Outcome, which: str) -> float | None:
    """Return tokens per second and megawatt at the target, None if no point keeps it."""
    return outcome.per_megawatt(outcome.chosen, which) if outcome.chosen else None


def best(outcome: Outcome, which: str) -> float | None:
    """Return the most tokens per second and megawatt at any speed."""
    return max((outcome.per_megawatt(step, which) for step in outcome.points), default=None)


def claims(progress: Progress | None = None) -> tuple[Claim, ...]:
    """Return every row of the table.

    Raises:
        CompileError: a shard does not fit its chip.
    """
    worked = Worked(progress)
    rows: Iterable[Claim] = (
        *_peaks(),
        *_gemma(worked),
        *_thousand(worked),
        *_ratios(worked),
        *_factory(worked),
        *_memory(),
    )
    return tuple(rows)


def judged(value: float, result: Range) -> str:
    """Return the verdict on a number."""
    if result.model is None or (result.low is None and result.high is None):
        return "inconsistent because one side does not reach the operating point, so there is no figure"
    off = result.model / value
    if abs(off - 1) <= CLOSE:
        return f"reproduced (ratio {off:.2g})"
    low, high = (x if x is not None else result.model for x in (result.low, result.high))
    if low <= value <= high:
        return f"consistent within the error bars (ratio {off:.2g})"
    way = "below" if high < value else "above"
    return f"inconsistent because the model stays {way} it, {low / value:.2g} to {high / value:.2g} times the claim"


def _claim(
    id: str, text: str, scope: str, source: str, tag: str, value: float, result: Range, assumptions: str
) -> Claim:
    return Claim(
        id=id,
        claim=text,
        scope=scope,
        source=source,
        tag=tag,
        value=value,
        model=result.model,
        low=result.low,
        high=result.high,
        verdict=judged(value, result),
        assumptions=assumptions,
    )


def _exact(value: float) -> Range:
    return Range(model=value, low=value, high=value)


def _peaks() -> Iterable[Claim]:
    chip, rack = load_chip("lp30"), load_rack("lpx")
    lpus, clock = rack["rack.lpus"], chip.clock_hz
    flops = 2 * chip.planes * chip.lanes**2 * 2 * clock * lpus
    sram = 2 * chip.slices * chip.banks * chip.lanes * clock * lpus
    held = 2 * chip.slices * chip.words * chip.lanes * lpus
    line = rack["lpu.lanes"] * 112e9 / 8 * 2 * lpus
    paid = rack["lpu.lanes"] * rack["lpu.lane_rate"] * 2 * lpus
    scope, published = "one LPX rack", "NV-LPX"
    clocked = "planes and clock are inferred from this very number, so it is a check of the chip file, not a prediction"
    return (
        _claim("peak-flops", "315 PFLOPS FP8", scope, published, "published", 315e15, _exact(flops), clocked),
        _claim("peak-sram", "40 PB/s SRAM", scope, published, "published", 40e15, _exact(sram),
               "slices and clock are set so that a chip gives 150 TB/s; the vendor rounds 38.4 to 40"),
        _claim("sram", "128 GB SRAM", scope, published, "published", 128e9, _exact(held), "words are set so that "
        "a chip has 500 MB"),
        _claim("scale-up", "640 TB/s between LPUs", scope, published, "published", 640e12,
               Range(model=line, low=paid, high=line), "90 of 96 lanes at 112 Gb/s, both ways; low: 100 Gb/s of payload"),
    )  # fmt: skip


def _gemma(worked: Worked) -> Iterable[Claim]:
    plain, long, guessed = (load_scenario(f"gemma-decode{x}") for x in ("", "-100k", "-drafted"))
    rows = (
        ("gemma-10k", "3,382 tokens/s, 10K input", plain, 3382, "published", "NV-LONG"),
        ("gemma-100k", "3,431 tokens/s, 100K input", long, 3431, "published", "NV-LONG"),
        ("gemma-code", "4,767 tokens/s, coding", guessed, 4767, "published", "NV-LONG"),
        ("gemma-best", "10,996 tokens/s per user, 16K input", guessed, 10996, "published", "HC26-LPU"),
    )
    for id, text, scenario, value, tag, source in rows:
        guess = scenario.speculation
        how = (
            f"{guess.drafts} tokens guessed by one layer of the model itself, "
            f"each right with {guess.acceptance}: {guess.tokens:.2f} tokens a step"
            if guess.drafts
            else "one token a step; whether the measured system guesses tokens is not known"
        )
        yield _claim(id, f"Gemma 4 31B, {text}", "one user", source, tag, value, worked.ranged(scenario, quickest),
                     f"one LPX rack, FP8, {scenario.context:,} tokens in SRAM; {how}")  # fmt: skip


def _thousand(worked: Worked) -> Iterable[Claim]:
    value, source = 1000.0, "NV-LPX"
    text = "approaching 1,000 tokens/s per user"
    for name in ("gpt-oss-lpx", "moe-2t-lpx", "deepseek-lpx"):
        scenario = load_scenario(name)
        for guess, label in ((Speculation(), ""), (GUESSES, "-guessed")):
            result = worked.ranged(replace(scenario, speculation=guess, batches=(1, 2)), quickest)
            yield _claim(
                f"thousand-{scenario.model.name}{label}", text, f"one user of {scenario.model.title}", source, "published",
                value, result, f"{scenario.title}; {scenario.context:,} tokens; {_tokens(guess)}",
            )  # fmt: skip


def _tokens(guess: Speculation) -> str:
    if not guess.drafts:
        return "one token a step"
    by = guess.drafter or "the model itself"
    return f"{guess.drafts} tokens guessed by {by}, each right with {guess.acceptance}"


def _ratio(above: Range, below: Range) -> Range:
    """Divide like by like: both slow, both as chosen, both quick; then the ends in order."""
    pairs = [(above.model, below.model), (above.low, below.low), (above.high, below.high)]
    found = [a / b if a is not None and b else None for a, b in pairs]
    ends = [x for x in found if x is not None]
    return Range(model=found[0], low=min(ends, default=None), high=max(ends, default=None))


def _ratios(worked: Worked) -> Iterable[Claim]:
    """35 times per megawatt and 10 times the revenue: at 400 tokens a second, with guesses on both sides and without."""
    base = load_scenario("moe-2t-gb200")
    for guess, label in ((Speculation(), ""), (GUESSES, "-guessed")):
        below = worked.ranged(replace(base, speculation=guess), at_target)
        names = ("moe-2t-lpx", "moe-2t-draft") if guess.drafts else ("moe-2t-lpx",)
        found = [worked.ranged(_guessing(load_scenario(name), guess), at_target) for name in names]
        above = max(found, key=lambda r: r.model or 0.0)
        ratio = _ratio(above, below)
        yield _claim(
            f"35x{label}", "35 times tokens/s per MW against GB200 NVL72", "2 T mixture, 400K context, "
            "400 tokens/s per user", "NV-LPX",
            "published", 35, ratio, f"{_LAYOUTS[len(names)]}; {_tokens(guess)} on both sides; "
            f"{_points(above, below)}",
        )  # fmt: skip
    yield _unjudged(
        "10x", "10 times revenue per MW against GB200 NVL72", "prices by tier, not published", "NV-LPX", 10,
        "not judged: revenue needs prices per tier that nobody publishes; with equal prices it would be the row above",
    )  # fmt: skip
    for guess, label in ((Speculation(), ""), (GUESSES, "-guessed")):
        yield from _faster(worked, guess, label)


def _faster(worked: Worked, guess: Speculation, label: str) -> Iterable[Claim]:
    """Three modes against GPUs alone, which guess as well or do not; whether they do in the projection is not said."""
    alone = worked.ranged(replace(load_scenario("moe-2t-vr"), speculation=guess), quickest)
    modes = (
        ("moe-2t-draft", 3, "drafted on LPX"),
        ("moe-2t-lpx", 3, "experts on LPX"),
        ("moe-2t-decode", 5, "decode on LPX"),
    )
    for name, value, mode in modes:
        scenario = _guessing(load_scenario(name), guess)
        text = f"about {value} times the speed of NVL72 alone, {mode}"
        how = f"a projection of the vendor; NVL72 alone: {_tokens(guess)}; with LPX: {_tokens(scenario.speculation)}"
        ratio = _ratio(worked.ranged(scenario, quickest), alone)
        scope = "2 T mixture, 400K context, one user"
        yield _claim(
            f"faster-{scenario.mode}{label}", text, scope, "HC26-LPU", "published", value, ratio, how
        )


_LAYOUTS = {
    1: "experts on 18 LPX racks (2.9 MW)",
    2: "better of experts on 18 LPX racks (2.9 MW) and drafting on one",
}


def _guessing(scenario: Scenario, guess: Speculation) -> Scenario:
    """Let a scenario guess as others do; one whose point is a drafter keeps it."""
    if scenario.mode == "draft":
        return replace(scenario, speculation=replace(GUESSES, drafter=scenario.speculation.drafter))
    return replace(scenario, speculation=guess)


def _points(above: Range, below: Range) -> str:
    return f"{_number(above.model)} against {_number(below.model)} tokens/s per MW"


def _number(value: float | None) -> str:
    return "no point" if value is None else f"{value:,.0f}"


def _factory(worked: Worked) -> Iterable[Claim]:
    hopper, pair = load_scenario("gpt-oss-h100"), load_scenario("gpt-oss-lpx")
    vr = load_scenario("gpt-oss-vr")
    per_gw = GIGAWATT / MEGAWATT
    scope = "a site of 1 GW; model, context and speed behind it are not published"
    chosen = worked.ranged(vr, best).times(per_gw)
    yield _claim("700m-gw", "700 M tokens/s", scope, "KR36, WSCN (keynote)", "secondary", 700e6, chosen,
                 "GPT-OSS-120B, 8K context, NVL72 alone at its most "
                 "efficient point; LPX beside it lowers this figure")  # fmt: skip
    fast = worked.ranged(replace(pair, target=1000), at_target).times(per_gw)
    yield _claim("700m-gw-fast", "700 M tokens/s", f"{scope}; here at "
    f"1,000 tokens/s per user", "KR36, WSCN (keynote)", "secondary", 700e6, fast,
                 "GPT-OSS-120B, 8K context, experts on two LPX racks beside each NVL72")  # fmt: skip
    one = worked.ranged(pair, lambda o, w: max((s.rate for s in o.points), default=None))
    yield _claim(
        "700m-rack",
        "700 M tokens/s",
        "one pair of racks, as some press has it",
        "STAR",
        "secondary",
        700e6,
        one,
        _rack_reading(pair),
    )
    base = worked.ranged(hopper, best).times(per_gw)
    yield _claim("2m-gw", "2 M tokens/s, the Hopper start of 350x", scope, "KR36 (keynote)", "secondary", 2e6, base,
                 "GPT-OSS-120B, 8K context, HGX H100 at its most efficient point")  # fmt: skip
    ratio = _ratio(*(worked.ranged(replace(s, target=50), at_target) for s in (vr, hopper)))
    yield _claim("350x", "350 times Hopper", scope, "KR36 (keynote)", "secondary", 350, ratio,
                 "GPT-OSS-120B, 8K context, at 50 tokens/s per user on both")  # fmt: skip
    yield from _large_factory(worked, scope)


def _large_factory(worked: Worked, scope: str) -> Iterable[Claim]:
    """The same claims for a model of the size that the vendor uses elsewhere."""
    names = ("moe-2t-h100", "moe-2t-vr", "moe-2t-lpx")
    hopper, vr, pair = (worked.ranged(load_scenario(name), best).times(GIGAWATT / MEGAWATT) for name in names)
    large, source = "2 T mixture, 400K context, each at its most efficient point", "KR36 (keynote)"
    rows = (
        ("700m-gw-2t", "700 M tokens/s", 700e6, vr, f"{large}; NVL72 alone"),
        ("700m-gw-2t-lpx", "700 M tokens/s", 700e6, pair, f"{large}; NVL72 with experts on 18 LPX racks"),
        ("2m-gw-2t", "2 M tokens/s, the Hopper start of 350x", 2e6, hopper, f"{large}; six HGX H100"),
        ("350x-2t", "350 times Hopper", 350, _ratio(vr, hopper), f"{large}; NVL72 alone over six HGX H100"),
    )
    for id, text, value, result, how in rows:
        yield _claim(id, text, scope, source, "secondary", value, result, how)


def _rack_reading(pair: Scenario) -> str:
    """What 700 M tokens a second from one pair of racks would need."""
    site, hidden = pair.site, pair.model.hidden
    assert site.lpu_rack is not None
    full = sum(not layer.attention.window for layer in pair.model.layers)
    needed = 700e6 * hidden * full
    ports = site.lpu_rack["rack.lpus"] * site.lpu_rack["lpu.lane_rate"] * site.lpu_rack["lpu.host_lanes"]
    flops = 72 * load_gpu("rubin")["tensor.fp4_flops"] + 315e15
    return (
        f"would move {needed / 1e12:.0f} TB/s one way through {ports / 1e12:.1f} "
        f"TB/s of ports, and leave {flops / 700e6 / 1e9:.1f} GFLOP per token at "
        f"100 % of the dense peak, where this small model takes 10"
    )


def _unjudged(id: str, text: str, scope: str, source: str, value: float, verdict: str) -> Claim:
    return Claim(
        id=id, claim=text, scope=scope, source=source, tag="published" if source == "NV-LPX" else "secondary", value=value,
        model=None, low=None, high=None, verdict=verdict, assumptions="none",
    )  # fmt: skip


def _memory() -> Iterable[Claim]:
    """500 times the HBM has no primary source: the ratios that lie near it."""
    rubin, h100, h200 = load_gpu("rubin"), load_gpu("h100"), load_gpu("h200")
    rack = load_rack("lpx")
    candidates = {
        "HBM of a Rubin over SRAM of an LPU": rubin["hbm.bytes"] / rack["lpu.sram_bytes"],
        "HBM of a pod of 1,152 Rubins over that of an HGX H100": 1152
        * rubin["hbm.bytes"]
        / (8 * h100["hbm.bytes"]),
        "HBM and LPDDR of an NVL72 over HBM of an H200": (72 * rubin["hbm.bytes"] + 54e12)
        / h200["hbm.bytes"],
        "HBM rate of an NVL72 over that of an H100": 72 * rubin["hbm.rate"] / h100["hbm.rate"],
        "SRAM rate of an LPX rack over that of a first LPU (80 TB/s)": 40e15 / 80e12,
        "HBM of an NVL72 over that of an H100": 72 * rubin["hbm.bytes"] / h100["hbm.bytes"],
    }
    for place, (text, ratio) in enumerate(candidates.items(), 1):
        row = _unjudged(
            f"500x-{place}", "500 times the HBM of Hopper", text, "STAR", 500,
            "no primary source: a candidate ratio, not a confirmation; an LPX rack has no HBM at all",
        )  # fmt: skip
        yield replace(row, model=ratio, low=ratio, high=ratio)
