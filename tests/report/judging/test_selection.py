import math

import numpy as np

from rnnlab.report.judging.conditions import RATE
from rnnlab.report.judging.selection import leave_one_out, tuned
from rnnlab.report.reading.read import read_study


def test_each_seed_is_scored_at_the_rate_that_the_others_chose():
    scores = np.array(
        [
            [0.9, 0.1, 0.1],  # the others of seed 0 have 0.1 here, of seeds 1 and 2 they have 0.5
            [0.4, 0.3, 0.3],  # 0.3; 0.35; 0.35
        ]
    )
    assert leave_one_out(scores).tolist() == [1, 0, 0]


def test_a_lucky_run_does_not_choose_its_own_rate():
    scores = np.array([[0.5, 0.5, 0.5], [1.0, 0.0, 0.0]])
    assert leave_one_out(scores).tolist() == [0, 0, 0]


def test_of_equal_rates_the_lowest_is_chosen():
    assert leave_one_out(np.full((3, 4), 0.25)).tolist() == [0, 0, 0, 0]


def test_a_seed_is_never_scored_at_a_rate_it_has_no_run_at_and_a_lone_seed_not_at_all():
    scores = np.array([[math.nan, 0.2, 0.2], [0.1, 0.1, 0.1]])
    assert leave_one_out(scores).tolist() == [1, 0, 0]
    assert leave_one_out(np.array([[0.3], [0.4]])).tolist() == [-1]


def test_runs_are_chosen_by_their_scores_and_a_diverged_one_counts_as_zero(build, tmp_path):
    finals = {0.1: (0.2, 0.2, 0.2), 1.0: (0.1, 0.1, None)}  # as losses against a naive loss of 1
    records = [
        build.record(seed=seed, final=final, diverged_at=50 if final is None else None, optimizer__learning_rate=rate)
        for rate, many in finals.items()
        for seed, final in enumerate(many)
    ]
    chosen = tuned(read_study(build.runs(tmp_path, records)).members)
    # seed 0: others have 0.8 at 0.1 and (0.9 + 0) / 2 at 1.0; seed 2: others have 0.8 and 0.9
    assert {seed: run.config[RATE] for seed, run in chosen.items()} == {0: 0.1, 1: 0.1, 2: 1.0}
