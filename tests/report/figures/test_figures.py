import math
import re
from dataclasses import replace

import matplotlib
import numpy as np
import pytest

from rnnlab.report.figures.confusion import ConfusionPanel, draw_confusions
from rnnlab.report.figures.curves import CurvePanel, Trace, draw_curves
from rnnlab.report.figures.palette import STYLES
from rnnlab.report.figures.plate import inlined, to_png, to_svg
from rnnlab.report.figures.predictions import PredictionRow, draw_predictions
from rnnlab.report.figures.registry import plates_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study


def plates_by_name(folder):
    study = read_study(folder)
    return {plate.name: plate for plate in plates_of(study, view_of(study))}


@pytest.fixture(scope="module")
def plates(study_folder):
    return plates_by_name(study_folder)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def curve(losses, diverged_at, style="tanh"):
    losses = np.array(losses, float)
    steps = np.arange(losses.shape[1]) * 10.0
    return Trace(steps, losses, np.array(diverged_at, float), STYLES[style])


def test_a_study_gets_the_figures_that_it_has_data_for(plates):
    assert list(plates) == [
        "scores", "importance", "pairs", "curves-digits", "curves-sines", "confusion-digits", "predictions-sines",
        "divergence", "profile",
    ]  # fmt: skip


def test_alt_texts_state_the_numbers(plates):
    assert "leaky_relu 0.988 (interval 0.986 to 0.99, 5 runs)" in plates["scores"].alt
    assert "relu 0.88 (interval 0 to 0.9, 5 runs, 1 diverged)" in plates["scores"].alt
    assert (
        "tanh 0.024 (5 runs)" in plates["curves-sines"].alt
        and "naive 1 and persistence 0.004" in plates["curves-sines"].alt
    )
    assert "tanh (seed 2): test loss 0.024 and closed-loop mean squared error 0.25" in plates["predictions-sines"].alt
    assert "relu (5 runs): 90% of 200 on the diagonal" in plates["confusion-digits"].alt
    assert "relu 1 of 5 (4% to 62%)" in plates["divergence"].alt


def test_the_baselines_are_drawn_on_every_panel_and_named_in_the_legend(plates):
    figure = plates["curves-sines"].figure
    assert [text.get_text() for text in figure.legends[0].get_texts()][-2:] == ["naive 1", "persistence 0.004"]
    for axes in figure.axes:
        assert {1.0, 0.004} <= {line.get_ydata()[0] for line in axes.lines}
        assert axes.get_yscale() == "log"


def test_axes_say_what_they_measure(plates):
    assert plates["curves-sines"].figure.get_supylabel() == "mean squared error"
    assert plates["curves-digits"].figure.get_supylabel() == "cross-entropy (nats)"
    assert plates["curves-sines"].figure.axes[0].get_xlabel() == "optimiser steps"


def test_an_activation_looks_the_same_in_every_figure(plates):
    color = STYLES["relu"].color
    for name in ("scores", "curves-sines", "predictions-sines", "divergence"):
        assert any(line.get_color() == color for axes in plates[name].figure.axes for line in axes.lines), name


def test_a_diverged_run_is_marked_at_its_step(plates):
    relu = next(axes for axes in plates["curves-sines"].figure.axes if axes.get_title("left") == "relu")
    crosses = [line for line in relu.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [50]


def test_a_diverged_run_stands_at_zero_as_an_open_cross(plates):
    sines = next(axes for axes in plates["scores"].figure.axes if axes.get_title("left") == "sines")
    (cross,) = [line for line in sines.lines if line.get_marker() == "X" and len(line.get_xdata())]
    assert cross.get_xdata().tolist() == [0.0] and cross.get_markerfacecolor() == "white"


def test_scores_close_to_one_are_drawn_apart(build, tmp_path):
    records = [build.record(seed=seed, final=final) for seed, final in enumerate((1e-2, 1e-4, 0.0))]
    plate = plates_by_name(build.runs(tmp_path, records))["scores"]
    (axes,) = plate.figure.axes
    places = [axes.transData.transform((score, 0))[0] for score in (0.0, 0.99, 0.9999)]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1])
    assert "stretched towards 1" in plate.caption


def test_scores_far_from_one_keep_a_plain_axis(build, tmp_path):
    plate = plates_by_name(build.runs(tmp_path, [build.record(final=0.5)]))["scores"]
    assert plate.figure.axes[0].get_xscale() == "linear" and "stretched" not in plate.caption


def test_a_title_too_long_for_its_panel_is_broken_into_lines(build, tmp_path):
    records = [
        build.record(optimizer__learning_rate=rate, cell__hidden_size=size) for rate in (0.1, 0.01) for size in (16, 32)
    ]
    titles = [
        axes.get_title("left") for axes in plates_by_name(build.runs(tmp_path, records))["curves-sines"].figure.axes
    ]
    assert titles[0] == "learning_rate 0.01,\nhidden_size 16"


