"""The figures that need several learning rates, diagnostics, gradients or text: made-up numbers, known by head."""

import numpy as np
import pytest

from rnnlab.report.figures.dynamics import Cloud, draw_dynamics
from rnnlab.report.figures.palette import STYLES
from rnnlab.report.figures.plate import inlined, to_png, to_svg
from rnnlab.report.figures.registry import plates_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.page.texts import as_markdown, text_panels
from rnnlab.report.reading.read import read_study
from rnnlab.statistics.summaries import expected_best_of, performance_profile


@pytest.fixture(scope="module")
def study(rich_report):
    return read_study(rich_report.parent)


@pytest.fixture(scope="module")
def plates(study):
    return {plate.name: plate for plate in plates_of(study, view_of(study))}


def test_a_study_with_everything_gets_every_figure(plates):
    assert list(plates) == [
        "claims", "scores", "importance", "strongest-pair", "pairs", "curves-sines", "curves-한글", "predictions-sines",
        "divergence", "gradients-sines", "gradients-sines-map", "gradients-한글", "gradients-한글-map",
        "dynamics-sines", "diagnostics-sines-depth", "diagnostics-sines",
        "sensitivity-learning_rate", "tuning", "profile",
    ]  # fmt: skip


def test_alt_texts_state_the_numbers(plates):
    assert "relu at 0.1 1 of 6 and relu at 1.0 6 of 6" in plates["divergence"].alt
    assert "sigmoid: 10^-3.5 times as large" in plates["gradients-sines"].alt  # 5 steps of 0.2
    assert "relu: 10^0.2 times as large" in plates["gradients-sines-map"].alt  # 5 steps of 1.1
    assert "share of dead units: tanh 0.1, sigmoid 0.1 and relu 0.1." in plates["diagnostics-sines"].alt
    assert "tanh 0.01 in layer 0, 1 in layer 1" in plates["diagnostics-sines-depth"].alt
    assert "largest Lyapunov exponent: tanh -0.1, sigmoid -1, relu 0.2; " in plates["dynamics-sines"].alt
    assert "relu best at learning_rate 0.01 with 0.887, 100% diverged" in plates["sensitivity-learning_rate"].alt
    assert "tanh 0.976, 100% above 0.5" in plates["profile"].alt


def test_the_map_of_divergence_counts_every_cell(plates):
    sines = plates["divergence"].figure.axes[0]
    assert [text.get_text() for text in sines.texts].count("0/6") == 7
    assert sines.images[0].get_array().tolist()[2] == [0.0, pytest.approx(1 / 6), 1.0]


def test_a_gradient_is_drawn_by_its_distance_from_the_end_on_a_log_scale(plates):
    (axes,) = plates["gradients-sines"].figure.axes
    tanh = next(line for line in axes.lines if line.get_color() == STYLES["tanh"].color)
    assert axes.get_yscale() == "log" and tanh.get_xdata().tolist() == [-5, -4, -3, -2, -1, 0]
    assert tanh.get_ydata() == pytest.approx(0.7 ** np.arange(5.0, -1, -1))


def test_every_run_is_a_dot_at_the_largest_exponent_of_its_layers(plates):
    figure = plates["dynamics-sines"].figure
    assert [axes.get_title("left") for axes in figure.axes] == ["largest Lyapunov exponent", "spectral radius of W_hh"]
    dots = {}
    for line in figure.axes[0].lines[1:]:  # the first is the one at 0
        dots.setdefault(round(float(line.get_xdata()[0]), 9), []).append(len(line.get_xdata()))
    # relu diverged 7 times of 18; no panel of singular values, no dots of layer 1
    assert dots == {-0.1: [18], -1.0: [18], 0.2: [11, 7]}


def test_what_lies_beyond_the_axis_is_drawn_at_its_end():
    scores, whole = np.linspace(0, 1, 99), np.zeros(99, bool)
    cloud = Cloud("tanh", np.r_[-np.inf, np.linspace(-1, 0, 97), 1e9], scores, whole, np.arange(99))
    axes = draw_dynamics({"lyapunov_1": [cloud]}, STYLES).axes[0]
    drawn, (low, high) = axes.lines[1].get_xdata(), axes.get_xlim()
    assert low < drawn[0] < -0.9 and 0 < drawn[-1] < high < 0.3
    assert drawn[1:-1] == pytest.approx(np.linspace(-1, 0, 97))


def test_the_page_says_what_its_diagnostics_mean(rich_report):
    page = (rich_report / "index.html").read_text(encoding="utf-8")
    for name in ("largest Lyapunov exponent", "share of dead units", "gradient norm of a layer"):
        assert page.count(f"<dt>{name}</dt>") == 1
    assert "<dt>norm of the hidden state</dt>" not in page  # not measured there


def test_a_heat_map_has_a_column_for_every_training_step_and_readable_ticks(plates):
    figure = plates["gradients-sines-map"].figure
    assert figure.axes[0].images[0].get_array().shape == (6, 3)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["0", "50", "100"]
    assert not any("$" in tick.get_text() for tick in figure.axes[-1].get_yticklabels())


