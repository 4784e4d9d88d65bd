// Marks as panels of one picture: an option for ECharts, and where each mark stands, for the pointer.

const MAX_PANELS = 12;
const LARGE_FROM = 1500;  // marks in the picture; from there on they are small squares, which a canvas draws fastest
const SMALL = 3.8;  // pixels; below 4 the library fills squares instead of paths
const INK = "#3a3d42", SOFT_INK = "#5b5f66", LINE = "#dfe1e5";
const FONT = { fontFamily: "system-ui, sans-serif", fontSize: 12, color: INK };

// {option, height, panels: [{title, left, top, width, height, marks}], scales, classes, hiddenPanels}
function scatter(runs, selection, view, width) {
  const kept = view.others === "hidden" ? selection.rows : [...Array(runs.n).keys()];
  const marks = marksOf(runs, selection.rows, view);
  const others = view.others === "hidden" || selection.isEmpty ? [] : othersOf(runs, selection, view);
  const scales = [view.x, view.y].map((name) => new Scale(runs.named[name], kept, isLog(runs.named[name], view)));
  const classes = colorClasses(view.color && runs.named[view.color]);
  const facet = view.facet && runs.named[view.facet];
  const values = facet ? facetValues(facet, selection.rows) : [0];
  const shown = values.slice(0, MAX_PANELS);
  const { panels, height } = layout(shown.length, width, scales);
  const option = { animation: false, title: [], grid: [], xAxis: [], yAxis: [], series: [] };
  panels.forEach((panel, n) => {
    const inside = (mark) => !facet || same(mark.facet, shown[n]);
    panel.marks = marks.filter(inside);
    panel.title = facet ? `${facet.title} ${facet.written(shown[n])}` : "";
    addPanel(option, panel, n, scales, classes, others.filter(inside), view, marks.length + others.length);
  });
  option.brush = { xAxisIndex: "all", yAxisIndex: "all", seriesIndex: [], throttleType: "debounce", throttleDelay: 50,
    brushStyle: { color: "rgba(11,95,149,0.12)", borderColor: "#0b5f95", borderWidth: 1 } };
  const [x, y] = scales;
  for (const panel of panels) {
    for (const mark of panel.marks) {
      mark.left = panel.left + (spread(mark, x, view.x, view) - x.low) / (x.high - x.low) * panel.width;
      mark.top = panel.top + (y.high - spread(mark, y, view.y, view)) / (y.high - y.low) * panel.height;
    }
  }
  return { option, height, panels, scales, classes, hiddenPanels: values.length - shown.length };
}

const same = (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b));
const isLog = (column, view) => column.canLog && column.logByDefault !== view.flip.includes(column.name);

function othersOf(runs, selection, view) {
  const rows = [];
  for (let row = 0; row < runs.n; row += 1) if (!selection.shown[row]) rows.push(row);
  return marksOf(runs, rows, { ...view, marks: "runs" });
}

function facetValues(column, rows) {
  const found = new Set();
  for (const row of rows) found.add(column.numbers[row]);
  return [...found].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
}

// Runs that share a setting stand beside each other, in the order of their rows; medians in the order of their colours.
function spread(mark, scale, name, view) {
  const across = name === view.x, place = scale.place(across ? mark.x : mark.y);
  if (!isSetting(scale.column)) return place;
  const room = 0.55 * (scale.column.words ? 1 : (scale.high - scale.low) / 14);
  if (view.marks === "runs") return place + ((mark.rows[0] * 0.618034) % 1 - 0.5) * room;
  return across ? place + (mark.shift ?? 0) * room : place;
}

function layout(n, width, [x, y]) {
  const left = Math.min(140, 16 + 6.6 * Math.max(...y.ticks.map(({ text }) => text.length)));
  const columns = Math.max(1, Math.min(n, Math.floor((width - left) / (width < 600 ? 150 : 230)), n === 4 ? 2 : 3));
  const gap = 14, top = 24, right = 14;
  const panelWidth = (width - left - right - gap * (columns - 1)) / columns;
  const room = panelWidth / Math.max(1, x.ticks.length);
  const tilted = x.ticks.some(({ text }) => 6.4 * text.length > room);
  const under = (tilted ? Math.min(110, 20 + 4.2 * Math.max(...x.ticks.map(({ text }) => text.length))) : 24) + 22;
  const rows = Math.ceil(n / columns);
  const panelHeight = rows === 1 ? Math.max(240, Math.min(400, panelWidth * 0.8)) : Math.max(150, Math.min(230, panelWidth * 0.75));
  const panels = [...Array(n).keys()].map((k) => ({
    left: left + (k % columns) * (panelWidth + gap), top: top + Math.floor(k / columns) * (panelHeight + top),
    width: panelWidth, height: panelHeight, tilted, first: k % columns === 0, last: k + columns >= n,
  }));
  return { panels, height: rows * (panelHeight + top) + under };
}

