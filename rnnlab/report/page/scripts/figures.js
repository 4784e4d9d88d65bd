// The drawn figures of the page answer to a pointer: groups with data-runs hold one mark for each of those runs.

// pick(row): opens a run in the section Explore; null where there is none.
function watchFigures(runs, box, pick) {
  for (const svg of document.querySelectorAll(".sheet svg")) {
    const groups = [...svg.querySelectorAll("[data-runs]")];
    if (!groups.length) continue;
    const host = svg.closest(".sheet");
    let found = null;
    const marks = () => (found ??= groups.flatMap((group) => marksIn(group)));
    const matrix = () => svg.getScreenCTM();
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "path");
    ring.setAttribute("class", "point-ring");
    svg.append(ring);
    watch(host, box, {
      marks,
      local: (event) => {
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix().inverse());
        return [point.x, point.y];
      },
      at: (mark) => {
        const point = new DOMPoint(mark.left, mark.top).matrixTransform(matrix());
        return [point.x, point.y];
      },
      say: (mark) => describe(runs, { rows: [mark.row] }, []),
      mark: (mark) => ring.setAttribute("d", !mark ? "" : mark.path ?? circle(mark.left, mark.top)),
      open: pick && ((mark) => pick(mark.row)),
      hint: pick && "Click or Enter: its curves",
    });
  }
}

const circle = (x, y) => `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0`;

// Marks of a group: its <use> elements are dots, its path is a line.
function marksIn(group) {
  const rows = group.dataset.runs.split(",").map(Number);
  const dots = [...group.querySelectorAll("use")];
  if (dots.length) {
    return dots.slice(0, rows.length).map((dot, n) => (
      { row: rows[n], left: Number(dot.getAttribute("x")), top: Number(dot.getAttribute("y")) }));
  }
  return [...group.querySelectorAll("path")].slice(0, rows.length).flatMap((path, n) => {
    const d = path.getAttribute("d") ?? "";
    const line = [...d.matchAll(/[ML]\s*(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    if (!line.length) return [];
    const [left, top] = line[Math.floor(line.length / 2)];
    return [{ row: rows[n], left, top, line, path: d }];
  });
}
