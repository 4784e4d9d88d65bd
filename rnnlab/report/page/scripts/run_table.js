// Sorting, filtering and paging of the table of runs.  Without it the first rows stand there as they are.

const WILD = { "nan": Infinity, "inf": Infinity, "-inf": -Infinity, "-": Infinity, "": Infinity };
const size = (value) => (typeof value === "number" ? value : value === null ? Infinity : value in WILD ? WILD[value] : Number(value));

// pick(row) is called when the name of a run is clicked; null: names are plain text.
function runTable(runs, selection, pick) {
  const table = document.getElementById("run-table");
  if (!table) return;
  const body = table.tBodies[0];
  const count = document.getElementById("run-count");
  const pager = document.getElementById("run-pager");
  const [previous, next] = pager.querySelectorAll("button");
  const where = pager.querySelector("span");
  const columns = runs.columns.filter((column) => column.table);
  let order = null, ascending = true, page = 0, shown = [];

  function select() {
    shown = [...selection.rows];
    if (order !== null) {
      const sign = ascending ? 1 : -1, { values, numeric } = columns[order];
      shown.sort(numeric
        ? (a, b) => { const x = size(values[a]), y = size(values[b]); return x === y ? 0 : x < y ? -sign : sign; }
        : (a, b) => sign * entry(values[a]).localeCompare(entry(values[b])));
    }
    page = 0;
    draw();
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(shown.length / runs.page));
    body.replaceChildren(...shown.slice(page * runs.page, (page + 1) * runs.page).map(lineOf));
    count.textContent = `${shown.length.toLocaleString("en")} of ${runs.n.toLocaleString("en")} runs`;
    pager.hidden = pages < 2;
    where.textContent = `page ${page + 1} of ${pages}`;
    previous.disabled = page === 0;
    next.disabled = page === pages - 1;
  }

  function lineOf(row) {
    const [name, ...others] = columns.map((column) => entry(column.values[row]));
    const label = pick ? element("button", { type: "button", onclick: () => pick(row) }, name) : name;
    const cells = others.map((text, n) => element("td", { class: columns[n + 1].numeric ? "number" : null }, text));
    return element("tr", {}, element("th", { scope: "row" }, label), ...cells);
  }

  const heads = [...table.tHead.rows[0].cells];
  const line = table.tHead.insertRow();
  const inputs = heads.map((head, n) => {
    const button = element("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      ascending = order === n ? !ascending : true;
      order = n;
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      select();
    });
    const { name, numeric } = columns[n];
    const attributes = { type: "search", "aria-label": `filter ${name}`, placeholder: numeric ? "> 0" : "filter" };
    const input = element("input", attributes);
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => selection.filter(name, input.value), 120);
    });
    line.append(element("td", {}, input));
    return input;
  });
  previous.addEventListener("click", () => { page -= 1; draw(); });
  next.addEventListener("click", () => { page += 1; draw(); });
  selection.listeners.push(() => {
    inputs.forEach((input, n) => {
      if (input !== document.activeElement) input.value = selection.filters[columns[n].name] ?? "";
    });
    select();
  });
  select();
}
