// Read the runs, then wake the table, the figures and the section Explore, as far as the page has them.

async function start() {
  const data = await unpackedJson("run-data");
  if (!data) return;
  const runs = new Runs(data), selection = new Selection(runs), box = new Box();
  runs.hint = data.color;
  const explore = document.getElementById("explore") && new Explore(runs, selection, box);
  const pick = explore && ((row) => { explore.begin().then(() => { explore.root.scrollIntoView(); explore.pick([row], false); }); });
  runTable(runs, selection, pick);
  watchFigures(runs, box, pick);
  if (explore) explore.restore();  // when everybody listens to the selection
  document.documentElement.classList.add("scripted");
}

start();
