"""The figures of claims and pairs: what is drawn is what was judged."""

import math

import pytest

from rnnlab.report.figures.claims import Row, draw_claims, draw_looks
from rnnlab.report.figures.pairs import PairPanel, PairRow, draw_matrix, draw_pairs
from rnnlab.report.figures.plate import to_png
from rnnlab.report.figures.registry import plates_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study
from rnnlab.statistics.looks import Step

INF = math.inf


def row(name="1: relu - tanh", axis="difference in score", interval=(0.1, 0.3), cautious=(-0.1, 0.3), **entries):
    known = {"judgement": "supported", "estimate": 0.2, "centre": 0.0, "threshold": 0.0, "margin": None}
    return Row(name, axis, **(known | {"interval": interval, "cautious": cautious, "path": (), "look": 0} | entries))


def lines(axes):
    return [tuple(map(float, line.get_xdata())) for line in axes.lines]


def test_numbers_of_different_units_have_panels_of_their_own():
    figure = draw_claims([row(), row("2: a - b", "difference in loss (nats)"), row("3: a - c")])
    assert [axes.get_xlabel() for axes in figure.axes] == ["difference in score", "difference in loss (nats)"]
    names = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes]
    assert names == [["1: relu - tanh", "3: a - c"], ["2: a - b"]]


def test_a_row_has_its_threshold_both_intervals_its_estimate_and_its_margin():
    (axes,) = draw_claims([row(margin=0.05, threshold=0.02)]).axes
    assert lines(axes) == [(0.02, 0.02), (-0.1, 0.3), (0.1, 0.3), (0.2,)]
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((-0.05, 0.1))
    assert [text.get_text() for text in axes.texts] == ["✓ supported"]


def test_what_has_no_bound_ends_in_an_arrow_at_the_edge_of_the_panel():
    (axes,) = draw_claims([row(interval=(0.1, INF), cautious=(-INF, 1e9))]).axes
    low, high = axes.get_xlim()
    arrows = [(line.get_marker(), float(line.get_xdata()[0])) for line in axes.lines if line.get_marker() in "<>"]
    assert sorted(arrows) == [("<", low), (">", high), (">", high)] and high < 1


def test_the_path_over_looks_marks_the_look_that_decided():
    path = (Step(10, 0.1, (-INF, 0.5), 0.3), Step(20, 0.2, (0.1, 0.3), 0.001))
    (axes,) = draw_looks([row(path=path, look=1)]).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "20"]
    sizes = [line.get_markersize() for line in axes.lines if line.get_marker() == "o"]
    assert sizes[1] > sizes[0] and axes.get_ylim()[1] > 0.5
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "v^"] == ["v"]


def test_pairs_that_differ_are_filled_and_others_are_open():
    rows = [PairRow("tanh", "relu", True, 0.2, (0.1, 0.3)), PairRow("tanh", "elu", False, 0.0, (-INF, INF))]
    (axes,) = draw_pairs([PairPanel("sines", rows)]).axes
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in marks] == [False, True]
    assert (0.1, 0.3) in lines(axes)


def test_many_labels_are_a_matrix_of_row_minus_column():
    rows = [PairRow("a", "b", True, 0.2, (0.1, 0.3)), PairRow("a", "c", False, 0.1, (-0.1, 0.3)),
            PairRow("b", "c", False, -0.1, (-0.3, 0.1))]  # fmt: skip
    axes = draw_matrix([PairPanel("sines", rows)]).axes[0]
    table = axes.images[0].get_array().filled(math.nan).tolist()
    assert table[0][1:] == [0.2, 0.1] and table[1][0] == -0.2 and table[2][1] == 0.1
    assert [sorted(map(float, line.get_xdata())) for line in axes.lines] == [[0.0, 1.0]]


def test_a_study_with_claims_gets_both_with_numbers_in_words(rich_report):
    study = read_study(rich_report.parent)
    plates = {plate.name: plate for plate in plates_of(study, view_of(study)) if plate.name in ("claims", "pairs")}
    assert "1: relu - tanh, difference in runs that diverged (percentage points): 19.4 (" in plates["claims"].alt
    assert "sines: " in plates["pairs"].alt and "한글: " in plates["pairs"].alt
    assert all(to_png(plate)[0].startswith(b"\x89PNG") for plate in plates.values())
