// The shared cursor, view and selection. Panels listen; drawing happens once per frame.

const state = {
  cycle: 0, // may have a fraction while playing
  from: 0, // the visible cycles
  to: 1,
  queue: -1,
  operator: -1,
  line: 0,
  playing: false,
};

const listeners = []; // {kind, call}
const pending = new Set();
let frame = 0;

/** Call `call` in the next frame after one of some kinds of change: "cycle", "view", "selection", "theme". */
function listen(kinds, call) {
  listeners.push({ kinds: new Set(kinds.split(" ")), call });
}

function changed(...kinds) {
  kinds.forEach((kind) => pending.add(kind));
  frame ||= requestAnimationFrame(flush);
}

function flush() {
  frame = 0;
  const kinds = new Set(pending);
  pending.clear();
  for (const { kinds: wanted, call } of listeners) if ([...kinds].some((k) => wanted.has(k))) call(kinds);
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** The whole cycle of the cursor. */
function cursorCycle() {
  return Math.floor(state.cycle);
}

function setCycle(cycle, { follow = true } = {}) {
  state.cycle = clamp(cycle, 0, model.cycles - 1);
  changed("cycle");
  if (!follow) return;
  const width = state.to - state.from;
  if (state.cycle < state.from || state.cycle > state.to)
    setView(state.cycle - width * 0.1, state.cycle + width * 0.9);
}

const NARROWEST = 8; // cycles

function setView(from, to) {
  const width = clamp(to - from, Math.min(NARROWEST, model.cycles), model.cycles);
  state.from = clamp(from, 0, model.cycles - width);
  state.to = state.from + width;
  changed("view");
}

/** Zoom by a factor around a cycle that stays where it is. */
function zoom(factor, around = state.cycle) {
  const at = clamp(around, state.from, state.to);
  const width = clamp((state.to - state.from) * factor, Math.min(NARROWEST, model.cycles), model.cycles);
  const share = (at - state.from) / (state.to - state.from);
  setView(at - share * width, at + (1 - share) * width);
}

function select(what) {
  Object.assign(state, what);
  changed("selection");
}

/** Show an operator's cycles and put the cursor to its first one. */
function goToOperator(operator) {
  const { start, end } = figures.ops[operator];
  const margin = Math.max(4, (end - start) * 0.08);
  select({ operator });
  setView(start - margin, end + margin);
  setCycle(start);
}

function goToRun(run, k = 0) {
  const { start, interval, queue } = tables.runs;
  select({ queue: queue[run], operator: tables.runs.operator[run], line: model.lineOf(run) });
  const cycle = start[run] + k * interval[run];
  if (state.to - state.from > 400) setView(cycle - 60, cycle + 140);
  setCycle(cycle);
}

/** The address of what is shown: a page can be opened at a cycle (page.html#cycle=100&view=0-200). */
function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (wanted.has("view")) setView(...wanted.get("view").split("-").map(Number));
  if (wanted.has("cycle")) setCycle(Number(wanted.get("cycle")) || 0, { follow: !wanted.has("view") });
  const queue = model.queues.findIndex((q) => q.name === wanted.get("queue"));
  if (queue >= 0) select({ queue });
  if (wanted.has("theme")) setTheme(wanted.get("theme"));
}

function writeAddress() {
  if (state.playing) return;
  const parts = { cycle: cursorCycle(), view: `${Math.round(state.from)}-${Math.round(state.to)}` };
  if (state.queue >= 0) parts.queue = model.queues[state.queue].name;
  history.replaceState(null, "", `#${new URLSearchParams(parts)}`);
}
