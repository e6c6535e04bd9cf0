// Reads the data of the page and puts the panels together.

async function start() {
  const document_ = JSON.parse(new TextDecoder().decode(await inflate(byId("document").textContent)));
  ({ facts, figures } = document_);
  tables = readTables(await inflate(byId("tables").textContent), document_.tables);
  model = new Model();
  state.to = model.cycles;
  installTip();
  drawHead();
  const operators = new Operators(byId("operators"));
  new QueuePanel(byId("queue"));
  const panels = {
    floorplan: new Floorplan(byId("floorplan")),
    spacetime: new SpaceTime(byId("spacetime")),
    gantt: new Gantt(byId("gantt"), byId("gantt-scroller")),
    memory: new Memory(byId("memory"), byId("map")),
  };
  new Search(byId("search"), byId("hits"), operators);
  new Transport();
  if (facts.source.text) new Source(byId("source"));
  drawLegends();
  drawCharts();
  new ResizeObserver(drawCharts).observe(byId("losses"));
  byId("theme").addEventListener("change", (event) => setTheme(event.target.value));
  select({ queue: busiestQueue() });
  readAddress();
  listen("cycle view selection", debounced(writeAddress, 300));
  changed("cycle", "view", "selection");
  document.documentElement.dataset.ready = "yes";
  // For the console, and for tests of the page.
  window.report = {
    facts,
    figures,
    tables,
    model,
    state,
    panels,
    setCycle,
    setView,
    select,
    setTheme,
    flush,
    colour,
  };
}

function busiestQueue() {
  const busiest = figures.queues.reduce((a, b) => (b.dispatches > (a?.dispatches ?? 0) ? b : a), null);
  return model.queues.findIndex((q) => q.name === busiest?.name);
}

function drawCharts() {
  drawLosses(byId("losses"));
  drawRoofline(byId("roofline"));
}

function debounced(call, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, wait);
  };
}

const BOUNDS = {
  compute: "compute: the planes come to at least half of their peak",
  memory: "SRAM: its traffic comes to at least half of its peak",
  latency: "latency: neither the planes nor SRAM come to half of their peak",
  none: "nothing: no products, no traffic",
};

function drawHead() {
  const { program, cycles, time_us: time, units, memory, roofline, hazards, losses } = figures;
  document.title = `${program.name} on ${program.chip}: ${whole(cycles)} cycles`;
  byId("title").textContent = program.name;
  const precision = program.precision ? `, ${program.precision}` : "";
  byId("subtitle").textContent =
    `${facts.chip.title}${precision}. ${whole(program.instructions)} instructions in ${figures.text.queues_used} of ${figures.text.queues} queues.`;
  const tiles = [
    [
      "cycles",
      whole(cycles),
      `${time < 1000 ? time.toFixed(3) : whole(time)} µs at ${whole(facts.chip.clock_hz / 1e6)} MHz`,
    ],
    ["bound by", BOUNDS[roofline.bound].split(":")[0], BOUNDS[roofline.bound].split(": ")[1]],
    [
      "scheduled / ideal",
      losses.ideal ? `${(cycles / losses.ideal).toFixed(2)}×` : "–",
      losses.ideal ? `ideal: ${whole(Math.ceil(losses.ideal))} cycles on all planes` : "no products",
    ],
    ["MXM in use", percent(units.mxm.utilization), `${amount(roofline.macs)} useful MACs`],
    ["VXM in use", percent(units.vxm.utilization), `${whole(units.vxm.dispatches)} dispatches`],
    [
      "SRAM live",
      size(memory.peak_live_bytes),
      `peak, cycle ${whole(memory.peak_live_cycle)}; ${memory.slices_used} of ${memory.slices} slices`,
    ],
    [
      "hazards",
      hazards.errors ? whole(hazards.errors) : "none",
      hazards.warnings ? `${hazards.warnings} warnings` : "statically checked",
    ],
  ];
  byId("tiles").replaceChildren(
    ...tiles.map(([name, value, more]) =>
      make(
        "div",
        { class: "tile" },
        make("dt", {}, name),
        make("dd", {}, make("b", {}, value), make("small", {}, more)),
      ),
    ),
  );
  byId("h-operators").textContent = figures.ops.length ? "Operators" : "Queues";
  byId("source-section").hidden = !facts.source.text;
  byId("source-name").textContent = facts.source.name;
  byId("hazard-section").hidden = !facts.hazards.length;
  byId("hazards").replaceChildren(...facts.hazards.map((h) => hazardItem(h)));
}

function hazardItem(hazard) {
  return make(
    "li",
    {},
    make("button", { type: "button", onclick: () => setCycle(hazard.cycle) }, make("pre", {}, hazard.text)),
  );
}

/** The same colours everywhere: units by what they are, blocks of SRAM by what they hold. */
function drawLegends() {
  const used = new Set(model.unitOfQueue.filter((_, q) => model.runsOfQueue[q].length));
  const entry = (unit, text) =>
    make("span", {}, make("i", { class: "swatch", style: `--c: var(--${unit})` }), text);
  const units = Object.entries(UNIT_NAMES).filter(([unit]) => used.has(unit));
  for (const element of document.querySelectorAll("[data-legend=units]"))
    element.replaceChildren(
      ...units.map(([unit, text]) => entry(unit, text)),
      ...(element.dataset.latency ? [entry("latency", "latency")] : []),
    );
  const kinds = facts.block_kinds.map((kind) =>
    entry(BLOCK_COLOURS[kind], kind === "working" ? "working values" : `${kind}s`),
  );
  for (const element of document.querySelectorAll("[data-legend=blocks]"))
    element.replaceChildren(...kinds.map((k) => k.cloneNode(true)));
}

start().catch((error) => {
  byId("failure").hidden = false;
  byId("failure").textContent =
    `This page could not be drawn: ${error.message ?? error}. It needs a browser with DecompressionStream (2023 or later).`;
  console.error(error);
});
