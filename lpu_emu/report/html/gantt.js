// Operators and queues against cycles. Groups of queues show how many of them dispatch; they open into single queues.

const ROW = { head: 24, operator: 18, group: 22, queue: 14 };
const GANTT_HEIGHT = 430;

class Gantt {
  constructor(canvas, scroller) {
    this.scroller = scroller;
    this.focus = 0;
    this.open = new Set();
    this.groups = queueGroups();
    this.panel = new TimePanel(canvas, {
      label: "Time line of operators and queues. Up and down choose a row, Enter opens a group.",
      height: () => {
        if (this.shown !== this.visibleOperators().join()) this.arrange(false);
        return Math.min(GANTT_HEIGHT, this.total + AXIS + 2);
      },
      paint: (context, panel) => this.paint(context, panel),
      hit: (cycle, y) => this.hit(cycle, y),
      pick: (cycle, y, inGutter) => this.pick(cycle, y, inGutter),
      keys: (event) => this.key(event),
    });
    scroller.addEventListener("scroll", () => this.panel.redraw());
    this.arrange();
  }

  /** Operators that take cycles in view. */
  visibleOperators() {
    const inView = ({ start, end, cycles }) => cycles && start < state.to && end > state.from;
    return [...figures.ops.keys()].filter((i) => inView(figures.ops[i]));
  }

  arrange(draw = true) {
    const rows = [];
    const operators = this.visibleOperators();
    this.shown = operators.join();
    const push = (row) => rows.push({ ...row, top: rows.length ? rows.at(-1).top + rows.at(-1).height : 0 });
    push({ kind: "head", name: "Units", height: ROW.head });
    for (const group of this.groups) {
      push({ kind: "group", group, name: group.name, height: ROW.group });
      if (this.open.has(group.name))
        for (const queue of group.queues)
          push({ kind: "queue", queue, name: model.queues[queue].name, height: ROW.queue });
    }
    if (figures.ops.length) push({ kind: "head", name: "Operators", height: ROW.head });
    for (const operator of operators)
      push({ kind: "operator", operator, name: figures.ops[operator].name, height: ROW.operator });
    this.rows = rows;
    this.total = rows.at(-1).top + rows.at(-1).height;
    byId("gantt-spacer").style.height = `${this.total + AXIS}px`;
    this.scroller.style.maxHeight = `${GANTT_HEIGHT + 2}px`;
    this.focus = clamp(this.focus, 0, rows.length - 1);
    if (draw) this.panel.redraw();
  }

  paint(context, panel) {
    const bottom = panel.height - AXIS;
    const offset = this.scroller.scrollTop;
    context.save();
    context.beginPath();
    context.rect(0, 0, panel.width, bottom);
    context.clip();
    this.rows.forEach((row, i) => {
      const top = row.top - offset;
      if (top + row.height < 0 || top > bottom) return;
      this.name(context, row, top, i);
      context.save();
      context.beginPath();
      context.rect(gutter(), Math.max(0, top), panel.width - gutter() - PAD, row.height);
      context.clip();
      this[row.kind]?.(context, panel, row, top);
      context.restore();
    });
    context.restore();
  }

  name(context, row, top, i) {
    const middle = top + row.height / 2;
    context.textBaseline = "middle";
    if (i === this.focus && document.activeElement === this.panel.canvas) {
      context.fillStyle = colour("tile");
      context.fillRect(0, top, this.panel.width, row.height);
    }
    const chosen = row.kind === "operator" ? row.operator === state.operator : row.queue === state.queue;
    context.fillStyle = colour(row.kind === "head" || chosen ? "text" : "muted");
    setFont(context, row.kind === "queue" ? 10 : 11, row.kind === "head" || chosen ? 700 : 400);
    const indent = { head: 0, operator: 8, group: 18, queue: 28 }[row.kind];
    if (row.kind === "group" && row.group.queues.length) this.triangle(context, row, middle);
    context.textAlign = "left";
    context.fillText(fitText(context, row.name, gutter() - indent - 8), indent, middle);
  }

  triangle(context, row, middle) {
    const open = this.open.has(row.name);
    context.beginPath();
    if (open)
      [
        [6, -3],
        [14, -3],
        [10, 4],
      ].forEach(([x, y]) => context.lineTo(x, middle + y));
    else
      [
        [7, -5],
        [14, 0],
        [7, 5],
      ].forEach(([x, y]) => context.lineTo(x, middle + y));
    context.fill();
  }

