"""What the page carries for its scripts: read back, it is what the runs recorded."""

import base64
import json
import math
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.report import write_report
from rnnlab.report.judging.conditions import design_of
from rnnlab.report.page.explore.blocks import members_of
from rnnlab.report.page.explore.columns import columns_of
from rnnlab.report.page.explore.curves import packed_curves
from rnnlab.report.page.explore.examples import chosen, examples
from rnnlab.report.reading.read import read_study


def block(text, name):
    """A block of a page, unpacked."""
    (packed,) = re.findall(rf'<script type="text/plain" id="{name}">([^<]*)</script>', text)
    return zlib.decompress(base64.b64decode(packed), -15)


def unpacked(packed):
    """{column: values of all runs behind each other}, by the words of the module's docstring alone."""
    length = int.from_bytes(packed[:4], "little")
    header = json.loads(packed[4 : 4 + length])
    n_points = [len(header["steps"][own]) for own in header["of_run"]]
    rest, total, found = packed[4 + length :], sum(n_points), {}
    for k, column in enumerate(header["columns"]):
        low, high = rest[2 * k * total : (2 * k + 1) * total], rest[(2 * k + 1) * total : (2 * k + 2) * total]
        values, place = [], 0
        for n in n_points:
            code = 0
            for _ in range(n):
                code = (code + low[place] + 256 * high[place]) % 65536
                value = column["low"] + code * column["step"]
                number = 10**value if column["log"] and code < 65534 else value
                values.append({65535: math.nan, 65534: 0.0}.get(code, number))
                place += 1
        found[column["name"]] = values
    return header, found


@pytest.fixture(scope="module")
def study(study_folder):
    return read_study(study_folder)


@pytest.fixture(scope="module")
def columns(study):
    found = columns_of(members_of(study), design_of(study.members).axes)
    return {column.name: column for column in found}


def test_a_column_holds_what_each_run_recorded(study, columns):
    for n, run in enumerate(study.members):
        assert columns["run"].values[n] == run.folder and columns["seed"].values[n] == run.seed
        assert columns["cell.activation"].values[n] == run.config["cell.activation"]
        loss = run.metrics.get("eval_loss")
        assert columns["eval_loss"].values[n] == (
            None if loss is None else "nan" if math.isnan(loss) else pytest.approx(loss, rel=1e-4)
        )


def test_a_run_that_diverged_is_the_worst_there_is_where_a_side_is_better(study, columns):
    (gone,) = [n for n, run in enumerate(study.members) if run.diverged]
    assert columns["outcome"].values[gone] == "diverged" and columns["ended"].values[gone] == "diverged at step 50"
    sides = {"eval_loss": 1, "accuracy": -1, "score": 0, "seed": 0}
    assert {name: columns[name].worst for name in sides} == sides


def test_words_are_coded_in_the_order_of_the_figures_and_have_their_colours(columns):
    data = columns["cell.activation"].as_data()
    assert data["words"] == ["tanh", "sigmoid", "relu", "leaky_relu"] and data["colors"]["tanh"] == "#0072B2"
    assert [data["words"][code] for code in data["codes"]] == list(columns["cell.activation"].values)


def test_curves_read_back_to_a_fifth_of_a_per_cent(study):
    header, found = unpacked(packed_curves(members_of(study)))
    recorded = np.concatenate([study.curves.get(run.run_id, {}).get("eval_loss", []) for run in study.members])
    assert np.array(found["eval_loss"]) == pytest.approx(recorded, rel=2e-3, nan_ok=True)
    assert [header["steps"][own] for own in header["of_run"]] == [
        list(study.curves.get(run.run_id, {}).get("step", [])) for run in study.members
    ]


def test_zeros_and_negative_numbers_and_single_values_survive(build, tmp_path):
    record = build.record()
    steps = np.arange(4)
    record.result.curves.clear()
    losses, skills = np.array([0.0, 1e-9, 1e30, math.inf]), np.array([-5.0, 0.0, 1.0, math.nan])
    record.result.curves.update(step=steps, eval_loss=losses, skill=skills, x=np.full(4, 7.0))
    build.runs(tmp_path, [record, build.record(seed=1, status="failed")])
    study = read_study(tmp_path)
    _, found = unpacked(packed_curves(members_of(study)))
    assert found["eval_loss"] == pytest.approx([0.0, 1e-9, 1e30, math.nan], rel=2e-3, nan_ok=True)
    assert found["skill"] == pytest.approx([-5.0, 0.0, 1.0, math.nan], abs=1e-3, nan_ok=True)
    assert found["x"] == pytest.approx([7.0] * 4)


def test_curves_that_do_not_fit_are_named(study):
    header, _ = unpacked(packed_curves(members_of(study), max_values=1))
    assert [column["name"] for column in header["columns"]] == ["eval_loss"] and header["left_out"] == ["train_loss"]


def test_the_median_run_of_each_condition_comes_first(study):
    design = design_of(study.members)
    first = chosen(design, len(design.conditions))
    assert [run.seed for run in first if run.task.name == "sines" and not run.diverged] == [2, 2, 2, 2]
    assert len({run.folder for run in chosen(design, 1000)}) == 39  # all that completed


def test_examples_count_answers_by_class_and_keep_series(study):
    found = examples(study, design_of(study.members))
    place = {run.folder: n for n, run in enumerate(study.members)}
    digits = found[place["digits-relu-2"]]["predictions"]
    assert np.trace(digits["counts"]) == 36 and np.sum(digits["counts"]) == 40
    sines = found[place["sines-relu-2"]]["predictions"]
    assert sines["t"][:2] == [0.0, pytest.approx(20 / 119, abs=1e-4)] and sines["lines"]["closed_loop"][0] is None


def test_an_answer_that_is_a_word_makes_names_of_all_classes(build, tmp_path):
    record = build.record("digits")
    predicted = record.result.predictions["predicted"].astype(str)
    predicted[0] = "none"
    predictions = record.result.predictions | {"predicted": predicted}
    study = read_study(build.runs(tmp_path, [replace(record, result=replace(record.result, predictions=predictions))]))
    (example,) = examples(study, design_of(study.members)).values()
    assert example["predictions"]["names"] == [*"0123456789", "none"]
    assert np.sum(example["predictions"]["counts"]) == 40 and np.trace(example["predictions"]["counts"]) == 36


def test_the_library_is_on_a_page_once_and_only_where_there_is_something_to_explore(build, tmp_path):
    build.runs(tmp_path / "one", [build.record()])
    alone = write_report(tmp_path / "one").read_text(encoding="utf-8")
    assert 'id="explore"' not in alone and 'id="library"' not in alone and 'href="#explore"' not in alone
    build.runs(tmp_path / "two", [build.record(seed=seed) for seed in range(2)])
    text = write_report(tmp_path / "two").read_text(encoding="utf-8")
    assert block(text, "library").startswith(b"/* Apache ECharts") and text.count('id="library"') == 1
    names = [column["name"] for column in json.loads(block(text, "run-data"))["columns"]]
    assert names[:2] == ["run", "task"] and "score" in names
