// Play, step, the slider over the whole run with an overview behind it, and zoom buttons.

const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20000];
const THUMB = 8; // half of the slider's thumb: its ends are not the ends of its box
let lastTick = 0;

class Transport {
  constructor() {
    this.slider = byId("slider");
    this.slider.max = model.cycles - 1;
    this.overview = byId("overview");
    const speed = byId("speed");
    const wanted = SPEEDS.filter((s) => s <= Math.max(10, model.cycles / 4));
    speed.append(...wanted.map((s) => make("option", { value: s }, `${whole(s)} cycles/s`)));
    speed.value = String(wanted.findLast((s) => s <= Math.max(5, model.cycles / 40)) ?? wanted[0]);
    this.connect();
    listen("cycle", () => this.drawCycle());
    listen("view theme cycle", () => this.drawOverview());
    new ResizeObserver(() => this.drawOverview()).observe(this.overview.parentElement);
  }

  connect() {
    this.slider.addEventListener("input", () => setCycle(Number(this.slider.value)));
    byId("play").addEventListener("click", togglePlay);
    byId("back").addEventListener("click", () => setCycle(cursorCycle() - 1));
    byId("next").addEventListener("click", () => setCycle(cursorCycle() + 1));
    byId("zoom-in").addEventListener("click", () => zoom(0.5));
    byId("zoom-out").addEventListener("click", () => zoom(2));
    byId("zoom-all").addEventListener("click", () => setView(0, model.cycles));
    byId("cycle").addEventListener("change", (event) => setCycle(Number(event.target.value) || 0));
    byId("cycle").max = model.cycles - 1;
  }

  drawCycle() {
    const cycle = cursorCycle();
    this.slider.value = cycle;
    this.slider.setAttribute("aria-valuetext", `cycle ${cycle} of ${model.cycles}`);
    if (document.activeElement !== byId("cycle")) byId("cycle").value = cycle;
    const us = (cycle / facts.chip.clock_hz) * 1e6;
    byId("time").textContent = `${us.toFixed(3)} µs`;
  }

  /** Busy queues over the whole run, by unit, with a frame around what the panels show. */
  drawOverview() {
    const { context, width, height } = fitted(this.overview, 34);
    const scale = (width - 2 * THUMB) / model.cycles;
    if (this.drawn !== `${width} ${colour("mem")}`) this.drawShares(width, height);
    context.drawImage(this.base, 0, 0, width, height);
    const [x0, x1] = [THUMB + state.from * scale, THUMB + state.to * scale];
    context.fillStyle = colour("veil");
    context.fillRect(0, 0, x0, height);
    context.fillRect(x1, 0, width - x1, height);
    context.strokeStyle = colour("line");
    context.strokeRect(x0 + 0.5, 0.5, Math.max(2, x1 - x0 - 1), height - 1);
    context.fillStyle = colour("cursor");
    context.fillRect(THUMB + (cursorCycle() + 0.5) * scale - 0.75, 0, 1.5, height);
  }

  /** The part of the overview that no cursor moves. */
  drawShares(width, height) {
    this.drawn = `${width} ${colour("mem")}`;
    this.base ??= document.createElement("canvas");
    [this.base.width, this.base.height] = [this.overview.width, this.overview.height];
    const context = this.base.getContext("2d");
    context.scale(this.base.width / width, this.base.height / height);
    this.shares ??= this.activity(Math.min(600, model.cycles));
    const step = (width - 2 * THUMB) / this.shares[0].values.length;
    const base = new Float64Array(this.shares[0].values.length).fill(height);
    for (const { unit, values } of this.shares) {
      context.fillStyle = colour(unit);
      values.forEach((value, i) => {
        const high = value * (height - 4);
        context.fillRect(THUMB + i * step, base[i] - high, step + 0.3, high);
        base[i] -= high;
      });
    }
  }

  activity(columns) {
    const panel = { scale: columns / model.cycles };
    const before = [state.from, state.to];
    [state.from, state.to] = [0, model.cycles];
    const { start, interval, count, queue } = tables.runs;
    const totals = new Map(Object.keys(UNIT_NAMES).map((unit) => [unit, new Float64Array(columns + 1)]));
    for (let run = 0; run < tables.runs.rows; run++)
      addPoints(totals.get(model.unitOfQueue[queue[run]]), panel, start[run], interval[run], count[run], 1);
    [state.from, state.to] = before;
    const shares = [...totals].map(([unit, total]) => ({ unit, values: summed(total, 1).slice(0, columns) }));
    const most = Math.max(
      ...shares[0].values.map((_, i) => shares.reduce((sum, s) => sum + s.values[i], 0)),
      1e-9,
    );
    return shares.map(({ unit, values }) => ({ unit, values: values.map((v) => v / most) }));
  }
}

function togglePlay() {
  state.playing = !state.playing;
  if (state.playing && cursorCycle() >= model.cycles - 1) setCycle(0);
  const button = byId("play");
  button.setAttribute("aria-pressed", String(state.playing));
  button.textContent = state.playing ? "Pause" : "Play";
  lastTick = performance.now();
  if (state.playing) requestAnimationFrame(tick);
  else setCycle(cursorCycle());
}

function tick(now) {
  if (!state.playing) return;
  const speed = Number(byId("speed").value);
  const passed = Math.min(0.25, (now - lastTick) / 1000);
  lastTick = now;
  setCycle(state.cycle + passed * speed);
  if (state.cycle >= model.cycles - 1) togglePlay();
  else requestAnimationFrame(tick);
}
