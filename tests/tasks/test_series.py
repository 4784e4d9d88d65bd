"""Time series in tables: windows and scaling recomputed row by row, baselines, what is refused by line and column."""

import math
import statistics
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas
import pytest

from rnnlab.config.parse import from_node
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
    task = series_of(TABLE, window=4, horizon=horizon, forecast="last_step", scaling=scaling, target="Close")
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
        (
            spoiled(41, 0, "n/a"),
            "line 41, column Open: 'n/a', where a finite number must be (the only gap; task.missing",
        ),
        (spoiled(9, 1, "1,5").replace("1,5", '"1,5"'), "line 9, column Close: '1,5', where a finite number must be"),
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
    refusal = look.refusal(series_of(constant, scaling=scaling))
    assert refusal.startswith(
        f"task.scaling: '{scaling}'; column b does not change over the training part, it is 5 in "
    )
    assert f"in lines 2 to 29 of {series_of(constant).path}; leave it out" in refusal
    series_of(constant, scaling="none").check()
    series_of(constant, columns=("a",), scaling=scaling).check()


def test_columns_come_from_the_config_as_a_list(series_of):
    task = {"name": "series", "path": series_of(TABLE).path, "columns": ["Open", 1], "target": 1}
    node = {"task": task, "cell": {"name": "rnn"}, "optimizer": {"name": "adam"}, "training": {"batch_size": None}}
    run = from_node(node)
    assert run.task.columns == ("Open", "1")
    assert hash(run.task) == hash(replace(run.task))
    assert run.run_id == from_node(run.as_dict()).run_id


# Dates, gaps, words

DATES = [date(2024, 1, 1) + timedelta(days=n) for n in range(N)]


def dated(form="%Y-%m-%d"):
    """TABLE with a first column of dates."""
    rows = zip(DATES, OPEN, CLOSE, strict=True)
    return "Day,Open,Close\n" + "".join(f"{day.strftime(form)},{a},{b}\n" for day, a, b in rows)


def identity(task):
    node = {"task": task | {"name": "series"}, "cell": {"name": "rnn"}, "optimizer": {"name": "adam"}}
    return from_node(node | {"training": {"batch_size": None}})


def test_a_column_of_dates_is_the_x_axis_and_no_input(series_of, look):
    plain = series_of(TABLE).data(0)
    task = series_of(dated()).fingerprinted()
    assert task.date == "Day" and task.input_size == 2
    assert look.same(task.data(0), plain)
    (finding,) = task.examine([task.data(0)], look.blank_network(task))
    assert finding.predictions["t"].tolist() == [day.isoformat() for day in DATES[34:]]


def test_dates_put_rows_in_order_and_newest_first_does_not_act(series_of, look):
    header, *rows = dated("%d.%m.%Y").splitlines()
    forward = series_of("\n".join([header, *rows])).data(0)
    backward = series_of("\n".join([header, *rows[::-1]]), window=7, horizon=1, season=7).data(0)
    mixed = series_of("\n".join([header, *rows[5:], *rows[:5]]), season=8).data(0)
    assert look.same(forward, backward) and look.same(forward, mixed)
    run = identity({"path": series_of(dated()).path, "newest_first": True})
    assert run.idle["task.newest_first"] == "task.date=Day" and "newest_first" not in run.as_dict()["task"]


def test_the_record_says_which_column_was_recognised(series_of):
    path = series_of(dated()).path
    run = identity({"path": path})
    assert run.as_dict()["task"]["date"] == "Day"
    assert run.run_id == identity({"path": path, "date": "Day"}).run_id == from_node(run.as_dict()).run_id
    assert run.run_id != identity({"path": path, "date": "none", "columns": ["Open", "Close"]}).run_id


def test_without_an_axis_the_dates_are_a_column_like_others(series_of, look):
    assert "column Day: '2024-01-01', where a finite number" in look.refusal(series_of(dated(), date="none"))
    assert look.refusal(series_of(dated(), columns=("Day", "Open"))).startswith("task.date: 'Day'; is the x axis, and")


