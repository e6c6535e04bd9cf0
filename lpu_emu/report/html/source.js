// The assembly text of a program that has one; the line of the selected instruction is marked.

const SOURCE_SPAN = 400; // lines that are in the page at once

class Source {
  constructor(element) {
    this.element = element;
    this.lines = facts.source.text.split("\n");
    this.runOfLine = new Map();
    tables.runs.row.forEach((row, run) => {
      const line = tables.instructions.line[row];
      if (line && !this.runOfLine.has(line)) this.runOfLine.set(line, run);
    });
    listen("selection", () => this.draw());
    this.draw();
  }

  draw() {
    const first = clamp(state.line - SOURCE_SPAN / 2, 0, Math.max(0, this.lines.length - SOURCE_SPAN));
    const items = this.lines
      .slice(first, first + SOURCE_SPAN)
      .map((text, i) => this.line(first + i + 1, text));
    this.element.replaceChildren(make("ol", { start: first + 1 }, ...items));
    const chosen = this.element.querySelector("[aria-current]");
    if (chosen) this.element.scrollTop = chosen.offsetTop - this.element.clientHeight / 2;
  }

  line(number, text) {
    const run = this.runOfLine.get(number);
    const code = make("code", {}, text || " ");
    const chosen = number === state.line ? "true" : null;
    const body =
      run === undefined ? code : make("button", { type: "button", onclick: () => goToRun(run) }, code);
    return make("li", { "aria-current": chosen, value: number }, body);
  }
}
