"""The page of a large study in a browser: milliseconds to the first paint, and of each interaction with its pictures.

    python benchmarks/explore.py [runs | DIR]   10,000 made-up runs if not said otherwise; DIR: one that is there

An interaction counts from the event to the second animation frame after it, when its picture is on the screen; shown is
the median of 20 and the slowest.  Needs playwright and a chromium; the picture is 1280 pixels wide.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from report import make_study

from rnnlab.report import write_report

N = 20
TIMED = """async ([what, n]) => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const times = [];
  for (let k = 0; k < n; k += 1) {
    await painted();
    const begin = performance.now();
    window.interactions[what](k);
    await painted();
    times.push(performance.now() - begin);
  }
  return times;
}"""
INTERACTIONS = """() => {
  const find = (label) => document.querySelector(`#explore [aria-label="${label}"]`);
  const choose = (label, values) => (k) => {
    const select = find(label);
    select.value = values[k % values.length];
    select.dispatchEvent(new Event("change"));
  };
  const canvas = document.querySelector(".explore-canvas");
  const at = (x, y) => {
    const box = canvas.getBoundingClientRect();
    return { clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true, pointerId: 1 };
  };
  const filters = ["=relu", "=tanh", "", "e"];
  const fire = (name, place) => canvas.querySelector("canvas").dispatchEvent(new MouseEvent(name, place));
  window.interactions = {
    hover: (k) => canvas.dispatchEvent(new PointerEvent("pointermove", at(0.15 + 0.035 * k, 0.3 + 0.02 * (k % 9)))),
    "change of y": choose("y", ["eval_loss", "score", "train_loss", "last_grad_norm"]),
    "change of x": choose("x", ["cell.activation", "test_loss", "optimizer.learning_rate", "seed"]),
    colour: choose("colour", ["cell.activation", "score", "optimizer.learning_rate", "task"]),
    panels: choose("panels", ["cell.activation", "task", "optimizer.learning_rate", ""]),
    marks: choose("marks", ["medians", "runs"]),
    filter: (k) => {
      find("column to filter").value = "cell.activation";
      find("filter").value = filters[k % filters.length] || "r";
      find("filter").form.requestSubmit();
    },
    brush: (k) => {
      document.querySelector(".explore-brush").click();
      fire("mousedown", at(0.2, 0.25));
      fire("mousemove", at(0.3, 0.4));
      fire("mousemove", at(0.4 + 0.01 * k, 0.6));
      fire("mouseup", at(0.4 + 0.01 * k, 0.6));
    },
  };
}"""


def measured(page: Page, what: str) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = processor_s(session)
    times = page.evaluate(TIMED, [what, N])
    own = 1000 * (processor_s(session) - before) / N
    session.detach()
    print(
        f"  {what:<28} {statistics.median(times):6.0f} ms, slowest {max(times):.0f}; processor {own:.0f} ms", flush=True
    )


def processor_s(session: Any) -> float:
    """The processor time of the page's thread: what others do on the machine does not add to it."""
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return found["TaskDuration"]


def visit(browser: Any, path: Path) -> None:
    paints = []
    for _ in range(5):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("html.scripted")
        script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
        page.wait_for_function(f"({script}) > 0")
        paints.append(page.evaluate(script))
        page.context.close()
    print(f"  {'first paint':<28} {statistics.median(paints):6.0f} ms, slowest {max(paints):.0f} (of 5)")
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(path.as_uri() + "#explore?marks=runs")
    page.wait_for_selector("#explore[data-ready]")
    page.evaluate(INTERACTIONS)
    for what in ("hover", "change of y", "change of x", "colour", "panels", "brush"):
        measured(page, what)
        if what == "brush":
            print("   ", page.locator(".explore-count").inner_text())
    page.get_by_role("button", name="Show all runs").click()
    measured(page, "filter")
    page.get_by_role("button", name="Show all runs").click()
    measured(page, "marks")
    page.get_by_label("picture", exact=True).select_option("parallel")
    print("  parallel coordinates")
    for what in ("hover", "colour", "filter"):
        measured(page, what)


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    argument = sys.argv[1] if len(sys.argv) > 1 else "10000"
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        if argument.isdigit():
            folder = Path(place) / "large"
            make_study(folder, int(argument))
            print(f"{int(argument):,} runs")
            path = write_report(folder)
        else:
            path = Path(argument) / "report" / "index.html"
        print(f"page: {path.stat().st_size / 2**20:.1f} MB", flush=True)
        visit(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]), path)


if __name__ == "__main__":
    main()
