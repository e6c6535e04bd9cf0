// One box that finds operators, queues, instructions, source lines and cycles.

const MOST_HITS = 30;
const MOST_MILLISECONDS = 60; // spent on instructions for one key press

class Search {
  constructor(input, list, operators) {
    Object.assign(this, { input, list, operators, hits: [], at: -1 });
    input.addEventListener("input", () => this.find());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.matches("input, select, textarea")) return;
      event.preventDefault();
      input.focus();
    });
  }

  find() {
    const text = this.input.value.trim().toLowerCase();
    this.operators.search(text && this.matchesRows(text) ? text : "");
    this.hits = text ? this.all(text).slice(0, MOST_HITS) : [];
    this.at = this.hits.length ? 0 : -1;
    this.draw(text);
  }

  matchesRows(text) {
    return this.operators.rows.some((row) =>
      `${row.name} ${row.op_type ?? row.unit}`.toLowerCase().includes(text),
    );
  }

  all(text) {
    const hits = [];
    if (/^\d+$/.test(text) && Number(text) < model.cycles)
      hits.push({ kind: "cycle", text: whole(Number(text)), go: () => setCycle(Number(text)) });
    figures.ops.forEach((op, i) => {
      if (`${op.name} ${op.op_type}`.toLowerCase().includes(text))
        hits.push({ kind: "operator", text: op.name, more: op.op_type, go: () => goToOperator(i) });
    });
    model.queues.forEach((queue, q) => {
      if (queue.name.toLowerCase().includes(text) && model.runsOfQueue[q].length)
        hits.push({ kind: "queue", text: queue.name, go: () => goToQueue(queue.name) });
    });
    return hits.length < MOST_HITS ? [...hits, ...this.instructions(text, MOST_HITS - hits.length)] : hits;
  }

  instructions(text, most) {
    const [hits, begin] = [[], performance.now()];
    for (let run = 0; run < tables.runs.rows && hits.length < most; run++) {
      if (run % 512 === 0 && performance.now() - begin > MOST_MILLISECONDS) break;
      const line = model.lineOf(run);
      const words = model.runText(run);
      if (words.toLowerCase().includes(text) || (line && text === `line ${line}`))
        hits.push({
          kind: model.queueName(run),
          text: words,
          more: model.origin(run),
          go: () => goToRun(run),
        });
    }
    return hits;
  }

  draw(text) {
    const items = this.hits.map((hit, i) =>
      make(
        "li",
        { id: `hit-${i}`, role: "option", "aria-selected": i === this.at, onpointerdown: () => this.take(i) },
        make("span", { class: "kind" }, hit.kind),
        make("span", {}, hit.text),
        make("span", { class: "more" }, hit.more ?? ""),
      ),
    );
    const none = text && !items.length ? [make("li", { class: "none" }, "Nothing found.")] : [];
    this.list.replaceChildren(...items, ...none);
    this.list.hidden = !text;
    this.input.setAttribute("aria-expanded", String(!!text));
    this.input.setAttribute("aria-activedescendant", this.at >= 0 ? `hit-${this.at}` : "");
  }

  key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (this.hits.length) this.at = (this.at + step + this.hits.length) % this.hits.length;
      this.draw(this.input.value);
      event.preventDefault();
    } else if (event.key === "Enter" && this.at >= 0) {
      this.take(this.at);
    } else if (event.key === "Escape") {
      this.input.value = "";
      this.find();
    }
  }

  take(i) {
    this.hits[i].go();
    announce(`${this.hits[i].kind} ${this.hits[i].text}`);
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
