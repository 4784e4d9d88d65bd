"""Time series in tables: windows and scaling recomputed row by row, baselines, what is refused by line and column."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.config.run import from_node
from rnnlab.tasks import TASKS

N = 40
OPEN = [round(10 + 3 * math.sin(n) + n / 10, 3) for n in range(N)]
CLOSE = [round(20 + 5 * math.cos(n), 3) for n in range(N)]
TABLE = "Open,Close\n" + "".join(f"{a},{b}\n" for a, b in zip(OPEN, CLOSE, strict=True))


@pytest.fixture
def series_of(tmp_path):
    """series_of("content", ...options) -> the task of a file that holds it."""

    def make(content, **options):
        (tmp_path / "table.csv").write_text(content, encoding="utf-8")
        return replace(TASKS["series"](), path=str(tmp_path / "table.csv"), **options)

    return make


def parts_of(n, valid=0.15, test=0.15):
    """The rows of the targets of each part."""
    second = n - int(n * test)
    first = second - int(n * valid)
    return {"train": (0, first), "eval": (first, second), "test": (second, n)}


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("scaling", ["none", "minmax", "standard"])
def test_windows_end_horizon_rows_before_their_target_and_are_scaled_by_the_training_part(
    scaling, horizon, series_of, look
):
    task = series_of(TABLE, window=4, horizon=horizon, scaling=scaling, target="Close")
    rows = parts_of(N)
    scaled = []
    for values in (OPEN, CLOSE):
        train = values[: rows["train"][1]]
        if scaling == "minmax":
            scaled.append([(v - min(train)) / (max(train) - min(train)) for v in values])
        elif scaling == "standard":
            scaled.append([(v - statistics.fmean(train)) / statistics.pstdev(train) for v in values])
        else:
            scaled.append(values)
    first = 4 + horizon - 1
    for name, part in look.splits(task.data(0)).items():
        start, stop = rows[name]
        targets = range(max(start, first), stop)
        assert len(part) == len(targets)
        for n, row in enumerate(targets):
            begin = row - horizon - 3
            window = [[scaled[0][k], scaled[1][k]] for k in range(begin, begin + 4)]
            np.testing.assert_allclose(part.inputs[n], window, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(part.targets[n], [scaled[1][row]], rtol=1e-5, atol=1e-6)


def test_every_row_after_the_first_window_is_a_target_once(series_of, look):
    task = series_of(TABLE, window=5, scaling="none", columns=("Open",))
    targets = np.concatenate([part.targets[:, 0] for part in look.splits(task.data(0)).values()])
    np.testing.assert_allclose(targets, OPEN[5:], rtol=1e-6)


def test_columns_and_target_are_chosen_by_name_or_number(series_of):
    by_name = series_of(TABLE, columns=("Close", "Open"), target="Close")
    by_number = series_of(TABLE, columns=("1", "0"), target="1")
    np.testing.assert_array_equal(by_name.data(0).train.inputs, by_number.data(0).train.inputs)
    np.testing.assert_array_equal(by_name.data(0).train.targets, by_number.data(0).train.targets)
    assert by_name.input_size == 2
    one = series_of(TABLE, columns=("Open",))
    assert one.input_size == 1
    np.testing.assert_array_equal(one.data(0).train.inputs[1:, -1], one.data(0).train.targets[:-1])


def test_without_a_target_the_last_column_is_predicted(series_of):
    np.testing.assert_array_equal(
        series_of(TABLE).data(0).test.targets, series_of(TABLE, target="Close").data(0).test.targets
    )


def test_a_file_with_the_newest_row_first_is_turned_round(series_of, look):
    header, *rows = TABLE.splitlines()
    turned = "\n".join([header, *rows[::-1]])
    assert look.same(series_of(TABLE).data(0), series_of(turned, newest_first=True).data(0))


@pytest.mark.parametrize(
    "head",
    [
        "Open,Close\n",
        "# a comment, of, three\n# Open,Close\n",
        "# Open,Close\n\n",
        '"Open" , "Close"\n# between\n',
        "\ufeffOpen,Close\n",
    ],
)
def test_names_come_from_the_header_or_the_last_comment_that_fits(head, series_of):
    task = series_of(head + TABLE.split("\n", 1)[1], columns=("Open",))
    task.check()
    assert task.data(0).train.inputs.shape[2] == 1


def test_columns_without_names_are_numbered(series_of):
    task = series_of(TABLE.split("\n", 1)[1], columns=("1",))
    assert len(task.data(0).train) == parts_of(N)["train"][1] - 7
    series_of("2020-01-01,1.5\n2020-01-02,2.5\n" * 20, columns=("1",), window=3).check()


def test_a_column_that_is_not_read_may_hold_anything(series_of):
    dated = "Date,Value\n" + "".join(f"day {n},{v}\n" for n, v in enumerate(OPEN))
    series_of(dated, columns=("Value",)).check()


# What is refused


def spoiled(line, field, value):
    """The table with one field replaced; lines count from 1, the header's."""
    lines = [row.split(",") for row in TABLE.splitlines()]
    lines[line - 1][field] = value
    return "\n".join(",".join(row) for row in lines)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (spoiled(17, 1, ""), "line 17, column Close: nothing, where a finite number must be"),
        (spoiled(2, 0, "  "), "line 2, column Open: nothing"),
        (spoiled(41, 0, "n/a"), "line 41, column Open: 'n/a'"),
        (spoiled(9, 0, "nan"), "line 9, column Open: 'nan'"),
        (spoiled(9, 1, "-inf"), "line 9, column Close: '-inf'"),
        (spoiled(9, 1, "1_000"), "line 9, column Close: '1_000'"),
        (spoiled(9, 1, "3,4"), "line 9 has 3 fields, and the table 2 columns"),
        ("# note\n\n" + spoiled(9, 1, "x"), "line 11, column Close: 'x'"),
        (TABLE + "7\n", "line 42 has 1 fields, and the table 2 columns"),
        ("", "the table is empty"),
        ("# only comments\n\n", "the table is empty"),
        ("Open,Close\n", "task.window: 7; with task.horizon 1 the training part of 0 rows has no target"),
    ],
    ids=str,
)
def test_gaps_and_what_is_no_number_are_named_by_line_and_column(content, complaint, series_of, look):
    refusal = look.refusal(series_of(content))
    assert complaint in refusal
    assert complaint.startswith("task.") or refusal.startswith(f"task.path: {series_of(content).path!r}; ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"columns": ("Opne",)}, "task.columns: 'Opne'; no such column in "),
        ({"columns": ("2",)}, "task.columns: '2'; no such column in "),
        ({"columns": ("-1",)}, "task.columns: '-1'; no such column in "),
        ({"target": "High"}, "table.csv; there are Open, Close"),
        ({"columns": ("Open",), "target": "Close"}, "task.target: 'Close'; must be one of task.columns"),
        ({"window": 28}, "task.window: 28; with task.horizon 1 the training part of 40 rows has no target"),
        ({"horizon": 22}, "task.window: 7; with task.horizon 22 the training part of 40 rows has no target"),
        ({"valid_fraction": 0.01}, "the validation part of 40 rows has no target"),
        ({"test_fraction": 0.01}, "the test part of 40 rows has no target"),
        ({"valid_fraction": 0.6, "test_fraction": 0.4}, "task.valid_fraction: 0.6; with task.test_fraction (0.4) must"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_the_table_are_refused(options, complaint, series_of, look):
    assert complaint in look.refusal(series_of(TABLE, **options))


def test_the_largest_window_that_fits_passes(series_of):
    task = series_of(TABLE, window=27)
    task.check()
    assert task.n_train == 1


@pytest.mark.parametrize("scaling", ["minmax", "standard"])
def test_a_column_that_does_not_change_cannot_be_scaled(scaling, series_of, look):
    constant = "a,b\n" + "".join(f"{v},{5 if n < 28 else 6}\n" for n, v in enumerate(OPEN))
    assert f"task.scaling: '{scaling}'; column b does not change" in look.refusal(series_of(constant, scaling=scaling))
    series_of(constant, scaling="none").check()
    series_of(constant, columns=("a",), scaling=scaling).check()


def test_columns_come_from_the_config_as_a_list(series_of):
    task = {"name": "series", "path": series_of(TABLE).path, "columns": ["Open", 1], "target": 1}
    node = {"task": task, "cell": {"name": "rnn"}, "optimizer": {"name": "adam"}, "training": {"batch_size": None}}
    run = from_node(node)
    assert run.task.columns == ("Open", "1")
    assert hash(run.task) == hash(replace(run.task))
    assert run.run_id == from_node(run.as_dict()).run_id


# What is said


def test_persistence_says_the_last_value_again(series_of):
    task = series_of(TABLE, window=4, horizon=2)
    naive = task.baselines(task.data(0))
    rows = parts_of(N)
    train = CLOSE[: rows["train"][1]]
    unit = max(train) - min(train)

    def errors(name):
        return [((CLOSE[row] - CLOSE[row - 2]) / unit) ** 2 for row in range(*rows[name])]

    assert naive["persistence_loss"] == pytest.approx(statistics.fmean(errors("eval")), rel=1e-5)
    assert naive["persistence_test_loss"] == pytest.approx(statistics.fmean(errors("test")), rel=1e-5)
    assert naive["persistence_rmse"] == pytest.approx(unit * math.sqrt(statistics.fmean(errors("test"))), rel=1e-5)


def test_what_is_said_of_a_forecast_is_in_the_units_of_the_table(series_of, look):
    task = series_of(TABLE, window=4, horizon=2)
    data = task.data(0)
    rows = parts_of(N)
    unit = max(CLOSE[: rows["train"][1]]) - min(CLOSE[: rows["train"][1]])
    persistent, shifted = task.examine([data, data], look.FakePredictor(lambda x: x[:, -1, 1:]))
    truth = CLOSE[slice(*rows["test"])]
    np.testing.assert_allclose(persistent.predictions["truth"], truth, rtol=1e-5)
    np.testing.assert_allclose(
        persistent.predictions["one_step"], CLOSE[rows["test"][0] - 2 : rows["test"][1] - 2], rtol=1e-5
    )
    assert persistent.predictions["t"].tolist() == list(range(*rows["test"]))
    assert np.isnan(persistent.predictions["closed_loop"]).all()
    assert persistent.metrics["skill"] == pytest.approx(0, abs=1e-6)
    assert persistent.metrics["rmse"] == pytest.approx(task.baselines(data)["persistence_rmse"], rel=1e-6)
    errors = [a + unit - b for a, b in zip(persistent.predictions["one_step"], truth, strict=True)]
    assert shifted.metrics["rmse"] == pytest.approx(math.sqrt(statistics.fmean(e * e for e in errors)), rel=1e-5)
    assert shifted.metrics["skill"] < 0


def test_a_series_that_reads_only_itself_is_run_on_by_itself(series_of, look):
    task = series_of(TABLE, columns=("Open",), window=3)
    data = task.data(0)
    forecast = np.linspace(0, 1, 6, dtype=np.float32)
    network = look.FakePredictor(lambda x: x[:, -1], forecast)
    (finding,) = task.examine([data], network)
    (((window,), steps),) = network.asked
    np.testing.assert_array_equal(window, data.test.inputs[0])
    assert steps == 6
    train = OPEN[: parts_of(N)["train"][1]]
    expected = [min(train) + v * (max(train) - min(train)) for v in forecast]
    np.testing.assert_allclose(finding.predictions["closed_loop"], expected, rtol=1e-5)


def test_the_forecast_of_a_diverged_network_is_scored_without_a_warning(series_of, look):
    task = series_of(TABLE)
    (finding,) = task.examine([task.data(0)], look.FakePredictor(lambda x: np.full((len(x), 1), np.inf, np.float32)))
    assert finding.metrics == {"skill": -math.inf, "rmse": math.inf}


def test_the_embedded_series_is_the_one_of_the_books():
    """Mean and standard deviation as R's AirPassengers has them; first and last year in print."""
    task = replace(TASKS["series"](), scaling="none", window=1)
    data = task.data(0)
    values = np.concatenate([data.train.inputs[:1, 0, 0], *(part.targets[:, 0] for part in vars(data).values())])
    assert len(values) == 144
    assert values.mean() == pytest.approx(280.2986, abs=1e-4)
    assert values.std(ddof=1) == pytest.approx(119.9663, abs=1e-4)
    assert values[:3].tolist() == [112, 118, 132]
    assert values[-3:].tolist() == [461, 390, 432]
