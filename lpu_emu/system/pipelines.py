"""One decode step of ``users`` sequences in each of the modes: how long it takes, where, and whether everything fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from lpu_emu.gpu.decode import Placement, kinds, memory_bytes, step
from lpu_emu.gpu.models import Layer, load_model
from lpu_emu.gpu.spec import DTYPE_BYTES
from lpu_emu.gpu.stages import Load, attention_stage, head_stage, total
from lpu_emu.system.cycles import Cycles
from lpu_emu.system.lpus import Cost, Lpus
from lpu_emu.system.scenario import Scenario
from lpu_emu.system.timeline import Task, Timeline, simulate

HEADROOM = 0.9  # share of a memory that weights and caches may fill
SPLITS = (1, 2, 4, 8, 9, 12, 16, 18, 24, 32, 36, 48, 72)
STEPS = 3  # steps of a timeline; the last one is the steady state
LPU_WEIGHT_BYTES = 1.0  # FP8 only
GPU, LPU, OUT, BACK = "GPU", "LPU", "to LPU", "to GPU"


@dataclass(frozen=True, kw_only=True)
class Use:
    """Bytes that one device needs, and has."""

    where: str
    needed: float
    there: float

    @property
    def fits(self) -> bool:
        """Whether it fits, with headroom."""
        return self.needed <= HEADROOM * self.there


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of all users. ``budget`` adds up to ``seconds``; ``tokens`` come per user and step."""

    users: int
    seconds: float
    tokens: float
    budget: Mapping[str, float]
    uses: tuple[Use, ...]
    how: str
    timeline: Timeline | None = field(default=None, compare=False)

    @property
    def fits(self) -> bool:
        """Whether everything fits."""
        return all(use.fits for use in self.uses)

    @property
    def per_user(self) -> float:
        """Tokens per second of one user."""
        return self.tokens / self.seconds

    @property
    def rate(self) -> float:
        """Tokens per second of all users."""
        return self.users * self.per_user


def steps(scenario: Scenario, users: int, cycles: Cycles) -> Iterator[Step]:
    """Yield a step for every way in which the mode can be laid out, whether it fits or not."""
    mode = {"gpu": _gpu, "afd": _afd, "decode": _decode, "draft": _draft}[scenario.mode]
    yield from mode(scenario, users, cycles)


def _placements(scenario: Scenario, users: int) -> Iterator[Placement]:
    gpus = scenario.site.gpus
    for split in SPLITS:
        if gpus % split == 0 and gpus // split <= max(users, 1):
            yield Placement(gpus=gpus, split=split)


def _load(scenario: Scenario, sequences: int, new: int = 1) -> Load:
    return Load(
        sequences=sequences,
        context=scenario.context,
        new=new,
        dtype=scenario.multiply,
        stored=scenario.weights,
        kv_dtype=scenario.cache,
    )


def _gpu_use(scenario: Scenario, load: Load, placement: Placement, *, alone: bool) -> Use:
    needed = memory_bytes(scenario.model, load, placement, experts_only_elsewhere=not alone)
    return Use(where="GPU memory", needed=needed, there=scenario.site.gpu["hbm.bytes"])


def _gpu(scenario: Scenario, users: int, cycles: Cycles) -> Iterator[Step]:
    guess = scenario.speculation
    for placement in _placements(scenario, users):
        load = _load(scenario, ceil(users / placement.groups), guess.drafts + 1)
        times = {
            f"GPU {k}": d.seconds for k, d in step(scenario.site.gpu, scenario.model, load, placement).items()
        }
        if guess.drafts:
            times["GPU drafting"] = guess.drafts * _own_draft(scenario, load, placement)
        yield Step(
            users=users,
            seconds=sum(times.values()),
            tokens=guess.tokens,
            budget=times,
            uses=(_gpu_use(scenario, load, placement, alone=True),),
            how=f"{placement.groups} groups of {placement.split} GPUs",
        )


