"""What is checked of a sweep before anything trains."""

import pytest

from rnnlab.config.parse import from_node
from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.study import StudyFile
from rnnlab.sweep.checks import checked_runs, one_of_each_condition, with_runs

CONFIG = {
    "task": {"name": "sines", "n_points": 40, "window": 4, "forecast_steps": 3},
    "cell": {"name": "rnn", "hidden_size": 5},
    "optimizer": {"name": "adam"},
    "training": {"batch_size": 8},
    "seed": 0,
    "study": "s",
    "device": "cpu",
    "backend": "auto",
}
SHARED = {"study": "s", "device": "cpu", "backend": "auto"}


def test_every_config_becomes_a_run_in_order(capsys):
    runs = checked_runs(({**CONFIG, "seed": seed} for seed in (3, 1, 2)), SHARED)
    assert [run.seed for run in runs] == [3, 1, 2]
    assert capsys.readouterr().err == "", "nothing to say"


def test_equal_runs_are_counted_in_one_line(capsys):
    runs = checked_runs([{**CONFIG, "seed": seed} for seed in (0, 1, 0, 0)], SHARED)
    assert len(runs) == 4
    assert capsys.readouterr().err == "rnnlab: 2 different runs of 4; equal runs are trained once\n"


def test_a_complaint_says_how_many_runs_share_it():
    configs = [{**CONFIG, "seed": seed} for seed in (0, -1, -1, -1, "x")]
    complaint = r"^seed: -1; must be a whole number from 0 up \(3 of 5 runs; 1 other complaint; nothing was trained\)$"
    with pytest.raises(ConfigError, match=complaint):
        checked_runs(configs, SHARED)


@pytest.mark.parametrize("key, value", [("study", "other"), ("device", "cuda"), ("backend", "torch")])
def test_what_all_runs_share_cannot_be_swept(key, value):
    with pytest.raises(ConfigError, match=f"{key}: '{value}' and '{SHARED[key]}'; must be one for all runs"):
        checked_runs([CONFIG, {**CONFIG, key: value}], SHARED)


def test_nothing_cannot_be_swept():
    with pytest.raises(ConfigError, match="nothing to sweep"):
        checked_runs([], SHARED)


def test_the_seeds_of_a_condition_are_the_runs_that_each_config_gives_by_itself():
    relu = {**CONFIG, "cell": {"name": "rnn", "hidden_size": 5, "activation": "relu"}}
    configs = [{**config, "seed": seed} for seed in range(5) for config in (CONFIG, relu)]
    alone = [from_node(config) for config in configs]
    together = checked_runs(configs, SHARED, ["tanh", "relu"] * 5)
    assert together == alone
    assert [run.run_id for run in together] == [run.run_id for run in alone]
    assert [run.folder for run in together] == [run.folder for run in alone]
    assert len(one_of_each_condition(together)) == 2


def test_a_condition_that_cannot_be_used_is_checked_once_and_counted_for_each_seed():
    bad = {**CONFIG, "cell": {"name": "rnn", "hidden_size": 0}}
    with pytest.raises(ConfigError, match=r"^cell.hidden_size: 0; .* \(4 of 6 runs; 1 other complaint"):
        checked_runs(
            [{**bad, "seed": n} for n in range(4)] + [CONFIG, {**CONFIG, "seed": -1}], SHARED, [0, 0, 0, 0, 1, 1]
        )


def test_a_study_gets_the_runs_that_its_claims_are_about(run_config):
    runs = [run_config(cell__activation=name, seed=seed) for name in ("tanh", "relu") for seed in range(2)]
    claim = {"says": "x", "quantity": "score", "of": {"cell.activation": "relu"}, "than": 0.5, "is": "higher"}
    study = with_runs(StudyFile("s", claims=claims.parse([claim])), runs)
    assert study.expected == tuple(run.folder for run in runs)
    assert study.needed == ({run.folder for run in runs[2:]},)
    with pytest.raises(ConfigError, match="no run of the sweep has 'relu'"):
        with_runs(StudyFile("s", claims=claims.parse([claim])), runs[:2])
