// The table of operators (of queues, for programs without operators): sortable, filtered by the search.

const OPERATOR_COLUMNS = [
  { key: "name", text: "operator", title: "node of the model" },
  { key: "op_type", text: "type" },
  { key: "start", text: "from", number: true, show: whole },
  { key: "end", text: "to", number: true, show: whole },
  { key: "cycles", text: "cycles", number: true, show: whole },
  {
    key: "added_cycles",
    text: "adds",
    number: true,
    show: whole,
    title: "cycles that it adds to the program",
  },
  { key: "share", text: "share", number: true, bar: true, value: (op) => op.added_cycles / model.cycles },
  {
    key: "ideal_cycles",
    text: "ideal",
    number: true,
    show: whole,
    title: "cycles that the planes alone would need",
  },
  { key: "macs", text: "MACs", number: true, show: amount },
  {
    key: "peak",
    text: "of peak",
    number: true,
    show: percent,
    value: (op) => op.macs / (op.cycles || 1) / figures.roofline.peak_macs_per_cycle,
  },
  { key: "sram_bytes", text: "SRAM traffic", number: true, show: size },
  { key: "bound_by", text: "bound by", unit: true },
];

const QUEUE_COLUMNS = [
  { key: "name", text: "queue" },
  { key: "unit", text: "unit", unit: true },
  { key: "dispatches", text: "dispatches", number: true, show: whole },
  { key: "first", text: "from", number: true, show: (v) => (v === null ? "–" : whole(v)) },
  { key: "last", text: "to", number: true, show: (v) => (v === null ? "–" : whole(v)) },
  { key: "utilization", text: "in use", number: true, bar: true },
  { key: "text_bytes", text: "text", number: true, show: size },
];

class Operators {
  constructor(table) {
    this.table = table;
    this.ofOperators = figures.ops.length > 0;
    this.rows = this.ofOperators ? figures.ops : figures.queues;
    this.columns = this.ofOperators ? OPERATOR_COLUMNS : QUEUE_COLUMNS;
    this.order = { key: "start", down: false };
    if (!this.ofOperators) this.order = { key: "dispatches", down: true };
    this.filter = "";
    listen("selection", () => this.mark());
    this.draw();
  }

  value(row, column) {
    return column.value ? column.value(row) : row[column.key];
  }

  sorted() {
    const column = this.columns.find((c) => c.key === this.order.key);
    const sign = this.order.down ? -1 : 1;
    const compare = (a, b) => {
      const [x, y] = [this.value(a.row, column), this.value(b.row, column)];
      return sign * (column.number ? (x ?? -1) - (y ?? -1) : String(x).localeCompare(String(y))) || a.i - b.i;
    };
    const words = this.filter.toLowerCase();
    return this.rows
      .map((row, i) => ({ row, i }))
      .filter(({ row }) => `${row.name} ${row.op_type ?? row.unit}`.toLowerCase().includes(words))
      .sort(compare);
  }

  draw() {
    const heads = this.columns.map((column) => this.head(column));
    const rows = this.sorted().map(({ row, i }) => this.row(row, i));
    this.table.replaceChildren(
      make(
        "caption",
        {},
        `${whole(rows.length)} of ${whole(this.rows.length)} ${this.ofOperators ? "operators" : "queues"}`,
      ),
      make("thead", {}, make("tr", {}, ...heads)),
      make("tbody", {}, ...rows),
    );
    this.mark();
  }

  head(column) {
    const here = column.key === this.order.key;
    const sort = here ? (this.order.down ? "descending" : "ascending") : "none";
    const press = () => {
      this.order = { key: column.key, down: here ? !this.order.down : !!column.number };
      this.draw();
      this.table.querySelector(`[data-key="${column.key}"]`).focus();
    };
    const arrow = here ? (this.order.down ? " ▾" : " ▴") : "";
    const button = make(
      "button",
      { type: "button", onclick: press, "data-key": column.key, title: column.title },
      column.text + arrow,
    );
    return make("th", { scope: "col", "aria-sort": sort, class: column.number ? "number" : null }, button);
  }

  row(row, i) {
    const cells = this.columns.map((column, c) => {
      const value = this.value(row, column);
      if (c === 0) return make("th", { scope: "row" }, this.link(row, i));
      if (column.bar) return make("td", { class: "number" }, barCell(value));
      if (column.unit) return make("td", {}, unitCell(value));
      return make("td", { class: column.number ? "number" : null }, column.show ? column.show(value) : value);
    });
    return make("tr", { "data-row": i }, ...cells);
  }

  link(row, i) {
    const go = () => (this.ofOperators ? goToOperator(i) : goToQueue(row.name));
    return make("button", { type: "button", class: "link", onclick: go }, row.name);
  }

  mark() {
    for (const element of this.table.querySelectorAll("tbody tr")) {
      const i = Number(element.dataset.row);
      const chosen = this.ofOperators
        ? i === state.operator
        : this.rows[i].name === model.queues[state.queue]?.name;
      element.toggleAttribute("data-chosen", chosen);
    }
  }

  search(text) {
    this.filter = text;
    this.draw();
  }
}

function barCell(share) {
  const bar = make("i", { class: "bar", style: `--share: ${clamp(share, 0, 1)}` });
  return make("span", { class: "with-bar" }, bar, percent(share));
}

function unitCell(unit) {
  const known = unit in UNIT_NAMES;
  return make(
    "span",
    {},
    make("i", { class: "swatch", style: `--c: var(--${known ? unit : "latency"})` }),
    known ? UNIT_NAMES[unit] : unit,
  );
}

function goToQueue(name) {
  const queue = model.queues.findIndex((q) => q.name === name);
  select({ queue });
  const first = model.byQueue[queue]?.low[0];
  if (first !== undefined) setCycle(first);
}