def test_an_explosion_flattens_nobody():
    panel = CurvePanel("relu", (curve([[1, 0.1, 0.01], [1, 1e30, math.nan]], [math.nan, 10]),))
    low, high = draw_curves([panel], "mean squared error", {"naive_loss": 1.0}).axes[0].get_ylim()
    assert low < 0.01 and high < 10


@pytest.mark.parametrize("losses", [[[math.nan] * 3], [[1.0, math.inf, math.nan]], [[0.0, 0.0, 0.0]]])
def test_curves_without_a_usable_number_are_drawn_all_the_same(losses):
    for end in (math.nan, 10):
        figure = draw_curves([CurvePanel("relu", (curve(losses, [end]),))], "loss", {})
        figure.canvas.draw()


def test_a_closed_loop_that_explodes_leaves_the_axes_and_says_so(plates):
    relu_loop = plates["predictions-sines"].figure.axes[5]
    assert texts(relu_loop) == ["60 points outside, up to 1e+200"]
    assert -4 < relu_loop.get_ylim()[0] < relu_loop.get_ylim()[1] < 4
    assert "cut off there" in plates["predictions-sines"].caption


def test_a_closed_loop_that_only_just_leaves_the_truth_is_shown_whole():
    t = np.linspace(0, 10, 50)
    row = PredictionRow("tanh", "tanh", t, np.sin(t), np.sin(t), np.full(50, 1.8))
    axes = draw_predictions([row], STYLES).axes[1]
    assert axes.get_ylim()[1] > 1.8 and not texts(axes)


def test_a_forecast_that_was_never_made_leaves_an_empty_panel_that_says_so():
    t = np.linspace(0, 10, 50)
    made = PredictionRow("tanh", "tanh", t, np.sin(t), np.sin(t), np.sin(t))
    row = replace(made, closed_loop=np.full(50, math.nan))
    assert texts(draw_predictions([made, row], STYLES).axes[3]) == ["no forecast"]


def test_a_column_without_any_forecast_is_left_out():
    t = np.linspace(0, 10, 50)
    row = PredictionRow("tanh", "tanh", t, np.sin(t), np.sin(t), np.full(50, math.nan))
    figure = draw_predictions([row, row], STYLES)
    assert len(figure.axes) == 2 and [text.get_text() for text in figure.texts] == ["one step ahead"]


def series_record(build, t, forecast, **columns):
    """A record of a series whose predictions have these columns beside the truth."""
    record = build.record()
    truth = np.arange(len(t), dtype=float)
    loop = np.full(len(t), math.nan)
    predictions = {"t": np.array(t), "truth": truth, "one_step": forecast, "closed_loop": loop, **columns}
    return replace(record, result=replace(record.result, predictions=predictions))


def test_dates_are_the_x_axis(build, tmp_path):
    days = [f"2024-03-{day:02}T12:00:00Z" for day in range(1, 9)]
    build.runs(tmp_path, [series_record(build, days, np.arange(8.0))])
    axes = plates_by_name(tmp_path)["predictions-sines"].figure.axes[0]
    assert axes.get_xlabel() == "t (UTC)"
    assert [str(day) for day in axes.lines[0].get_xdata()[:2]] == [f"2024-03-0{n}T12:00:00.000000" for n in (1, 2)]
    assert axes.lines[1].get_ydata().tolist() == list(range(8))


def test_of_many_steps_the_first_and_the_last_are_shown_where_they_were_forecast(build, tmp_path):
    one, two, three = (np.array([math.nan] * k + [k + 0.5] * 6 + [math.nan] * (2 - k)) for k in range(3))
    build.runs(tmp_path, [series_record(build, range(8), one, step_2=two, step_3=three)])
    plate = plates_by_name(tmp_path)["predictions-sines"]
    left, right = plate.figure.axes
    assert [text.get_text() for text in plate.figure.texts] == ["one step ahead", "last step of the horizon"]
    assert left.lines[1].get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
    assert right.lines[1].get_xdata().tolist() == [2, 3, 4, 5, 6, 7]
    assert not texts(left) and not texts(right) and "leaves the axes" not in plate.caption


def test_the_run_with_the_median_loss_is_the_one_shown(plates):
    titles = [axes.get_title("left") for axes in plates["predictions-sines"].figure.axes[::2]]
    assert titles == ["tanh (seed 2)", "sigmoid (seed 2)", "relu (seed 2)", "leaky_relu (seed 2)"]


