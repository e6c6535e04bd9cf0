// The chip from west to east at the cursor's cycle: what each unit does, and the vectors on the streams.

const PLAN = { top: 22, tiles: 188, gap: 30, lane: 3.6, left: 74, right: 10 };

class Floorplan {
  constructor(canvas) {
    this.canvas = canvas;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute(
      "aria-label",
      "Floorplan of the chip. Left and right move the cursor by a cycle; up and down choose a queue; space plays.",
    );
    listen("cycle view theme selection", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("pointerleave", () => tip.hide());
    canvas.addEventListener("click", (event) => {
      const tile = this.tileAt(event.offsetX, event.offsetY);
      if (tile) select({ queue: tile.queue });
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const count = model.queues.length;
      select({ queue: (Math.max(state.queue, step > 0 ? -1 : 0) + step + count) % count });
      announce(`Queue ${model.queues[state.queue].name}`);
      event.preventDefault();
    } else if (timeKey(event)) event.preventDefault();
  }

  get height() {
    return PLAN.top + PLAN.tiles + PLAN.gap + 2 * facts.chip.streams * PLAN.lane + 30;
  }

  /** Pixel of a stream-register position. */
  x(position) {
    return PLAN.left + this.edge + (position + 0.5) * this.step;
  }

  layout(width) {
    if (this.tiles && this.width === width) return;
    this.width = width;
    // The MXM and SXM columns are drawn wider than one position; the edges make room for the MXMs.
    this.edge = clamp(width * 0.045, 16, 44);
    this.step = (width - PLAN.left - PLAN.right - 2 * this.edge) / facts.chip.positions;
    // Half of the width of an SXM in positions: as wide as its neighbours leave room.
    const at = (unit) =>
      model.queues.filter((q) => q.unit === unit && q.hemisphere === "W").map((q) => q.x[0]);
    this.sxmX = at("sxm")[0];
    this.reach = Math.min(1.7, (Math.min(...at("mem")) - this.sxmX) / 2 - 0.1, this.sxmX / 2);
    const columns = new Map();
    model.queues.forEach((queue, q) => {
      const key = queue.unit === "vxm" ? `vxm${queue.x[0]}` : `${queue.x[0]}`;
      if (!columns.has(key)) columns.set(key, []);
      columns.get(key).push(q);
    });
    this.tiles = [...columns.values()].flatMap((queues) => this.column(queues));
  }

  column(queues) {
    const { unit, x, hemisphere } = model.queues[queues[0]];
    const height = PLAN.tiles / queues.length;
    const half = this.reach;
    let left = this.x(Math.min(...x)) - this.step / 2;
    let width = (unit === "vxm" ? 2 : 1) * this.step;
    if (unit === "sxm" || unit === "c2c") {
      left += (0.5 - half) * this.step;
      width = 2 * half * this.step;
    }
    if (unit === "mxm") {
      width = this.x(this.sxmX) - half * this.step - PLAN.left - 8;
      width = Math.min(width, this.edge + 2.4 * this.step);
      left = hemisphere === "W" ? PLAN.left : this.width - PLAN.right - width;
    }
    return queues.map((queue, i) => ({
      queue,
      unit: model.unitOfQueue[queue],
      left: left + 1,
      width: width - 2,
      top: PLAN.top + i * height + 1,
      height: height - 2,
    }));
  }

  tileAt(x, y) {
    return this.tiles.find((t) => x >= t.left && x < t.left + t.width && y >= t.top && y < t.top + t.height);
  }

  draw() {
    const { context, width, height } = fitted(this.canvas, this.height);
    this.layout(width);
    this.context = context;
    this.headings(context);
    this.tiles.forEach((tile) => this.tile(context, tile));
    this.streams(context, height);
  }

  headings(context) {
    setFont(context, 11, 600);
    context.fillStyle = colour("muted");
    context.textAlign = "center";
    context.textBaseline = "middle";
    const spans = new Map();
    for (const tile of this.tiles) {
      const queue = model.queues[tile.queue];
      const unit = queue.unit === "c2c" ? "sxm" : queue.unit;
      const key = unit + queue.hemisphere;
      const span = spans.get(key) ?? {
        left: Infinity,
        right: 0,
        name: `${UNIT_NAMES[unit]} ${queue.hemisphere}`,
      };
      span.left = Math.min(span.left, tile.left);
      span.right = Math.max(span.right, tile.left + tile.width);
      spans.set(key, span);
    }
    for (const { left, right, name } of spans.values()) context.fillText(name.trim(), (left + right) / 2, 10);
  }

  tile(context, tile) {
    const found = model.queueAt(tile.queue, cursorCycle());
    const lit = found && found.k >= 0;
    const used = model.runsOfQueue[tile.queue].length > 0;
    context.fillStyle = colour(used ? "tile" : "tile-idle");
    context.fillRect(tile.left, tile.top, tile.width, tile.height);
    if (found) {
      context.globalAlpha = lit ? 1 : 0.28;
      context.fillStyle = colour(tile.unit);
      context.fillRect(tile.left, tile.top, tile.width, tile.height);
      context.globalAlpha = 1;
    }
    if (tile.queue === state.queue) {
      context.strokeStyle = colour("cursor");
      context.lineWidth = 2;
      context.strokeRect(tile.left, tile.top, tile.width, tile.height);
    }
    this.tileText(context, tile, found, lit);
  }

  tileText(context, tile, found, lit) {
    const queue = model.queues[tile.queue];
    const narrow = queue.unit === "mem";
    setFont(context, clamp(Math.min(tile.height - 3, narrow ? tile.width * 0.5 : 10), 6, 10));
    context.fillStyle = colour(lit ? "on-unit" : "muted");
    context.textAlign = "center";
    context.textBaseline = "middle";
    const short = { mem: String(queue.number), sxm: queue.name.split(".")[2], c2c: `c2c ${queue.number}` };
    if (lit && !narrow && tile.width < 60) setFont(context, 8);
    const text =
      lit && !narrow
        ? model.mnemonic(found.run)
        : (short[queue.unit] ?? queue.name.split(".").slice(1).join(" "));
    if (tile.height >= 8)
      context.fillText(
        fitText(context, text, tile.width - 2),
        tile.left + tile.width / 2,
        tile.top + tile.height / 2,
      );
  }

  laneY(stream) {
    const west = facts.chip.west_stream;
    const row = stream < west ? stream : facts.chip.streams + (stream - west) + 4 / PLAN.lane;
    return PLAN.top + PLAN.tiles + PLAN.gap + row * PLAN.lane;
  }

  streams(context, height) {
    const { streams, positions, west_stream: west } = facts.chip;
    setFont(context, 11);
    context.fillStyle = colour("muted");
    context.textAlign = "left";
    for (const [first, name, arrow] of [
      [0, "eastward", "→"],
      [west, "westward", "←"],
    ]) {
      const [top, bottom] = [this.laneY(first), this.laneY(first + streams - 1) + PLAN.lane];
      context.fillStyle = colour("tile-idle");
      context.fillRect(this.x(0) - this.step / 2, top, positions * this.step, bottom - top);
      context.fillStyle = colour("muted");
      context.fillText(`${arrow} ${name}`, 0, (top + bottom) / 2 - 7);
      context.fillText(streamRange(first, streams), 0, (top + bottom) / 2 + 7);
    }
    context.textAlign = "center";
    context.fillText("stream-register position", this.x(positions / 2), height - 6);
    const every = niceStep(positions, 16);
    for (let p = 0; p < positions; p += every) context.fillText(String(p), this.x(p), height - 19);
    this.vectors(context);
  }

  /** Vectors between their drive and their last sample; while playing they glide, unless motion is reduced. */
  vectors(context) {
    const glide = state.playing && !reducedMotion.matches;
    const cycle = glide ? state.cycle : cursorCycle();
    this.under = [];
    model.vectors.visit(Math.floor(cycle), cycle, (v) => {
      this.linesAt(v, cycle, (x, j) => {
        const { stream, width, run, samples } = tables.vectors;
        context.fillStyle = colour(model.unitOfQueue[tables.runs.queue[run[v]]]);
        context.globalAlpha = samples[v] ? 1 : 0.35;
        const left = this.x(x) - this.step * 0.42;
        const top = this.laneY(stream[v]);
        const high = width[v] * PLAN.lane;
        context.fillRect(left, top + 0.4, this.step * 0.84, high - 0.8);
        this.under.push({ v, j, left, top, right: left + this.step * 0.84, bottom: top + high });
      });
    });
    context.globalAlpha = 1;
  }

  /** Call `each(position, j)` for the vectors of an entry that are on the chip at a time. */
  linesAt(v, time, each) {
    const { slot, spacing, count, origin, target } = tables.vectors;
    const step = spacing[v] || 1;
    const last = Math.min(count[v] - 1, Math.floor((time - slot[v] - origin[v]) / step));
    for (let j = last; j >= 0; j--) {
      const along = time - slot[v] - j * step;
      if (along > target[v]) return;
      each(model.position(v, along), j);
    }
  }

  hover(event) {
    const [x, y] = [event.offsetX, event.offsetY];
    const tile = this.tileAt(x, y);
    const vector = this.under?.find((u) => x >= u.left && x <= u.right && y >= u.top && y <= u.bottom);
    this.canvas.style.cursor = tile ? "pointer" : "default";
    if (tile) tip.show(this.tileTip(tile), event.clientX, event.clientY);
    else if (vector) tip.show(vectorTip(vector.v, vector.j), event.clientX, event.clientY);
    else tip.hide();
  }

  tileTip(tile) {
    const found = model.queueAt(tile.queue, cursorCycle());
    const queue = model.queues[tile.queue];
    const lines = [tipLine("queue", queue.name, { unit: tile.unit })];
    if (!found) return [...lines, tipLine("cycle", `${whole(cursorCycle())}: nothing`)];
    const text = model.runText(found.run, Math.max(found.k, 0));
    lines.push(tipLine(found.k >= 0 ? "dispatches" : "repeats", text, { code: true }));
    const origin = model.origin(found.run);
    return origin ? [...lines, tipLine("from", origin)] : lines;
  }
}

/** What a vector is, who drives it and who samples it. */
function vectorTip(v, j) {
  const { stream, width, run, first, step, count, slot, spacing, origin } = tables.vectors;
  const drive = slot[v] + j * spacing[v] + origin[v];
  const many = count[v] > 1 ? `, vector ${whole(j + 1)} of ${whole(count[v])}` : "";
  const lines = [
    tipLine("stream", `${streamRange(stream[v], width[v])}${many}, driven in cycle ${whole(drive)}`),
    ...endTip("producer", run[v], first[v] + j * step[v]),
  ];
  const samples = model.samplesOf(v);
  for (const s of samples.slice(0, 4)) lines.push(...endTip("consumer", s.run, s.first + j * s.step));
  if (samples.length > 4) lines.push(tipLine("", `and ${samples.length - 4} more consumers`));
  if (!samples.length) lines.push(tipLine("consumer", "none: it leaves the chip or is replaced"));
  return lines;
}

function endTip(label, run, k) {
  const cycle = tables.runs.start[run] + k * tables.runs.interval[run];
  const unit = model.unitOfQueue[tables.runs.queue[run]];
  const origin = model.origin(run);
  return [
    tipLine(label, `${model.queueName(run)} in cycle ${whole(cycle)}${origin && ` · ${origin}`}`, { unit }),
    tipLine("", model.runText(run, k), { code: true }),
  ];
}