function addPanel(option, panel, n, [x, y], classes, others, view, nMarks) {
  const { left, top, width, height } = panel;
  option.grid.push({ left, top, width, height, show: true, borderColor: LINE, backgroundColor: "transparent" });
  if (panel.title) {
    const textStyle = { ...FONT, fontWeight: 600, width, overflow: "truncate" };
    option.title.push({ text: panel.title, left: left + width / 2, top: top - 20, textAlign: "center", padding: 0, textStyle });
  }
  option.xAxis.push(axisOf(x, n, panel.last, { rotate: panel.tilted ? 38 : 0, name: panel.last ? x.column.title : "",
    nameLocation: "middle", nameGap: panel.tilted ? 12 + 4.2 * Math.max(...x.ticks.map(({ text }) => text.length)) : 26 }));
  option.yAxis.push(axisOf(y, n, panel.first, {}));
  const crowded = nMarks > LARGE_FROM, large = { large: crowded, largeThreshold: 1, progressive: 0 };
  const base = { type: "scatter", xAxisIndex: n, yAxisIndex: n, silent: true, animation: false };
  const points = (marks, own = view) => {  // x, y, x, y, ...: the library copies a typed array, and not each point
    const found = new Float64Array(2 * marks.length);
    marks.forEach((mark, k) => {
      found[2 * k] = spread(mark, x, view.x, own);
      found[2 * k + 1] = spread(mark, y, view.y, own);
    });
    return found;
  };
  const single = { ...view, marks: "runs" };
  if (others.length) {
    option.series.push({ ...base, data: points(others, single), symbolSize: SMALL, itemStyle: { color: GREY }, ...large });
  }
  const byClass = classes.map((each) => panel.marks.filter((mark) => each.holds(mark.color)));
  const there = byClass.filter((own) => own.length).length;
  let k = 0;
  classes.forEach((each, c) => {
    const own = byClass[c];
    if (!own.length) return;
    for (const mark of own) mark.shift = there > 1 ? (k + 0.5) / there - 0.5 : 0;
    k += 1;
    const small = crowded ? SMALL : panel.marks.length > 800 ? 5 : 7;
    const hasDiverged = (mark) => 2 * mark.diverged > mark.rows.length;  // of a group, most of its runs
    const ran = own.filter((mark) => !hasDiverged(mark)), gone = own.filter(hasDiverged);
    const itemStyle = { color: each.color, opacity: view.marks === "runs" ? 0.75 : 1 };
    if (view.marks === "medians") option.series.push(intervals(own, base, each.color, x, y, view));
    option.series.push({ ...base, data: points(ran), symbol: each.shape, itemStyle, ...(view.marks === "runs" ? large : {}),
      symbolSize: view.marks === "runs" ? small : 9 });
    if (gone.length) option.series.push(crosses(points(gone), base, itemStyle, view.marks === "runs" ? 2.5 : 4));
  });
}

// All crosses as one path: the library is slow with a thousand objects.  points: x, y, x, y, ...; half: of a cross, in pixels
function crosses(points, base, { color, opacity }, half) {
  return { ...base, type: "custom", zlevel: 0, data: [[points[0], points[1]]], encode: { x: 0, y: 1 },
    renderItem: (_, api) => {
      const lines = [];
      for (let k = 0; k < points.length; k += 2) {
        const [x, y] = api.coord([points[k], points[k + 1]]).map((place) => Math.round(10 * place) / 10);
        lines.push(`M${x - half},${y - half}L${x + half},${y + half}M${x + half},${y - half}L${x - half},${y + half}`);
      }
      return { type: "path", silent: true, shape: { pathData: lines.join("") }, style: { stroke: color, fill: "none", opacity, lineWidth: 0.6 * half } };
    } };
}

// The interval of each median as a line: up and down, and across where x is measured.
function intervals(marks, base, color, x, y, view) {
  const lines = marks.flatMap((mark) => {
    const at = [spread(mark, x, view.x, view), spread(mark, y, view.y, view)], found = [];
    if (mark.yEnds) found.push([at[0], y.place(mark.yEnds[0]), at[0], y.place(mark.yEnds[1])]);
    if (mark.xEnds && !isSetting(x.column)) found.push([x.place(mark.xEnds[0]), at[1], x.place(mark.xEnds[1]), at[1]]);
    return found;
  });
  return { ...base, type: "custom", zlevel: 0, data: lines, encode: { x: [0, 2], y: [1, 3] },
    renderItem: (_, api) => {
      const [x1, y1] = api.coord([api.value(0), api.value(1)]), [x2, y2] = api.coord([api.value(2), api.value(3)]);
      return { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: color, lineWidth: 2.5, opacity: 0.45 } };
    } };
}

function axisOf(scale, gridIndex, labelled, more) {
  const places = scale.ticks.map(({ at }) => at);
  const texts = new Map(scale.ticks.map(({ at, text }) => [at, text]));
  const { rotate = 0, ...others } = more;
  return {
    type: "value", gridIndex, min: scale.low, max: scale.high, ...others, nameTextStyle: FONT,
    axisLine: { onZero: false, lineStyle: { color: "#9a9fa7" } }, splitLine: { show: false },
    axisTick: { show: labelled, customValues: places, lineStyle: { color: "#9a9fa7" } },
    axisLabel: { ...FONT, color: SOFT_INK, show: labelled, customValues: places, rotate, hideOverlap: !rotate,
      formatter: (value) => texts.get(value) ?? "", width: 128, overflow: "truncate" },
  };
}