def test_numbers_can_be_the_x_axis_where_the_column_is_named(series_of, look):
    years = "Year,Open\n" + "".join(f"{1980 + n},{value}\n" for n, value in enumerate(OPEN))
    task = series_of(years, date="Year")
    assert task.input_size == 1
    (finding,) = task.examine([task.data(0)], look.blank_network(task))
    assert finding.predictions["t"].tolist() == list(range(2014, 2020))


def test_equal_dates_are_refused_or_where_columns_are_named_no_axis(series_of, look):
    twice = dated() + f"2024-01-05,{OPEN[0]},{CLOSE[0]}\n"
    refusal = look.refusal(series_of(twice))
    assert "line 42, column Day: '2024-01-05' stands in line 6, too" in refusal
    task = series_of(twice, columns=("Open",), window=6).fingerprinted()
    assert task.date is None
    assert task.remarks[0].startswith("column Day is not the x axis: task.path: ")


def with_gaps(*gaps, field=""):
    """dated() where the fields of Close, or of another column, are missing: (row, column) from 0."""
    rows = [line.split(",") for line in dated().splitlines()]
    for row, column in gaps:
        rows[row + 1][column] = field
    return "\n".join(",".join(row) for row in rows)


GAPS = [(12, 2), (13, 2), (20, 1), (37, 2)]


def known_windows(window, horizon, filled):
    """By part, the windows and targets of CLOSE that may be used, from the definition."""
    gaps = {row for row, _ in GAPS}
    of_close = {row for row, column in GAPS if column == 2}
    for start, stop in parts_of(N).values():
        yield [
            (range(end - window + 1, end + 1), range(end + 1, end + 1 + horizon))
            for end in range(window - 1, N - horizon)
            if start <= end + 1
            and end + horizon < stop
            and not of_close & set(range(end + 1, end + 1 + horizon))
            and (end not in gaps if filled else not gaps & set(range(end - window + 1, end + 1)))
        ]


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("missing", ["drop", "interpolate"])
def test_no_window_spans_a_gap_and_no_answer_and_no_last_row_was_filled(missing, horizon, series_of, look):
    """The table once more in pandas, whose interpolation is another one's."""
    window = 3
    task = series_of(with_gaps(*GAPS), missing=missing, window=window, horizon=horizon, scaling="none")
    table = pandas.DataFrame({"Open": OPEN, "Close": CLOSE})
    for row, column in GAPS:
        table.iloc[row, column - 1] = math.nan
    if missing == "interpolate":
        table = table.interpolate()
    expected = list(known_windows(window, horizon, missing == "interpolate"))
    for part, samples in zip(look.splits(task.data(0)).values(), expected, strict=True):
        assert len(part) == len(samples) > 0
        for n, (read, answered) in enumerate(samples):
            np.testing.assert_allclose(part.inputs[n], table.iloc[list(read)].to_numpy(), rtol=1e-6)
            np.testing.assert_allclose(part.targets[n], [CLOSE[row] for row in answered], rtol=1e-6)
    n_used, n_all = (
        sum(map(len, expected)),
        sum(stop - max(start, 3) - horizon + 1 for start, stop in parts_of(N).values()),
    )
    assert task.remarks == (
        f"task.missing={missing}: 4 of 40 rows with gaps, {n_all - n_used} of {n_all} windows unused",
    )


def test_gaps_between_irregular_dates_are_filled_in_time(series_of):
    days = "Day,a\n" + "".join(
        f"2024-01-{day:02},{'' if day == 3 else day * 10}\n" for day in (1, 2, 3, 9, *range(10, 30))
    )
    task = series_of(days, missing="interpolate", window=4, scaling="none")
    np.testing.assert_allclose(task.data(0).train.inputs[0, :, 0], [10, 20, 30, 90], rtol=1e-6)