def _own_draft(scenario: Scenario, load: Load, placement: Placement) -> float:
    """Seconds of one drafted token: one layer of the model, and its logits; or a model of its own."""
    one = replace(load, new=1)
    if scenario.speculation.drafter:
        times = step(scenario.site.gpu, load_model(scenario.speculation.drafter), one, placement)
        return sum(duration.seconds for duration in times.values())
    times = step(scenario.site.gpu, scenario.model, one, placement)
    layers = len(scenario.model.layers)
    return (times["attention"].seconds + times["ffn"].seconds) / layers + times["head"].seconds


def _afd(scenario: Scenario, users: int, cycles: Cycles) -> Iterator[Step]:
    lpus = Lpus(site=scenario.site, cycles=cycles)
    for placement in _placements(scenario, users):
        for micro in scenario.micro_batches:
            if micro <= ceil(users / placement.groups):
                yield _afd_step(scenario, users, lpus, placement, micro)


def _afd_step(scenario: Scenario, users: int, lpus: Lpus, placement: Placement, micro: int) -> Step:
    guess = scenario.speculation
    each = ceil(users / placement.groups / micro)
    load = replace(_load(scenario, each, guess.drafts + 1), split=placement.split)
    costs = {kind: _lpu_layer(scenario, lpus, kind, load, placement) for kind in kinds(scenario.model)}
    tasks = list(_afd_tasks(scenario, load, placement, costs))
    line = simulate([tasks * STEPS] * micro)
    seconds, budget = _steady(line, micro, len(tasks))
    budget = _shared_out(budget, _sum(costs[layer] for layer in scenario.model.layers))
    drafting = guess.drafts * _own_draft(scenario, load, placement)
    whole = _load(scenario, each * micro, 1)
    return Step(
        users=users,
        seconds=seconds + drafting,
        tokens=guess.tokens,
        budget={**budget, **({"GPU drafting": drafting} if drafting else {})},
        uses=(
            _gpu_use(scenario, whole, placement, alone=False),
            _lpu_use(scenario, users, everything=False),
        ),
        how=f"{placement.groups} groups of {placement.split} GPUs, {micro} micro-batches, "
        f"{_group(scenario)} LPUs per layer",
        timeline=line,
    )


