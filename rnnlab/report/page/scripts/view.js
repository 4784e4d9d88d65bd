// What the section Explore shows, as plain data, and the same as an address: #explore?x=seed&y=score&f.task=sines.
// An address holds what differs from the view that the page opens with.

const LISTS = ["by", "columns", "flip"];
const CHOICES = { kind: ["scatter", "parallel"], marks: ["runs", "medians"], others: ["grey", "hidden"] };

function firstView(runs, hint) {
  const settings = runs.settings(), axes = runs.axes();
  const named = (name) => (runs.named[name]?.isAxis && runs.named[name].varies ? name : "");
  const fewest = settings.filter((column) => column.distinct && column.distinct.length > 1);
  const color = named(hint.color) || fewest[0]?.name || "";
  const free = fewest.filter((column) => column.name !== color && column.name !== "task" && column.name !== "study");
  const swept = free.filter((column) => column.numeric);
  const x = swept[0]?.name ?? free[0]?.name ?? (color || "seed");
  const apart = ["study", "task", ...free.map((column) => column.name)].filter((name) => name !== x && named(name));
  const facet = apart.find((name) => runs.named[name].distinct?.length <= 6) ?? "";
  const y = named("score") || axes.find((column) => column.role === "metric")?.name || "seed";
  const across = [...settings.slice(0, 5).map((column) => column.name), y];
  const columns = across.length > 2 ? across : [...new Set([...across, ...axes.map((column) => column.name)])].slice(0, 5);
  return {
    kind: "scatter", x: named(x) || axes[0].name, y, color, facet, marks: runs.n > 2500 ? "medians" : "runs",
    by: settings.map((column) => column.name), columns, flip: [], others: "grey", pick: "", over: "",
  };
}

function toAddress(view, first, selection) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    const text = LISTS.includes(name) ? value.join(",") : value;
    if (text !== (LISTS.includes(name) ? first[name].join(",") : first[name])) found.set(name, text);
  }
  for (const [name, text] of Object.entries(selection.filters)) found.set(`f.${name}`, text);
  for (const [name, ends] of Object.entries(selection.ranges)) found.set(`r.${name}`, ends.join("..").replace("..-", "..-"));
  const text = found.toString();
  return text ? `#explore?${text}` : "";
}

// {view, filters, ranges}, or null for an address that is not of the section.  What is unknown is left out.
function fromAddress(address, first, runs) {
  if (!address.startsWith("#explore?")) return null;
  const view = structuredClone(first), filters = {}, ranges = {};
  const isAxis = (name) => runs.named[name]?.isAxis;
  for (const [name, text] of new URLSearchParams(address.slice("#explore?".length))) {
    if (name.startsWith("f.")) filters[name.slice(2)] = text;
    else if (name.startsWith("r.")) {
      const ends = text.match(/^(.+?)\.\.(.+)$/)?.slice(1).map(Number);
      if (ends && !ends.some(Number.isNaN) && isAxis(name.slice(2))) ranges[name.slice(2)] = ends;
    } else if (LISTS.includes(name)) view[name] = text.split(",").filter(isAxis);
    else if (name in CHOICES) view[name] = CHOICES[name].includes(text) ? text : first[name];
    else if (["x", "y"].includes(name)) view[name] = isAxis(text) ? text : first[name];
    else if (["color", "facet"].includes(name)) view[name] = isAxis(text) ? text : "";
    else if (["pick", "over"].includes(name)) view[name] = runs.rowOf(text) >= 0 ? text : "";
  }
  if (view.columns.length < 2) view.columns = first.columns;
  return { view, filters, ranges };
}

function writeAddress(text) {
  try {
    history.replaceState(null, "", text || location.pathname + location.search);
  } catch {
    // A page within a page, as in a notebook, may have no address of its own.
  }
}
