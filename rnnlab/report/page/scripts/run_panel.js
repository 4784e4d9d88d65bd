// The runs that were picked: their settings side by side, curves, predictions and gradients; two laid over each other.

const TWO = ["#0072B2", "#D55E00"];  // of the run picked, and of the one kept
const MAX_THIN = 40;  // curves of a group
const TRUTH = "#9a9fa7";

class RunPanel {
  // links: where the folder of a run lies, seen from the page; null on a page over several studies.
  constructor(runs, root, actions) {
    Object.assign(this, { runs, root, actions, charts: [], column: 0, log: true });
  }

  async load() {
    this.loading ??= Promise.all([unpacked("run-curves"), unpackedJson("run-examples")]).then(([bytes, examples]) => {
      this.curves = bytes && new Curves(bytes);
      this.examples = examples ?? {};
    });
    return this.loading;
  }

  // groups: for each pick the runs of its mark, [] for none.
  async show(groups) {
    const picked = groups.filter((rows) => rows.length);
    for (const chart of this.charts.splice(0)) chart.dispose();
    this.root.hidden = !picked.length;
    if (!picked.length) return this.root.replaceChildren();
    await this.load();
    this.picked = picked.map((rows) => ({ rows, row: medianRun(this.runs, rows) }));
    this.root.replaceChildren(this.head(), this.settings(), element("div", { class: "run-pictures" }));
    this.pictures = this.root.lastChild;
    this.drawCurves();
    this.drawPredictions();
    this.drawGradients();
    this.resize();  // each picture that was added made those before it narrower
  }

  resize() {
    for (const chart of this.charts) chart.resize();
  }

  head() {
    const { actions, picked } = this;
    const close = element("button", { type: "button", onclick: actions.close }, "Close");
    const keep = element("button", { type: "button", onclick: picked.length > 1 ? actions.single : actions.keep },
      picked.length > 1 ? "Only the first" : "Lay another run over it");
    const note = actions.keeping() ? "Now point at another run and click, or press Enter." : "";
    return element("div", { class: "run-head" }, element("h3", { tabindex: "-1" }, picked.length > 1 ? "Two runs" : "The run"),
      keep, close, element("span", { role: "status" }, note));
  }

