"""docs/python.md and docs/tutorial.ipynb run, and say of rnnlab.run and rnnlab.sweep what they take."""

import inspect
import os
import re
from pathlib import Path

import pytest

import rnnlab

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "python.md").read_text(encoding="utf-8")


def test_the_examples_of_run_and_sweep_run(tmp_path, monkeypatch, capsys):
    code, _ = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/python.md", "exec"), {})
    out = capsys.readouterr().out
    for comment in ("<6 runs of outputs/mine>", "outputs/mine/report/index.html", "did you mean 'relu'?"):
        assert comment in out
    assert len(list(tmp_path.glob("outputs/scratch/*/run.json"))) == 1, "the config of a record gives the same run"


@pytest.mark.parametrize("function", [rnnlab.run, rnnlab.sweep])
def test_every_parameter_is_documented(function):
    table = PAGE.split(f"| `rnnlab.{function.__name__}` |")[1].split("\n\n")[0]
    *named, others = inspect.signature(function).parameters.values()
    assert others.kind is inspect.Parameter.VAR_KEYWORD and "| any other name |" in table
    assert all(f"`{parameter.name}`" in table for parameter in named)


# The tutorial


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """The notebook after its cells have run in a kernel of their own, and the folder in which they ran."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install -r requirements-test.txt")
    nbformat = pytest.importorskip("nbformat")
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(DOCS / "tutorial.ipynb", as_version=4)
    os.environ.pop("MPLBACKEND", None)  # the kernel has its own
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    return client.execute(), folder


def outputs(notebook, id):
    """What a cell has put out: text of its streams, and one mapping from type to content for everything shown."""
    (cell,) = [cell for cell in notebook.cells if cell["id"] == id]
    texts = "".join(output["text"] for output in cell.outputs if output["output_type"] == "stream")
    shown = {}
    for output in cell.outputs:
        shown |= output.get("data", {})
    return texts, shown


def test_the_tutorial_is_kept_without_outputs():
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(DOCS / "tutorial.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) > 5
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.slow
def test_the_tutorial_runs_and_shows_progress_tables_plots_and_the_page(tutorial):
    notebook, folder = tutorial
    results = rnnlab.load(folder / "outputs/tutorial")
    assert len(results.runs) == 30 and not results.problems
    texts, shown = outputs(notebook, "sweep")
    assert "30 runs to train" in texts and "report: outputs/tutorial/report/index.html" in texts
    assert shown["text/plain"] == "<30 runs of outputs/tutorial>"
    bars = [o["data"]["text/html"] for c in notebook.cells for o in c.get("outputs", []) if "<progress" in str(o)]
    assert all(bar.startswith('<progress value="1.0000" max="1"></progress> ') for bar in bars)
    assert [bar.split("> ")[1].split(", after")[0] for bar in bars][:2] == ["done", "30 of 30 runs"]
    medians = results.runs.groupby(["cell.activation", "optimizer.learning_rate"])["eval_loss"].median()
    _, table = outputs(notebook, "tables")
    assert all(f"{median:.6f}" in table["text/plain"] for median in medians)
    for id in ("predictions", "plot"):
        assert outputs(notebook, id)[1]["image/png"]
    page = outputs(notebook, "report")[1]["text/html"]
    assert page.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert "did you mean 'relu'?" in outputs(notebook, "error")[0]
    assert repr(results.best()) == outputs(notebook, "network")[1]["text/plain"]
    assert outputs(notebook, "predict")[1]["image/png"]
    mine = rnnlab.load(folder / "outputs/mine").runs
    assert set(mine["cell.activation"]) == {"tanh", "bump"} and not mine["diverged"].any()
    assert all(f"{loss:.6f}" in outputs(notebook, "own-sweep")[1]["text/plain"] for loss in mine["eval_loss"])
