// SRAM over time: live bytes by kind, which slices hold them, and a map of all words at the cursor's cycle.

const AREA = 96; // height of the chart of live bytes

class Memory {
  constructor(timeCanvas, mapCanvas) {
    const { blocks } = tables;
    this.read = [...blocks.queue.keys()].filter((b) => blocks.end[b] >= blocks.start[b]);
    this.slices = model.queues.map((q, i) => i).filter((i) => model.queues[i].unit === "mem");
    // From west to east, as on the chip: W43 .. W0, E0 .. E43.
    const west = this.slices.filter((i) => model.queues[i].hemisphere === "W").reverse();
    this.order = [...west, ...this.slices.filter((i) => model.queues[i].hemisphere === "E")];
    this.sliceRow = clamp(Math.round(264 / this.order.length), 3, 10); // its height over time
    this.place = new Map(this.order.map((queue, i) => [queue, i]));
    // Addresses beyond the last one in use are not shown.
    const end = (b) => blocks.address[b] + (blocks.words[b] - 1) * blocks.step[b] + 1;
    const reach = this.read.reduce((most, b) => Math.max(most, end(b)), 16);
    this.shownWords = Math.min(facts.chip.words, 2 ** Math.ceil(Math.log2(reach)));
    this.bankWords = facts.chip.words / facts.chip.banks;
    this.live = new Intervals(this.read, blocks.start, blocks.end);
    this.fullest = 1; // words, over the whole run
    const { bySlice } = this.sample(0, model.cycles, Math.min(2000, model.cycles));
    for (const values of bySlice) for (const value of values) this.fullest = Math.max(this.fullest, value);
    this.panel = new TimePanel(timeCanvas, {
      label: "Live bytes in SRAM over time, and the slices that hold them.",
      height: () => AREA + 16 + this.order.length * this.sliceRow + AXIS,
      paint: (context, panel) => this.paint(context, panel),
      hit: (cycle, y) => this.hit(Math.floor(cycle), y),
      pick: (cycle, y) => this.pick(y),
    });
    this.map = mapCanvas;
    mapCanvas.tabIndex = 0;
    mapCanvas.setAttribute("role", "img");
    listen("cycle theme", () => this.drawMap());
    new ResizeObserver(() => this.drawMap()).observe(mapCanvas.parentElement);
    mapCanvas.addEventListener("pointermove", (event) => this.hoverMap(event));
    mapCanvas.addEventListener("pointerleave", () => tip.hide());
    mapCanvas.addEventListener("keydown", (event) => timeKey(event) && event.preventDefault());
  }

  /** Live words in some columns of equally many cycles: by kind, and by slice. */
  sample(from, to, columns) {
    const { blocks } = tables;
    const scale = columns / (to - from);
    const byKind = facts.block_kinds.map(() => new Float64Array(columns + 1));
    const bySlice = this.order.map(() => new Float64Array(columns + 1));
    const column = (cycle) => clamp(Math.ceil((cycle - from) * scale - 0.5), 0, columns);
    this.live.visit(from, to, (b) => {
      const [a, z] = [
        column(blocks.start[b]),
        Math.max(column(blocks.end[b] + 1), column(blocks.start[b]) + 1),
      ];
      for (const row of [byKind[blocks.kind[b]], bySlice[this.place.get(blocks.queue[b])]]) {
        row[a] += blocks.words[b];
        row[Math.min(z, columns)] -= blocks.words[b];
      }
    });
    return { byKind: byKind.map(accumulated), bySlice: bySlice.map(accumulated) };
  }

  paint(context, panel) {
    const columns = Math.ceil(panel.width - gutter() - PAD);
    const { byKind, bySlice } = this.sample(state.from, state.from + columns / panel.scale, columns);
    this.area(context, panel, columns, byKind);
    this.rows(context, panel, columns, bySlice);
  }

  area(context, panel, columns, byKind) {
    const { lanes } = facts.chip;
    const most = Math.max(figures.memory.peak_live_bytes, 1);
    const base = new Float64Array(columns).fill(AREA);
    byKind.forEach((values, kind) => {
      context.fillStyle = colour(BLOCK_COLOURS[facts.block_kinds[kind]]);
      for (let c = 0; c < columns; c++) {
        const high = ((values[c] * lanes) / most) * (AREA - 16);
        if (high > 0) context.fillRect(gutter() + c, base[c] - high, 1, high);
        base[c] -= high;
      }
    });
    context.fillStyle = context.strokeStyle = colour("muted");
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(gutter(), 16.5);
    context.lineTo(panel.width - PAD, 16.5);
    context.stroke();
    context.setLineDash([]);
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.fillText(`peak ${size(figures.memory.peak_live_bytes)}`, gutter() - 10, 16);
    context.fillText("live bytes", gutter() - 10, AREA - 8);
    context.textAlign = "left";
  }

