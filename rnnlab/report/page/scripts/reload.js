// The page of a running study loads itself again every few seconds, unless its reader is busy with it.
"use strict";
(() => {
  const everyMs = 5000, key = "rnnlab-pause";
  const button = document.getElementById("pause");
  if (!button) return;  // nothing is running
  let paused = false;
  try { paused = sessionStorage.getItem(key) === "yes"; } catch { /* no storage: a pause lasts until the page is left */ }
  const show = () => { button.textContent = paused ? "Go on" : "Pause"; };
  button.addEventListener("click", () => {
    paused = !paused;
    try { sessionStorage.setItem(key, paused ? "yes" : "no"); } catch { /* likewise */ }
    show();
    button.blur();
  });
  const isBusy = () => document.hidden || document.activeElement !== document.body || !getSelection().isCollapsed;
  show();
  button.hidden = false;
  setInterval(() => { if (!paused && !isBusy()) location.reload(); }, everyMs);
})();
