// The controls of the section Explore: which columns, which marks, which filters.  They change the view and know no picture.

const NOTHING = "(nothing)";

function select(label, options, value, change) {
  const made = element("select", { "aria-label": label, onchange: () => change(made.value) },
    ...options.map(([name, title]) => (Array.isArray(title)
      ? element("optgroup", { label: name }, ...title.map(([own, words]) => element("option", { value: own, selected: own === value }, words)))
      : element("option", { value: name, selected: name === value }, title))));
  return made;
}

function checkbox(label, checked, change) {
  const box = element("input", { type: "checkbox", onchange: () => change(box.checked) });
  box.checked = checked;
  return element("label", { class: "check" }, box, ` ${label}`);
}

const field = (label, ...content) => element("div", { class: "field" }, element("span", {}, label), ...content);

// The columns by what they are, as groups of a select.
function columnOptions(columns) {
  const groups = { Settings: ["study", "setting", "seed"], Results: ["score", "outcome", "metric", "steps"], Diagnostics: ["diagnostic"] };
  return Object.entries(groups)
    .map(([name, roles]) => [name, columns.filter(({ role }) => roles.includes(role)).map((column) => [column.name, column.title])])
    .filter(([, inside]) => inside.length);
}

// All controls for a view.  set(changes) changes the view.
function controls(runs, view, set) {
  const axes = runs.axes(), all = columnOptions(axes);
  const few = axes.filter((column) => column.distinct && column.distinct.length <= 24 && column.role !== "metric");
  const some = [["", NOTHING], ...all], facets = [["", NOTHING], ...columnOptions(few)];
  const log = (name) => {
    const column = runs.named[name];
    if (!column?.canLog) return "";
    return checkbox("log", isLog(column, view), () => set({ flip: toggled(view.flip, name) }));
  };
  const kinds = [["scatter", "two columns"], ["parallel", "many columns"]];
  const found = [field("Picture", select("picture", kinds, view.kind, (kind) => set({ kind })))];
  if (view.kind === "scatter") {
    found.push(field("Up (y)", select("y", all, view.y, (y) => set({ y })), log(view.y)));
    found.push(field("Across (x)", select("x", all, view.x, (x) => set({ x })), log(view.x)));
  }
  found.push(field("Colour", select("colour", some, view.color, (color) => set({ color }))));
  if (view.kind === "scatter") found.push(field("Panels", select("panels", facets, view.facet, (facet) => set({ facet }))));
  const marks = [["runs", "each run"], ["medians", "median over seeds"]];
  found.push(field("Marks", select("marks", marks, view.marks, (value) => set({ marks: value }))));
  if (view.kind === "parallel") found.push(choice("Columns", axes, view.columns, (columns) => columns.length > 1 && set({ columns })));
  if (view.marks === "medians") found.push(choice("Grouped by", runs.settings(), view.by, (by) => set({ by })));
  return found;
}

const toggled = (names, name) => (names.includes(name) ? names.filter((other) => other !== name) : [...names, name]);

// A list of columns that unfolds.
function choice(label, columns, chosen, change) {
  const boxes = columns.map((column) => checkbox(column.title, chosen.includes(column.name), () => change(toggled(chosen, column.name))));
  const names = columns.filter((column) => chosen.includes(column.name)).map((column) => column.title);
  const short = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ") || "none";
  return element("details", { class: "field choice", "data-key": label }, element("summary", {}, `${label}: ${short}`), element("div", {}, ...boxes));
}

// What is selected, as buttons that take it back, and a field for one more filter.
function filterLine(runs, selection, view, set) {
  const chips = [];
  const chip = (text, remove) => chips.push(element("button", { type: "button", class: "chip", "aria-label": `Remove ${text}`, onclick: remove }, text, " ×"));
  for (const [name, text] of Object.entries(selection.filters)) {
    chip(`${runs.named[name].title}: ${text}`, () => selection.filter(name, ""));
  }
  for (const [name, ends] of Object.entries(selection.ranges)) {
    chip(`${runs.named[name].title} ${rangeText(runs.named[name], ends)}`, () => selection.range(name, null));
  }
  const columns = runs.columns.filter((column) => column.varies || column.role === "name" || column.role === "ended");
  const column = select("column to filter", columns.map(({ name, title }) => [name, title]), view.color || view.x, () => {});
  const text = element("input", { type: "search", placeholder: "=relu or > 0.5", "aria-label": "filter", size: 12 });
  const add = (event) => { event.preventDefault(); if (text.value.trim()) selection.filter(column.value, text.value); };
  const form = element("form", { class: "field", onsubmit: add }, element("span", {}, "Filter"), column, text, element("button", { type: "submit" }, "Add"));
  if (!selection.isEmpty) {
    chips.push(checkbox("hide the others", view.others === "hidden", (hidden) => set({ others: hidden ? "hidden" : "grey" })));
    chips.push(element("button", { type: "button", onclick: () => selection.replace({}, {}) }, "Show all runs"));
  }
  return [form, ...chips];
}

function rangeText(column, [low, high]) {
  if (column.words) {
    const inside = column.words.filter((_, n) => n >= low && n <= high);
    return inside.length > 4 ? `${inside[0]} to ${inside.at(-1)}` : inside.join(", ");
  }
  if (low === -Infinity) return `up to ${column.written(high)}`;
  return high === Infinity ? `from ${column.written(low)}` : `${column.written(low)} to ${column.written(high)}`;
}

// Colours with their words; each is a filter where it stands for one value.
function legend(classes, column, selection) {
  if (!column) return [];
  return [element("span", {}, column.title), ...classes.map(({ text, color, filter }) => {
    const swatch = element("span", { class: "swatch", style: `background: ${color}` });
    if (!filter) return element("span", { class: "key" }, swatch, text);
    const pressed = selection.filters[column.name] === filter;
    return element("button", { type: "button", class: "key", "aria-pressed": String(pressed), title: pressed ? "show all" : "show only these",
      onclick: () => selection.filter(column.name, pressed ? "" : filter) }, swatch, text);
  })];
}