  rows(context, panel, columns, bySlice) {
    const top = AREA + 12;
    context.fillStyle = colour("tile-idle");
    context.fillRect(gutter(), top, columns, this.order.length * this.sliceRow);
    context.fillStyle = colour("mem");
    bySlice.forEach((values, i) => {
      for (let c = 0; c < columns; c++) {
        if (!values[c]) continue;
        let end = c + 1;
        while (end < columns && values[end] === values[c]) end++;
        context.globalAlpha = 0.25 + 0.75 * Math.sqrt(Math.min(1, values[c] / this.fullest));
        context.fillRect(gutter() + c, top + i * this.sliceRow, end - c, this.sliceRow - 0.5);
        c = end - 1;
      }
    });
    context.globalAlpha = 1;
    context.fillStyle = colour("muted");
    context.textAlign = "right";
    const name = (i) => model.queues[this.order[i]].name.replace("mem.", "");
    const half = this.order.length / 2;
    for (const [i, text] of [
      [0, name(0)],
      [half - 1, name(half - 1)],
      [half + 2.6, name(half)],
      [this.order.length - 1, name(this.order.length - 1)],
    ])
      context.fillText(text, gutter() - 10, top + (i + 0.5) * this.sliceRow);
    context.textAlign = "left";
  }

  sliceAt(y) {
    return this.order[Math.floor((y - AREA - 12) / this.sliceRow)];
  }

  pick(y) {
    const queue = this.sliceAt(y);
    if (queue !== undefined) select({ queue });
  }

  hit(cycle, y) {
    const { blocks } = tables;
    const queue = this.sliceAt(y);
    const words = facts.block_kinds.map(() => 0);
    this.live.visit(cycle, cycle, (b) => {
      if (queue === undefined || blocks.queue[b] === queue) words[blocks.kind[b]] += blocks.words[b];
    });
    const lines = [
      tipLine(queue === undefined ? "all slices" : model.queues[queue].name, `in cycle ${whole(cycle)}`),
    ];
    facts.block_kinds.forEach((kind, i) => {
      if (words[i])
        lines.push(tipLine(kind, size(words[i] * facts.chip.lanes), { unit: BLOCK_COLOURS[kind] }));
    });
    return lines.length > 1 ? lines : [...lines, "nothing is live"];
  }

  // The map at the cursor's cycle

  get mapHeight() {
    return 250;
  }

  drawMap() {
    const { context, width } = fitted(this.map, this.mapHeight);
    this.mapLeft = 52;
    this.column = (width - this.mapLeft - 8) / this.order.length;
    this.mapTop = 6;
    this.mapBody = this.mapHeight - 28;
    context.fillStyle = colour("tile-idle");
    for (let i = 0; i < this.order.length; i++)
      context.fillRect(this.mapX(i), this.mapTop, this.column - 1, this.mapBody);
    const fields = this.fields();
    fields.forEach((field, queue) => this.mapColumn(context, field, this.mapX(this.place.get(queue))));
    this.mapAxes(context);
    this.describeMap(fields);
  }

  /** By slice, the words that are live at the cursor's cycle: 1 + their kind, or 0. */
  fields() {
    const { blocks } = tables;
    const fields = new Map();
    this.live.visit(cursorCycle(), cursorCycle(), (b) => {
      const queue = blocks.queue[b];
      if (!fields.has(queue)) fields.set(queue, new Uint8Array(facts.chip.words));
      const field = fields.get(queue);
      for (let i = 0; i < blocks.words[b]; i++)
        field[blocks.address[b] + i * blocks.step[b]] = 1 + blocks.kind[b];
    });
    return fields;
  }

  /** One slice from address 0 down; a pixel is as full as its words are. */
  mapColumn(context, field, x) {
    const per = this.shownWords / this.mapBody;
    let [top, kind, share] = [0, 0, 0];
    const flush = (bottom) => {
      if (!kind) return;
      context.fillStyle = colour(BLOCK_COLOURS[facts.block_kinds[kind - 1]]);
      context.globalAlpha = 0.3 + 0.7 * share;
      context.fillRect(x, this.mapTop + top, this.column - 1, bottom - top);
    };
    for (let row = 0; row <= this.mapBody; row++) {
      let [seen, count] = [0, 0];
      const [first, last] = [
        Math.floor(row * per),
        Math.max(Math.floor((row + 1) * per), Math.floor(row * per) + 1),
      ];
      if (row < this.mapBody)
        for (let word = first; word < last; word++) if (field[word]) [seen, count] = [field[word], count + 1];
      const full = Math.round((4 * count) / (last - first)) / 4;
      if (seen === kind && full === share && row < this.mapBody) continue;
      flush(row);
      [top, kind, share] = [row, seen, full];
    }
    context.globalAlpha = 1;
  }

