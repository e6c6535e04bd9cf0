"""Plans of every unit that keep the timing rules: operands come from SRAM, results end there or on a link."""

from __future__ import annotations

import numpy as np

from lpu_emu.spec.machine import DTYPE_BYTES, EAST, IMMEDIATE, LATCH, NOTHING, WEST, Queue
from lpu_emu.timing import Loop

from .flows import Flow, Value, Word, Words
from .planner import Draft, Planner


def new_flow(planner: Planner, least_interval: int = 1, most: int = 3) -> Flow:
    """Return an empty flow with random loops."""
    return Flow(planner=planner, draft=Draft(), loops=planner.loops(least_interval, most))


def point_wise(planner: Planner) -> Flow:
    """Read, compute in one to three ALUs, store."""
    flow = new_flow(planner)
    value = _alu(flow, None)
    for _ in range(planner.pick(0, 2)):
        value = _alu(flow, value)
    flow.store(value)
    return flow


def _alu(flow: Flow, value: Value | None) -> Value:
    """Compute one operation on a value (or on operands from SRAM) and return its first result."""
    p = flow.planner
    machine, isa = p.machine, p.machine.isa
    queue = p.choose([q for q in machine.queues if q.unit == "vxm" and not flow.draft.uses(q)])
    names = [i.mnemonic for i in isa.instructions.values() if i.unit == "vxm"]
    instruction = isa[p.choose(names)]
    allowed = [t for t in instruction.dtypes if t not in instruction.large or machine.is_large(queue.number)]
    if value is not None:
        allowed = [t for t in allowed if DTYPE_BYTES[t] == value.width]
    dtype = p.choose(allowed)
    types = isa.kinds["dtype"].values
    operands = {"dtype": types.index(dtype), "overflow": p.pick(0, 1)}
    result = dtype
    if "result" in instruction.layout.index:
        result = p.choose(instruction.dtypes)
        operands["result"] = types.index(result)
    cycle = _operands(flow, queue, instruction.mnemonic, DTYPE_BYTES[dtype], value, operands)
    made = _targets(flow, queue, instruction.mnemonic, DTYPE_BYTES[result], cycle, operands)
    flow.add(queue, cycle, flow.make(instruction.mnemonic, **operands))
    return p.choose(made)


def _operands(
    flow: Flow, queue: Queue, mnemonic: str, width: int, value: Value | None, operands: dict[str, int]
) -> int:
    """Choose the sources of an operation, let them arrive, and return its dispatch."""
    p, skew = flow.planner, flow.delay(mnemonic, "skew")
    reach = sorted(p.machine.reach(queue.number))
    cycle = 0
    if value is None:
        way = p.choose((EAST, WEST))
        operands["x"] = flow.streams(way, width, among=reach)
        flow.feed(operands["x"], width, p.machine.x_in(queue, way), cycle + skew)
    else:
        if value.base % 32 // 4 not in reach:
            value = p.choose([])
        sampled = value.cycle_at(p.machine.x_in(queue, value.way))
        flow.hold_streams(value, sampled)
        operands["x"], cycle = value.base, sampled - skew
    if "y" in p.machine.isa[mnemonic].layout.index:
        _second(flow, queue, width, cycle + skew, operands)
    return cycle


def _second(flow: Flow, queue: Queue, width: int, sampled: int, operands: dict[str, int]) -> None:
    p = flow.planner
    kind = p.choose(("stream", "immediate", "same"))
    if kind == "same":
        operands["y"] = operands["x"]
    elif kind == "immediate":
        operands["y"], operands["immediate"] = IMMEDIATE, p.pick(0, 255)
    else:
        taken = operands["x"] % 32 // 4
        way = p.choose((EAST, WEST))
        groups = sorted(g for g in p.machine.reach(queue.number) if g != taken)
        operands["y"] = flow.streams(way, width, among=groups)
        flow.feed(operands["y"], width, p.machine.x_in(queue, way), sampled)


