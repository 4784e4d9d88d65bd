// The section Explore: a view, the picture of it, and what the pointer, the brush and the keys do to both.
// The library that draws is unpacked when the section comes near the window, and not before.

class Explore {
  constructor(runs, selection, box) {
    Object.assign(this, { runs, selection, box });
    this.root = document.getElementById("explore");
    const find = (name) => this.root.querySelector(`.explore-${name}`);
    this.parts = Object.fromEntries(["controls", "filters", "legend", "y", "canvas", "ring", "count", "run"].map((name) => [name, find(name)]));
    this.brushButton = find("brush");
    this.first = firstView(runs, { color: runs.hint });
    this.view = structuredClone(this.first);
    const set = (changes) => this.set(changes);
    this.panel = new RunPanel(runs, this.parts.run, {
      close: () => set({ pick: "", over: "" }), single: () => set({ over: "" }),
      keep: () => { this.keeps = true; this.showRun(); }, keeping: () => this.keeps,
    });
    this.root.hidden = false;
    selection.listeners.push(() => this.draw());
    addEventListener("hashchange", () => this.restore());
    new ResizeObserver(() => this.resize()).observe(this.parts.canvas);
    new IntersectionObserver((seen, observer) => {
      if (seen.some((entry) => entry.isIntersecting)) { observer.disconnect(); this.begin(); }
    }, { rootMargin: "600px" }).observe(this.root);
  }

  // Unpack the library, then draw.
  begin() {
    this.begun ??= (async () => {
      const bytes = await unpacked("library");
      document.head.append(element("script", {}, new TextDecoder().decode(bytes)));  // its hash is in the page's policy
      this.chart = echarts.init(this.parts.canvas, null, { renderer: "canvas" });
      this.listen();
      this.draw();
      this.showRun();
      this.root.dataset.ready = "";
    })();
    return this.begun;
  }

  restore() {
    const found = fromAddress(location.hash, this.first, this.runs);
    if (!found) return;
    this.view = found.view;
    this.address = undefined;
    this.selection.replace(found.filters, found.ranges);
    this.root.scrollIntoView();
    this.begin().then(() => this.showRun());
  }

  set(changes) {
    const before = this.view;
    this.view = { ...before, ...changes };
    if ("pick" in changes || "over" in changes) {
      this.keeps = false;
      this.showRun(true);
    } else if (changes.marks && before.pick) this.showRun();
    if (Object.keys(changes).some((name) => !["pick", "over"].includes(name))) this.draw();
    this.write();
  }

  write() {
    const text = toAddress(this.view, this.first, this.selection);
    if (text === this.address || !(text || location.hash.startsWith("#explore?"))) return;
    writeAddress(this.address = text);
  }

  draw() {
    if (!this.chart) return;
    const { runs, selection, view, parts } = this;
    const make = view.kind === "parallel" ? parallel : scatter;
    this.picture = make(runs, selection, view, parts.canvas.clientWidth);
    parts.canvas.style.height = `${this.picture.height}px`;
    if (this.height !== this.picture.height) {
      this.chart.clear();  // or the old picture would be drawn once more in the new size
      this.chart.resize({ height: this.height = this.picture.height });
    }
    this.chart.setOption(this.picture.option, true);
    if (view.kind === "parallel") placeLines(this.chart, this.picture);
    this.brushing(view.kind === "scatter" && this.brushButton.getAttribute("aria-pressed") === "true");
    this.marks = null;
    this.watching?.forget();
    this.describe();
    this.fill();
    if (this.begun) this.write();
  }

  // The controls, in place of those before; the focus and what was unfolded stay.
  fill() {
    const { runs, selection, view, parts } = this;
    const focused = document.activeElement?.getAttribute("aria-label"), inside = parts.controls.contains(document.activeElement);
    const open = [...parts.controls.querySelectorAll("details[open]")].map((each) => each.dataset.key);
    const set = (changes) => this.set(changes);
    parts.controls.replaceChildren(...controls(runs, view, set));
    for (const each of parts.controls.querySelectorAll("details")) each.open = open.includes(each.dataset.key);
    if (inside && focused) parts.controls.querySelector(`[aria-label="${focused}"]`)?.focus();
    parts.filters.replaceChildren(...filterLine(runs, selection, view, set));
    parts.legend.replaceChildren(...legend(this.picture.classes, view.color && runs.named[view.color], selection));
    this.brushButton.hidden = view.kind !== "scatter";
  }

