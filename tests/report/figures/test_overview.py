"""The pictures of the first screen: maps of two numbers, and the effect of each key."""

import itertools

import numpy as np
import pytest

from rnnlab.report.figures.canvas import broken_title, fitted
from rnnlab.report.figures.registry import LeftOut, plates_of
from rnnlab.report.figures.scores import ScorePanel, ScoreRow, scales
from rnnlab.report.judging.estimates import estimate_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study

RATES, SIZES = (0.01, 0.1, 1.0), (8, 16, 32)


def drawn(build, folder, swept, final, n_seeds=4, diverged=lambda *values: False):
    records = [
        build.record(
            "sines", activation, seed, final=final(activation, *values) * (1 + 0.01 * seed),
            diverged_at=50 if diverged(activation, *values) else None, **dict(zip(swept, values, strict=True)),
        )
        for activation in ("tanh", "relu") for values in itertools.product(*swept.values()) for seed in range(n_seeds)
    ]  # fmt: skip
    study = read_study(build.runs(folder, records))
    plates = list(plates_of(study, view_of(study)))
    assert not [plate for plate in plates if isinstance(plate, LeftOut)]
    return {plate.name: plate for plate in plates}


def test_two_swept_numbers_are_a_map_of_outcome_and_score(build, tmp_path):
    swept = {"optimizer__learning_rate": RATES, "cell__hidden_size": SIZES}
    plates = drawn(
        build, tmp_path, swept, lambda activation, rate, size: 0.1 + 0.1 * RATES.index(rate),
        diverged=lambda activation, rate, size: activation == "relu" and rate == 1.0,
    )  # fmt: skip
    figure = plates["map"].figure
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["tanh: outcome", "relu: outcome", "tanh: score", "relu: score"]
    (image,) = figure.axes[2].get_images()
    below_the_naive_loss = np.array([1 - (0.1 + 0.1 * n) * 1.015 for n in range(3)])  # the median of seeds 0 to 3
    scores = np.asarray(image.get_array())
    along = scores[0] if np.ptp(scores, axis=0).max() < 1e-9 else scores[::-1, 0]
    assert along == pytest.approx(below_the_naive_loss)
    relu = np.asarray(figure.axes[3].get_images()[0].get_array())
    assert np.sum(relu == 0) == 3  # relu at the rate of 1, whatever the size
    assert len(figure.axes[0].patches) == len(figure.axes[1].patches) == 9  # a cell each, of one outcome
    assert "more than half of the runs diverged in 3 cells" in plates["map"].alt


def test_of_many_keys_each_has_its_effect_on_one_axis(build, tmp_path):
    swept = {"cell__bias": ("a", "b", "c"), "readout__bias": (True, False)}
    plates = drawn(build, tmp_path, swept, lambda activation, bias, other: 0.1 + 0.2 * "abc".index(bias))
    figure = plates["effects"].figure
    by_title = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert set(by_title) == {"cell.activation", "cell.bias", "readout.bias"}
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_title(loc="left") == "cell.bias"  # what matters most
    marks = by_title["cell.bias"].lines[0].get_ydata()
    assert marks == pytest.approx([1 - 0.1 * 1.015, 1 - 0.3 * 1.015, 1 - 0.5 * 1.015])
    assert by_title["readout.bias"].lines[0].get_ydata() == pytest.approx([1 - 0.3 * 1.015] * 2)
    assert by_title["cell.bias"].lines[0].get_linestyle() == "None"  # letters have no order that a line could follow


def panel(task, *scores):
    return ScorePanel(task, [ScoreRow("tanh", scores, [False] * len(scores), estimate_of(scores), [])], task)


def test_panels_share_a_scale_unless_one_task_would_hide_another():
    assert scales([panel("one", 0.5), panel("two", 0.8)]) == [0.8, 0.8]
    assert scales([panel("one", 0.5), panel("one", 0.99999), panel("two", 0.3)]) == [0.99999, 0.99999, 0.3]


def test_an_axis_fits_its_data_and_is_never_a_point():
    low, high = fitted(np.array([0.9, 0.95, np.nan]))
    assert 0.89 < low < 0.9 and 0.95 < high < 0.96
    low, high = fitted(np.array([0.5]))
    assert high - low == pytest.approx(1.08 * 0.02)


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("temporal_order", "temporal_\norder"),
        ("temporal_order, relu", "temporal_\norder, relu"),
        ("rate 0.001", "rate 0.001"),
        ("시간_순서_맞추기_과제", "시간_순서_\n맞추기_과제"),
        ("incomprehensibility", "incomprehensibility"),
    ],
)
def test_a_title_is_broken_between_words_and_never_inside(title, lines):
    assert broken_title(title, 12) == lines
