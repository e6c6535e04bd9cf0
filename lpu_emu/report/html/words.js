// Numbers and instructions as text.

const wholes = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function whole(number) {
  return wholes.format(number);
}

/** 9,999 / 102.4 k / 3.3 M */
function amount(number) {
  if (number < 10000) return Number.isInteger(number) ? whole(number) : number.toFixed(number < 100 ? 1 : 0);
  let step = 0;
  while (number >= 1000 && step < 5) {
    number /= 1000;
    step++;
  }
  return `${number.toFixed(1)} ${["", "k", "M", "G", "T", "P"][step]}`;
}

function size(bytes) {
  if (bytes < 10000) return `${whole(bytes)} B`;
  let step = 0;
  while (bytes >= 1024 && step < 4) {
    bytes /= 1024;
    step++;
  }
  return `${bytes.toFixed(1)} ${["B", "KiB", "MiB", "GiB", "TiB"][step]}`;
}

function percent(share) {
  if (share > 0 && share < 0.0005) return "<0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

function streamName(stream) {
  const west = facts.chip.west_stream;
  return stream < west ? `e${stream}` : `w${stream - west}`;
}

function streamRange(stream, width) {
  return width > 1 ? `${streamName(stream)}–${streamName(stream + width - 1)}` : streamName(stream);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The value of an immediate from its bits. */
function immediateText(bits, dtype) {
  scratch.setUint32(0, bits);
  if (dtype === "fp32") return `#${Number(scratch.getFloat32(0).toPrecision(7))}`;
  if (dtype === "bf16") {
    scratch.setUint32(0, bits * 65536);
    return `#${Number(scratch.getFloat32(0).toPrecision(4))}`;
  }
  if (dtype === "fp16") return `#${Number(halfValue(bits & 0xffff).toPrecision(5))}`;
  if (dtype === "int8") return `#${(bits << 24) >> 24}`;
  if (dtype === "int16") return `#${(bits << 16) >> 16}`;
  if (dtype === "int32") return `#${bits | 0}`;
  return dtype === "uint8" ? `#${bits}` : `#0x${bits.toString(16)}`;
}

function halfValue(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function operandText(instruction, operand, value, args) {
  const kind = facts.isa.kinds[operand.kind];
  const special = facts.isa.special;
  if (kind.values.length) return kind.values[value] ?? String(value);
  if (["stream", "source", "target"].includes(kind.text)) {
    if (value === special.latch) return "latch";
    if (value === special.nothing) return "_";
    if (value !== special.immediate) return streamName(value);
    const names = instruction.operands.map((o) => o.name);
    const dtype = facts.isa.kinds.dtype.values[args[names.indexOf("dtype")]];
    return immediateText(args[names.indexOf("immediate")] >>> 0, dtype);
  }
  return operand.kind === "address" ? `0x${value.toString(16).padStart(3, "0")}` : String(value);
}

/** The assembly text of an instruction from its arguments. */
function instructionText(opcode, args) {
  const instruction = facts.isa.instructions[opcode];
  if (!instruction) return `opcode ${opcode}`;
  const of = (role) =>
    instruction.operands
      .map((o, i) => ({ o, i }))
      .filter(({ o }) => o.role === role)
      .map(({ o, i }) => operandText(instruction, o, args[i], args));
  const results = of("out");
  while (results.length && results[results.length - 1] === "_") results.pop();
  const head = [instruction.name, ...of("mod")].join(".");
  const sources = of("in").join(", ");
  return `${head}${sources && ` ${sources}`}${results.length ? ` -> ${results.join(", ")}` : ""}`;
}
