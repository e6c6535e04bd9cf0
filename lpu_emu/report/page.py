"""The page of text: what a person reads to see where the cycles went."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_emu.analysis import Analysis, describe
from lpu_emu.program.model import Program
from lpu_emu.report.figures import Figures, OperatorFigures, QueueFigures
from lpu_emu.report.layout import WIDTH, amount, bar, percent, rate, room, shorten, size, span, table
from lpu_emu.report.operators import LATENCY, NOTHING

_BAR = 20
_SHORTEST_BAR = 8
_NAME, _TYPE = 24, 16  # at most, where a line has room
_BOUNDS = {
    "compute": "Bound by compute: the planes come to at least half of their peak.",
    "memory": "Bound by SRAM: its traffic comes to at least half of its peak.",
    LATENCY: "Bound by latency: neither the planes nor SRAM come to half of their peak.",
    NOTHING: "Nothing multiplies, and nothing moves in or out of SRAM.",
}
_LOSS_BAR = 44
_LOSSES = {
    "ideal": "useful products on all planes",
    "padding": "padding of products",
    "planes_idle": "some planes idle",
    "weights": "weights move",
    "accumulate": "accumulators finish",
    "vxm": "VXM works, no plane",
    "sxm": "SXM works, none of these",
    "c2c": "C2C works, none of these",
    "mem": "memory moves, none of these",
    "waiting": "nothing dispatches",
    "superlanes": "the other superlanes finish",
}
LISTED_ROWS = 10
LISTED_HAZARDS = 8


def page(figures: Figures, program: Program, analysis: Analysis) -> str:
    """Return the whole page, ending in a newline."""
    where = _operators(figures) if figures.ops else _queues(figures)
    parts = [
        _headline(figures, program),
        where,
        _losses(figures),
        _units(figures),
        _memory(figures),
        _roofline(figures),
        _hazards(figures, analysis),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _headline(f: Figures, program: Program) -> list[str]:
    chip = program.machine.chip
    precision = f", {f.program.precision}" if f.program.precision else ""
    first = f"{f.program.name} on {f.program.chip}{precision}"
    return [
        f"{first}{chip.title.rjust(WIDTH - len(first))}" if len(first) + len(chip.title) < WIDTH else first,
        "=" * WIDTH,
        f"{f.cycles:,} cycles, {f.time_us:,.3f} us at {chip.clock_hz / 1e6:,.0f} MHz. "
        f"{f.program.instructions:,} instructions in {f.text.queues_used} of {f.text.queues} queues.",
        _BOUNDS[f.roofline.bound],
    ]


def _operators(f: Figures) -> list[str]:
    """One row per operator; of very many, those that add most."""
    order = sorted(range(len(f.ops)), key=lambda i: (-f.ops[i].added_cycles, i))
    shown = sorted(order[:LISTED_ROWS])
    lines = ["Operators", *_operator_table(f, [f.ops[i] for i in shown])]
    if len(shown) < len(f.ops):
        rest = sum(f.ops[i].added_cycles for i in order[LISTED_ROWS:])
        lines.append(f"  and {len(f.ops) - len(shown)} more operators, which add {rest:,} cycles")
    return lines


def _operator_table(f: Figures, ops: Sequence[OperatorFigures]) -> list[str]:
    """Names, types and time lines share what the numbers leave of a line."""
    head = ("from", "to", "adds", "share", "of peak", "bound by")
    rows = [_operator_numbers(f, op) for op in ops]
    free = room(head, rows, flexible=3)
    name = min(_NAME, max(8, *(len(op.name) for op in ops)))
    kind = min(_TYPE, max(4, *(len(op.op_type) for op in ops)))
    line = min(_BAR, max(_SHORTEST_BAR, free - name - kind))
    kind = min(kind, max(free - line - name, (free - line) * 2 // 5))
    name = min(name, free - line - kind)
    full = [
        (shorten(op.name, name), shorten(op.op_type, kind), *row, span(op.start, op.end, f.cycles, line))
        for op, row in zip(ops, rows, strict=True)
    ]
    return table(("operator", "type", *head, _axis(f.cycles, line)), full, left=(0, 1, 7, 8))


def _operator_numbers(f: Figures, op: OperatorFigures) -> tuple[str, ...]:
    peak = op.macs / (op.cycles * f.roofline.peak_macs_per_cycle) if op.cycles else 0.0
    return (
        f"{op.start:,}",
        f"{op.end:,}",
        f"{op.added_cycles:,}",
        percent(op.added_cycles / max(f.cycles, 1)),
        percent(peak) if op.macs else "-",
        op.bound_by,
    )


def _axis(cycles: int, width: int) -> str:
    end = f"{cycles:,}"
    return "0" + end.rjust(width - 1) if len(end) < width else "time"


def _queues(f: Figures) -> list[str]:
    """One row per group of neighbouring queues that do the same at most a cycle apart."""
    groups = _alike(f.queues)
    head = ("queue", "number", "dispatches", "from", "to", "in use", "text")
    rows = [_queue_row(f, group) for group in groups[:LISTED_ROWS]]
    line = min(_BAR, max(_SHORTEST_BAR, room(head, rows, flexible=1)))
    full = [(*row, _time_line(f, group, line)) for row, group in zip(rows, groups[:LISTED_ROWS], strict=True)]
    lines = [
        "Queues (dispatches and use of each, text of all)",
        *table((*head, _axis(f.cycles, line)), full, left=(0, 7)),
    ]
    if len(groups) > LISTED_ROWS:
        lines.append(f"  and {sum(map(len, groups[LISTED_ROWS:])):,} more queues")
    return lines


def _alike(queues: Sequence[QueueFigures]) -> list[list[QueueFigures]]:
    groups: list[list[QueueFigures]] = []
    for queue in queues:
        if groups and _kin(groups[-1][-1], queue):
            groups[-1].append(queue)
        else:
            groups.append([queue])
    return groups


def _kin(a: QueueFigures, b: QueueFigures) -> bool:
    kind, other = (queue.name.rstrip("0123456789") for queue in (a, b))
    if kind != other or a.dispatches != b.dispatches:
        return False
    if a.first is None or a.last is None or b.first is None or b.last is None:
        return a.first == b.first
    return abs(b.first - a.first) <= 1 and b.last - a.last == b.first - a.first


def _queue_row(f: Figures, group: Sequence[QueueFigures]) -> tuple[str, ...]:
    one = group[0]
    start, end = _reach(group)
    return (
        one.name if len(group) == 1 else f"{one.name} .. {group[-1].name}",
        str(len(group)),
        f"{one.dispatches:,}",
        f"{start:,}" if one.dispatches else "-",
        f"{end - 1:,}" if one.dispatches else "-",
        percent(one.utilization),
        size(sum(queue.text_bytes for queue in group)),
    )


def _reach(group: Sequence[QueueFigures]) -> tuple[int, int]:
    """Return the first dispatch of a group of queues and the cycle behind the last one."""
    firsts = [queue.first for queue in group if queue.first is not None]
    lasts = [queue.last for queue in group if queue.last is not None]
    return (min(firsts), max(lasts) + 1) if firsts else (0, 0)


def _time_line(f: Figures, group: Sequence[QueueFigures], width: int) -> str:
    start, end = _reach(group[:1])
    mark = "#" if 2 * group[0].dispatches >= end - start else "-"
    return span(*_reach(group), f.cycles, width, mark)


def _losses(f: Figures) -> list[str]:
    """One row per reason, each with a bar that begins where the one before ends; the last row is all cycles."""
    total = max(f.cycles, 1)
    rows, reached = [], 0.0
    for name, text in _LOSSES.items():
        cycles = getattr(f.losses, name)
        if cycles or name == "ideal":
            line = span(round(reached), round(reached + cycles), total, _LOSS_BAR)
            rows.append(
                (
                    text,
                    rate(cycles) if cycles != round(cycles) else f"{cycles:,.0f}",
                    percent(cycles / total),
                    line,
                )
            )
        reached += cycles
    times = f", {f.cycles / f.losses.ideal:,.2f} times the ideal" if f.losses.ideal else ""
    rows.append(
        ("scheduled", f"{f.cycles:,}", percent(f.cycles / total), span(0, f.cycles, total, _LOSS_BAR))
    )
    head = ("from the ideal to the schedule", "cycles", "share", " " * _LOSS_BAR)
    return [f"Where the cycles went: {f.cycles:,}{times}", *table(head, rows, left=(0, 3))]


def _units(f: Figures) -> list[str]:
    head = ("unit", "dispatches", "busy cycles", "of all", "in use", bar(0, _BAR).replace(".", " "))
    rows = [
        (
            name,
            f"{unit.dispatches:,}",
            f"{unit.busy_cycles:,}",
            percent(unit.busy_cycles / max(f.cycles, 1)),
            percent(unit.utilization),
            bar(unit.utilization, _BAR),
        )
        for name, unit in f.units.items()
        if unit.dispatches
    ]
    idle = [name for name, unit in f.units.items() if not unit.dispatches]
    lines = ["Units (busy: any queue dispatches, or any plane works; in use: of all their queues or planes)"]
    lines += table(head, rows, left=(0, 5)) if rows else []
    return [*lines, f"  not used: {', '.join(idle)}"] if idle else lines


def _memory(f: Figures) -> list[str]:
    m, s = f.memory, f.streams
    return [
        "Memory, streams and instruction text",
        f"  SRAM     {size(m.sram_bytes_used)} of {size(m.sram_bytes)}, "
        f"in {m.slices_used} of {m.slices} slices; "
        f"live at most {size(m.peak_live_bytes)}, in cycle {m.peak_live_cycle:,}",
        f"  traffic  {size(m.read_bytes)} read, {size(m.written_bytes)} written; "
        f"{rate(m.bytes_per_cycle)} B/cycle, "
        f"at most {m.peak_bytes_per_cycle:,} of {m.limit_bytes_per_cycle:,}",
        f"  streams  live at one place: at most {s.peak_live_east} of {s.per_direction} eastward, "
        f"{s.peak_live_west} westward; {amount(s.slots_driven)} slots driven",
        _text(f),
    ]


def _text(f: Figures) -> str:
    t = f.text
    if not t.bytes:
        return "  text     none"
    fit = f"nothing to fetch while it runs (a queue holds {t.queue_bytes:,} B)"
    if t.queues_over_capacity:
        fit = f"{t.queues_over_capacity} queues hold more than {t.queue_bytes:,} B: {t.refills:,} fetches"
    return f"  text     {size(t.bytes)}, {size(t.fullest_queue_bytes)} in {t.fullest_queue}; {fit}"


def _roofline(f: Figures) -> list[str]:
    r = f.roofline
    compute = r.achieved_macs_per_cycle / r.peak_macs_per_cycle
    memory = r.achieved_sram_bytes_per_cycle / r.peak_sram_bytes_per_cycle
    padding = f" ({amount(r.issued_macs)} issued)" if r.issued_macs != r.macs else ""
    return [
        "Roofline",
        f"  compute  {bar(compute, _BAR)}  {percent(compute)} of {amount(r.peak_macs_per_cycle)} MAC/cycle; "
        f"{amount(r.macs)} MACs{padding}",
        f"  SRAM     {bar(memory, _BAR)}  {percent(memory)} of {r.peak_sram_bytes_per_cycle:,} B/cycle; "
        f"{rate(r.intensity)} MACs per byte, ridge at {rate(r.ridge)}",
    ]


def _hazards(f: Figures, analysis: Analysis) -> list[str]:
    h, hazards = f.hazards, analysis.hazards
    if not hazards:
        return ["Hazards: none"]
    lines = [f"Hazards: {h.errors} errors, {h.warnings} warnings"]
    for hazard in hazards[:LISTED_HAZARDS]:
        lines += [f"  {line}" for line in describe(hazard, analysis).splitlines()]
    if len(hazards) > LISTED_HAZARDS:
        lines.append(f"  and {len(hazards) - LISTED_HAZARDS} more; lpu-emu verify lists them all")
    return lines
