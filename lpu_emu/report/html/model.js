// What the page knows about the program: look-ups by cycle in the tables.

let facts = null; // chip, instruction set, names: plain data
let figures = null; // the figures of the report
let tables = null; // columns of numbers
let model = null;

class Model {
  constructor() {
    const { runs, vectors, samples, instructions } = tables;
    this.cycles = Math.max(1, figures.cycles);
    this.queues = facts.chip.queues;
    this.runEnd = Float64Array.from(runs.start, (s, r) => s + (runs.count[r] - 1) * runs.interval[r]);
    this.runsOfQueue = this.queues.map(() => []);
    runs.queue.forEach((q, r) => this.runsOfQueue[q].push(r));
    this.byQueue = this.runsOfQueue.map((rows) => new Intervals(rows, runs.start, this.runEnd));
    const enter = Float64Array.from(vectors.slot, (s, v) => s + vectors.origin[v]);
    const leave = Float64Array.from(
      vectors.slot,
      (s, v) => s + (vectors.count[v] - 1) * vectors.spacing[v] + vectors.target[v],
    );
    this.vectors = new Intervals(vectors.slot.keys(), enter, leave);
    this.firstSample = new Int32Array(vectors.rows + 1);
    vectors.samples.forEach((n, v) => (this.firstSample[v + 1] = this.firstSample[v] + n));
    this.instructionsOfQueue = this.queues.map(() => []);
    instructions.queue.forEach((q, row) => this.instructionsOfQueue[q].push(row));
    this.unitOfQueue = this.queues.map((q) => (q.kind === "weights" ? "weights" : q.unit));
  }

  args(row) {
    const table = tables.instructions;
    const found = [];
    for (let i = 0; `a${i}` in table; i++) found.push(table[`a${i}`][row]);
    return found;
  }

  rowText(row) {
    return instructionText(tables.instructions.opcode[row], this.args(row));
  }

  /** The text of dispatch k of a run, with its operands moved as far as its loops have moved them. */
  runText(run, k = 0) {
    const row = tables.runs.row[run];
    const opcode = tables.instructions.opcode[row];
    const moved = tables.runs.shift[run] + k * tables.runs.stride[run];
    const operands = facts.isa.instructions[opcode].operands;
    const args = this.args(row).map((a, i) => (operands[i]?.strided ? a + moved : a));
    return instructionText(opcode, args);
  }

  mnemonic(run) {
    return facts.isa.instructions[tables.instructions.opcode[tables.runs.row[run]]].name;
  }

  /** Dispatch number of a run in a cycle, or -1. */
  dispatchAt(run, cycle) {
    const { start, interval, count } = tables.runs;
    const k = (cycle - start[run]) / interval[run];
    return Number.isInteger(k) && k >= 0 && k < count[run] ? k : -1;
  }

  /** What a queue does in a cycle: {run, k} when it dispatches, {run, k: -1} between two dispatches, or null. */
  queueAt(queue, cycle) {
    let found = null;
    this.byQueue[queue].visit(cycle, cycle, (run) => {
      const k = this.dispatchAt(run, cycle);
      if (k >= 0 || !found) found = { run, k };
      return k < 0;
    });
    return found;
  }

  queueName(run) {
    return this.queues[tables.runs.queue[run]].name;
  }

  operatorName(operator) {
    return operator >= 0 ? (figures.ops[operator]?.name ?? "") : "";
  }

  lineOf(run) {
    return tables.instructions.line[tables.runs.row[run]];
  }

  /** Where a run comes from in the source: a node of the model or a line of the text. */
  origin(run) {
    const parts = [];
    const operator = tables.runs.operator[run];
    if (operator >= 0) parts.push(this.operatorName(operator));
    if (this.lineOf(run)) parts.push(`line ${this.lineOf(run)}`);
    return parts.join(", ");
  }

  isEast(vector) {
    return tables.vectors.stream[vector] < facts.chip.west_stream;
  }

  /** Position of a place along a direction. */
  position(vector, along) {
    return this.isEast(vector) ? along : -along;
  }

  /** Who samples an entry: dispatch `first + j * step` of `run` samples vector j at `along`. */
  samplesOf(vector) {
    const { run, first, step, along } = tables.samples;
    const found = [];
    for (let s = this.firstSample[vector]; s < this.firstSample[vector + 1]; s++)
      found.push({ run: run[s], first: first[s], step: step[s], along: along[s] });
    return found;
  }

  blockName(block) {
    const kind = facts.block_kinds[tables.blocks.kind[block]];
    const name = tables.blocks.name[block];
    if (name < 0) return kind;
    const names = { constant: facts.constants, input: facts.inputs, output: facts.outputs };
    return kind in names ? names[kind][name] : this.operatorName(name);
  }
}
