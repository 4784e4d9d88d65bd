// Sorting, filtering and paging of the table of runs.  Without it the first rows stand there as they are.
"use strict";
(() => {
  const table = document.getElementById("run-table");
  const data = JSON.parse(document.getElementById("run-data").textContent);
  const body = table.tBodies[0];
  const count = document.getElementById("run-count");
  const pager = document.getElementById("run-pager");
  const [previous, next] = pager.querySelectorAll("button");
  const where = pager.querySelector("span");
  const filters = data.columns.map(() => "");
  let order = null, ascending = true, page = 0, shown = data.rows;

  const text = (value) => (value === null ? "" : String(value));
  const wild = { "nan": Infinity, "inf": Infinity, "-inf": -Infinity, "-": Infinity, "": Infinity };
  const size = (value) => (typeof value === "number" ? value : value === null ? Infinity : value in wild ? wild[value] : Number(value));

  // "> 0.5", "<= 3", "0.1 .. 0.3" compare numbers, "=relu" is the whole entry, anything else a part of it.
  function test(filter, numeric) {
    const wanted = filter.trim().toLowerCase();
    const compare = wanted.match(/^(<=|>=|<|>)\s*(-?[\d.]+(?:e[-+]?\d+)?)$/);
    if (compare && numeric) {
      const limit = Number(compare[2]);
      const holds = { "<": (v) => v < limit, "<=": (v) => v <= limit, ">": (v) => v > limit, ">=": (v) => v >= limit }[compare[1]];
      return (value) => typeof value === "number" && holds(value);
    }
    if (wanted.startsWith("=")) return (value) => text(value).toLowerCase() === wanted.slice(1).trim();
    return (value) => text(value).toLowerCase().includes(wanted);
  }

  function select() {
    const tests = filters.map((filter, n) => (filter.trim() ? test(filter, data.numeric[n]) : null));
    const active = tests.map((holds, n) => [holds, n]).filter(([holds]) => holds);
    shown = data.rows.filter((row) => active.every(([holds, n]) => holds(row[n])));
    if (order !== null) {
      const sign = ascending ? 1 : -1;
      const numeric = data.numeric[order];
      const compare = numeric
        ? (a, b) => { const x = size(a[order]), y = size(b[order]); return x === y ? 0 : x < y ? -sign : sign; }
        : (a, b) => sign * text(a[order]).localeCompare(text(b[order]));
      shown = shown === data.rows ? [...shown].sort(compare) : shown.sort(compare);
    }
    page = 0;
    draw();
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(shown.length / data.page));
    const rows = shown.slice(page * data.page, (page + 1) * data.page);
    body.replaceChildren(...rows.map((row) => {
      const line = document.createElement("tr");
      row.forEach((value, n) => {
        const cell = document.createElement(n === 0 ? "th" : "td");
        if (n === 0) cell.scope = "row";
        if (data.numeric[n]) cell.className = "number";
        cell.textContent = text(value);
        line.append(cell);
      });
      return line;
    }));
    count.textContent = `${shown.length.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")} runs`;
    pager.hidden = pages < 2;
    where.textContent = `page ${page + 1} of ${pages}`;
    previous.disabled = page === 0;
    next.disabled = page === pages - 1;
  }

  const heads = [...table.tHead.rows[0].cells];
  const line = table.tHead.insertRow();
  heads.forEach((head, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      ascending = order === n ? !ascending : true;
      order = n;
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      select();
    });
    const input = document.createElement("input");
    input.type = "search";
    input.setAttribute("aria-label", `filter ${data.columns[n]}`);
    input.placeholder = data.numeric[n] ? "> 0" : "filter";
    let waiting = 0;
    input.addEventListener("input", () => {
      filters[n] = input.value;
      clearTimeout(waiting);
      waiting = setTimeout(select, 120);
    });
    const cell = document.createElement("td");
    cell.append(input);
    line.append(cell);
  });
  previous.addEventListener("click", () => { page -= 1; draw(); });
  next.addEventListener("click", () => { page += 1; draw(); });
  document.documentElement.classList.add("scripted");
  draw();
})();
