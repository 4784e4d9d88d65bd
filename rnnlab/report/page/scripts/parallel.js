// Parallel coordinates: every run, or every group of settings, a line across the chosen columns.

const MAX_LINES = 500;  // drawn; the others are counted

// {option, height, scales, classes, marks, undrawn}
function parallel(runs, selection, view, width) {
  const columns = view.columns.map((name) => runs.named[name]);
  const kept = view.others === "hidden" ? selection.rows : [...Array(runs.n).keys()];
  const scales = columns.map((column) => new Scale(column, kept, isLog(column, view)));
  const groups = view.marks === "runs" ? selection.rows.map((row) => [row])
    : [...grouped(runs, selection.rows, groupKeys(runs, { ...view, x: "", y: "", facet: "" }))];
  const marks = thinned(groups, MAX_LINES).map((rows) => ({
    rows, diverged: rows.filter((row) => runs.diverged[row]).length,
    places: scales.map((scale) => scale.place(overSeeds(runs, rows, scale.column.ranked).middle) + apart(scale, rows)),
    color: view.color ? overSeeds(runs, rows, runs.named[view.color].ranked).middle : 0,
  }));
  const classes = colorClasses(view.color && runs.named[view.color]);
  const stacked = width < 600;  // axes below each other on a telephone
  const lines = Math.max(...columns.map(({ title }) => broken(title).split("\n").length));
  const height = stacked ? 72 * columns.length + 10 : 360 + 16 * lines;
  const option = { animation: false, parallelAxis: scales.map((scale, n) => axis(scale, n, stacked, selection)), series: [] };
  option.parallel = { layout: stacked ? "vertical" : "horizontal", left: stacked ? 28 : 54, right: stacked ? 28 : 70,
    top: stacked ? STACKED_TOP : 18 + 16 * lines, bottom: stacked ? 30 : 28,
    parallelAxisDefault: { nameTextStyle: { ...FONT, fontWeight: 600 } } };
  if (stacked) {
    const between = (height - STACKED_TOP - 30) / (columns.length - 1);
    option.title = columns.map(({ title }, n) => ({ text: title, left: 8, top: STACKED_TOP + n * between - 20, padding: 0,
      textStyle: { ...FONT, ...HALO, fontWeight: 600 } }));
  }
  const hidden = view.others === "hidden" || selection.isEmpty ? [] : thinned(rest(runs, selection), MAX_LINES / 3);
  if (hidden.length) {
    const data = hidden.map((row) => scales.map((scale) => scale.place(scale.column.ranked[row]) + apart(scale, [row])));
    option.series.push({ ...LINES, data, lineStyle: { color: GREY, width: 1, opacity: 0.35 } });
  }
  const opacity = marks.length > 400 ? 0.25 : marks.length > 80 ? 0.45 : 0.7;
  for (const each of classes) {
    const own = marks.filter((mark) => each.holds(mark.color));
    if (!own.length) continue;
    const lineStyle = { color: each.color, width: marks.length > 400 ? 1 : 1.6, opacity };
    option.series.push({ ...LINES, data: own.map((mark) => mark.places), lineStyle });
  }
  return { option, height, scales, classes, marks, stacked, undrawn: groups.length - marks.length };
}

const STACKED_TOP = 34;
const HALO = { textBorderColor: "#ffffff", textBorderWidth: 3 };  // lines pass under the words

const LINES = { type: "parallel", silent: true, animation: false, smooth: false, progressive: 0,
  emphasis: { disabled: true }, inactiveOpacity: 1, activeOpacity: 1 };

// Single runs with the same setting pass beside each other, so that one sees how many they are.
function apart(scale, rows) {
  if (rows.length > 1 || !isSetting(scale.column)) return 0;
  return ((rows[0] * 0.618034) % 1 - 0.5) * 0.3 * (scale.column.words ? 1 : (scale.high - scale.low) / 14);
}

function rest(runs, selection) {
  return [...Array(runs.n).keys()].filter((row) => !selection.shown[row]);
}

// At most so many, evenly spread.
function thinned(items, most) {
  if (items.length <= most) return items;
  return [...Array(Math.floor(most)).keys()].map((n) => items[Math.floor(n * items.length / most)]);
}

function axis(scale, dim, stacked, selection) {
  const texts = new Map(scale.ticks.map(({ at, text }) => [at, text]));
  const places = [...texts.keys()];
  const title = scale.column.title;
  return {
    dim, type: "value", min: scale.low, max: scale.high, id: scale.column.name,
    name: stacked ? "" : broken(title), nameLocation: "end", nameGap: 14,
    axisLine: { lineStyle: { color: selection.ranges[scale.column.name] ? "#0b5f95" : "#9a9fa7", width: 1.5 } },
    axisTick: { customValues: places, lineStyle: { color: "#9a9fa7" } }, splitLine: { show: false },
    axisLabel: { ...FONT, ...HALO, fontSize: 11, color: SOFT_INK, customValues: places, hideOverlap: true, width: 92,
      overflow: "truncate", formatter: (value) => texts.get(value) ?? "" },
    areaSelectStyle: { width: 18, borderWidth: 1, borderColor: "#0b5f95", color: "#0b5f95", opacity: 0.15 },
  };
}

// A long title over two or three lines.
function broken(title) {
  const lines = [""];
  for (const word of title.split(" ")) {
    if (lines[lines.length - 1].length + word.length > 15) lines.push(word);
    else lines[lines.length - 1] += lines[lines.length - 1] ? ` ${word}` : word;
  }
  return lines.filter(Boolean).join("\n");
}

// The places of the lines in pixels, for the pointer: from two points of each axis.
function placeLines(chart, picture) {
  const area = chart.getModel().getComponent("parallel").coordinateSystem;
  const ends = picture.scales.map((scale, n) => {
    const dim = area.dimensions[n];
    return [area.dataToPoint(scale.low, dim), area.dataToPoint(scale.high, dim)];
  });
  for (const mark of picture.marks) {
    mark.line = mark.places.map((place, n) => {
      const { low, high } = picture.scales[n], [from, to] = ends[n], part = (place - low) / (high - low);
      return [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])];
    });
    const middle = mark.line[Math.floor(mark.line.length / 2)];
    [mark.left, mark.top] = middle;
  }
}