def test_predictions_that_cannot_be_read_are_named_and_the_others_shown(build, seal, tmp_path):
    build.runs(tmp_path, [build.record(activation=name) for name in ("tanh", "relu")])
    (tmp_path / "sines-relu-0" / "predictions.csv").write_text("t,truth\n1\n")
    seal(tmp_path / "sines-relu-0")
    plate = plates_by_name(tmp_path)["predictions-sines"]
    assert "The predictions of sines-relu-0 cannot be read." in plate.caption and len(plate.figure.axes) == 2


def test_a_confusion_matrix_counts_rows_as_labels():
    counts = np.array([[3, 1], [0, 4]])
    axes = draw_confusions([ConfusionPanel("tanh", 5, ("0", "1"), counts)]).axes[0]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert texts(axes) == ["75", "25", "100"]


def test_a_confusion_matrix_has_the_names_of_classes(build, tmp_path):
    record = build.record(task="digits")
    columns = {"label": np.array(["cat", "a very long name of a dog", "cat"]), "predicted": np.array(["cat"] * 3)}
    predictions = {"index": np.arange(3), **columns, "output": np.ones(3)}
    numbers = {**predictions, "label": np.array(["1", "cat", "1"]), "predicted": np.array([1, 1, 1])}
    records = [
        replace(one, result=replace(one.result, predictions=found))
        for one, found in ((record, predictions), (build.record(task="digits", seed=1), numbers))
    ]
    build.runs(tmp_path, records)
    axes = plates_by_name(tmp_path)["confusion-digits"].figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "a very long name …", "cat"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[1, 0, 0], [0, 0, 1], [1 / 3, 0, 2 / 3]])


def swapped(config):
    """The learning rate as if it were the hidden size, which is never chosen."""
    size = config["optimizer"]["learning_rate"]
    cell, optimizer = config["cell"] | {"hidden_size": size}, config["optimizer"] | {"learning_rate": 0.1}
    return config | {"cell": cell, "optimizer": optimizer}


def test_other_axes_become_panels_with_a_line_for_every_activation(build, tmp_path):
    records = [
        build.record(activation=name, seed=seed, optimizer__learning_rate=rate)
        for name in ("tanh", "relu", "leaky_relu")
        for rate in (0.01, 0.1, 1.0)
        for seed in range(2)
    ]
    records = [replace(record, config=swapped(record.config)) for record in records]
    plates = plates_by_name(build.runs(tmp_path, records))
    curves = plates["curves-sines"].figure
    assert [axes.get_title("left") for axes in curves.axes] == [f"hidden_size {size}" for size in (0.01, 0.1, 1.0)]
    names = [text.get_text() for text in curves.legends[0].get_texts()]
    assert names == ["tanh", "relu", "leaky_relu", "naive 1", "persistence 0.004"]
    assert len(plates["scores"].figure.axes) == 3
    assert len(plates["predictions-sines"].figure.axes) == 2 * 3  # nine conditions: the best one of each activation
    assert "Of 9 conditions" in plates["predictions-sines"].caption


def test_too_many_panels_are_cut_and_the_cut_is_said(build, tmp_path):
    records = [
        build.record(activation=name, optimizer__learning_rate=round(0.01 * k, 2))
        for name in ("tanh", "relu")
        for k in range(1, 31)
    ]
    plates = plates_by_name(build.runs(tmp_path, records))
    assert len(plates["curves-sines"].figure.axes) == 16
    assert "The first 16 of 30 panels are drawn." in plates["curves-sines"].caption
    assert "The first 24 of 30 panels are drawn." in plates["scores"].caption


def test_when_nothing_diverged_there_is_no_figure_of_it(build, tmp_path):
    assert "divergence" not in plates_by_name(build.runs(tmp_path, [build.record()]))


def test_the_same_study_gives_the_same_bytes(study_folder, plates):
    again = plates_by_name(study_folder)
    for name in ("scores", "curves-sines"):
        assert to_svg(again[name]) == to_svg(plates[name])
        assert to_png(again[name])[0] == to_png(plates[name])[0]


def test_an_svg_holds_no_date_and_an_inlined_one_no_size_and_no_metadata(plates):
    svg = to_svg(plates["scores"])
    assert "<dc:date>" not in svg and ">tanh<" in svg
    inline = inlined(svg)
    assert inline.startswith("<svg ") and "<metadata>" not in inline
    assert not re.search(r"\s(width|height)=", inline.split(">")[0])


def test_a_dollar_in_a_name_is_a_dollar(build, tmp_path):
    plates = plates_by_name(
        build.runs(tmp_path, [build.record(optimizer__note="$x_$"), build.record(optimizer__note="$")])
    )
    assert "note $x_$" in to_svg(plates["scores"])


def test_drawing_leaves_the_settings_of_matplotlib_alone(study_folder):
    before = dict(matplotlib.rcParams)
    plates_by_name(study_folder)
    assert dict(matplotlib.rcParams) == before
