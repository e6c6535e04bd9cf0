// What all panels with a time axis share: size, axis, cursor, panning, zooming, keys.

const PAD = 14; // right of the last cycle
const AXIS = 22; // height of the axis

const narrow = matchMedia("(max-width: 700px)");
let gutterWidth = narrow.matches ? 84 : 138;
narrow.addEventListener("change", () => (gutterWidth = narrow.matches ? 84 : 138));

function gutter() {
  return gutterWidth;
}

/** A canvas over cycles. Give it `paint(context, panel)`, and `hit(cycle, y)` for what stands under the pointer. */
class TimePanel {
  constructor(canvas, { height, label, paint, hit = null, overlay = null, keys = null, pick = null }) {
    Object.assign(this, { canvas, label, paintBase: paint, hit, overlay, extraKeys: keys, pick });
    this.heightOf = typeof height === "function" ? height : () => height;
    this.base = document.createElement("canvas");
    this.parentBox = canvas.parentElement;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "time chart");
    canvas.setAttribute("aria-label", `${label} ${KEYS_HELP}`);
    this.listen();
    listen("view theme selection", () => this.redraw());
    listen("cycle", () => this.compose());
    new ResizeObserver(() => this.redraw()).observe(this.parentBox);
  }

  get scale() {
    return (this.width - gutter() - PAD) / (state.to - state.from);
  }

  x(cycle) {
    return gutter() + (cycle - state.from) * this.scale;
  }

  cycle(x) {
    return state.from + (x - gutter()) / this.scale;
  }

  redraw() {
    if (!this.canvas.isConnected) return;
    const { context, width, height } = fitted(this.canvas, this.heightOf());
    Object.assign(this, { context, width, height });
    this.base.width = this.canvas.width;
    this.base.height = this.canvas.height;
    const base = this.base.getContext("2d");
    base.setTransform(context.getTransform());
    setFont(base);
    this.paintBase(base, this);
    this.axis(base);
    this.compose();
  }

  /** Put the cursor and what follows it on top of what only changes with the view. */
  compose() {
    if (!this.context) return;
    const { context } = this;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.base, 0, 0);
    context.restore();
    this.overlay?.(context, this);
    const x = this.x(cursorCycle() + 0.5);
    if (x < gutter() || x > this.width - PAD) return;
    const wide = Math.max(1.5, Math.min(this.scale, 24));
    context.globalAlpha = wide > 3 ? 0.18 : 1;
    context.fillStyle = colour("cursor");
    context.fillRect(x - wide / 2, 0, wide, this.height - AXIS);
    context.globalAlpha = 1;
    if (wide > 3) context.fillRect(x - 0.75, 0, 1.5, this.height - AXIS);
  }

  axis(context) {
    const top = this.height - AXIS;
    const step = niceStep(state.to - state.from, (this.width - gutter()) / 90);
    context.strokeStyle = colour("line");
    context.fillStyle = colour("muted");
    context.textAlign = "center";
    context.textBaseline = "middle";
    setFont(context);
    context.beginPath();
    context.moveTo(gutter(), top + 0.5);
    context.lineTo(this.width - PAD, top + 0.5);
    for (let t = Math.ceil(state.from / step) * step; t <= state.to; t += step) {
      const x = Math.round(this.x(t)) + 0.5;
      context.moveTo(x, top);
      context.lineTo(x, top + 4);
      if (x < this.width - 20) context.fillText(whole(t), x, top + 13);
    }
    context.stroke();
    context.textAlign = "right";
    context.fillText("cycle", gutter() - 34, top + 13);
    context.textAlign = "left";
  }

  listen() {
    const { canvas } = this;
    let drag = null;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      drag = { ...at(event), from: state.from, to: state.to, moved: false };
      canvas.setPointerCapture?.(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const point = at(event);
      if (drag && (drag.moved || Math.abs(point.x - drag.x) > 4)) {
        drag.moved = true;
        const shift = (drag.x - point.x) / this.scale;
        setView(drag.from + shift, drag.to + shift);
        tip.hide();
        return;
      }
      const lines = point.x >= gutter() ? this.hit?.(this.cycle(point.x), point.y, this) : null;
      if (lines) tip.show(lines, event.clientX, event.clientY);
      else tip.hide();
    });
    canvas.addEventListener("pointerup", (event) => {
      const point = at(event);
      if (drag && !drag.moved) this.click(point);
      drag = null;
    });
    canvas.addEventListener("pointercancel", () => (drag = null));
    canvas.addEventListener("pointerleave", () => tip.hide());
    canvas.addEventListener("dblclick", (event) => zoom(0.4, this.cycle(at(event).x)));
    canvas.addEventListener("wheel", (event) => this.wheel(event, at(event)), { passive: false });
    canvas.addEventListener("keydown", (event) => this.keys(event));
  }

  click(point) {
    if (point.x >= gutter()) setCycle(Math.floor(this.cycle(point.x)), { follow: false });
    this.pick?.(this.cycle(point.x), point.y, point.x < gutter());
  }

  /** Ctrl or a pinch zooms; sideways or shift pans; a plain wheel stays with the page. */
  wheel(event, point) {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !sideways) return;
    event.preventDefault();
    if (!sideways) {
      zoom(Math.exp(clamp(event.deltaY, -120, 120) / 250), this.cycle(point.x));
      return;
    }
    const shift = ((event.deltaX || event.deltaY) / this.scale) * 0.8;
    setView(state.from + shift, state.to + shift);
  }

  keys(event) {
    if (this.extraKeys?.(event) || timeKey(event)) event.preventDefault();
  }
}

const KEYS_HELP =
  "Arrow keys move the cursor, with Shift by ten cycles; plus and minus zoom; Page Up and Page Down move the view; " +
  "Home and End go to the first and last cycle; zero shows the whole run; space plays.";

/** Keys that work in every time panel; returns whether the key was one. */
function timeKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const width = state.to - state.from;
  const actions = {
    ArrowLeft: () => setCycle(cursorCycle() - (event.shiftKey ? 10 : 1)),
    ArrowRight: () => setCycle(cursorCycle() + (event.shiftKey ? 10 : 1)),
    PageUp: () => setView(state.from - width * 0.8, state.to - width * 0.8),
    PageDown: () => setView(state.from + width * 0.8, state.to + width * 0.8),
    Home: () => setCycle(0),
    End: () => setCycle(model.cycles - 1),
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
    0: () => setView(0, model.cycles),
    " ": () => togglePlay(),
  };
  if (!(event.key in actions)) return false;
  actions[event.key]();
  if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") announceCycle();
  return true;
}

/** Say in words what the chip does in the cursor's cycle. */
function announceCycle() {
  const cycle = cursorCycle();
  const count = {};
  model.queues.forEach((queue, q) => {
    const found = model.queueAt(q, cycle);
    if (found && found.k >= 0) count[queue.unit] = (count[queue.unit] ?? 0) + 1;
  });
  const parts = Object.entries(count).map(([unit, n]) => `${n} in ${UNIT_NAMES[unit]}`);
  announce(`Cycle ${cycle}: ${parts.length ? `dispatches ${parts.join(", ")}` : "no dispatch"}`);
}