  operator(context, panel, row, top) {
    const { start, end, bound_by: bound } = figures.ops[row.operator];
    const [x0, x1] = [panel.x(start), Math.max(panel.x(end), panel.x(start) + 1.5)];
    context.fillStyle = colour(bound in UNIT_NAMES ? bound : "latency");
    context.globalAlpha = state.operator >= 0 && state.operator !== row.operator ? 0.45 : 1;
    context.fillRect(x0, top + 3, x1 - x0, row.height - 6);
    context.globalAlpha = 1;
  }

  /** How many of a group's queues dispatch, by pixel. */
  group(context, panel, row, top) {
    const { group } = row;
    const columns = Math.ceil(panel.width - gutter() - PAD);
    const counts = group.planes
      ? this.planeShare(panel, group, columns)
      : this.queueShare(panel, group, columns);
    context.fillStyle = colour(group.unit);
    const high = row.height - 5;
    for (let c = 0; c < columns; c++) {
      const share = Math.min(1, counts[c]);
      if (share < 1e-4) continue;
      const bar = Math.max(2, share * high);
      context.fillRect(gutter() + c, top + row.height - 2 - bar, 1, bar);
    }
    context.fillStyle = colour("line");
    context.fillRect(gutter(), top + row.height - 2, columns, 1);
  }

  queueShare(panel, group, columns) {
    const total = new Float64Array(columns + 1);
    const { start, interval, count } = tables.runs;
    for (const queue of group.queues)
      model.byQueue[queue].visit(state.from, state.to, (run) =>
        addPoints(total, panel, start[run], interval[run], count[run], 1),
      );
    return summed(total, group.queues.length);
  }

  planeShare(panel, group, columns) {
    const total = new Float64Array(columns + 1);
    const { start, interval, count } = tables.runs;
    for (const { run, busy } of group.planes)
      addPoints(total, panel, start[run], interval[run], count[run], busy);
    return summed(total, group.number);
  }

  queue(context, panel, row, top) {
    const { start, interval, count } = tables.runs;
    context.fillStyle = colour(model.unitOfQueue[row.queue]);
    let drawn = -1;
    model.byQueue[row.queue].visit(state.from, state.to, (run) => {
      const x0 = panel.x(start[run]);
      const x1 = Math.max(panel.x(model.runEnd[run] + 1), x0 + 1);
      if (x1 <= drawn) return;
      drawn = x1;
      const gap = interval[run] * panel.scale;
      if (count[run] > 1 && gap >= 3 && interval[run] > 1) this.ticks(context, panel, run, top, row.height);
      else {
        context.globalAlpha = interval[run] > 1 && count[run] > 1 ? Math.max(0.35, 1 / interval[run]) : 1;
        context.fillRect(x0, top + 2, x1 - x0 - (panel.scale > 4 ? 0.6 : 0), row.height - 4);
        context.globalAlpha = 1;
      }
    });
  }

  ticks(context, panel, run, top, height) {
    const { start, interval, count } = tables.runs;
    const first = clamp(Math.floor((state.from - start[run]) / interval[run]), 0, count[run] - 1);
    const last = clamp(Math.ceil((state.to - start[run]) / interval[run]), 0, count[run] - 1);
    for (let k = first; k <= last; k++)
      context.fillRect(
        panel.x(start[run] + k * interval[run]),
        top + 2,
        Math.max(1, panel.scale),
        height - 4,
      );
  }

  rowAt(y) {
    const at = y + this.scroller.scrollTop;
    return y < this.panel.height - AXIS
      ? this.rows.findIndex((r) => at >= r.top && at < r.top + r.height)
      : -1;
  }

  hit(cycle, y) {
    const row = this.rows[this.rowAt(y)];
    if (!row) return null;
    if (row.kind === "operator") return operatorTip(row.operator, cycle);
    if (row.kind === "group") return this.groupTip(row.group, Math.floor(cycle));
    if (row.kind !== "queue") return null;
    const found = model.queueAt(row.queue, Math.floor(cycle));
    return found && endTip(found.k >= 0 ? "dispatches" : "repeats", found.run, Math.max(found.k, 0));
  }

  groupTip(group, cycle) {
    if (group.planes)
      return [tipLine("planes", `${group.number} in all; the bar shows how many work`, { unit: "mxm" })];
    const active = group.queues.filter((q) => (model.queueAt(q, cycle)?.k ?? -1) >= 0);
    const names = active.slice(0, 6).map((q) => model.queues[q].name);
    const more = active.length > 6 ? ` and ${active.length - 6} more` : "";
    const text = `${active.length} of ${group.queues.length} queues dispatch in cycle ${whole(cycle)}`;
    return [
      tipLine(group.name, text, { unit: group.unit }),
      ...(names.length ? [tipLine("", names.join(", ") + more)] : []),
    ];
  }

