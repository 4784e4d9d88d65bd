// The packed data of the page as plain arrays; rnnlab/report/page/explore says how they were packed.
// A column has `values` (number, text or null, by run) and `numbers`: of words their place in `words`, NaN for none.

async function unpacked(id) {
  const element = document.getElementById(id);
  if (!element) return null;
  const bytes = Uint8Array.from(atob(element.textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackedJson(id) {
  const bytes = await unpacked(id);
  return bytes && JSON.parse(new TextDecoder().decode(bytes));
}

const NOT_FINITE = { "nan": NaN, "inf": Infinity, "-inf": -Infinity, "-": NaN };

function numberOf(value) {
  if (typeof value === "number") return value;
  return value in NOT_FINITE ? NOT_FINITE[value] : NaN;
}

class Column {
  constructor(data) {
    Object.assign(this, data);
    if (this.words) {
      this.values = this.codes.map((code) => (code === null ? null : this.words[code]));
      this.numbers = Float64Array.from(this.codes, (code) => (code === null ? NaN : code));
    } else if (this.numeric) {
      this.numbers = Float64Array.from(this.values, numberOf);
    }
    this.isAxis = this.role !== "name" && this.role !== "ended" && Boolean(this.numbers);
    const finite = this.numbers ? this.numbers.filter(Number.isFinite) : [];
    [this.low, this.high] = extent(finite);
    const distinct = new Set(finite);
    this.distinct = distinct.size <= 24 ? [...distinct].sort((a, b) => a - b) : null;
    this.varies = distinct.size > 1 || (distinct.size > 0 && finite.length < this.numbers.length);
    const enough = this.role === "setting" ? 9 : 30;
    this.logByDefault = !this.words && this.low > 0 && this.high / this.low >= enough;
    this.canLog = !this.words && this.high > 0;
  }

  // As a reader writes it: 0.005, 12,000, relu.
  written(number) {
    if (Number.isNaN(number)) return this.role === "setting" ? "not set" : "no value";
    return this.words ? String(this.words[Math.round(number)]) : shortNumber(number);
  }
}

// The runs: their columns, and which of them diverged.
class Runs {
  constructor(data) {
    this.page = data.page;
    this.columns = data.columns.map((column) => new Column(column));
    this.named = Object.fromEntries(this.columns.map((column) => [column.name, column]));
    this.n = this.columns[0].values.length;
    this.diverged = this.named.outcome.values.map((outcome) => outcome === "diverged");
    for (const column of this.columns) column.ranked = this.ranked(column);
  }

  // A run that diverged is the worst there is, where a side is better.
  ranked(column) {
    if (!column.worst) return column.numbers;
    return column.numbers.map((number, row) => (this.diverged[row] ? column.worst * Infinity : number));
  }

  axes() { return this.columns.filter((column) => column.isAxis && column.varies); }

  settings() { return this.columns.filter((column) => ["study", "setting"].includes(column.role) && column.varies); }

  rowOf(name) { return this.named.run.values.indexOf(name); }
}

function extent(numbers) {
  let low = Infinity, high = -Infinity;
  for (const number of numbers) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return [low, high];
}

function shortNumber(number) {
  if (!Number.isFinite(number)) return number > 0 ? "infinite" : number < 0 ? "-infinite" : "no value";
  const size = Math.abs(number);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return number.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return Number(number.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 8 });
}

function median(sorted) {
  const n = sorted.length, half = Math.floor(n / 2);
  if (!n) return NaN;
  if (n % 2 || sorted[half - 1] === sorted[half]) return sorted[half];
  return (sorted[half - 1] + sorted[half]) / 2;
}

// element("button", {type: "button"}, "Add", icon) -> the element with attributes and children.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