def _group(scenario: Scenario) -> int:
    return max(1, scenario.site.lpus // len(scenario.model.layers))


def _afd_tasks(
    scenario: Scenario, load: Load, placement: Placement, costs: Mapping[Layer, Cost]
) -> Iterator[Task]:
    """Tasks of one step of a micro-batch. Layers that do not cross stay on the LPUs."""
    gpu, model = scenario.site.gpu, scenario.model
    out, back = _crossing(scenario, load.rows * placement.groups, _group(scenario))
    attention = {k: total(attention_stage(model, k.attention, load), gpu).seconds for k in kinds(model)}
    for index, layer in enumerate(model.layers):
        if _crosses(scenario, layer):
            yield Task(name="GPU attention", resource=GPU, busy_s=attention[layer])
            yield out
        elif not index:
            yield out
        yield Task(name=LPU, resource=f"LPU {index}", busy_s=costs[layer].seconds)
        following = model.layers[(index + 1) % len(model.layers)]
        if index + 1 == len(model.layers) or _crosses(scenario, following):
            yield back
    yield Task(name="GPU logits", resource=GPU, busy_s=total(head_stage(model, load), gpu).seconds)


def _crosses(scenario: Scenario, layer: Layer) -> bool:
    return scenario.crossings == "layer" or not layer.attention.window


def _lpu_layer(scenario: Scenario, lpus: Lpus, layer: Layer, load: Load, placement: Placement) -> Cost:
    model, chips = scenario.model, _group(scenario)
    rows = load.rows * placement.groups
    if not _crosses(scenario, layer):
        everyone = (load.sequences * placement.groups, load.new, scenario.context)
        return lpus.layer(model, layer, everyone, chips)
    return lpus.ffn(model, layer.ffn, rows, chips) + lpus.scatter(rows, model.hidden, chips)


def _crossing(scenario: Scenario, rows: int, chips: int) -> tuple[Task, Task]:
    """Both ways between GPUs and the LPUs of a layer.

    Out: every FPGA of the group gets every row once. Back: every LPU sends its share of every row, in 16 bits.
    """
    rack = scenario.site.lpu_rack
    assert rack is not None
    lane = rack["lpu.lane_rate"] * rack["lpu.host_lanes"]
    slow = scenario.site.knob("ethernet.rate")
    senders = scenario.site.gpus * scenario.site.gpu_rack["network.rate"]
    port = 8 * lane  # SEMI: one FPGA for eight LPUs
    hidden = scenario.model.hidden
    out_s = max(rows * hidden / port, rows * hidden * ceil(chips / 8) / senders) * slow
    back_s = max(rows * hidden * 2 / chips / lane, rows * hidden * 2 / senders) * slow
    return (
        Task(name="Ethernet", resource=OUT, busy_s=out_s, after_s=scenario.network_s),
        Task(name="Ethernet", resource=BACK, busy_s=back_s, after_s=scenario.network_s),
    )


def _steady(line: Timeline, jobs: int, tasks: int) -> tuple[float, dict[str, float]]:
    """Seconds from the end of the last step but one to the end of the last, and where they go, averaged over jobs."""
    seconds, budget = 0.0, dict[str, float]()
    for job in range(jobs):
        events = line.job(job)
        last = events[-tasks:]
        seconds += (last[-1].done_s - events[-tasks - 1].done_s) / jobs
        for event in last:
            spent = event.done_s - event.start_s
            budget[event.name] = budget.get(event.name, 0.0) + spent / jobs
            budget["waiting"] = budget.get("waiting", 0.0) + (event.start_s - event.ready_s) / jobs
    return seconds, budget


def _lpu_use(scenario: Scenario, users: int, *, everything: bool) -> Use:
    """Bytes on all LPUs: feed-forward weights, and those layers with their caches that stay there."""
    model = scenario.model
    width = DTYPE_BYTES[scenario.cache]
    needed = model.ffn_weights * LPU_WEIGHT_BYTES
    for layer, count in kinds(model).items():
        if everything or not _crosses(scenario, layer):
            seen = layer.attention.seen(scenario.context)
            needed += count * layer.attention.weights(model.hidden) * LPU_WEIGHT_BYTES
            needed += count * users * seen * layer.attention.cached_bytes("fp8") * width
    needed += model.head_weights * LPU_WEIGHT_BYTES if everything else 0
    rack = scenario.site.lpu_rack
    assert rack is not None
    return Use(where="LPU SRAM", needed=needed, there=scenario.site.lpus * rack["lpu.sram_bytes"])


def _decode(scenario: Scenario, users: int, cycles: Cycles) -> Iterator[Step]:
    """Groups of chips hold some layers each; users follow each other through the groups."""
    lpus = Lpus(site=scenario.site, cycles=cycles)
    module = lpus.rack["lpu.module"]
    for chips in (module * 2**i for i in range(8)):
        if chips <= scenario.site.lpus:
            yield _decode_step(scenario, users, lpus, chips)


def _decode_step(scenario: Scenario, users: int, lpus: Lpus, chips: int) -> Step:
    model, guess = scenario.model, scenario.speculation
    groups = min(scenario.site.lpus // chips, len(model.layers))
    each = ceil(len(model.layers) / groups)
    load = (1, guess.drafts + 1, scenario.context)
    costs = {kind: lpus.layer(model, kind, load, chips) for kind in kinds(model)}
    head = lpus.head(model, load[1], chips)
    tasks = list(_decode_tasks(lpus, [costs[layer] for layer in model.layers], head, each, chips))
    line = simulate([tasks * STEPS] * users)
    seconds, budget = _steady(line, users, len(tasks))
    budget = _shared_out(budget, _sum([*(costs[layer] for layer in model.layers), head]))
    draft = _lpu_draft(scenario, lpus, chips) if guess.drafts else 0.0
    return Step(
        users=users,
        seconds=seconds + draft,
        tokens=guess.tokens,
        budget={**budget, **({"LPU drafting": draft} if draft else {})},
        uses=(_lpu_use(scenario, users, everything=True),),
        how=f"{groups} groups of {chips} LPUs, {each} layers each",
        timeline=line,
    )


def _decode_tasks(lpus: Lpus, costs: Sequence[Cost], head: Cost, each: int, chips: int) -> Iterator[Task]:
    """One task per group of chips: a user's step goes through it as a whole."""
    for first in range(0, len(costs), each):
        cost = _sum(costs[first : first + each])
        last = first + each >= len(costs)
        hop = 0.0 if last else lpus.hop(2 * chips)
        busy = (cost + head if last else cost).seconds
        yield Task(name=LPU, resource=f"LPU {first // each}", busy_s=busy, after_s=hop)


def _sum(costs: Iterable[Cost]) -> Cost:
    return sum(costs, start=Cost())


def _shared_out(budget: dict[str, float], cost: Cost) -> dict[str, float]:
    """Part what the LPUs take into programs and exchanges, in the proportion of all their stages."""
    spent = budget.pop(LPU, 0.0)
    share = cost.parts.get("programs", 0.0) / cost.seconds if cost.seconds else 0.0
    return {**budget, "LPU programs": spent * share, "LPU exchanges": spent * (1 - share)}


def _lpu_draft(scenario: Scenario, lpus: Lpus, chips: int) -> float:
    """Seconds in which a drafter on one group of LPUs guesses all drafts of one user."""
    model = load_model(scenario.speculation.drafter) if scenario.speculation.drafter else None
    load = (1, 1, scenario.context)
    if model is None:
        own = scenario.model
        one = lpus.layer(own, own.layers[-1], load, chips) + lpus.head(own, 1, chips)
        return scenario.speculation.drafts * one.seconds
    cost = Cost()
    for kind, count in kinds(model).items():
        cost += lpus.layer(model, kind, load, chips).times(count)
    return scenario.speculation.drafts * (cost + lpus.head(model, 1, chips)).seconds


def _draft(scenario: Scenario, users: int, cycles: Cycles) -> Iterator[Step]:
    """The drafter guesses on one module per user in flight; tokens cross one way, what is rejected the other."""
    lpus = Lpus(site=scenario.site, cycles=cycles)
    module = lpus.rack["lpu.module"]
    drafter = load_model(scenario.speculation.drafter)
    guessing = _lpu_draft(scenario, lpus, module)
    lanes = max(1, scenario.site.lpus // module)
    for checked in _gpu(scenario, users, cycles):
        budget = {k: v for k, v in checked.budget.items() if k != "GPU drafting"}
        rounds = ceil(users / lanes)
        budget |= {"LPU drafting": guessing * rounds, "Ethernet": 2 * scenario.network_s}
        cached = users * drafter.cached_bytes(scenario.context, scenario.cache) + lanes * drafter.weights
        use = Use(where="LPU SRAM", needed=cached, there=scenario.site.lpus * lpus.rack["lpu.sram_bytes"])
        yield replace(
            checked,
            seconds=sum(budget.values()),
            budget=budget,
            uses=(*checked.uses, use),
            how=f"{checked.how}, drafts on {module} LPUs",
        )


def first_token(scenario: Scenario) -> Mapping[str, float]:
    """Return the seconds until the first token of a turn: prefill on a group of GPUs, and the cache's way to LPUs."""
    placement = Placement(gpus=scenario.site.gpus, split=min(8, scenario.site.gpus))
    load = replace(_load(scenario, 1, scenario.prompt), prefill=True)
    if scenario.multiply == "fp4" and not scenario.site.gpu.multiplies("fp4"):
        load = replace(load, dtype="fp8")
    times = step(scenario.site.gpu, scenario.model, load, replace(placement, gpus=placement.split))
    found = {"prefill": sum(duration.seconds for duration in times.values())}
    if scenario.mode == "decode":
        moved = scenario.model.cached_bytes(scenario.context, scenario.cache)
        rate = placement.split * scenario.site.gpu_rack["network.rate"]
        found["cache to LPUs"] = moved / rate * scenario.site.knob("ethernet.rate") + scenario.network_s
    return found
