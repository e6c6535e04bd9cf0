// Streams in space and time: position against cycle. A vector is a diagonal; eastward ones fall, westward ones rise.

const MOST_VECTORS = 5000; // in view, beyond which the density is drawn instead
const SPACE_TOP = 6;

class SpaceTime {
  constructor(canvas) {
    this.panel = new TimePanel(canvas, {
      label: "Space-time diagram of the streams.",
      height: () => clamp(facts.chip.positions * 9, 240, 480) + AXIS,
      paint: (context, panel) => this.paint(context, panel),
      hit: (cycle, y) => this.hit(cycle, y),
      pick: (cycle, y, inGutter) => inGutter || this.pick(cycle, y),
    });
    this.bands = unitBands();
  }

  y(position) {
    return SPACE_TOP + ((position + 0.5) / facts.chip.positions) * (this.panel.height - AXIS - SPACE_TOP);
  }

  paint(context, panel) {
    this.paintBands(context, panel);
    context.save();
    context.beginPath();
    context.rect(gutter(), 0, panel.width - gutter() - PAD, panel.height - AXIS);
    context.clip();
    const many = model.vectors.count(state.from, state.to, MOST_VECTORS);
    if (many >= MOST_VECTORS) this.density(context, panel);
    else model.vectors.visit(state.from - 1, state.to + 1, (v) => this.entry(context, panel, v));
    context.restore();
    byId("spacetime-mode").textContent =
      many >= MOST_VECTORS
        ? "Share of stream registers in use; zoom in for vectors."
        : `${whole(many)} group${many === 1 ? "" : "s"} of vectors in view.`;
  }

  paintBands(context, panel) {
    context.textAlign = "right";
    context.textBaseline = "middle";
    setFont(context, 11, 600);
    for (const band of this.bands) {
      const [top, bottom] = [this.y(band.first - 0.5), this.y(band.last + 0.5)];
      context.globalAlpha = 0.07;
      context.fillStyle = colour(band.unit);
      context.fillRect(gutter(), top, panel.width - gutter() - PAD, bottom - top);
      context.globalAlpha = 1;
      context.fillRect(gutter() - 4, top, 4, bottom - top);
      context.fillStyle = colour("muted");
      context.fillText(band.name, gutter() - 10, clamp((top + bottom) / 2, 8, panel.height - AXIS - 7));
    }
    context.textAlign = "left";
  }

  /** One entry: lines while they are apart, else the area that they cover. */
  entry(context, panel, v) {
    const { slot, spacing, count, origin, target, run, samples, width } = tables.vectors;
    const [o, t] = [origin[v], Math.max(target[v], origin[v] + 0.4)];
    const [y0, y1] = [this.y(model.position(v, o)), this.y(model.position(v, t))];
    const begin = slot[v] + o + 0.5;
    const [x0, x1] = [panel.x(begin), panel.x(begin + t - o)];
    const last = (count[v] - 1) * spacing[v] * panel.scale;
    context.fillStyle = context.strokeStyle = colour(model.unitOfQueue[tables.runs.queue[run[v]]]);
    const faint = samples[v] ? 1 : 0.4;
    if (count[v] > 1 && spacing[v] * panel.scale < 3.5) {
      this.area(context, [x0, y0, x1, y1], Math.max(last, 0.8), faint * clamp(1.1 / spacing[v], 0.25, 0.55));
    } else {
      context.globalAlpha = faint * 0.9;
      context.lineWidth = clamp(0.8 + Math.log2(width[v]) * 0.5, 1, 3.2);
      this.lines(context, panel, v, x0, y0, x1, y1);
      if (panel.scale > 9) this.ends(context, panel, v, x0, y0);
    }
    context.globalAlpha = 1;
  }

