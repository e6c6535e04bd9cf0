"""Plans whose runs feed each other or themselves: through ALUs, through memory, through accumulator rows; and long ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu import timing
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import EAST, IMMEDIATE, LATCH, NOTHING, WEST, Machine
from lpu_emu.timing import Loop

from .chains import CHAINS, new_flow
from .flows import Flow, Value
from .planner import Draft, Item, NoRoomError, Planner


@dataclass(kw_only=True)
class LongPlanner(Planner):
    """A planner of loops with many iterations: several windows, and rings that begin anew."""

    def loops(self, least_interval: int = 1, most: int = 3) -> tuple[Loop, ...]:
        """Return a long loop, now and then around a short one."""
        interval = least_interval + self.pick(0, 1)
        inner = (
            (Loop(count=self.pick(1, 3), interval=interval, stride=0),)
            if most > 1 and self.chance(0.3)
            else ()
        )
        span = timing.body_spans(inner)[-1]
        long = Loop(count=self.pick(10, 90), interval=span + interval, stride=0)
        return (*inner, long) if most else ()


def bounced(planner: Planner) -> Flow:
    """Let two ALUs of a row feed each other, the second one giving back what the first one has made before."""
    p, machine = planner, planner.machine
    columns = int(machine.chip["vxm.columns"])
    row, low = p.pick(0, int(machine.chip["vxm.rows"]) - 1), p.pick(0, columns - 2)
    high = p.pick(low + 1, columns - 1)
    one, other = (machine.queue_by_name[f"vxm.{row * columns + column}"] for column in (low, high))
    there, back = (4 * p.choose(sorted(machine.reach(one.number))) for _ in range(2))
    back += WEST * 32
    draft = Draft()
    once = Flow(planner=p, draft=draft, loops=())
    skew, func = once.delay("add", "skew"), once.delay("add", "func")
    forth = timing.hops(machine.x_out(one, EAST), machine.x_in(other, EAST), EAST)
    home = timing.hops(machine.x_out(other, WEST), machine.x_in(one, WEST), WEST)
    round_trip = func + forth - skew + func + home - skew
    flow = Flow(planner=p, draft=draft, loops=(Loop(count=p.pick(2, 12), interval=round_trip, stride=0),))
    once.feed(back, 1, machine.x_in(one, WEST), skew)
    out = flow.streams(EAST, 1, among=sorted(machine.reach(one.number)))
    if len({there, out, back - WEST * 32}) < 3:
        raise NoRoomError
    flow.add(one, 0, flow.make("add", x=back, y=IMMEDIATE, immediate=p.pick(0, 255), to=there, to2=out))
    flow.add(other, func + forth - skew, flow.make("not", x=there, to=back))
    for stream in (there, back, out):
        flow.draft.hold(f"s{stream}", -machine.positions, flow.span + 2 * machine.positions)
    flow.store(Value(base=out, width=1, x=machine.x_out(one, EAST), cycle=func))
    return flow


def recurrent(planner: Planner) -> Flow:
    """Read a word, change it and store it as the next word, which is read next."""
    p, machine = planner, planner.machine
    queue = p.choose([q for q in machine.queues if q.unit == "mem" and q.hemisphere == "E"])
    alu = p.choose([q for q in machine.queues if q.unit == "vxm"])
    group = p.choose(sorted(machine.reach(alu.number)))
    inward, outward = 32 + 4 * group, 4 * group
    draft = Draft()
    once = Flow(planner=p, draft=draft, loops=())
    to_alu = timing.hops(machine.x_out(queue, WEST), machine.x_in(alu, WEST), WEST)
    home = timing.hops(machine.x_out(alu, EAST), machine.x_in(queue, EAST), EAST)
    dispatched = once.delay("read_write", "func") + to_alu - once.delay("xor", "skew")
    length = dispatched + once.delay("xor", "func") + home - once.delay("read_write", "skew")
    number = p.pick(2, 8)
    flow = Flow(planner=p, draft=draft, loops=(Loop(count=number, interval=length, stride=1),))
    base = p.pick(0, machine.chip.words_per_bank - number - 2)
    where = queue.name.removeprefix("mem.")
    p.image.setdefault((where, base), p.random_word())
    p.image.setdefault((where, base + 1), p.random_word())
    access = flow.make("read_write", address=base, data=outward, to=inward, store=base + 1)
    draft.items.append(Item(queue=queue, cycle=0, issue=access, loops=flow.loops))
    flow.add(alu, dispatched, flow.make("xor", x=inward, y=IMMEDIATE, immediate=p.pick(0, 255), to=outward))
    upstream = flow.slices(lambda q: q.hemisphere == "W")
    source = p.choose(upstream)
    stands = once.delay("read_write", "skew") - timing.hops(
        machine.x_out(source, EAST), machine.x_in(queue, EAST), EAST
    )
    once._read(source, "read", stands - once.delay("read", "func"), outward, p.random_word())
    for stream in (inward, outward):
        draft.hold(f"s{stream}", -2 * machine.positions, flow.span + length + 2 * machine.positions)
    p.written.append((where, tuple(range(base + 1, base + number + 2))))
    return flow


def summed(planner: Planner) -> Flow:
    """Send several vectors, or blocks of vectors, through a plane into the same accumulator rows."""
    p, machine = planner, planner.machine
    plane = p.pick(0, 2 * machine.chip.planes - 1)
    inward = WEST if plane < machine.chip.planes else EAST
    dtype = p.pick(0, 1)
    flow = new_flow(p, machine.timing(machine.isa["acc"])["land"], most=1)
    groups = (Loop(count=machine.chip.row_groups - 1, interval=1, stride=1),)
    loading = Flow(planner=p, draft=flow.draft, loops=groups)
    weights, rows = (
        machine.queue_by_name[f"mxm.{plane}.weights"],
        loading.streams(inward, machine.chip.weight_streams),
    )
    loading.feed(
        rows, machine.chip.weight_streams, machine.x_in(weights, inward), loading.delay("lw", "skew")
    )
    loading.add(weights, 0, loading.make("lw", rows=rows, row_group=0))
    cycle = loading.span + loading.delay("lw", "land")
    flow.add(weights, cycle, flow.make("iw"), ())
    cycle += flow.delay("iw", "land")
    row, taken = p.strided(flow.loops, machine.chip.accumulator_rows)
    issues, sums = (machine.queue_by_name[f"mxm.{plane}.{kind}"] for kind in ("activations", "accumulate"))
    out = flow.streams(EAST if inward == WEST else WEST, 4)
    for number in range(3):
        x = flow.streams(inward, 1)
        flow.feed(x, 1, machine.x_in(issues, inward), cycle + flow.delay("abc", "skew"))
        flow.add(issues, cycle, flow.make("abc", dtype=dtype, x=x))
        at = cycle + flow.delay("abc", "product") - flow.delay("acc", "skew")
        repeated = any(loop.stride == 0 and loop.count for loop in taken) or len(taken) > 1
        mode = int(number > 0 or (repeated and p.chance(0)))
        flow.add(sums, at, flow.make("acc", mode=mode, row=row, to=out if number == 2 else NOTHING), taken)
        cycle += flow.span + 1 + flow.delay("acc", "land")
    value = Value(base=out, width=4, x=machine.x_out(sums, out // 32), cycle=at + flow.delay("acc", "func"))
    flow.hold_streams(value, value.cycle + machine.positions)
    flow.store(value)
    flow.draft.hold(f"plane{plane}", 0, cycle + flow.span)
    return flow


def running(planner: Planner) -> Flow:
    """Keep a sum in a latch and let it out after every step."""
    p, machine = planner, planner.machine
    queue = p.choose([q for q in machine.queues if q.unit == "vxm"])
    way, reach = p.choose((EAST, WEST)), sorted(machine.reach(queue.number))
    least = Flow(planner=p, draft=Draft(), loops=()).delay("xor", "latch")
    flow = new_flow(p, least, most=1)
    skew, ready = flow.delay("xor", "skew"), flow.delay("copy", "latch")
    flow.add(queue, skew - ready - 2, flow.make("copy", x=IMMEDIATE, to=LATCH, immediate=p.pick(0, 255)), ())
    x = flow.streams(way, 1, among=reach)
    flow.feed(x, 1, machine.x_in(queue, way), skew)
    out = flow.streams(p.choose((EAST, WEST)), 1, among=reach)
    flow.add(queue, 0, flow.make("xor", x=x, y=LATCH, to=out, to2=LATCH))
    value = Value(base=out, width=1, x=machine.x_out(queue, out // 32), cycle=flow.delay("xor", "func"))
    flow.hold_streams(value, value.cycle + machine.positions)
    flow.draft.hold(f"latch{queue.number}", -8, flow.span + 8)
    flow.store(value)
    return flow


CIRCLES = (bounced, recurrent, summed, running)


def circular(machine: Machine, seed: int) -> Program:
    """Return a program of a few long plans and circles."""
    planner = LongPlanner(machine=machine, rng=np.random.default_rng(seed))
    wanted, tries = planner.pick(1, 4), 0
    while wanted and tries < 200:
        tries += 1
        wires, image, written = list(planner.wires), dict(planner.image), list(planner.written)
        try:
            chains = CIRCLES if planner.chance(0.7) else CHAINS
            planner.place(planner.choose(chains)(planner).draft)
            wanted -= 1
        except NoRoomError:
            planner.wires, planner.image, planner.written = wires, image, written
    return planner.program(f"circular {seed}")