  mapX(i) {
    return this.mapLeft + i * this.column;
  }

  mapAxes(context) {
    setFont(context);
    context.fillStyle = colour("muted");
    context.strokeStyle = colour("line");
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (let quarter = 0; quarter <= 4; quarter++) {
      const y = this.mapTop + (quarter / 4) * this.mapBody;
      const address = (quarter / 4) * this.shownWords;
      context.fillText(whole(address), this.mapLeft - 6, clamp(y, 10, this.mapTop + this.mapBody - 4));
      if (address % this.bankWords || !address || quarter === 4) continue;
      context.fillRect(this.mapLeft, y - 0.5, this.mapX(this.order.length) - this.mapLeft, 1);
    }
    context.textAlign = "center";
    const every = Math.max(1, niceStep(this.order.length, 12));
    const half = this.order.length / 2;
    this.order.forEach((queue, i) => {
      const { hemisphere, number } = model.queues[queue];
      if (number % every === 0 && !(hemisphere === "E" && number === 0 && this.column < 28))
        context.fillText(`${hemisphere}${number}`, this.mapX(i) + this.column / 2, this.mapHeight - 10);
    });
    context.fillStyle = colour("line");
    context.fillRect(this.mapX(half) - 1, this.mapTop, 1.5, this.mapBody + 4);
  }

  /** Live words, free words, and how far the free ones of the slices in use lie apart. */
  describeMap(fields) {
    const { words, lanes } = facts.chip;
    let [free, together, live] = [0, 0, 0];
    for (const field of fields.values()) {
      let [longest, run] = [0, 0];
      for (const word of field) {
        run = word ? 0 : run + 1;
        if (run > longest) longest = run;
        if (word) live++;
        else free++;
      }
      together += longest;
    }
    const shown =
      this.shownWords < words
        ? ` Addresses from ${whole(this.shownWords)} to ${whole(words)} are never used.`
        : "";
    const share = free ? 1 - together / free : 0;
    const text =
      `Cycle ${whole(cursorCycle())}: ${size(live * lanes)} live in ${fields.size} of ${this.order.length} slices; ` +
      `fragmentation ${percent(share)} (free words of these slices outside their longest free stretch).${shown}`;
    byId("memory-now").textContent = text;
    this.map.setAttribute("aria-label", `Map of SRAM, slices by addresses. ${text}`);
  }

  hoverMap(event) {
    const { blocks } = tables;
    const i = Math.floor((event.offsetX - this.mapLeft) / this.column);
    const queue = this.order[i];
    if (queue === undefined) return tip.hide();
    const per = this.shownWords / this.mapBody;
    const address = (event.offsetY - this.mapTop) * per;
    let [best, found] = [4 * per, -1];
    this.live.visit(cursorCycle(), cursorCycle(), (b) => {
      if (blocks.queue[b] !== queue) return;
      const end = blocks.address[b] + (blocks.words[b] - 1) * blocks.step[b];
      const distance = Math.max(blocks.address[b] - address, address - end, 0);
      if (distance < best) [best, found] = [distance, b];
    });
    if (found < 0)
      return tip.show(
        [tipLine("slice", model.queues[queue].name), "free here"],
        event.clientX,
        event.clientY,
      );
    tip.show(blockTip(found), event.clientX, event.clientY);
  }
}

function blockTip(b) {
  const { blocks } = tables;
  const kind = facts.block_kinds[blocks.kind[b]];
  const hex = (n) => `0x${n.toString(16).padStart(3, "0")}`;
  const last = blocks.address[b] + (blocks.words[b] - 1) * blocks.step[b];
  const step = blocks.step[b] > 1 ? ` every ${blocks.step[b]}` : "";
  const lines = [
    tipLine(kind, model.blockName(b), { unit: BLOCK_COLOURS[kind] }),
    tipLine(
      "words",
      `${whole(blocks.words[b])} at ${model.queues[blocks.queue[b]].name} ${hex(blocks.address[b])}–${hex(last)}${step}`,
    ),
    tipLine("live", `cycles ${whole(blocks.start[b])} to ${whole(blocks.end[b])}`),
  ];
  if (blocks.run[b] >= 0) lines.push(tipLine("written by", model.runText(blocks.run[b]), { code: true }));
  return lines;
}

function accumulated(differences) {
  let sum = 0;
  return differences.map((value) => (sum += value));
}