  /** The area that vectors cover; its first and last one are lines. */
  area(context, [x0, y0, x1, y1], wide, alpha) {
    context.globalAlpha = alpha;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x0 + wide, y0);
    context.lineTo(x1 + wide, y1);
    context.lineTo(x1, y1);
    context.fill();
    if (wide < 4) return;
    context.globalAlpha = Math.min(1, alpha * 1.8);
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.moveTo(x0 + wide, y0);
    context.lineTo(x1 + wide, y1);
    context.stroke();
  }

  lines(context, panel, v, x0, y0, x1, y1) {
    const { spacing, count } = tables.vectors;
    const step = spacing[v] * panel.scale || 1;
    const first = clamp(Math.floor((gutter() - x1) / step), 0, count[v] - 1);
    const last = clamp(Math.ceil((panel.width - x0) / step), 0, count[v] - 1);
    context.beginPath();
    for (let j = first; j <= last; j++) {
      context.moveTo(x0 + j * step, y0);
      context.lineTo(x1 + j * step, y1);
    }
    context.stroke();
  }

  /** Dots where vectors are driven, and rings where they are sampled. */
  ends(context, panel, v, x0, y0) {
    const { spacing, count, origin } = tables.vectors;
    const step = spacing[v] * panel.scale || 1;
    const last = clamp(Math.ceil((panel.width - x0) / step), 0, count[v] - 1);
    const radius = clamp(panel.scale / 7, 1.6, 3.5);
    const alongs = new Set(model.samplesOf(v).map((s) => s.along));
    for (let j = clamp(Math.floor((gutter() - x0) / step) - facts.chip.positions, 0, last); j <= last; j++) {
      dot(context, x0 + j * step, y0, radius);
      for (const along of alongs) {
        const x = x0 + j * step + (along - origin[v]) * panel.scale;
        dot(context, x, this.y(model.position(v, along)), radius, true);
      }
    }
  }

  /** How many of the registers at each position and span of cycles hold vectors. */
  density(context, panel) {
    const { chip } = facts;
    const columns = Math.max(1, Math.ceil((panel.width - gutter() - PAD) / 2));
    const span = (state.to - state.from) / columns;
    const grid = Array.from({ length: chip.positions }, () => new Float64Array(columns + 1));
    model.vectors.visit(state.from, state.to, (v) => this.spread(grid, v, span, columns));
    context.fillStyle = colour("icu");
    const high = this.y(1) - this.y(0);
    grid.forEach((row, position) => {
      let total = 0;
      for (let c = 0; c < columns; c++) {
        total += row[c];
        const share = total / (2 * chip.streams);
        if (share < 0.002) continue;
        context.globalAlpha = Math.min(1, 0.12 + 0.88 * Math.sqrt(share));
        context.fillRect(gutter() + c * 2, this.y(position) - high / 2, 2, high);
      }
    });
    context.globalAlpha = 1;
  }

  /** Add an entry to the difference rows of the grid, spread evenly over the columns that it touches. */
  spread(grid, v, span, columns) {
    const { slot, spacing, count, origin, target, width } = tables.vectors;
    const length = (count[v] - 1) * spacing[v];
    for (let along = origin[v]; along <= target[v]; along++) {
      const begin = (slot[v] + along - state.from) / span;
      const a = clamp(Math.floor(begin), 0, columns);
      const b = clamp(Math.floor(begin + length / span) + 1, 0, columns);
      if (b <= a) continue;
      const density = (count[v] * width[v]) / Math.max(length + 1, span);
      const row = grid[model.position(v, along)];
      row[a] += density;
      row[b] -= density;
    }
  }

  /** The vectors nearest to the pointer: [v, j] each. */
  nearest(cycle, y) {
    const { slot, spacing, count, origin, target } = tables.vectors;
    const position = ((y - SPACE_TOP) / (this.panel.height - AXIS - SPACE_TOP)) * facts.chip.positions - 0.5;
    let [best, found] = [8 / this.panel.scale, []];
    model.vectors.visit(cycle - 40, cycle + 40, (v) => {
      const along = model.isEast(v) ? position : -position;
      if (along < origin[v] - 0.6 || along > target[v] + 0.6) return;
      const offset = cycle - 0.5 - along - slot[v];
      const j = clamp(Math.round(offset / (spacing[v] || 1)), 0, count[v] - 1);
      const distance = Math.abs(offset - j * spacing[v]);
      if (distance > best) return;
      if (distance < best) found = [];
      best = distance;
      found.push([v, j]);
    });
    return found;
  }

  hit(cycle, y) {
    const found = this.nearest(cycle, y);
    if (!found.length) return null;
    const more = found
      .slice(1, 4)
      .map(([v]) => streamRange(tables.vectors.stream[v], tables.vectors.width[v]));
    const rest = found.length > 4 ? ` and ${found.length - 4} more` : "";
    return [
      ...vectorTip(...found[0]),
      ...(more.length ? [tipLine("also here", more.join(", ") + rest)] : []),
    ];
  }

  pick(cycle, y) {
    const [found] = this.nearest(cycle, y);
    if (!found) return;
    const run = tables.vectors.run[found[0]];
    select({ queue: tables.runs.queue[run], operator: tables.runs.operator[run], line: model.lineOf(run) });
  }
}

function dot(context, x, y, radius, ring = false) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (!ring) {
    context.fill();
    return;
  }
  const before = context.fillStyle;
  context.fillStyle = colour("card");
  context.fill();
  context.fillStyle = before;
  context.lineWidth = 1.4;
  context.stroke();
}

/** The positions of each unit from west to east. */
function unitBands() {
  const bands = new Map();
  for (const queue of facts.chip.queues) {
    const unit = queue.unit === "c2c" ? "sxm" : queue.unit;
    const key = unit + queue.hemisphere;
    const name = `${UNIT_NAMES[unit]} ${queue.hemisphere}`.trim();
    const band = bands.get(key) ?? { unit, name, first: Infinity, last: -Infinity };
    band.first = Math.min(band.first, ...queue.x);
    band.last = Math.max(band.last, ...queue.x);
    bands.set(key, band);
  }
  return [...bands.values()].sort((a, b) => a.first - b.first);
}