def test_gaps_at_the_ends_are_left_out(series_of):
    task = series_of(with_gaps((0, 1), (1, 1), (39, 2)), missing="interpolate", window=3, scaling="none")
    np.testing.assert_allclose(task.data(0).train.inputs[0, :, 0], OPEN[2:5], rtol=1e-6)
    np.testing.assert_allclose(task.data(0).test.targets[-1], CLOSE[38], rtol=1e-6)


def test_scaling_is_fitted_on_rows_without_gaps(series_of):
    task = series_of(with_gaps((3, 1)), missing="drop", scaling="standard")
    rows = [row for row in range(parts_of(N)["train"][1]) if row != 3]
    mean, spread = (f([OPEN[row] for row in rows]) for f in (statistics.fmean, statistics.pstdev))
    np.testing.assert_allclose(task.data(0).test.inputs[0, :, 0], (np.array(OPEN[27:34]) - mean) / spread, rtol=1e-5)


def test_a_closed_loop_goes_on_over_rows_whose_truth_is_missing(series_of, look):
    task = series_of(with_gaps((36, 1)), columns=("Open",), missing="interpolate", window=3)
    forecast = np.arange(6, dtype=np.float32)
    network = look.FakePredictor(lambda x: x[:, -1], forecast)
    (finding,) = task.examine([task.data(0)], network)
    ((_, steps),) = network.asked
    assert steps == 6
    low, high = min(OPEN[:28]), max(OPEN[:28])
    expected = [low + (high - low) * v for v in (0, 1, 4, 5)]  # row 36 has no value, and row 37 no window before it
    np.testing.assert_allclose(finding.predictions["closed_loop"], expected, rtol=1e-5)


def test_a_part_whose_windows_all_have_gaps_is_refused(series_of, look):
    gaps = [(row, 1) for row in range(30, 40, 3)]
    refusal = look.refusal(series_of(with_gaps(*gaps), missing="drop", window=5))
    assert refusal == "task.missing: 'drop'; every window of the test part has a gap"


WORDS = [("rain", "sun", "fog")[n * n % 3] for n in range(28)] + ["snow", "sun", "rain"] * 4
WEATHER = "Day,Weather,Close\n" + "".join(f"{d},{w},{c}\n" for d, w, c in zip(DATES, WORDS, CLOSE, strict=True))


def test_words_are_inputs_of_zero_and_one_on_request(series_of, look):
    task = series_of(WEATHER, categories=("Weather",), window=5)
    data = task.data(0)
    known = pandas.get_dummies(pandas.Series(WORDS)).reindex(columns=sorted(set(WORDS[:28])))
    assert task.input_size == 1 + known.shape[1] == 3
    np.testing.assert_array_equal(data.train.inputs[0, :, 1:], known.iloc[:5].to_numpy())
    np.testing.assert_array_equal(data.test.inputs[-1, :, 1:], known.iloc[34:39].fillna(0).to_numpy())
    assert task.remarks == (
        "task.categories: words of column Weather that are not in the training part have inputs of 0 only: 'snow' (4)",
    )


def test_a_missing_word_is_the_word_before_where_gaps_are_filled(series_of):
    text = WEATHER.replace(f"{DATES[1]},sun", f"{DATES[1]},")
    task = series_of(text, categories=("Weather",), window=3, missing="interpolate")
    np.testing.assert_array_equal(task.data(0).train.inputs[0, :2, 1:], [[1, 0], [1, 0]])


def test_one_line_says_all_that_must_be_set_for_a_table_with_words_and_gaps(series_of, look):
    text = WEATHER.replace(f"{DATES[8]},{WORDS[8]},{CLOSE[8]}", f"{DATES[8]},{WORDS[8]},")
    task = series_of(text)
    assert look.refusal(task) == (
        f"task.path: {task.path!r}; line 2, column Weather: 'rain', where a finite number must be (no field of the "
        "column is one; task.categories=[Weather] reads its words, task.columns=[Close] leaves it out); line 10, "
        "column Close: nothing, where a finite number must be (the only gap; task.missing=interpolate fills them, drop "
        "reads no window that has one)"
    )
    replace(task, categories=("Weather",), missing="drop").check()


