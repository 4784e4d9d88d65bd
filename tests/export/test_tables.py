"""--to csv and --to parquet: the tables of rnnlab.load, read back by pandas and pyarrow."""

import csv
import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import rnnlab
from rnnlab.export.export import export

TABLES = ("runs", "curves", "predictions", "gradients", "verdicts", "pairs")


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", TABLES)
def test_a_csv_file_holds_the_table_that_load_gives(kept_study, exported, name):
    expected = getattr(rnnlab.load(kept_study), name)
    rows = rows_of(exported("csv") / f"{name}.csv")
    assert len(rows) == len(expected) > 0 and list(rows[0]) == list(expected)
    for row, values in zip(rows, expected.to_dict("records"), strict=True):
        for column, value in values.items():
            if isinstance(value, float) and math.isnan(value):
                assert row[column] in ("", "nan")
            elif isinstance(value, float):
                assert float(row[column]) == value  # to the same bits
            elif isinstance(value, str):
                assert row[column].removeprefix("'") == value


def test_csv_tells_what_is_not_a_number_from_what_is_not_there(exported):
    place = exported("csv")
    runs = {row["run_id"]: row for row in rows_of(place / "runs.csv")}
    assert runs["sines-relu-3"]["test_loss"] == "nan" and runs["sines-tanh-3"]["test_loss"] == ""
    assert runs["sines-tanh-3"]["status"] == "failed" and runs["sines-relu-3"]["outcome"] == "diverged"
    assert runs["hihello-tanh-0"]["cell.sizes"] == "[8, 4]"
    curves = [(row["run_id"], row["eval_loss"]) for row in rows_of(place / "curves.csv")]
    assert [loss for run_id, loss in curves if run_id == "sines-relu-3"][2:] == ["inf"] * 3


def test_a_text_that_a_spreadsheet_would_take_for_a_formula_is_protected_in_csv_alone(exported):
    rows = rows_of(exported("csv") / "predictions.csv")
    assert [row["truth"] for row in rows if row["run_id"] == "hihello-tanh-0"] == ["'=", "h", "é", ",", "l", "o"]
    assert all(not row["t"].startswith("'") for row in rows)


def test_problems_are_a_table(exported):
    found = {(row["name"], row["kind"]) for row in rows_of(exported("csv") / "problems.csv")}
    assert found == {("damaged", "unreadable"), ("killed", "missing"), ("sines-tanh-3", "failed")}


def test_a_table_without_rows_is_left_out(build, tmp_path):
    place, problems = export(build.runs(tmp_path / "one", [build.record("alone")]), "csv")
    names = {path.name for path in place.glob("*.csv")}
    assert not problems and names == {"runs.csv", "curves.csv", "predictions.csv", "gradients.csv"}


def test_the_predictions_of_all_runs_are_never_in_memory_at_once(build, seal, tmp_path):
    """What is read of predictions.csv is some 600 kB as Python objects, and there are 4 or 16 of them."""

    def peak(n_runs):
        folder = build.runs(tmp_path / str(n_runs), [build.record(f"run{n}", seed=n) for n in range(n_runs)])
        rows = "".join(f"{n},0.5,{n / 7},{n / 3}\n" for n in range(3000))
        for run in folder.iterdir():
            (run / "predictions.csv").write_text(f"t,truth,one_step,closed_loop\n{rows}")
            seal(run)
        export(folder, "csv", tmp_path / f"first {n_runs}")  # what is imported and cached once
        tracemalloc.start()
        export(folder, "csv", tmp_path / f"out {n_runs}")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(16) < 1.5 * peak(4)


# Parquet


@pytest.fixture
def parquet(exported):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -r requirements-exports.txt")
    return exported("parquet")


@pytest.mark.parametrize("name", TABLES)
def test_a_parquet_file_holds_the_table_that_load_gives(kept_study, parquet, name):
    expected, found = getattr(rnnlab.load(kept_study), name), pd.read_parquet(parquet / f"{name}.parquet")
    assert list(found) == list(expected) and len(found) > 0
    for column in expected:
        there = expected[column].notna()
        left, right = list(expected[column][there]), list(found[column][there])
        if column in ("truth", "predicted", "cell.sizes"):  # of several types
            left, right = list(map(str, left)), list(map(str, right))
        assert left == right and found[column][~there].isna().all(), column


def test_parquet_has_types_and_tells_nan_from_null(parquet):
    from pyarrow.parquet import read_table

    runs = read_table(parquet / "runs.parquet")
    kinds = {name: str(runs.schema.field(name).type) for name in ("seed", "diverged", "test_loss", "task.name")}
    assert kinds == {"seed": "int64", "diverged": "bool", "test_loss": "double", "task.name": "string"}
    losses = dict(zip(runs["run_id"].to_pylist(), runs["test_loss"].to_pylist(), strict=True))
    assert losses["sines-tanh-3"] is None and math.isnan(losses["sines-relu-3"])
    assert str(read_table(parquet / "curves.parquet").schema.field("step").type) == "int64"


def test_a_column_of_numbers_and_texts_is_text(parquet):
    """truth is a number on a curve and a letter in a text."""
    found = pd.read_parquet(parquet / "predictions.parquet").set_index("run_id")["truth"]
    assert list(found["hihello-tanh-0"]) == ["=", "h", "é", ",", "l", "o"]
    assert np.array(list(found["sines-tanh-0"]), float).tolist() == np.sin(np.linspace(0, 1, 12)).tolist()


def test_row_groups_are_larger_than_runs(build, tmp_path, contents_of):
    pytest.importorskip("pyarrow")
    from pyarrow.parquet import ParquetFile

    place, _ = export(build.runs(tmp_path / "many", [build.record(f"run{n}", seed=n) for n in range(30)]), "parquet")
    with ParquetFile(place / "curves.parquet") as file:
        assert file.num_row_groups == 1 and file.metadata.num_rows == 30 * 5
    again, _ = export(tmp_path / "many", "parquet", tmp_path / "again")
    assert contents_of(place) == contents_of(again)
