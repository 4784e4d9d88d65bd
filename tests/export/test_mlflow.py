"""--to mlflow, read back by MLflow's client."""

import math
import os
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed: pip install -r requirements-exports.txt")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow import MlflowClient
from mlflow.entities import RunStatus

import rnnlab
from rnnlab.export.export import export

# MLflow and what it builds on leave connections to the end of the process, and warn of their own coming changes.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client(exported):
    return MlflowClient(f"sqlite:///{exported('mlflow') / 'mlflow.db'}")


@pytest.fixture(scope="module")
def runs(client):
    """The runs of the experiment by name."""
    experiment = client.get_experiment_by_name("한글 study")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_the_experiment_is_the_study(client, runs):
    experiment = client.get_experiment_by_name("한글 study")
    assert experiment.tags["mlflow.note.content"] == "Which one?"
    assert len(runs) == 9 + 1 and "report" in runs


def test_configs_are_parameters(runs):
    params = runs["sines-relu-1"].data.params
    assert params["cell.activation"] == "relu" and params["seed"] == "1" and params["readout.bias"] == "False"
    assert "optimizer.clip_norm" not in params
    assert runs["hihello-tanh-0"].data.params["cell.sizes"] == "[8, 4]"


def test_curves_are_metrics_by_step(kept_study, client, runs):
    for run_id, curves in rnnlab.load(kept_study).curves.groupby("run_id"):
        history = client.get_metric_history(runs[run_id].info.run_id, "curves/eval_loss")
        assert [metric.step for metric in history] == curves["step"].tolist()
        largest = 1.7976931348623157e308  # in the place of infinity
        assert [metric.value for metric in history] == curves["eval_loss"].clip(upper=largest).tolist()


def test_final_metrics_are_metrics_at_the_last_step(client, runs, build):
    (metric,) = client.get_metric_history(runs["sines-tanh-1"].info.run_id, "final/test_loss")
    assert (metric.value, metric.step, metric.timestamp) == (0.05 + 0.01, 40, 1000 * build.finished_s)
    best = [run for name, run in runs.items() if name.startswith("sines") and "final/test_loss" in run.data.metrics]
    best = min(best, key=lambda run: (math.isnan(value := run.data.metrics["final/test_loss"]), value))
    assert best.data.tags["run_id"] == "sines-tanh-0"


def test_tags_status_and_times_say_how_a_run_ended(runs, build):
    good, diverged, failed = (runs[name] for name in ("sines-relu-0", "sines-relu-3", "sines-tanh-3"))
    assert {name: good.data.tags[name] for name in ("run_id", "outcome", "task", "status")} == {
        "run_id": "sines-relu-0", "outcome": "learned", "task": "sines", "status": "completed",
    }  # fmt: skip
    assert RunStatus.to_string(RunStatus.from_string(good.info.status)) == "FINISHED"
    assert (good.info.start_time, good.info.end_time) == (1000 * build.finished_s - 2500, 1000 * build.finished_s)
    assert diverged.info.status == "FINISHED" and diverged.data.tags["divergence_reason"] == "loss is not finite"
    assert math.isnan(diverged.data.metrics["final/test_loss"]) and diverged.data.metrics["final/diverged"] == 1
    assert failed.info.status == "FAILED" and failed.data.tags["error"].endswith("ValueError: the disk is full")
    assert "outcome" not in failed.data.tags and failed.data.metrics["final/steps_done"] == 0


def test_page_and_figures_of_the_report_are_artifacts(kept_study, client, runs):
    report = runs["report"].info.run_id
    assert {artifact.path for artifact in client.list_artifacts(report, "report")} == {
        "report/figures", "report/index.html", "report/tables",
    }  # fmt: skip
    page = Path(client.download_artifacts(report, "report/index.html"))
    assert page.read_bytes() == (kept_study / "report" / "index.html").read_bytes()
    figures = {Path(artifact.path).name for artifact in client.list_artifacts(report, "report/figures")}
    assert figures == {path.name for path in (kept_study / "report" / "figures").iterdir()}
    assert Path(unquote(urlparse(runs["report"].info.artifact_uri).path)).is_relative_to(
        kept_study / "export" / "mlflow"
    )


def test_a_run_may_have_more_entries_than_one_call_takes(build, seal, tmp_path):
    many = {f"option_{n}": n for n in range(250)}
    record = build.record("many", **many)
    study = build.runs(tmp_path / "s", [record])
    steps = "".join(f"{step},{step / 7}\n" for step in range(2500))
    (study / "many" / "curves.csv").write_text(f"step,eval_loss\n{steps}")
    seal(study / "many")
    client = MlflowClient(f"sqlite:///{export(study, 'mlflow')[0] / 'mlflow.db'}")
    (run,) = [run for run in client.search_runs(["1"]) if run.info.run_name == "many"]
    assert {name: run.data.params[f"cell.{name}"] for name in many} == {name: str(n) for name, n in many.items()}
    history = client.get_metric_history(run.info.run_id, "curves/eval_loss")
    assert [metric.value for metric in history] == [step / 7 for step in range(2500)]


def test_nothing_is_left_where_the_command_was_given(study, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(study, "mlflow")
    assert not list((tmp_path / "here").iterdir())
