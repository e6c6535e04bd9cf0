// The two charts that explain the total: where the cycles went, and the roofline. Drawn as SVG.

const LOSS_TEXTS = {
  ideal: ["useful products", "mxm", "useful multiply-accumulates at the peak of all planes"],
  padding: ["padding", "mxm", "products with rows and columns that only fill up"],
  planes_idle: ["some planes idle", "mxm", "a plane works, but not all of them do"],
  weights: ["weights move", "weights", "no plane works; weights are loaded or installed"],
  accumulate: [
    "accumulators finish",
    "mxm",
    "no plane works, no weights move; accumulators take or send products",
  ],
  vxm: ["VXM works", "vxm", "none of the above; the VXM dispatches"],
  sxm: ["SXM works", "sxm", "none of the above; the SXM dispatches"],
  c2c: ["C2C works", "c2c", "none of the above; C2C dispatches"],
  mem: ["memory moves", "mem", "only reads and writes are dispatched"],
  waiting: ["waiting", "icu", "nothing is dispatched: values are on their way"],
  superlanes: ["other superlanes", "icu", "the northernmost superlane finishes after the southernmost"],
};

/** A bar per step, each beginning where the one before ends. */
function drawLosses(box) {
  const steps = Object.entries(figures.losses).filter(([name, cycles]) => cycles > 0 || name === "ideal");
  const [row, left, right] = [25, 128, 118];
  const width = Math.max(320, box.clientWidth);
  const scale = (width - left - right) / model.cycles;
  const svg = make("svg", {
    viewBox: `0 0 ${width} ${(steps.length + 1) * row + 8}`,
    width,
    height: (steps.length + 1) * row + 8,
    role: "img",
    "aria-label": `From the ideal of the planes to the schedule. ${steps.map(([n, c]) => `${LOSS_TEXTS[n][0]}: ${amount(c)} cycles`).join("; ")}.`,
  });
  let total = 0;
  steps.forEach(([name, cycles], i) => {
    const [text, unit, more] = LOSS_TEXTS[name];
    svg.append(
      lossRow({
        text,
        unit,
        more,
        cycles,
        from: total,
        y: i * row,
        scale,
        left,
        width,
        faded: i > 0 && unit === "mxm",
      }),
    );
    total += cycles;
  });
  const sum = {
    text: "scheduled",
    unit: "text",
    more: "all cycles",
    cycles: model.cycles,
    from: 0,
    y: steps.length * row + 6,
  };
  svg.append(lossRow({ ...sum, scale, left, width }));
  box.replaceChildren(svg);
}

function lossRow({ text, unit, more, cycles, from, y, scale, left, width, faded = false }) {
  const x = left + from * scale;
  const wide = Math.max(cycles * scale, 1.2);
  const share = `${cycles >= 10 || Number.isInteger(cycles) ? whole(cycles) : cycles.toFixed(1)} · ${percent(cycles / model.cycles)}`;
  return make(
    "g",
    {},
    make("title", {}, `${text}: ${share}. ${more}`),
    make("text", { x: left - 10, y: y + 16, class: "axis-label end" }, text),
    make("line", { x1: left, x2: width - 118, y1: y + 11.5, y2: y + 11.5, class: "guide" }),
    make("rect", {
      x,
      y: y + 4,
      width: wide,
      height: 15,
      rx: 2,
      style: `fill: var(--${unit}); opacity: ${faded ? 0.55 : 1}`,
    }),
    make("text", { x: width - 108, y: y + 16, class: "axis-label value" }, share),
  );
}

/** Both axes logarithmic: multiply-accumulates per byte of SRAM traffic, and per cycle. */
function drawRoofline(box) {
  const roof = figures.roofline;
  const width = Math.max(320, box.clientWidth);
  const [height, left, right, top, bottom] = [270, 62, 16, 14, 42];
  const points = rooflinePoints();
  const xs = [roof.ridge, ...points.map((p) => p.intensity)].filter((v) => v > 0);
  const ys = [roof.peak_macs_per_cycle, ...points.map((p) => p.rate)].filter((v) => v > 0);
  const [x0, x1] = [Math.floor(Math.log10(Math.min(...xs) / 3)), Math.ceil(Math.log10(Math.max(...xs) * 3))];
  const [y0, y1] = [
    Math.floor(Math.log10(Math.min(...ys) / 2)),
    Math.ceil(Math.log10(roof.peak_macs_per_cycle * 1.2)),
  ];
  const x = (v) => left + ((Math.log10(v) - x0) / (x1 - x0)) * (width - left - right);
  const y = (v) => height - bottom - ((Math.log10(v) - y0) / (y1 - y0)) * (height - top - bottom);
  const svg = make("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "group",
    "aria-label": "Roofline",
  });
  rooflineAxes(svg, { x, y, x0, x1, y0, y1, left, right, top, bottom, width, height });
  const start = 10 ** x0;
  const foot = Math.max(start, 10 ** y0 / roof.peak_sram_bytes_per_cycle);
  svg.append(
    make("polyline", {
      class: "roof",
      points: [
        [x(foot), y(foot * roof.peak_sram_bytes_per_cycle)],
        [x(roof.ridge), y(roof.peak_macs_per_cycle)],
        [x(10 ** x1), y(roof.peak_macs_per_cycle)],
      ].join(" "),
    }),
    make(
      "text",
      { x: width - right, y: y(roof.peak_macs_per_cycle) - 6, class: "axis-label end" },
      `${amount(roof.peak_macs_per_cycle)} MAC/cycle`,
    ),
  );
  const dots = points.map((point) => [x(point.intensity), y(point.rate)]);
  const taken = dots.map(([cx, cy]) => ({ x0: cx - 6, x1: cx + 6, y0: cy - 6, y1: cy + 6 }));
  const frame = { x0: left, x1: width - right, y0: top, y1: height - bottom };
  points.forEach((point, i) =>
    svg.append(rooflineDot(point, ...dots[i], namePlace(point.name, ...dots[i], taken, frame))),
  );
  if (!points.length)
    svg.append(make("text", { x: left + 12, y: top + 20, class: "axis-label" }, "Nothing is multiplied."));
  box.replaceChildren(svg);
}

