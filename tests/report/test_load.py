import html
import math
from os import fspath

import numpy as np
import pandas as pd
import pytest

import rnnlab
from rnnlab.records.run import to_csv
from rnnlab.report.reading.folders import StudyError


def test_every_run_is_a_row_with_dotted_config_keys(study_folder):
    runs = rnnlab.load(study_folder).runs.set_index("run_id")
    assert len(runs) == 40
    row = runs.loc["sines-tanh-2"]
    assert row["optimizer.learning_rate"] == 0.005 and row["seed"] == 2 and row["eval_loss"] == 0.02 * 1.2
    assert math.isnan(runs.loc["sines-relu-3", "eval_loss"]) and runs.loc["sines-relu-3", "diverged"]
    assert math.isnan(runs.loc["digits-tanh-0", "persistence_loss"])


def test_curves_and_predictions_say_whose_they_are(study_folder):
    results = rnnlab.load(str(study_folder))
    assert repr(results) == f"<40 runs of {study_folder}>"
    curves = results.curves
    assert list(curves)[:2] == ["run_id", "step"] and curves["step"].dtype == np.int64
    assert curves[curves["run_id"] == "sines-tanh-0"]["step"].tolist() == list(range(0, 101, 10))
    predictions = results.predictions
    assert set(predictions) == {"run_id", "t", "truth", "one_step", "closed_loop", "index", "label", "predicted",
                                "probability"}  # fmt: skip
    assert len(predictions[predictions["run_id"] == "sines-tanh-0"]) == 120
    assert {problem.name for problem in results.problems} == {"broken", "killed", "sines-gelu-0", "digits-tanh-4"}


def test_gradients_are_there_where_runs_recorded_them(build, tmp_path):
    build.runs(tmp_path, [build.record(seed=seed) for seed in range(2)])
    assert list(rnnlab.load(tmp_path).gradients) == ["run_id", "step", "layer", "t"]
    table = {
        "step": np.array([0, 0]),
        "layer": np.array([0, 0]),
        "t": np.array([0, 1]),
        "grad_norm": np.array([0.1, 1]),
    }
    (tmp_path / "sines-tanh-1" / "gradients.csv").write_text(to_csv(table))
    gradients = rnnlab.load(tmp_path).gradients
    assert gradients["run_id"].tolist() == ["sines-tanh-1"] * 2 and gradients["grad_norm"].tolist() == [0.1, 1.0]


def test_verdicts_and_pairs_are_the_tables_of_the_report(rich_report):
    results = rnnlab.load(rich_report.parent)
    for name, table in (("verdicts", results.verdicts), ("pairs", results.pairs)):
        written = pd.read_csv(rich_report / "tables" / f"{name}.csv")
        assert list(table) == list(written) and len(table) == len(written) > 0
        assert table["p"].tolist() == pytest.approx(written["p"].tolist())
    assert results.verdicts["claim"].tolist() == [1, 2]
    assert set(results.pairs["of"]) | set(results.pairs["against"]) == {"tanh", "sigmoid", "relu"}


def test_without_claims_there_are_no_verdicts_and_with_one_activation_no_pairs(build, tmp_path):
    results = rnnlab.load(build.runs(tmp_path, [build.record()]))
    assert results.verdicts.empty and results.pairs.empty


def test_a_folder_without_runs_is_an_error(tmp_path):
    with pytest.raises(StudyError, match="no run folders in it"):
        rnnlab.load(tmp_path)


def test_the_report_is_a_path_and_in_a_notebook_the_page(build, tmp_path):
    results = rnnlab.load(build.runs(tmp_path, [build.record(seed=seed) for seed in range(2)]))
    assert results.folder == tmp_path
    page = results.report()
    assert fspath(page) == repr(page) == str(tmp_path / "report/index.html")
    shown = page._repr_html_()
    assert shown.startswith('<iframe srcdoc="')
    content = html.unescape(shown.split('"')[1])
    written = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert content.replace('<base href="about:srcdoc">', "") == written
    assert content != written, "links within the page need a base"


def test_a_report_that_is_up_to_date_is_not_made_again(build, tmp_path):
    results = rnnlab.load(build.runs(tmp_path, [build.record()]))
    first = (results.report().path, results.report().path.stat().st_ino)
    assert (results.report().path, results.report().path.stat().st_ino) == first
