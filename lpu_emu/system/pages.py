"""Texts of the rack reports: one scenario, and ``docs/claims.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lpu_emu.spec.markdown import table
from lpu_emu.system.claims import ENDS_TEXT, Claim
from lpu_emu.system.evaluate import Outcome, curve
from lpu_emu.system.pipelines import Step
from lpu_emu.system.racks import Rack, load_rack, rack_names
from lpu_emu.system.scenario import MODES

_CLAIMS = """# Published claims

*Written by `lpu-emu rack claims --markdown`; edit `lpu_emu/system`, `isa/racks` and `isa/scenarios`, not this file.*

Each row: what was claimed and for what, what the model gives with stated assumptions, and a verdict. `low` and
`high` come from evaluating again with everything that nobody publishes at its slow or quick end: {ends}. Nothing is
fitted to a claim: GPU efficiencies are fitted to [measurements of kernels](gpu.md), LPU times are cycles of
compiled programs.

Read with care:

* The chip is mostly inferred (`lpu-emu chip show lp30`), so LPU figures say what *this* chip would do.
* FP8 is all that LP30 multiplies, so 2 T parameters take 18 LPX racks. A 4-bit format that is widened on the
way would take half; whether
  the chip can do that is not published.
* A GPU kernel costs its start even when captured in a graph. Kernels that fuse a layer would help every GPU
figure at high speed.
* Programs of a layer follow each other without overlap, the vendor's schedule does not stop between layers:
hence the factor of 0.5.
* A megawatt is that of the racks, without cooling and power conversion, the same for all systems. With LPX,
the GPU racks count too.
"""


def claims_page(rows: Sequence[Claim]) -> str:
    """Return the text of ``docs/claims.md``."""
    cells = [
        (f"`{r.id}`", r.claim, r.scope, f"{r.source} ({r.tag})", *_numbers(r), r.verdict, r.assumptions)
        for r in rows
    ]
    header = ("row", "claim", "scope", "source", "claimed", "model", "low", "high", "verdict", "assumptions")
    racks = [load_rack(name) for name in rack_names()]
    power = [(f"`{rack.name}`", *_power(rack)) for rack in racks]
    parts = (
        _CLAIMS.format(ends=ENDS_TEXT),
        *table(header, cells),
        "\n## Power assumed, kW\n",
        *table(("rack", "low", "used", "high", "tag", "source"), power),
    )
    return "\n".join(parts) + "\n"


def _numbers(row: Claim) -> tuple[str, ...]:
    return tuple(number(value) for value in (row.value, row.model, row.low, row.high))


def _power(rack: Rack) -> tuple[str, ...]:
    used = rack.facts["rack.watts"]
    kilowatts = (rack[f"rack.{name}"] / 1e3 for name in ("watts_low", "watts", "watts_high"))
    return (*(f"{value:g}" for value in kilowatts), used.tag, used.source)


def number(value: float | None) -> str:
    """Return a number with its thousands, three digits at least."""
    if value is None:
        return "none"
    if value >= 1e9:
        return f"{value:.3e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def report(outcome: Outcome) -> str:
    """Return an outcome as text."""
    return "\n".join([*_head(outcome), *_chosen(outcome), *_curve(outcome)])


def _head(outcome: Outcome) -> Iterable[str]:
    scenario, site = outcome.scenario, outcome.scenario.site
    racks = f"{site.gpu_racks} x {site.gpu_rack.title} ({site.gpus} GPUs)"
    if site.lpu_rack and site.lpus:
        racks += f", {site.lpu_racks} x {site.lpu_rack.title} ({site.lpus} LPUs)"
    watts = {name: site.watts(name) / 1e3 for name in ("watts", "watts_low", "watts_high")}
    yield f"{scenario.name}: {scenario.title}"
    yield f"  mode         {scenario.mode}: {MODES[scenario.mode]}"
    yield (
        f"  model        {scenario.model.title}, {scenario.context:,} tokens "
        f"in the cache, {scenario.weights} weights, {scenario.cache} cache"
    )
    yield f"  racks        {racks}"
    yield f"  power        {watts['watts']:,.0f} kW assumed ({watts['watts_low']:,.0f} to {watts['watts_high']:,.0f})"
    if site.lpus:
        yield f"  Ethernet     {scenario.network_s * 1e6:g} us one way (choice; not published)"
    if scenario.speculation.drafts:
        guess = scenario.speculation
        yield (
            f"  guesses      {guess.drafts} per step, each right with "
            f"{guess.acceptance:g}: {guess.tokens:.2f} tokens a step (assumed)"
        )
    first = ", ".join(f"{name} {seconds * 1e3:,.1f} ms" for name, seconds in outcome.first_token.items())
    yield f"  first token  {first} for a prompt of {scenario.prompt:,}"


def _chosen(outcome: Outcome) -> Iterable[str]:
    step, target = outcome.shown, outcome.scenario.target
    if step is None:
        yield f"\nnothing fits: {', '.join(outcome.too_large)} is too small"
        return
    if outcome.chosen is None:
        yield f"\nno point gives {target:g} tokens/s per user; the quickest one:"
    else:
        yield f"\nmost tokens per second at {target:g} tokens/s per user or more:"
    yield f"  {step.users} users, {step.how}"
    yield (
        f"  {step.per_user:,.0f} tokens/s per user, {step.rate:,.0f} "
        f"tokens/s in all, {outcome.per_megawatt(step):,.0f} per MW"
    )
    yield (
        f"  ({outcome.per_megawatt(step, 'watts_high'):,.0f} to "
        f"{outcome.per_megawatt(step, 'watts_low'):,.0f} per MW by power)"
    )
    yield from _budget(step)
    yield "memory"
    for use in step.uses:
        yield (
            f"  {use.where:14} {use.needed / 1e9:8,.1f} of "
            f"{use.there / 1e9:,.0f} GB, {1 - use.needed / use.there:.0%} free"
        )
    names = ("bottleneck", "next")
    for name, bound in zip(names, outcome.bounds, strict=False):
        yield f"{name:14}   {bound.text}: half of it would give {bound.gain:.0%} more"


def _budget(step: Step) -> Iterable[str]:
    yield f"time of a step, {step.seconds * 1e6:,.0f} us for {step.tokens:.2f} tokens"
    for name, seconds in sorted(step.budget.items(), key=lambda item: -item[1]):
        yield f"  {name:14} {seconds * 1e6:8,.1f} us  {seconds / step.seconds:4.0%}"


def _curve(outcome: Outcome) -> Iterable[str]:
    yield "\n  users  tokens/s per user  tokens/s in all  tokens/s per MW"
    for step in curve(outcome.points):
        yield f"  {step.users:5}  {step.per_user:17,.0f}  {step.rate:15,.0f}  {outcome.per_megawatt(step):15,.0f}"
    if outcome.too_large:
        yield f"  more users do not fit: {', '.join(outcome.too_large)}"
