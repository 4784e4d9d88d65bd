// Pointing at marks with a mouse, a finger or the keys: which mark is nearest, and the box that says what it is.
// The same for the canvas of the section Explore and for the drawn figures of the page.

const REACH = 14;  // pixels

// The mark nearest to a point: marks with left and top, or with a line of points.
function nearest(marks, left, top, reach = REACH) {
  let best = null, least = reach * reach;
  for (const mark of marks) {
    const distance = mark.line ? toLine(mark.line, left, top) : (mark.left - left) ** 2 + (mark.top - top) ** 2;
    if (distance < least) [best, least] = [mark, distance];
  }
  return best;
}

function toLine(line, left, top) {
  let least = Infinity;
  for (let n = 1; n < line.length; n += 1) {
    const [ax, ay] = line[n - 1], dx = line[n][0] - ax, dy = line[n][1] - ay;
    const along = Math.max(0, Math.min(1, ((left - ax) * dx + (top - ay) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, (ax + along * dx - left) ** 2 + (ay + along * dy - top) ** 2);
  }
  return least;
}

// The box of words; one on the page.  It is spoken by screen readers, too.
class Box {
  constructor() {
    this.element = element("div", { class: "point-box", role: "status", "aria-live": "polite" });
    this.element.hidden = true;
    document.querySelector("main").append(this.element);
  }

  show([title, lines], left, top, hint) {
    const rows = lines.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
    const parts = [element("strong", {}, title), element("dl", {}, ...rows)];
    if (hint) parts.push(element("p", {}, hint));
    this.element.replaceChildren(...parts);
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const room = document.documentElement.clientWidth, beside = left + 14 + width < room ? left + 14 : left - 14 - width;
    this.element.style.left = `${scrollX + Math.max(6, Math.min(beside, room - width - 6))}px`;
    this.element.style.top = `${scrollY + Math.max(6, Math.min(top + 14, innerHeight - height - 6))}px`;
  }

  hide() { this.element.hidden = true; }
}

// Watches one picture.  host: the element that is pointed at and focused; marks(): those in it, in the order of the
// keys; at(mark): its place in the window; say(mark): its words; mark(mark | null): show which; open(mark, over).
function watch(host, box, { marks, at, local, say, mark, open, hint }) {
  let current = null;
  function show(found) {
    current = found;
    mark(found);
    if (!found) return box.hide();
    const [left, top] = at(found);
    box.show(say(found), left, top, hint);
  }
  function find(event) {
    return nearest(marks(), ...local(event), event.pointerType === "touch" ? 2 * REACH : REACH);
  }
  host.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    const found = find(event);
    if (found !== current) show(found);
  });
  host.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") show(null); });
  let down = [0, 0];
  host.addEventListener("pointerdown", (event) => { down = [event.clientX, event.clientY]; }, true);
  host.addEventListener("click", (event) => {
    if (Math.hypot(event.clientX - down[0], event.clientY - down[1]) > 5) return;  // the end of a drag
    const found = find(event);
    show(found);
    if (found && open) open(found, event.shiftKey);
  });
  host.addEventListener("blur", () => show(null));
  host.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
    const all = marks();
    if (event.key === "Escape") show(null);
    else if (event.key === "Enter" && current && open) open(current, event.shiftKey);
    else if (all.length && (event.key === "Home" || event.key === "End")) show(all[event.key === "Home" ? 0 : all.length - 1]);
    else if (all.length && steps[event.key]) {
      const place = all.indexOf(current);
      const next = place < 0 ? (steps[event.key] > 0 ? 0 : all.length - 1) : place + steps[event.key];
      show(all[Math.max(0, Math.min(all.length - 1, next))]);
    } else return;
    event.preventDefault();
  });
  return { forget: () => { current = null; mark(null); box.hide(); } };
}