def test_a_table_as_spreadsheets_of_western_europe_write_it_is_read_and_this_is_said(tmp_path):
    text = "Tag;Größe;Kurs\n" + "".join(
        f"{day:%d.%m.%Y};{str(a).replace('.', ',')};{str(b).replace('.', ',')}\n"
        for day, a, b in zip(DATES, OPEN, CLOSE, strict=True)
    )
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    task = replace(TASKS["series"](), path=str(tmp_path / "t.csv"), target="Größe", scaling="none", window=3)
    np.testing.assert_allclose(task.data(0).train.targets[:, 0], OPEN[3:28], rtol=1e-6)
    assert task.remarks == (
        f"{task.path} was read with task.separator=semicolon task.decimal=comma task.encoding=cp1252",
    )
    named = replace(task, separator="semicolon", decimal="comma", encoding="cp1252", date_format="%d.%m.%Y")
    assert named.remarks == ()


@pytest.mark.parametrize(
    ("scaling", "value", "found"),
    [("none", "1e39", "1e+39"), ("minmax", "-1e300", "-1e+300"), ("standard", "3e200", "3e+200")],
)
def test_values_that_float32_cannot_hold_are_named(scaling, value, found, series_of, look):
    task = series_of(spoiled(38, 1, value), scaling=scaling)
    assert look.refusal(task).startswith(
        f"task.path: {task.path!r}; line 38, column Close: {found} is too large to be scaled"
    )


def test_extremes_whose_difference_is_no_number_are_named(series_of, look):
    lines = spoiled(9, 1, "1.7e308").splitlines()
    lines[3] = "1.5,-1.7e308"
    assert "line 4, column Close: -1.7e+308 is so far from the other values" in look.refusal(
        series_of("\n".join(lines))
    )


@pytest.mark.parametrize("scaling", ["minmax", "standard"])
def test_a_value_beside_which_the_others_would_be_one_number_is_named(scaling, series_of, look):
    refused = series_of(spoiled(9, 1, "1e12"), scaling=scaling)
    assert "line 9, column Close: 1e+12 is so far from the other values that float32" in look.refusal(refused)
    series_of(spoiled(9, 1, "1e6"), scaling=scaling).check()


# Many steps, and seasons


def test_every_step_of_the_horizon_is_an_output_and_all_of_them_lie_in_one_part(series_of, look):
    task = series_of(TABLE, window=4, horizon=3, scaling="none", columns=("Close",))
    assert (task.output_size, task.horizon) == (3, 3)
    for name, part in look.splits(task.data(0)).items():
        start, stop = parts_of(N)[name]
        first = [row for row in range(max(start, 4), stop) if row + 2 < stop]
        np.testing.assert_allclose(part.targets, [CLOSE[row : row + 3] for row in first], rtol=1e-6)
        np.testing.assert_allclose(part.inputs[:, :, 0], [CLOSE[row - 4 : row] for row in first], rtol=1e-6)


def test_the_errors_of_a_forecast_are_given_by_step(series_of, look):
    task = series_of(TABLE, window=4, horizon=3, columns=("Close",))
    data, steps = task.data(0), np.array([0.1, 0.2, 0.4], np.float32)
    (finding,) = task.examine([data], look.FakePredictor(lambda x: data.test.targets + steps))
    unit = max(CLOSE[:28]) - min(CLOSE[:28])
    by_step = [finding.metrics[f"rmse_step{k}"] for k in (1, 2, 3)]
    np.testing.assert_allclose(by_step, unit * steps, rtol=1e-5)
    assert finding.metrics["rmse"] == pytest.approx(math.sqrt(statistics.fmean(e * e for e in by_step)), rel=1e-6)
    assert finding.metrics["mae"] == pytest.approx(statistics.fmean(by_step), rel=1e-6)
    columns = finding.predictions
    assert list(columns) == ["t", "truth", "one_step", "closed_loop", "step_2", "step_3"]
    np.testing.assert_allclose(columns["truth"], CLOSE[34:], rtol=1e-5)
    for k, name in enumerate(("one_step", "step_2", "step_3")):
        error = columns[name] - columns["truth"]
        assert np.isnan(error).tolist() == [True] * k + [False] * 4 + [True] * (2 - k)
        np.testing.assert_allclose(error[k : k + 4], unit * steps[k], rtol=1e-4)