def _targets(
    flow: Flow, queue: Queue, mnemonic: str, width: int, cycle: int, operands: dict[str, int]
) -> list[Value]:
    """Choose one or two targets; one of several results is never used, which is allowed."""
    p = flow.planner
    reach = sorted(p.machine.reach(queue.number))
    made = []
    for name in ("to", "to2")[: p.pick(1, 2)]:
        way = p.choose((EAST, WEST))
        operands[name] = flow.streams(way, width, among=reach)
        stands = cycle + flow.delay(mnemonic, "func")
        value = Value(base=operands[name], width=width, x=p.machine.x_out(queue, way), cycle=stands)
        flow.hold_streams(value, stands + p.machine.positions)
        made.append(value)
    return made


def latched(planner: Planner) -> Flow:
    """Fill a latch, fold values into it, and store the result."""
    flow = new_flow(planner, most=1)
    p, machine = planner, planner.machine
    queue = p.choose([q for q in machine.queues if q.unit == "vxm"])
    way = p.choose((EAST, WEST))
    reach = sorted(machine.reach(queue.number))
    fill = flow.make("copy", x=IMMEDIATE, to=LATCH, immediate=7)
    skew, ready = flow.delay("max", "skew"), flow.delay("copy", "latch")
    flow.add(queue, skew - ready - p.pick(0, 2), fill, ())
    x = flow.streams(way, 1, among=reach)
    flow.feed(x, 1, machine.x_in(queue, way), skew)
    flow.add(queue, 0, flow.make("max", x=x, y=LATCH, to=LATCH))
    flow.draft.hold(f"latch{queue.number}", -1, flow.span)
    out = flow.streams(p.choose((EAST, WEST)), 1, among=reach)
    cycle = flow.span + 1 + p.pick(0, 3)
    flow.add(queue, cycle, flow.make("copy", x=LATCH, to=out), ())
    value = Value(
        base=out, width=1, x=machine.x_out(queue, out // 32), cycle=cycle + flow.delay("copy", "func")
    )
    Flow(planner=p, draft=flow.draft, loops=()).store(value)
    return flow


def moved(planner: Planner) -> Flow:
    """Send operands through one SXM unit, and store some of what comes out."""
    flow = new_flow(planner)
    p, machine = planner, planner.machine
    mnemonics = [i.mnemonic for i in machine.isa.instructions.values() if i.unit == "sxm"]
    instruction = machine.isa[p.choose(mnemonics)]
    queue = p.choose([q for q in machine.queues if q.kind == instruction.queue and q.unit == "sxm"])
    inward, outward = (EAST, WEST) if queue.hemisphere == "E" else (WEST, EAST)
    operands = {
        "width": p.pick(0, 2), "edge": 3, "amount": p.pick(0, machine.chip.lanes), "mask": p.pick(0, 3),
        "bypass": p.pick(0, 255),
    }  # fmt: skip
    operands = {name: value for name, value in operands.items() if name in instruction.layout.index}
    args = [operands.get(o.name, 0) for o in instruction.operands]
    for operand in instruction.operands:
        if not operand.is_stream:
            continue
        width = machine.group(instruction, operand, args)
        aligned = 1 if operand.group.startswith("edge") else width
        base = flow.streams(inward if operand.role == "in" else outward, width, aligned)
        operands[operand.name] = base
        at = flow.delay(instruction.mnemonic, operand.skew if operand.role == "in" else "func")
        if operand.role == "in":
            words = _map_words(p, width) if operand.name == "map" else None
            flow.feed(base, width, machine.x_in(queue, inward), at, words)
        else:
            value = Value(base=base, width=width, x=machine.x_out(queue, outward), cycle=at)
            flow.hold_streams(value, at + machine.positions)
            part = p.pick(0, width - 1)
            flow.store(Value(base=base + part, width=1, x=value.x, cycle=at))
    flow.add(queue, 0, flow.make(instruction.mnemonic, **operands))
    return flow


def _map_words(planner: Planner, width: int) -> Words:
    """Return what makes the words of a map: a bijection of the lanes on two streams, or numbers on one."""
    identity = np.arange(planner.machine.chip.lanes, dtype="<u2").view(np.uint8).reshape(-1, 2).T
    return lambda i: np.ascontiguousarray(identity[i]) if width == 2 else planner.random_word()


def multiplied(planner: Planner) -> Flow:
    """Load and install weights, multiply, accumulate, and store the sums."""
    p, machine = planner, planner.machine
    plane = p.pick(0, 2 * machine.chip.planes - 1)
    types = [t for t in machine.chip["mxm.dtypes"] if DTYPE_BYTES[t] == 1 or plane % 2 == 0]
    dtype = p.choose(types)
    wide = DTYPE_BYTES[dtype] == 2
    half = p.choose(("all", "low", "high"))
    interval = flow_interval = planner.machine.timing(machine.isa["abc"])[
        "interval_wide" if wide else "interval"
    ]
    flow = new_flow(planner, least_interval=flow_interval)
    side = "W" if plane < machine.chip.planes else "E"
    inward = EAST if side == "E" else WEST
    installed = max(_weights(flow, plane + i, inward) for i in range(2 if wide else 1))
    cycle = installed + p.pick(0, 4)
    queue = machine.queue_by_name[f"mxm.{plane}.activations"]
    x = flow.streams(inward, DTYPE_BYTES[dtype])
    flow.feed(x, DTYPE_BYTES[dtype], machine.x_in(queue, inward), cycle + flow.delay("abc", "skew"))
    kinds = machine.isa.kinds
    flow.add(
        queue,
        cycle,
        flow.make(
            "abc", dtype=kinds["dtype"].values.index(dtype), half=kinds["half"].values.index(half), x=x
        ),
    )
    _accumulate(flow, plane, inward, cycle)
    for i in range(2 if wide else 1):
        flow.draft.hold(f"plane{plane + i}", 0, cycle + flow.span + interval)
    return flow


def _weights(flow: Flow, plane: int, inward: int) -> int:
    """Load all row groups from cycle 0 on and install them; return when they may be used."""
    p, machine = flow.planner, flow.planner.machine
    queue = machine.queue_by_name[f"mxm.{plane}.weights"]
    direct = p.chance(0.3)
    groups = (Loop(count=machine.chip.row_groups - 1, interval=p.pick(1, 2), stride=1),)
    loading = Flow(planner=p, draft=flow.draft, loops=groups)
    mnemonic = "iw_stream" if direct else "lw"
    rows = flow.streams(inward, machine.chip.weight_streams)
    loading.feed(rows, machine.chip.weight_streams, machine.x_in(queue, inward), flow.delay(mnemonic, "skew"))
    loading.add(queue, 0, flow.make(mnemonic, rows=rows, row_group=0))
    landed = loading.span + flow.delay(mnemonic, "land")
    if direct:
        return landed
    cycle = landed + p.pick(0, 2)
    flow.add(queue, cycle, flow.make("iw"), ())
    return cycle + flow.delay("iw", "land")


def _accumulate(flow: Flow, plane: int, inward: int, issued: int) -> None:
    """Take the products into rows, and store the rows from ``acc`` or afterwards."""
    p, machine = flow.planner, flow.planner.machine
    queue = machine.queue_by_name[f"mxm.{plane}.accumulate"]
    cycle = issued + flow.delay("abc", "product") - flow.delay("acc", "skew")
    row, loops = p.strided(flow.loops, machine.chip.accumulator_rows)
    outward = WEST if inward == EAST else EAST
    to = flow.streams(outward, 4)
    at_once = p.chance(0.5)
    flow.add(queue, cycle, flow.make("acc", mode=0, row=row, to=to if at_once else NOTHING), loops)
    if not at_once:
        cycle += flow.span + 1 + flow.delay("acc", "land") + p.pick(0, 2)
        flow.add(queue, cycle, flow.make("acc_read", row=row, to=to), loops)
    stands = cycle + flow.delay("acc" if at_once else "acc_read", "func")
    value = Value(base=to, width=4, x=machine.x_out(queue, outward), cycle=stands)
    flow.hold_streams(value, stands + machine.positions)
    flow.store(value)


def gathered(planner: Planner) -> Flow:
    """Gather or scatter in a region of words that all hold data, with a map from another slice."""
    flow = new_flow(planner, least_interval=2, most=2)
    p, machine = planner, planner.machine
    queue = p.choose(flow.slices(lambda q: True))
    where = queue.name.removeprefix("mem.")
    base = p.pick(0, machine.chip.words - 8)
    limit = base + p.pick(0, 7)
    for address in range(base, limit + 1):
        p.image.setdefault((where, address), p.random_word())
    mnemonic = p.choose(("gather", "scatter"))
    way = p.choose((EAST, WEST))
    map_, other = flow.streams(way, 1), flow.streams(way, 1)
    x, skew = machine.x_in(queue, way), flow.delay(mnemonic, "skew")
    name = "to" if mnemonic == "gather" else "data"
    flow.add(queue, 0, flow.make(mnemonic, map=map_, base=base, limit=limit, **{name: other}))
    flow.feed(map_, 1, x, skew, lambda _: _addresses(p, base, limit))
    if mnemonic == "scatter":
        flow.feed(other, 1, x, skew)
    else:
        flow.store(Value(base=other, width=1, x=x, cycle=flow.delay("gather", "func")))
    return flow


def _addresses(planner: Planner, base: int, limit: int) -> Word:
    """Return a map word: an address of the region for each superlane."""
    chip = planner.machine.chip
    word = np.zeros((chip.superlanes, chip.lanes_per_superlane), dtype=np.uint8)
    for superlane in range(chip.superlanes):
        address = planner.pick(base, limit)
        word[superlane, :2] = address & 255, address >> 8
    return word.reshape(-1)


def linked(planner: Planner) -> Flow:
    """Send vectors over a link that ends on the same chip, receive and store them."""
    p, machine = planner, planner.machine
    flow = new_flow(planner, least_interval=int(machine.chip["c2c.vector_cycles"]), most=2)
    links = [(q, n) for q in machine.queues if q.unit == "c2c" for n in machine.links_of(q)]
    queue, link = p.choose(links)
    way = p.choose((EAST, WEST))
    data = flow.streams(way, 1)
    skew = flow.delay("send", "skew")
    flow.feed(data, 1, machine.x_in(queue, way), skew)
    flow.add(queue, 0, flow.make("send", data=data, link=link))
    flow.draft.hold(f"link{queue.hemisphere}{link}", 0, flow.span + int(machine.chip["c2c.vector_cycles"]))
    _receive(flow, f"{queue.hemisphere}{link}", links, skew + int(machine.chip["c2c.latency_cycles"]))
    return flow


def _receive(flow: Flow, sender: str, links: list[tuple[Queue, int]], arrival: int) -> None:
    p, machine = flow.planner, flow.planner.machine
    ends = dict(p.wires)
    free = [(q, n) for q, n in links if f"{q.hemisphere}{n}" not in ends.values() and not flow.draft.uses(q)]
    if sender in ends or not free or p.chance(0.2):
        return
    queue, link = p.choose(free)
    p.wires.append((sender, f"{queue.hemisphere}{link}"))
    outward = WEST if queue.hemisphere == "E" else EAST
    to = flow.streams(outward, 1)
    cycle = arrival + p.pick(0, 5)
    flow.add(queue, cycle, flow.make("receive", link=link, to=to))
    stands = cycle + flow.delay("receive", "func")
    value = Value(base=to, width=1, x=machine.x_out(queue, outward), cycle=stands)
    flow.hold_streams(value, stands)
    flow.store(value)


def fetched(planner: Planner) -> Flow:
    """Take instruction text from a stream."""
    p, machine = planner, planner.machine
    flow = Flow(planner=p, draft=Draft(), loops=(Loop(count=1, interval=1, stride=0),))
    queue = p.choose([q for q in machine.queues if q.unit != "mem"])
    way = p.choose((EAST, WEST))
    among = sorted(machine.reach(queue.number)) if queue.unit == "vxm" else None
    stream = flow.streams(way, 1, among=among)
    flow.feed(stream, 1, machine.x_in(queue, way), flow.delay("ifetch", "skew"))
    flow.add(queue, 0, flow.make("ifetch", stream=stream), ())
    return flow


CHAINS = (point_wise, point_wise, latched, moved, moved, multiplied, multiplied, gathered, linked, fetched)