function rooflinePoints() {
  const roof = figures.roofline;
  const all = figures.ops
    .map((op, i) => ({ op, i }))
    .filter(({ op }) => op.macs && op.cycles && op.sram_bytes)
    .map(({ op, i }) => ({
      name: op.name,
      operator: i,
      intensity: op.macs / op.sram_bytes,
      rate: op.macs / op.cycles,
      unit: op.bound_by,
      macs: op.macs,
    }))
    .sort((a, b) => b.macs - a.macs);
  if (!roof.macs || !roof.sram_bytes) return all;
  return [
    {
      name: "whole program",
      operator: -1,
      intensity: roof.intensity,
      rate: roof.achieved_macs_per_cycle,
      macs: roof.macs,
    },
    ...all,
  ];
}

function rooflineAxes(svg, f) {
  for (let e = f.x0; e <= f.x1; e++) {
    const at = f.x(10 ** e);
    svg.append(make("line", { x1: at, x2: at, y1: f.top, y2: f.height - f.bottom, class: "guide" }));
    svg.append(make("text", { x: at, y: f.height - f.bottom + 16, class: "axis-label middle" }, power(e)));
  }
  for (let e = f.y0; e <= f.y1; e++) {
    const at = f.y(10 ** e);
    svg.append(make("line", { x1: f.left, x2: f.width - f.right, y1: at, y2: at, class: "guide" }));
    svg.append(make("text", { x: f.left - 8, y: at + 4, class: "axis-label end" }, power(e)));
  }
  const middle = (f.left + f.width - f.right) / 2;
  svg.append(
    make("text", { x: middle, y: f.height - 6, class: "axis-label middle" }, "MACs per byte of SRAM traffic"),
  );
  svg.append(
    make(
      "text",
      { x: 12, y: f.height / 2, class: "axis-label middle", transform: `rotate(-90 12 ${f.height / 2})` },
      "MACs per cycle",
    ),
  );
}

function power(e) {
  return e < 0 ? (10 ** e).toFixed(-e) : amount(10 ** e).replace(".0", "");
}

/** Where a name beside a dot covers nothing: right, left, above or below it; null if nowhere. Takes the place. */
function namePlace(name, x, y, taken, frame) {
  const wide = name.length * 7;
  const places = [
    [x + 11, y],
    [x - 11 - wide, y],
    [x - wide / 2, y - 15],
    [x - wide / 2, y + 15],
  ];
  for (const [left, middle] of places) {
    const box = { x0: left, x1: left + wide, y0: middle - 7, y1: middle + 7 };
    const inside = box.x0 >= frame.x0 && box.x1 <= frame.x1 && box.y0 >= frame.y0 && box.y1 <= frame.y1;
    const free = taken.every((t) => box.x1 < t.x0 || box.x0 > t.x1 || box.y1 < t.y0 || box.y0 > t.y1);
    if (!inside || !free) continue;
    taken.push(box);
    return { x: left, y: middle + 4 };
  }
  return null;
}

/** A point that says what it is; its name is drawn where there is room. */
function rooflineDot(point, x, y, place) {
  const program = point.operator < 0;
  const unit = point.unit in UNIT_NAMES ? point.unit : "latency";
  const text = `${point.name}: ${amount(point.rate)} MACs per cycle, ${amount(point.intensity)} per byte`;
  const go = () => !program && goToOperator(point.operator);
  const element = make(
    "g",
    {
      tabindex: 0,
      role: program ? "img" : "button",
      "aria-label": text,
      class: "point",
      onclick: go,
      onkeydown: (e) => e.key === "Enter" && go(),
    },
    make("title", {}, text),
    make("circle", {
      cx: x,
      cy: y,
      r: program ? 6 : 5,
      style: `fill: ${program ? "var(--text)" : `var(--${unit})`}`,
    }),
  );
  if (place) element.append(make("text", { ...place, class: "axis-label" }, point.name));
  return element;
}