def test_sensitivity_shows_the_median_score_and_who_diverged(plates):
    panel = plates["sensitivity-learning_rate"].figure.axes[0]
    below, above = panel.child_axes
    relu = next(line for line in above.lines if line.get_color() == STYLES["relu"].color)
    # the losses are 0.1, 0.2 (and one diverged), times 1 to 1.25
    assert relu.get_ydata() == pytest.approx([1 - 0.1 * 1.125, 1 - 0.2 * 1.175, 0.0])
    diverged = next(line for line in below.lines if line.get_color() == STYLES["relu"].color)
    assert diverged.get_ydata() == pytest.approx([0, 1 / 6, 1])


def test_the_tuning_curve_is_the_expected_best_of_all_settings_and_seeds(plates):
    axes = plates["tuning"].figure.axes[0]
    lines = [line.get_ydata() for line in axes.lines if line.get_color() == STYLES["tanh"].color]
    scores = [1 - 0.02 * factor * (1 + 0.05 * seed) for factor in (2, 1, 2) for seed in range(6)]
    assert lines[0] == pytest.approx(expected_best_of(scores, unbiased=False))
    assert lines[1] == pytest.approx(expected_best_of(scores, unbiased=True))


def test_the_profile_is_that_of_the_chosen_runs(plates):
    (axes,) = plates["profile"].figure.axes
    tanh = next(line for line in axes.lines if line.get_color() == STYLES["tanh"].color)
    scores = 1 - 0.02 * (1 + 0.05 * np.arange(2, 6))  # the first two of six seeds chose
    taus = 1 - 10 ** -np.linspace(0, 4, 121)
    assert tanh.get_ydata() == pytest.approx(performance_profile([scores, scores], taus))


def test_curves_of_many_runs_are_thinned_and_the_caption_says_how(build, tmp_path, monkeypatch):
    monkeypatch.setattr("rnnlab.report.figures.curves.MAX_LINES", 20)
    records = [build.record(activation=name, seed=seed) for name in ("tanh", "relu") for seed in range(30)]
    study = read_study(build.runs(tmp_path, records))
    plate = next(plate for plate in plates_of(study, view_of(study)) if plate.name == "curves-sines")
    assert "A line stands for up to 30 runs; 5 of them are drawn thin" in plate.caption
    assert plate.caption.endswith("Medians are over all runs.")
    lines = [line for line in plate.figure.axes[0].lines if line.get_color() == STYLES["tanh"].color]
    assert len(lines) == 5 + 1


def test_a_forecast_that_swings_out_of_the_picture_is_cut_off_where_it_left(build, tmp_path):
    record = build.record()
    record.result.predictions["closed_loop"][60:] = 50.0 * (-1) ** np.arange(60)
    study = read_study(build.runs(tmp_path, [record]))
    plate = next(plate for plate in plates_of(study, view_of(study)) if plate.name == "predictions-sines")
    line = plate.figure.axes[1].lines[1]
    drawn = line.get_ydata()
    assert np.isfinite(drawn[10:61]).all() and np.isnan(drawn[61:]).all()
    assert "60 points outside, up to 50" in [text.get_text() for text in plate.figure.axes[1].texts]


def test_letters_that_are_wrong_are_pieces_of_their_own(study):
    (panel,) = text_panels(study, next(task for task in view_of(study).tasks if task.facts.name == "한글"))
    spelled = {spelling.name: spelling for spelling in panel.spellings}
    assert panel.truth == '안녕하세요 세계, "hello"↵\n' and spelled["tanh"].pieces == ((panel.truth, True),)
    assert spelled["relu"].pieces == (("xx", False), (panel.truth[2:], True))
    assert (spelled["relu"].n_right, spelled["relu"].n) == (16, 18)
    assert as_markdown(spelled["relu"].pieces).startswith("[xx]하세요")


def test_words_are_set_apart_and_texts_by_truth(build, tmp_path):
    record = build.text_record()
    words = np.array(["the", "cat", "<unk>", "sat"])
    said = np.array(["the", "dog", "<unk>", "sat"])
    zero = np.zeros(4, int)
    columns = {"sample": zero, "position": np.arange(4), "truth": words, "predicted": said}
    record.result.predictions.clear()
    record.result.predictions.update(columns)
    study = read_study(build.runs(tmp_path, [record]))
    (panel,) = text_panels(study, view_of(study).tasks[0])
    assert panel.truth == "the cat <unk> sat"
    assert panel.spellings[0].pieces == (("the ", True), ("dog ", False), ("<unk> sat ", True))


def test_letters_without_a_font_are_named_and_korean_has_one_where_it_is_installed(plates, monkeypatch):
    _, lacking = to_png(plates["scores"])
    from rnnlab.report.figures.fonts import FALLBACKS

    assert lacking == (() if any("CJK" in name or "Nanum" in name for name in FALLBACKS) else ("한", "글"))
    assert ">한글<" in to_svg(plates["scores"])


def test_a_narrow_figure_is_not_blown_up(plates):
    assert 'style="max-width: 75%"' in inlined(to_svg(plates["profile"])).split(">")[0]
    assert 'style="max-width: 100%"' in inlined(to_svg(plates["scores"])).split(">")[0]