  pick(cycle, y, inGutter) {
    const at = this.rowAt(y);
    if (at >= 0) this.act(at, inGutter, cycle);
  }

  act(at, toggle, cycle = null) {
    const row = this.rows[at];
    this.focus = at;
    if (row.kind === "group" && toggle && row.group.queues.length) {
      if (!this.open.delete(row.name)) this.open.add(row.name);
      this.arrange();
    } else if (row.kind === "operator") {
      if (toggle) goToOperator(row.operator);
      else select({ operator: row.operator });
    } else if (row.kind === "queue") {
      const found = cycle === null ? null : model.queueAt(row.queue, Math.floor(cycle));
      const more = found ? { operator: tables.runs.operator[found.run], line: model.lineOf(found.run) } : {};
      select({ queue: row.queue, ...more });
    }
  }

  key(event) {
    const steps = { ArrowUp: -1, ArrowDown: 1 };
    if (event.key in steps) {
      this.focus = clamp(this.focus + steps[event.key], 0, this.rows.length - 1);
      const row = this.rows[this.focus];
      const box = this.scroller;
      if (row.top < box.scrollTop) box.scrollTop = row.top;
      if (row.top + row.height > box.scrollTop + box.clientHeight - AXIS)
        box.scrollTop = row.top + row.height - box.clientHeight + AXIS;
      announce(`${row.kind} ${row.name}`);
      this.panel.redraw();
      return true;
    }
    if (event.key !== "Enter") return false;
    this.act(this.focus, true);
    return true;
  }
}

/** Add the cycles of a progression to difference sums by pixel; `busy` cycles each. */
function addPoints(total, panel, start, interval, count, busy) {
  const { scale } = panel;
  if (count === 1 || interval * scale < 1 || interval <= busy) {
    const length = (count - 1) * interval + busy;
    addSpan(
      total,
      scale,
      start,
      start + length,
      Math.min(1, (count * busy * scale) / Math.max(length * scale, 1)),
    );
    return;
  }
  const first = clamp(Math.floor((state.from - start) / interval), 0, count - 1);
  const last = clamp(Math.ceil((state.to - start) / interval), 0, count - 1);
  const weight = Math.min(1, busy * scale);
  for (let k = first; k <= last; k++)
    addSpan(total, scale, start + k * interval, start + k * interval + busy, weight);
}

function addSpan(total, scale, from, to, weight) {
  const columns = total.length - 1;
  const a = Math.floor((from - state.from) * scale);
  const b = Math.max(Math.ceil((to - state.from) * scale), a + 1);
  if (b <= 0 || a >= columns) return;
  total[a < 0 ? 0 : a] += weight;
  total[b > columns ? columns : b] -= weight;
}

function summed(total, number) {
  let sum = 0;
  return total.map((value) => (sum += value) / number);
}

/** Groups of queues in the order of the time line: planes first, then units by hemisphere. */
function queueGroups() {
  const groups = [];
  if (tables.issues.rows) {
    const planes = [...tables.issues.run].map((run, i) => ({ run, busy: tables.issues.busy[i] }));
    groups.push({ name: "MXM planes", unit: "mxm", queues: [], planes, number: facts.chip.planes });
  }
  const wanted = new Map();
  model.queues.forEach((queue, q) => {
    if (!model.runsOfQueue[q].length) return;
    const unit = model.unitOfQueue[q];
    const side =
      queue.unit === "mem" || queue.unit === "sxm" || queue.unit === "c2c" ? ` ${queue.hemisphere}` : "";
    const name = queue.unit === "mxm" ? `MXM ${queue.kind}` : UNIT_NAMES[unit] + side;
    if (!wanted.has(name)) wanted.set(name, { name, unit, queues: [] });
    wanted.get(name).queues.push(q);
  });
  const order = ["mxm", "weights", "vxm", "mem", "sxm", "c2c"];
  return [...groups, ...[...wanted.values()].sort((a, b) => order.indexOf(a.unit) - order.indexOf(b.unit))];
}

function operatorTip(operator) {
  const op = figures.ops[operator];
  return [
    tipLine("operator", `${op.name} (${op.op_type})`),
    tipLine(
      "cycles",
      `${whole(op.start)} to ${whole(op.end)}, ${whole(op.cycles)} in all, adds ${whole(op.added_cycles)}`,
    ),
    tipLine("bound by", op.bound_by, { unit: op.bound_by in UNIT_NAMES ? op.bound_by : "latency" }),
  ];
}
