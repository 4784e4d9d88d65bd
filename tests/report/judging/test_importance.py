"""What matters, against scikit-learn's own permutation importance and against what is known by construction."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.inspection import permutation_importance

from rnnlab.report.judging.conditions import design_of
from rnnlab.report.judging.importance import N_TREES, importances_of
from rnnlab.report.judging.quantities import score
from rnnlab.report.reading.read import read_study

RATES, SIZES = (0.01, 0.1, 1.0), (8, 16)
KEYS = ("cell.activation", "optimizer.learning_rate", "cell.hidden_size")


def designed(build, folder, final, n_seeds=6, diverged=lambda *setting: False):
    """A grid of activation x learning rate x hidden size x seed; final(activation, rate, size, seed) is the loss."""
    records = [
        build.record(
            "sines", activation, seed, final=final(activation, rate, size, seed), optimizer__learning_rate=rate,
            cell__hidden_size=size, diverged_at=50 if diverged(activation, rate, size, seed) else None,
        )
        for activation in ("tanh", "relu") for rate in RATES for size in SIZES for seed in range(n_seeds)
    ]  # fmt: skip
    return design_of(read_study(build.runs(folder, records)).members)


def noisy(activation, rate, size, seed):
    return (
        0.1 + 0.3 * (activation == "relu") + 0.2 * RATES.index(rate) / 2 + 0.02 * np.sin(37 * seed + 11 * rate + size)
    )


def test_a_key_that_decides_everything_has_all_the_variance_and_the_others_none(build, tmp_path):
    (found,) = importances_of(designed(build, tmp_path, lambda activation, *rest: 0.6 if activation == "relu" else 0.2))
    assert found.keys[0].key == "cell.activation" and found.quantity == "score"
    assert found.keys[0].mean == pytest.approx(1.0) and found.explained == pytest.approx([1.0] * 5)
    assert [key.of_folds for key in found.keys[1:]] == [pytest.approx([0.0] * 5)] * 2
    assert (found.n_runs, found.n_seeds) == (72, 6)


def test_the_importances_are_those_of_scikit_learn(build, tmp_path):
    design = designed(build, tmp_path, noisy, n_seeds=5)
    (found,) = importances_of(design)
    runs = [run for condition in design.conditions for run in condition.completed]
    y = np.array([score(run) for run in runs])
    columns = [("relu", "tanh"), RATES, SIZES]
    x = np.array([[values.index(run.config[key]) for key, values in zip(KEYS, columns, strict=True)] for run in runs])
    for fold in (0, 3):  # of five: one of the five seeds is held out each time
        held_out = np.array([run.seed == fold for run in runs])
        cells, place = np.unique(x[~held_out], axis=0, return_inverse=True)
        means = np.bincount(place.ravel(), y[~held_out]) / np.bincount(place.ravel())
        forest = ExtraTreesRegressor(N_TREES, random_state=0).fit(cells, means)
        theirs = permutation_importance(
            forest, x[held_out], y[held_out], scoring="neg_mean_squared_error", n_repeats=400, random_state=0
        )
        for n, key in enumerate(KEYS):
            ours = next(each for each in found.keys if each.key == key).of_folds[fold]
            assert ours == pytest.approx(theirs.importances_mean[n] / (2 * y.var()), abs=0.02)


def test_whether_runs_diverge_is_asked_where_some_do(build, tmp_path):
    design = designed(build, tmp_path, noisy, diverged=lambda activation, rate, size, seed: rate == 1.0)
    of_score, of_diverged = importances_of(design)
    assert (of_score.quantity, of_diverged.quantity) == ("score", "diverged")
    assert of_diverged.keys[0].key == "optimizer.learning_rate" and of_diverged.keys[0].mean == pytest.approx(1.0)
    assert all(abs(key.mean) < 0.05 for key in of_diverged.keys[1:])


def test_folds_are_of_seeds_so_that_what_a_seed_alone_decides_is_not_explained(build, tmp_path):
    (found,) = importances_of(designed(build, tmp_path, lambda *setting: 0.2 + 0.1 * (setting[-1] % 3)))
    assert np.mean(found.explained) < 0.1 and all(abs(key.mean) < 0.1 for key in found.keys)


def test_nothing_is_said_of_one_key_of_one_seed_and_of_runs_that_failed(build, tmp_path):
    one_key = [build.record("sines", activation, seed) for activation in ("tanh", "relu") for seed in range(3)]
    assert importances_of(design_of(read_study(build.runs(tmp_path / "key", one_key)).members)) == ()
    assert importances_of(designed(build, tmp_path / "seed", noisy, n_seeds=1)) == ()
    failed = [
        build.record("sines", activation, seed, status="failed", optimizer__learning_rate=rate)
        for activation in ("tanh", "relu") for rate in RATES for seed in range(3)
    ]  # fmt: skip
    assert importances_of(design_of(read_study(build.runs(tmp_path / "failed", failed)).members)) == ()
