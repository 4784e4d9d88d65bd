// Which runs are shown: one selection for the table of runs and for all pictures of the section Explore.
// A filter is a text on one column, as under the heads of the table.  A range is an interval on one column, as the
// brush draws it; it counts a run that diverged as the worst there is.

class Selection {
  constructor(runs) {
    this.runs = runs;
    this.filters = {};  // name of a column -> text
    this.ranges = {};  // name of a column -> [low, high]
    this.listeners = [];
    this.select();
  }

  get isEmpty() { return !Object.keys(this.filters).length && !Object.keys(this.ranges).length; }

  filter(name, text) {
    if (text.trim()) this.filters[name] = text;
    else delete this.filters[name];
    this.change();
  }

  range(name, interval) {
    if (interval) this.ranges[name] = interval;
    else delete this.ranges[name];
    this.change();
  }

  replace(filters, ranges) {
    const known = ([name]) => name in this.runs.named;
    this.filters = Object.fromEntries(Object.entries(filters).filter(known));
    this.ranges = Object.fromEntries(Object.entries(ranges).filter(known));
    this.change();
  }

  change() {
    this.select();
    for (const listener of this.listeners) listener();
  }

  select() {
    const { runs } = this;
    const shown = new Uint8Array(runs.n).fill(1);
    for (const [name, text] of Object.entries(this.filters)) {
      const column = runs.named[name], holds = test(text, column.numeric);
      for (let row = 0; row < runs.n; row += 1) if (shown[row] && !holds(column.values[row])) shown[row] = 0;
    }
    for (const [name, [low, high]] of Object.entries(this.ranges)) {
      const numbers = runs.named[name].ranked;
      for (let row = 0; row < runs.n; row += 1) if (!(numbers[row] >= low && numbers[row] <= high)) shown[row] = 0;
    }
    this.shown = shown;
    this.rows = [];
    for (let row = 0; row < runs.n; row += 1) if (shown[row]) this.rows.push(row);
  }
}

const entry = (value) => (value === null ? "" : String(value));

// "> 0.5" and "<= 3" compare numbers, "=relu" is the whole entry, anything else is a part of it.
function test(filter, numeric) {
  const wanted = filter.trim().toLowerCase();
  const compare = wanted.match(/^(<=|>=|<|>)\s*(-?[\d.]+(?:e[-+]?\d+)?)$/);
  if (compare && numeric) {
    const limit = Number(compare[2]);
    const holds = {
      "<": (v) => v < limit, "<=": (v) => v <= limit, ">": (v) => v > limit, ">=": (v) => v >= limit,
    }[compare[1]];
    return (value) => typeof value === "number" && holds(value);
  }
  if (wanted.startsWith("=")) return (value) => entry(value).toLowerCase() === wanted.slice(1).trim();
  return (value) => entry(value).toLowerCase().includes(wanted);
}
