// A column as an axis.  Coordinates: the number, its log10, or the place of a word.  What has no place on the axis (a
// run that diverged, a value of 0 on a log axis, no value at all) stands in a band of its own at the edge.

const BAND = 0.09;  // of the axis
const PADDING = 0.05;

class Scale {
  // rows: those that the axis must hold
  constructor(column, rows, log) {
    this.column = column;
    this.log = log && column.canLog;
    const numbers = column.ranked;
    const places = [];
    const outside = { above: false, below: false, zero: false, none: false };
    for (const row of rows) {
      const place = this.finite(numbers[row]);
      if (place !== null) places.push(place);
      else outside[this.edge(numbers[row])] = true;
    }
    let [low, high] = places.length ? extent(places) : [0, 1];
    if (column.words) [low, high] = [Math.min(low, 0), Math.max(high, column.words.length - 1)];
    const span = high - low || (column.words ? 1 : Math.abs(low) || 1);
    const pad = column.words ? 0.5 : high === low ? span / 2 : (column.role === "setting" ? 2 : 1) * PADDING * span;
    this.low = low - pad;
    this.high = high + pad;
    this.ticks = this.marks(low, high);
    const width = BAND * (this.high - this.low);
    const diverged = column.worst ? "diverged" : "infinite";
    this.bands = {};
    if (outside.above) this.band("above", this.high, this.high + width, diverged);
    if (outside.zero) this.band("zero", this.low - width, this.low, "≤ 0");
    if (outside.below) this.band("below", this.low - width, this.low, diverged);
    if (outside.none) this.band("none", this.low - width, this.low, column.written(NaN));
  }

  band(edge, from, to, text) {
    this.bands[edge] = { from, to, text };
    this.ticks.push({ at: (from + to) / 2, text });
    this.low = Math.min(this.low, from);
    this.high = Math.max(this.high, to);
  }

  // The coordinate of a number that has a place on the axis itself, else null.
  finite(number) {
    if (!Number.isFinite(number)) return null;
    if (!this.log) return number;
    return number > 0 ? Math.log10(number) : null;
  }

  edge(number) {
    if (number === Infinity) return "above";
    if (number === -Infinity) return "below";
    return Number.isNaN(number) ? "none" : "zero";
  }

  place(number) {
    const place = this.finite(number);
    if (place !== null) return place;
    const band = this.bands[this.edge(number)];
    return band ? (band.from + band.to) / 2 : NaN;
  }

  // The number at a coordinate: what the brush selects there.
  number(place) {
    for (const [edge, { from, to }] of Object.entries(this.bands)) {
      if (place >= from && place <= to) return { above: Infinity, below: -Infinity, zero: 0, none: -Infinity }[edge];
    }
    return this.log ? 10 ** place : place;
  }

  marks(low, high) {
    const { column } = this;
    if (column.words) return column.words.map((word, at) => ({ at, text: String(word) }));
    if (column.role === "setting" && column.distinct && column.distinct.length <= 8) {
      return column.distinct.filter((number) => this.finite(number) !== null)
        .map((number) => ({ at: this.finite(number), text: shortNumber(number) }));
    }
    if (this.log && high - low > 1.2) return decades(low, high);
    const numbers = this.log ? nice(10 ** low, 10 ** high) : nice(low, high);
    return numbers.map((number) => ({ at: this.finite(number), text: shortNumber(number) }))
      .filter(({ at }) => at !== null);
  }
}

function decades(low, high) {
  const every = Math.max(1, Math.ceil((high - low) / 6));
  const found = [];
  for (let power = Math.ceil(low); power <= Math.floor(high); power += every) {
    found.push({ at: power, text: shortNumber(Number(`1e${power}`)) });
  }
  return found;
}

// At most seven round numbers between two.
function nice(low, high) {
  const span = high - low || Math.abs(low) || 1;
  const rough = span / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((part) => span / part <= 6);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n += 1) found.push(n * step);
  return found;
}

// Colours.  Words have those of the figures, or the eight of Okabe and Ito; numbers a scale from dark to light.

const HUES = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#9A8B00", "#3A3A3A"];
const SHADES = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39"];  // viridis
const SHAPES = ["circle", "triangle", "rect", "diamond", "roundRect", "pin", "arrow"];
const PLAIN = "#0072B2", GREY = "#c9ccd1";

// The classes of a column that marks are coloured by: [{text, color, shape, holds(number), filter}].
function colorClasses(column) {
  if (!column) return [{ text: "", color: PLAIN, shape: "circle", holds: () => true }];
  const none = { text: column.written(NaN), color: "#8a8f98", shape: "circle", holds: (number) => Number.isNaN(number) };
  const missing = column.numbers.some(Number.isNaN) ? [none] : [];
  if (column.words) {
    return [...column.words.map((word, n) => ({
      text: String(word), color: column.colors?.[word] ?? HUES[n % HUES.length], shape: SHAPES[n % SHAPES.length],
      holds: (number) => number === n, filter: `=${word}`,
    })), ...missing];
  }
  if (column.distinct && column.distinct.length <= SHADES.length) {
    const last = Math.max(1, column.distinct.length - 1);
    return [...column.distinct.map((value, n) => ({
      text: shortNumber(value), color: SHADES[Math.round(n * (SHADES.length - 1) / last)], shape: SHAPES[n],
      holds: (number) => number === value, filter: `=${value}`,
    })), ...missing];
  }
  const sorted = column.ranked.filter(Number.isFinite).sort();
  const limits = SHADES.map((_, n) => sorted[Math.floor(n * sorted.length / SHADES.length)]);
  const classes = limits.map((from, n) => {
    const to = limits[n + 1] ?? Infinity;
    const holds = (number) => number >= from && (number < to || to === Infinity);
    const text = to === Infinity ? `${shortNumber(from)} and more` : `${shortNumber(from)} to ${shortNumber(to)}`;
    return { text, color: SHADES[n], shape: "circle", holds };
  }).filter((each, n) => limits[n] !== limits[n + 1]);
  classes[0].holds = ((holds) => (number) => number === -Infinity || holds(number))(classes[0].holds);
  return [...classes, ...missing];
}
