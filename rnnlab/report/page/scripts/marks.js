// From runs to marks: one for each run, or one for each group of settings, with the seeds collapsed.
// The unit is the seed.  A group takes of each seed the median of its runs, and of these the median over the seeds.

const FEWEST_FOR_INTERVAL = 6;  // seeds; with five, no interval of order statistics reaches 95 %

// Marks {rows, x, y, color, facet, diverged, xEnds, yEnds, n}; the numbers are those of the columns, not places.
function marksOf(runs, rows, view) {
  const of = (name) => (name ? runs.named[name].ranked : null);
  const [x, y, color, facet] = [of(view.x), of(view.y), of(view.color), of(view.facet)];
  if (view.marks === "runs") {
    return rows.map((row) => ({
      rows: [row], x: x[row], y: y[row], color: color ? color[row] : 0, facet: facet ? facet[row] : 0,
      diverged: Number(runs.diverged[row]), n: 1,
    }));
  }
  return [...grouped(runs, rows, groupKeys(runs, view))].map((group) => {
    const [across, up] = [overSeeds(runs, group, x), overSeeds(runs, group, y)];
    return {
      rows: group, x: across.middle, y: up.middle, xEnds: across.ends, yEnds: up.ends, n: up.n, ranged: up.ranged,
      color: color ? overSeeds(runs, group, color).middle : 0, facet: facet ? facet[group[0]] : 0,
      diverged: group.filter((row) => runs.diverged[row]).length,
    };
  });
}

// Settings in the picture keep marks apart, whether they are among the keys to group by or not.
function groupKeys(runs, view) {
  const apart = [view.x, view.y, view.color, view.facet].filter((name) => name && isSetting(runs.named[name]));
  return [...new Set([...view.by, ...apart])].map((name) => runs.named[name]);
}

const isSetting = (column) => ["study", "setting", "outcome"].includes(column.role);

function grouped(runs, rows, columns) {
  const groups = new Map();
  for (const row of rows) {
    const key = columns.map((column) => column.numbers[row]).join("|");
    if (groups.has(key)) groups.get(key).push(row);
    else groups.set(key, [row]);
  }
  return groups.values();
}

// {middle, ends, n, ranged}: the median over seeds and its 95 % interval, which order statistics give; with few seeds
// the smallest and the largest value (ranged).
function overSeeds(runs, rows, numbers) {
  const seeds = runs.named.seed.values, bySeed = new Map();
  for (const row of rows) {
    if (Number.isNaN(numbers[row])) continue;
    if (bySeed.has(seeds[row])) bySeed.get(seeds[row]).push(numbers[row]);
    else bySeed.set(seeds[row], [numbers[row]]);
  }
  const sorted = Float64Array.from(bySeed.values(), (own) => median(own.length > 1 ? own.sort((a, b) => a - b) : own));
  sorted.sort();
  const n = sorted.length, ranged = n < FEWEST_FOR_INTERVAL;
  const k = ranged ? 0 : intervalRank(n);
  return { middle: median(sorted), ends: n > 1 ? [sorted[k], sorted[n - 1 - k]] : null, n, ranged };
}

// The largest k for which [x(k), x(n - 1 - k)], counted from 0, holds the median with 95 %:
// 2 P(Binomial(n, 1/2) <= k) <= 0.05.  W. Thompson, Annals of Mathematical Statistics 7 (1936).
const RANKS = [];
function intervalRank(n) {
  if (RANKS[n] !== undefined) return RANKS[n];
  let term = 2 ** -n, sum = term, k = 0;
  if (n > 1000) return (RANKS[n] = Math.max(0, Math.floor(n / 2 - 0.98 * Math.sqrt(n)) - 1));
  while (2 * (sum + term * (n - k) / (k + 1)) <= 0.05) {
    term *= (n - k) / (k + 1);
    sum += term;
    k += 1;
  }
  return (RANKS[n] = k);
}

// The run of a group that stands for it: the one of the median score.
function medianRun(runs, rows) {
  const scores = runs.named.score.numbers;
  const sorted = [...rows].sort((a, b) => (scores[a] - scores[b]) || a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

// What a mark is, in a few words: for pointing at it.  [title, [[name, value], ...]]
function describe(runs, mark, names) {
  const [first] = mark.rows, single = mark.rows.length === 1;
  const lines = [];
  for (const column of runs.settings()) {
    const values = new Set(mark.rows.map((row) => column.numbers[row]));
    lines.push([column.title, values.size === 1 ? column.written(column.numbers[first]) : `${values.size} values`]);
  }
  for (const name of new Set(["score", ...names])) {
    const column = runs.named[name];
    if (!column || isSetting(column) || column.role === "seed") continue;
    const { middle, ends, ranged } = overSeeds(runs, mark.rows, single ? column.numbers : column.ranked);
    const between = ends ? `, ${ranged ? "from" : "95%"} ${column.written(ends[0])} to ${column.written(ends[1])}` : "";
    lines.push([column.title, column.written(middle) + between]);
  }
  if (single) return [`seed ${runs.named.seed.written(runs.named.seed.numbers[first])}, ${runs.named.ended.values[first]}`, lines];
  const seeds = new Set(mark.rows.map((row) => runs.named.seed.values[row])).size;
  return [`median of ${seeds} seeds, ${mark.rows.length} runs, ${mark.diverged} diverged`, lines];
}
