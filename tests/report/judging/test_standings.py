from dataclasses import replace

import numpy as np
import pytest

from rnnlab.report.judging.estimates import BOOTSTRAP_SEED, estimate_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study
from rnnlab.statistics.resampling import bootstrap_interval


@pytest.fixture
def tuned_view(build, tmp_path):
    """tanh is best at 0.1, relu at 0.01; relu diverges at 1.0."""
    finals = {("tanh", 0.01): 0.5, ("tanh", 0.1): 0.1, ("tanh", 1.0): 0.6}
    finals |= {("relu", 0.01): 0.2, ("relu", 0.1): 0.8, ("relu", 1.0): None}
    records = [
        build.record(
            "sines", name, seed, final=final and final + 0.01 * seed, diverged_at=None if final else 30,
            optimizer__learning_rate=rate,
        )
        for (name, rate), final in finals.items()
        for seed in range(7)
    ]  # fmt: skip
    return view_of(read_study(build.runs(tmp_path, records)))


def test_the_first_quarter_of_the_seeds_chooses_the_rate_at_which_the_others_are_scored(tuned_view):
    standings = {standing.label: standing for standing in tuned_view.tasks[0].standings}
    assert tuned_view.tuned
    assert standings["tanh"].rate == 0.1 and standings["relu"].rate == 0.01
    assert not standings["tanh"].at_edge and standings["relu"].at_edge
    assert standings["tanh"].scores == pytest.approx([0.88, 0.87, 0.86, 0.85, 0.84])  # seeds 2 to 6
    assert standings["relu"].score.median == pytest.approx(0.76)


def test_one_rate_for_all_is_shown_beside_it(tuned_view):
    # mean scores over both: 0.01 (0.48 + 0.78) / 2, 0.1 (0.88 + 0.18) / 2, 1.0 (0.38 + 0) / 2
    relu = next(standing for standing in tuned_view.tasks[0].standings if standing.label == "relu")
    tanh = next(standing for standing in tuned_view.tasks[0].standings if standing.label == "tanh")
    assert relu.shared_rate == tanh.shared_rate == 0.01
    assert tanh.shared.median == pytest.approx(0.46) and relu.shared.median == pytest.approx(0.76)


def test_without_several_rates_a_standing_is_a_condition(study_folder):
    view = view_of(read_study(study_folder))
    assert not view.tuned
    names = [[standing.name for standing in task.standings] for task in view.tasks]
    assert names == [["tanh", "sigmoid", "relu", "leaky_relu"]] * 2


def test_one_seed_cannot_choose_for_itself(build, tmp_path):
    records = [build.record(optimizer__learning_rate=rate) for rate in (0.1, 0.01)]
    view = view_of(read_study(build.runs(tmp_path, records)))
    assert not view.tuned and len(view.tasks[0].standings) == 2


def test_all_tasks_together_are_those_in_which_everybody_ran(tuned_view, study_folder):
    across = view_of(read_study(study_folder)).across
    assert across.n_strata == 2 and across.labels == ("tanh", "sigmoid", "relu", "leaky_relu")
    assert not across.paired  # one run of tanh failed
    assert across.improvement["leaky_relu", "sigmoid"] == 1.0
    assert tuned_view.across.paired and tuned_view.across.improvement["tanh", "relu"] == 1.0
    assert tuned_view.across.iqm["tanh"][0] == pytest.approx(0.86)


def test_an_activation_that_lacks_a_task_is_left_out_by_name(build, tmp_path):
    records = [build.record(task, name) for task in ("sines", "digits") for name in ("tanh", "relu")]
    records.append(build.record("sines", "sigmoid"))
    across = view_of(read_study(build.runs(tmp_path, records))).across
    assert across.labels == ("tanh", "relu") and across.left_out == ("sigmoid",)


@pytest.mark.parametrize("n", [5, 8, 21])
def test_an_estimate_is_the_bootstrap_of_the_median(n):
    values = np.random.default_rng(n).normal(size=n)
    values[0] = np.inf
    estimate = estimate_of(values)
    expected = bootstrap_interval(np.sort(values), np.random.default_rng(BOOTSTRAP_SEED))
    assert estimate.interval == expected and estimate.n == n


def test_the_rate_for_all_is_chosen_by_validation_and_scored_on_test(build, tmp_path):
    """At the rate 0.1 the validation loss is lower, at 0.01 the test loss."""
    losses = {0.1: {"eval_loss": 0.1, "test_loss": 0.4}, 0.01: {"eval_loss": 0.2, "test_loss": 0.3}}
    records = [
        build.record("sines", name, seed, optimizer__learning_rate=rate)
        for name in ("tanh", "relu")
        for rate in losses
        for seed in range(5)
    ]
    records = [
        replace(r, result=replace(r.result, metrics=r.result.metrics | losses[r.config["optimizer"]["learning_rate"]]))
        for r in records
    ]
    for standing in view_of(read_study(build.runs(tmp_path, records))).tasks[0].standings:
        assert standing.shared_rate == 0.1 and standing.shared.median == pytest.approx(0.6)
