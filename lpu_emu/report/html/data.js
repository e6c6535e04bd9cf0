// Unpacks the tables of the page: base64, deflate, byte planes (see picture/pack.py), and finds intervals fast.

/** @returns {Promise<Uint8Array>} the bytes of a deflated base64 text. */
async function inflate(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Read one column: planes of bytes, low ones first, above a base; possibly differences. */
function readColumn(bytes, at, rows, form) {
  // Doubles hold every integer up to 2^53; arguments of immediates are unsigned 32 bits and fit as well.
  const values = new Float64Array(rows).fill(form.base);
  for (let plane = 0, factor = 1; plane < form.bytes; plane++, factor *= 256) {
    const begin = at + plane * rows;
    for (let i = 0; i < rows; i++) values[i] += bytes[begin + i] * factor;
  }
  if (form.delta) for (let i = 1; i < rows; i++) values[i] += values[i - 1];
  return values;
}

/** @returns tables by name; each has `rows` and its columns by name. */
function readTables(bytes, header) {
  const tables = {};
  let at = 0;
  for (const [name, entry] of Object.entries(header)) {
    const table = { rows: entry.rows };
    for (const [column, form] of Object.entries(entry.columns)) {
      table[column] = readColumn(bytes, at, entry.rows, form);
      at += entry.rows * form.bytes;
    }
    tables[name] = table;
  }
  return tables;
}

/** The first place in sorted numbers whose value is above `value`. */
function upperBound(values, value, low = 0, high = values.length) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const CHUNK = 64;

/** Closed intervals [low, high]; `visit` finds those that meet a span, in the order of their low ends. */
class Intervals {
  /** @param rows the numbers that are handed out; low and high are looked up by them. */
  constructor(rows, low, high) {
    this.rows = Int32Array.from(rows);
    if (this.rows.some((row, i) => i && low[row] < low[this.rows[i - 1]])) {
      this.rows.sort((a, b) => low[a] - low[b] || a - b);
    }
    this.low = Float64Array.from(this.rows, (r) => low[r]);
    this.high = Float64Array.from(this.rows, (r) => high[r]);
    this.chunkHigh = new Float64Array(Math.ceil(this.rows.length / CHUNK)).fill(-Infinity);
    this.high.forEach((value, i) => {
      const chunk = (i / CHUNK) | 0;
      if (value > this.chunkHigh[chunk]) this.chunkHigh[chunk] = value;
    });
  }

  /** Call `each(row)` for every interval that meets [first, last]; stop when it returns false. */
  visit(first, last, each) {
    const end = upperBound(this.low, last);
    for (let chunk = 0; chunk * CHUNK < end; chunk++) {
      if (this.chunkHigh[chunk] < first) continue;
      const stop = Math.min(end, (chunk + 1) * CHUNK);
      for (let i = chunk * CHUNK; i < stop; i++) {
        if (this.high[i] >= first && each(this.rows[i]) === false) return;
      }
    }
  }

  /** How many intervals meet [first, last], counted up to `most`. */
  count(first, last, most) {
    let found = 0;
    this.visit(first, last, () => ++found < most);
    return found;
  }
}