  // In words what the picture shows.
  describe() {
    const { runs, selection, view, parts, picture } = this;
    const title = (name) => runs.named[name].title;
    const shown = selection.rows, diverged = shown.filter((row) => runs.diverged[row]).length;
    const number = (n) => n.toLocaleString("en");
    let text = `${number(shown.length)} of ${number(runs.n)} runs; ${number(diverged)} diverged`;
    const crosses = view.marks === "runs" ? ", drawn as crosses" : "; a cross: most runs of the group diverged";
    text += view.kind === "scatter" && diverged ? `${crosses}.` : ".";
    if (view.kind === "scatter" && view.marks === "medians") {
      text += " A mark is the median over seeds, a line its 95% interval (order statistics; under 6 seeds: from the smallest to the largest).";
      if (!selection.isEmpty) text += " Medians count the selected runs alone.";
    }
    if (picture.hiddenPanels) text += ` The first ${picture.panels.length} of ${picture.panels.length + picture.hiddenPanels} panels.`;
    if (picture.undrawn) text += ` ${number(picture.undrawn)} lines are not drawn: filter, or choose medians.`;
    parts.count.textContent = text;
    parts.y.textContent = view.kind === "scatter" ? `↑ ${title(view.y)}` : "";
    const what = view.kind === "scatter" ? `${title(view.y)} against ${title(view.x)}` : view.columns.map(title).join(", ");
    parts.canvas.setAttribute("aria-label", `Picture of ${what}. Arrow keys go from mark to mark, Enter opens one.`);
  }

  listen() {
    const { chart, runs, parts } = this;
    this.brushButton.addEventListener("click", () => {
      const on = this.brushButton.getAttribute("aria-pressed") !== "true";
      this.brushButton.setAttribute("aria-pressed", String(on));
      this.brushing(on);
    });
    chart.on("brushEnd", ({ areas }) => this.brushed(areas));
    chart.on("axisareaselected", (event) => this.axisSelected(event));
    this.watching = watch(parts.canvas, this.box, {
      marks: () => (this.marks ??= this.inOrder()),
      local: (event) => {
        const { left, top } = parts.canvas.getBoundingClientRect();
        return [event.clientX - left, event.clientY - top];
      },
      at: (mark) => {
        const { left, top } = parts.canvas.getBoundingClientRect();
        return [left + mark.left, top + mark.top];
      },
      say: (mark) => describe(runs, mark, this.view.kind === "scatter" ? [this.view.y, this.view.x] : this.view.columns),
      mark: (mark) => this.ring(mark),
      open: (mark, over) => this.pick(mark.rows, over),
      hint: "Click or Enter: its curves. With Shift: over those of the run before.",
    });
  }

  inOrder() {
    if (this.view.kind === "parallel") return this.picture.marks;
    return this.picture.panels.flatMap(({ marks }) => [...marks].sort((a, b) => a.left - b.left || a.top - b.top));
  }

  ring(mark) {
    const { ring } = this.parts;
    ring.setAttribute("d", !mark ? "" : mark.line ? `M${mark.line.map(([x, y]) => `${x} ${y}`).join("L")}` : circle(mark.left, mark.top));
  }

  brushing(on) {
    if (!on && !this.brushes) return;  // the library takes some milliseconds for it
    this.brushes = on;
    this.chart.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption: { brushType: on ? "rect" : false, brushMode: "single" } });
    this.parts.canvas.classList.toggle("brushing", on);
  }

  // A rectangle becomes a range on each of the two columns.
  brushed(areas) {
    const area = areas.at(-1);
    if (!area?.coordRange) return;
    const range = area.coordRange[0].length ? area.coordRange : area.coordRanges[0];
    const { scales } = this.picture, ranges = { ...this.selection.ranges };
    [this.view.x, this.view.y].forEach((name, n) => { ranges[name] = this.rangeOf(scales[n], range[n]); });
    this.brushButton.setAttribute("aria-pressed", "false");
    this.selection.replace(this.selection.filters, ranges);
  }

  // An interval on an axis of the parallel coordinates.
  axisSelected({ parallelAxisId, intervals }) {
    const n = this.view.columns.indexOf(parallelAxisId ?? "");
    if (n < 0) return;
    const interval = intervals?.[0];
    this.selection.range(this.view.columns[n], interval ? this.rangeOf(this.picture.scales[n], interval) : null);
  }

  // Settings that are drawn side by side count as a whole.
  rangeOf(scale, [low, high]) {
    const room = isSetting(scale.column) ? (scale.column.words ? 0.5 : (scale.high - scale.low) / 50) : 0;
    const ends = [scale.number(low - room / 2), scale.number(high + room / 2)];
    return ends.map((end) => (Number.isFinite(end) ? Number(end.toPrecision(6)) : end));
  }

  pick(rows, over) {
    const name = this.runs.named.run.values[medianRun(this.runs, rows)];
    if ((over || this.keeps) && this.view.pick && this.view.pick !== name) this.set({ over: name });
    else this.set({ pick: name, over: "" });
  }

  async showRun(scroll = false) {
    if (!this.chart) return;
    const groups = [this.view.pick, this.view.over].filter(Boolean).map((name) => this.groupOf(this.runs.rowOf(name)));
    await this.panel.show(groups);
    if (scroll && groups.length) this.parts.run.scrollIntoView({ block: "nearest" });
  }

  groupOf(row) {
    const mark = this.view.marks === "medians" && (this.picture.marks ?? this.picture.panels.flatMap(({ marks }) => marks))
      .find(({ rows }) => rows.includes(row));
    return mark ? mark.rows : [row];
  }

  resize() {
    if (!this.chart || this.width === this.parts.canvas.clientWidth) return;
    const known = this.width !== undefined;
    this.width = this.parts.canvas.clientWidth;
    if (!known) return;
    this.chart.resize();
    this.panel.resize();
    this.draw();
  }
}
