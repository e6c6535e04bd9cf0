// Canvases, colours, and small pieces of DOM.

const UNIT_NAMES = {
  mxm: "MXM",
  weights: "MXM weights",
  vxm: "VXM",
  mem: "MEM",
  sxm: "SXM",
  c2c: "C2C",
  icu: "ICU",
};
const BLOCK_COLOURS = { constant: "weights", input: "mem", output: "mxm", working: "vxm" };
const colours = new Map();

/** The value of a colour of the style sheet (`--mem`), in the theme that is on. */
function colour(name) {
  if (!colours.has(name)) {
    colours.set(
      name,
      getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || "#888",
    );
  }
  return colours.get(name);
}

function setTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  colours.clear();
  if (model) changed("theme", "view", "cycle", "selection");
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(""));
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Make an element: `make("b", {class: "x", onclick: f}, "text", child)`. */
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "line", "rect", "circle", "text", "title", "polyline"].includes(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

const NARROWEST_CANVAS = 240;

/** Fit a canvas to its box and the screen's pixels; returns its context in CSS pixels and its size. */
function fitted(canvas, height) {
  const width = Math.max(NARROWEST_CANVAS, canvas.parentElement.clientWidth);
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

function setFont(context, size = 11, weight = 400) {
  context.font = `${weight} ${size}px ${FONT}`;
}

/** A text shortened with an ellipsis until it fits. */
function fitText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low ? `${text.slice(0, low)}…` : "";
}

/** Round numbers for an axis: a step of 1, 2 or 5 times a power of ten. */
function niceStep(span, most) {
  const rough = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  return Math.max(
    1,
    [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough),
  );
}

const tip = { element: null, hide() {}, show() {} };

function installTip() {
  tip.element = byId("tip");
  tip.hide = () => (tip.element.hidden = true);
  tip.show = (lines, x, y) => {
    tip.element.replaceChildren(
      ...lines.map((line) => (line instanceof Node ? line : make("div", {}, line))),
    );
    tip.element.hidden = false;
    const box = tip.element.getBoundingClientRect();
    const left = x + 16 + box.width > innerWidth - 8 ? x - box.width - 12 : x + 16;
    const top = y + 16 + box.height > innerHeight - 8 ? y - box.height - 12 : y + 16;
    tip.element.style.left = `${Math.max(8, left)}px`;
    tip.element.style.top = `${Math.max(8, top)}px`;
  };
}

/** A line of a tip: what it is in grey, then text, in code when it is an instruction. */
function tipLine(label, text, { code = false, unit = "" } = {}) {
  const value = make(code ? "code" : "span", {}, text);
  const swatch = unit ? [make("i", { class: "swatch", style: `--c: var(--${unit})` })] : [];
  return make("div", {}, make("span", { class: "label" }, label), " ", ...swatch, value);
}

function announce(text) {
  byId("live").textContent = text;
}