  settings() {
    const { runs, picked } = this;
    const heads = picked.map(({ rows, row }, n) => element("th", { scope: "col" },
      element("span", { class: "swatch", style: `background: ${TWO[n]}` }), this.name(rows, row)));
    const lines = runs.columns.filter((column) => column.role !== "name" && (column.varies || column.table) && this.says(column));
    const body = lines.map((column) => {
      const texts = picked.map(({ rows }) => this.valueOf(column, rows));
      const differs = texts.length > 1 && texts[0] !== texts[1];
      return element("tr", { class: differs ? "differs" : null }, element("th", { scope: "row" }, column.title),
        ...texts.map((text) => element("td", {}, text)));
    });
    const table = element("table", { class: "plain" }, element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "column"), ...heads)),
      element("tbody", {}, ...body));
    return element("div", { class: "scroll run-settings", tabindex: "0", role: "group", "aria-label": "Settings and results" }, table);
  }

  says(column) {
    return ["study", "setting", "seed", "ended", "score", "metric", "steps"].includes(column.role) && column.name !== "outcome";
  }

  valueOf(column, rows) {
    if (rows.length === 1) {
      const value = column.values[rows[0]];
      return typeof value === "number" ? shortNumber(value) : entry(value);
    }
    if (column.words || !column.numbers) {
      const values = new Set(rows.map((row) => column.values[row]));
      return values.size === 1 ? entry([...values][0]) : `${values.size} values`;
    }
    if (column.role === "seed") return `${new Set(rows.map((row) => column.values[row])).size} seeds`;
    const { middle, ends } = overSeeds(this.runs, rows, column.ranked);
    return column.written(middle) + (ends && ends[0] !== ends[1] ? ` (${column.written(ends[0])} to ${column.written(ends[1])})` : "");
  }

  name(rows, row) {
    const { runs } = this, name = runs.named.run.values[row];
    const study = runs.named.study?.values[row];
    const path = study === undefined ? `../${encodeURIComponent(name)}/` : `${encodeURIComponent(study)}/report/index.html#explore?pick=${encodeURIComponent(name)}`;
    const link = element("a", { href: path }, name);
    return rows.length > 1 ? element("span", {}, `${rows.length} runs; the median one is `, link) : link;
  }

  place(title, note) {
    const sheet = element("div", { class: "sheet run-chart", role: "img", "aria-label": title });
    const figure = element("figure", {}, element("h4", {}, title), sheet);
    if (note) figure.append(element("figcaption", {}, note));
    this.pictures.append(figure);
    return { sheet, figure };
  }

  chart(sheet, option) {
    const chart = echarts.init(sheet, null, { renderer: "canvas" });
    chart.setOption({ animation: false, grid: { left: 58, right: 16, top: 14, bottom: 40 }, ...option });
    this.charts.push(chart);
  }

  drawCurves() {
    const { curves, picked } = this;
    const of = ({ rows, row }) => [row, ...thinned(rows.filter((other) => other !== row), MAX_THIN)];
    if (!curves || !picked.some(({ row }) => curves.of(row, 0).length)) return;
    const { figure, sheet } = this.place("Curves", picked.some(({ rows }) => rows.length > 1) ? "Thick: the median run by score. Thin: the other seeds." : "");
    const select = element("select", { "aria-label": "column of the curves", onchange: () => { this.column = Number(select.value); draw(); } },
      ...curves.columns.map(({ title }, n) => element("option", { value: n, selected: n === this.column }, title)));
    const log = element("input", { type: "checkbox", onchange: () => { this.log = log.checked; draw(); } });
    log.checked = this.log;
    figure.firstChild.append(" ", select, " ", element("label", {}, log, " log"));
    let chart = null;
    const draw = () => {
      const isLog = this.log && curves.columns[this.column].log;
      const series = picked.flatMap((pick, n) => of(pick).map((row, k) => line(
        curves.of(row, this.column).map(([step, value]) => [step, isLog && !(value > 0) ? null : value]), TWO[n],
        k ? { width: 0.8, opacity: 0.35 } : { width: 2 }, k === 0)));
      const [low, high] = extent(series.flatMap(({ data }) => data.map(([, value]) => value)).filter((value) => value !== null));
      const option = { xAxis: { ...plainAxis("optimiser steps"), min: "dataMin", max: "dataMax" },
        yAxis: { ...plainAxis(""), type: isLog ? "log" : "value", ...(isLog ? logEnds(low, high) : { scale: true }) }, series };
      if (chart) chart.setOption(option, { replaceMerge: ["series", "yAxis"] });
      else { this.chart(sheet, option); chart = this.charts.at(-1); }
    };
    draw();
  }

  drawPredictions() {
    const kinds = new Set(this.picked.map(({ row }) => this.examples[row]?.predictions?.kind));
    for (const kind of kinds) this.drawKind(kind);
  }

  // The predictions of the runs that have this kind; undefined: the page does not hold them.
  drawKind(kind) {
    const found = this.picked.map(({ row }) => this.examples[row]?.predictions).map((each) => (each?.kind === kind ? each : null));
    const [first] = found.filter(Boolean);
    if (!first) return this.absent("predictions", "predictions.csv");
    if (first.kind === "text") return this.text(found);
    if (first.kind === "classes") return found.forEach((each, n) => each?.counts && this.classes(each, n));
    const { sheet } = this.place("Predictions", `The first ${first.t.length} of ${first.n.toLocaleString("en")} answers. Grey: the truth.`);
    const numeric = typeof first.t[0] === "number";
    const points = (values) => values.map((value, k) => [numeric ? first.t[k] : k, value]);
    const series = [line(points(first.lines.truth ?? []), TRUTH, { width: 4, opacity: 0.6 })];
    const styles = ["solid", "dashed", "dotted"];
    found.forEach((each, n) => {
      Object.entries(each?.lines ?? {}).filter(([name]) => name !== "truth").slice(0, 3).forEach(([, values], k) => {
        series.push(line(points(values), TWO[n], { width: 1.4, type: styles[k] }));
      });
    });
    const names = Object.keys(first.lines).filter((name) => name !== "truth").slice(0, 3).map((name, k) => `${styles[k]} ${name.replace("_", " ")}`);
    sheet.parentElement.lastChild.append(` ${names.join(", ")}.`);
    const [low, high] = extent(first.lines.truth.filter((value) => value !== null)), room = (high - low || 1) / 2;
    this.chart(sheet, { xAxis: { ...plainAxis("t"), min: "dataMin", max: "dataMax" }, yAxis: { ...plainAxis(""), min: low - room, max: high + room,
      axisLabel: { ...FONT, fontSize: 11, formatter: shortNumber, showMinLabel: false, showMaxLabel: false } }, series });
  }

  classes({ names, counts }, n) {
    const { sheet } = this.place("Predictions", "Rows: the right class. Columns: the answer. Darker: more often.");
    const cells = counts.flatMap((row, up) => row.map((count, across) => [across, up, count]));
    const most = Math.max(...counts.flat());
    const axis = { type: "category", data: names, axisLabel: { ...FONT, fontSize: 11 }, axisTick: { show: false }, splitLine: { show: false } };
    this.chart(sheet, { xAxis: { ...axis, name: "answer", nameLocation: "middle", nameGap: 24, nameTextStyle: FONT }, yAxis: { ...axis, inverse: true },
      visualMap: { show: false, min: 0, max: most, inRange: { color: ["#ffffff", TWO[n]] } },
      series: [{ type: "heatmap", silent: true, animation: false, data: cells,
        label: { show: names.length <= 12, ...FONT, fontSize: 10, formatter: ({ value }) => value[2] || "" } }] });
  }

  text(found) {
    const { sheet } = this.place("Predictions", "Wrong parts are marked.");
    sheet.removeAttribute("role");
    sheet.classList.remove("run-chart");
    found.forEach((each, n) => {
      if (!each) return;
      const { truth, answer, between } = each;
      const pieces = answer.map((token, k) => (token === truth[k] ? `${token}${between}` : element("mark", {}, `${token}${between}`)));
      if (each === found.find(Boolean)) sheet.append(element("p", { class: "text" }, truth.join(between)));
      sheet.append(element("p", { class: "text", style: `border-left: 3px solid ${TWO[n]}; padding-left: 0.5rem` }, ...pieces));
    });
  }

  drawGradients() {
    const found = this.picked.map(({ row }) => this.examples[row]?.gradients);
    const [first] = found.filter(Boolean);
    if (!first) return;
    const steps = Object.keys(first.norms);
    const { sheet } = this.place("Gradient through time", `Norm of the gradient at each time step, top layer; from faint to strong: training steps ${steps.join(", ")}.`);
    const series = found.flatMap((each, n) => Object.values(each?.norms ?? {}).map((values, k, all) => line(
      values.map((value, i) => [each.t[i], value > 0 ? value : null]), TWO[n], { width: 1.6, opacity: (k + 1) / all.length })));
    const [low, high] = extent(series.flatMap(({ data }) => data.map(([, value]) => value)).filter((value) => value !== null));
    this.chart(sheet, { xAxis: { ...plainAxis("time step"), min: "dataMin", max: "dataMax" }, yAxis: { ...plainAxis(""), type: "log", ...logEnds(low, high) }, series });
  }

  absent(what, file) {
    if (this.runs.named.study) return;
    const links = this.picked.filter(({ row }) => !this.examples[row]?.predictions).map(({ row }) => {
      const name = this.runs.named.run.values[row];
      return element("a", { href: `../${encodeURIComponent(name)}/${file}` }, `${name}/${file}`);
    });
    this.pictures.append(element("p", { class: "under" }, `The page holds the ${what} of some runs of each condition, and not of this one: `, ...links));
  }
}

function line(data, color, lineStyle, thick = true) {
  return { type: "line", data, showSymbol: false, silent: true, z: thick ? 3 : 2, lineStyle, itemStyle: { color }, color, animation: false };
}

function plainAxis(name) {
  return { type: "value", name, nameLocation: "middle", nameGap: 26, nameTextStyle: FONT, axisLine: { onZero: false }, splitLine: { lineStyle: { color: LINE } },
    axisLabel: { ...FONT, fontSize: 11, color: SOFT_INK, hideOverlap: true, formatter: shortNumber } };
}

// Whole decades around two positive numbers; within one decade the numbers themselves.
function logEnds(low, high) {
  if (!(low > 0)) return {};
  const [from, to] = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))];
  return { min: from, max: to > from ? to : from * 10 };
}
