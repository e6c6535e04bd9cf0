// The text of the selected queue around the cursor's cycle.

const QUEUE_ROWS = 15;

class QueuePanel {
  constructor(element) {
    this.element = element;
    listen("cycle selection", () => this.draw());
  }

  draw() {
    const queue = state.queue;
    if (queue < 0) {
      this.element.replaceChildren(
        make("p", { class: "hint" }, "Choose a unit of the chip to see its queue."),
      );
      return;
    }
    const rows = model.instructionsOfQueue[queue];
    const { name } = model.queues[queue];
    const found = model.queueAt(queue, cursorCycle());
    this.element.replaceChildren(
      make("h3", {}, make("i", { class: "swatch", style: `--c: var(--${model.unitOfQueue[queue]})` }), name),
      make("p", { class: "now" }, ...this.now(found)),
      rows.length ? this.list(rows, found) : make("p", { class: "hint" }, "This queue has no text."),
    );
  }

  now(found) {
    const cycle = `Cycle ${whole(cursorCycle())}: `;
    if (!found) return [`${cycle}nothing is dispatched.`];
    const { count, interval } = tables.runs;
    const text = make("code", {}, model.runText(found.run, Math.max(0, found.k)));
    if (found.k < 0) return [`${cycle}between two dispatches of `, text];
    const many = count[found.run] > 1;
    return [
      `${cycle}dispatches `,
      text,
      many
        ? ` — ${whole(found.k + 1)} of ${whole(count[found.run])}, every ${whole(interval[found.run])}`
        : "",
    ];
  }

  /** The instructions around the one that the queue is at. */
  list(rows, found) {
    const { start } = tables.instructions;
    let at = 0;
    rows.forEach((row, i) => {
      if (start[row] >= 0 && start[row] <= cursorCycle()) at = i;
    });
    if (found) at = Math.max(0, rows.indexOf(tables.runs.row[found.run]));
    const first = clamp(at - 4, 0, Math.max(0, rows.length - QUEUE_ROWS));
    const shown = rows.slice(first, first + QUEUE_ROWS);
    const items = shown.map((row, i) => this.item(row, first + i === at, !!found));
    const more =
      rows.length > shown.length
        ? `${first + 1} to ${first + shown.length} of ${rows.length}`
        : `${rows.length}`;
    return make(
      "div",
      {},
      make("ol", { class: "queue", "aria-label": "instructions of the queue" }, ...items),
      make("p", { class: "hint" }, `instructions: ${more}`),
    );
  }

  item(row, current, active) {
    const { start, operator, line } = tables.instructions;
    const cycle = start[row] >= 0 ? whole(start[row]) : "";
    const origin =
      operator[row] >= 0 ? model.operatorName(operator[row]) : line[row] ? `line ${line[row]}` : "";
    const name = `${current ? (active ? "current" : "next") : ""} ${start[row] > cursorCycle() ? "later" : ""}`;
    const go = () => start[row] >= 0 && setCycle(start[row]);
    return make(
      "li",
      { class: name.trim() || null, "aria-current": current ? "step" : null },
      make(
        "button",
        { type: "button", onclick: go, title: origin || null },
        make("span", { class: "cycle" }, cycle),
        make("code", {}, model.rowText(row)),
      ),
    );
  }
}