def test_persistence_says_the_last_value_for_every_step(series_of):
    task = series_of(TABLE, window=4, horizon=3, columns=("Close",), scaling="none")
    rows = range(34, 38)
    errors = [(CLOSE[row + k] - CLOSE[row - 1]) ** 2 for row in rows for k in range(3)]
    assert task.baselines(task.data(0))["persistence_test_loss"] == pytest.approx(statistics.fmean(errors), rel=1e-5)


@pytest.mark.parametrize(("horizon", "season"), [(1, 7), (3, 2), (5, 12)])
def test_the_seasonal_answer_is_the_last_known_value_of_the_same_season(horizon, season, series_of):
    task = series_of(TABLE, window=4, horizon=horizon, season=season, columns=("Close",), scaling="standard")
    found = task.baselines(task.data(0))
    spread = statistics.pstdev(CLOSE[:28])
    for part, metric in (("eval", "seasonal_loss"), ("test", "seasonal_test_loss")):
        start, stop = parts_of(N)[part]
        errors = []
        for first in range(start, stop - horizon + 1):
            for row in range(first, first + horizon):
                before = next(row - season * k for k in range(1, 9) if row - season * k < first)
                errors.append(CLOSE[row] - CLOSE[before])
        assert found[metric] == pytest.approx(statistics.fmean(e * e for e in errors) / spread**2, rel=1e-5)
    assert found["seasonal_rmse"] == pytest.approx(math.sqrt(statistics.fmean(e * e for e in errors)), rel=1e-5)
    assert found["seasonal_mae"] == pytest.approx(statistics.fmean(map(abs, errors)), rel=1e-5)


def test_the_seasonal_answer_to_a_gap_is_from_the_season_before(series_of):
    task = series_of(with_gaps((27, 2)), missing="interpolate", season=7, window=4, scaling="none")
    answers = task.data(0).test.seasonal
    np.testing.assert_allclose(answers[0], CLOSE[20], rtol=1e-6)
    np.testing.assert_allclose(answers[1], CLOSE[28], rtol=1e-6)


def test_a_season_that_begins_before_the_table_is_refused(series_of, look):
    refusal = look.refusal(series_of(TABLE, season=30))
    assert refusal == "task.season: 30; the validation part has values of which no earlier season is known"


# What is said


def test_persistence_says_the_last_value_again(series_of):
    task = series_of(TABLE, window=4, horizon=2, forecast="last_step")
    naive = task.baselines(task.data(0))
    rows = parts_of(N)
    train = CLOSE[: rows["train"][1]]
    unit = max(train) - min(train)

    def errors(name):
        return [((CLOSE[row] - CLOSE[row - 2]) / unit) ** 2 for row in range(*rows[name])]

    assert naive["persistence_loss"] == pytest.approx(statistics.fmean(errors("eval")), rel=1e-5)
    assert naive["persistence_test_loss"] == pytest.approx(statistics.fmean(errors("test")), rel=1e-5)
    apart = [abs(CLOSE[row] - CLOSE[row - 2]) for row in range(*rows["test"])]
    assert naive["persistence_mae"] == pytest.approx(statistics.fmean(apart), rel=1e-5)
    assert naive["persistence_rmse"] == pytest.approx(unit * math.sqrt(statistics.fmean(errors("test"))), rel=1e-5)


def test_what_is_said_of_a_forecast_is_in_the_units_of_the_table(series_of, look):
    task = series_of(TABLE, window=4, horizon=2, forecast="last_step")
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
    assert shifted.metrics["mae"] == pytest.approx(statistics.fmean(map(abs, errors)), rel=1e-5)
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
    assert finding.metrics == {"skill": -math.inf, "rmse": math.inf, "mae": math.inf}


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
