"""Two studies are swept, and the verdicts of their reports computed again from the raw folders, by pandas alone."""

import io
import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from rnnlab.report.judging.view import view_of
from rnnlab.report.page.tables import verdicts_csv
from rnnlab.report.reading.read import read_study

LOOSE = dict(rel=1e-9, abs=1e-9)


def swept(study, folder, *overrides):
    """The runs of a study as a table: one row per run, with the keys of its config and its metrics; and verdicts.csv
    as its report writes it, without drawing the figures beside it."""
    command = [sys.executable, "-m", "rnnlab", "-m", f"experiment={study}", f"hydra.sweep.dir={folder}", *overrides]
    subprocess.run([*command, "hydra.launcher.report=false"], check=True, capture_output=True, text=True)
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("*/run.json"))]
    verdicts = verdicts_csv(view_of(read_study(folder)).verdicts)
    return pd.json_normalize(records), pd.read_csv(io.StringIO(verdicts))


@pytest.fixture(scope="module")
def hihello(tmp_path_factory):
    return swept("hihello", tmp_path_factory.mktemp("hihello"), "seed=range(9)", "training.steps=30")


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    one_rate = "optimizer.learning_rate=0.01"  # so that none is chosen by some of the seeds
    return swept("stock", tmp_path_factory.mktemp("stock"), "seed=range(9)", "training.steps=60", one_rate)


def per_seed(runs, value, **where):
    """The mean over settings of each seed."""
    for key, wanted in where.items():
        runs = runs[runs[f"config.{key.replace('__', '.')}"] == wanted]
    return runs.groupby("config.seed")[value].mean().sort_index()


def sign_test(values, limit):
    """Twice the smaller tail of a fair coin."""
    n, above, below = len(values), int((values > limit).sum()), int((values < limit).sum())

    def tail(k):
        return sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n

    return min(1.0, 2 * min(tail(above), tail(below)))


def sign_flips(differences):
    """All ways to turn signs: how many have a sum as far out as that seen, on each side."""
    signs = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    sums = (signs @ np.asarray(differences)).round(9)
    return min(1.0, 2 * min((sums >= sums[0]).mean(), (sums <= sums[0]).mean()))


def signed_ranks(differences):
    """The same of the sum of the ranks of what is positive."""
    ranks = np.abs(differences).rank().to_numpy()
    positive = np.array(list(itertools.product((1, 0), repeat=len(ranks)))) @ ranks
    seen = ranks[np.asarray(differences) > 0].sum()
    return min(1.0, 2 * min((positive >= seen).mean(), (positive <= seen).mean()))


def holm(p_values):
    """Each p-value times the number of those that are not smaller, up to the first that is above 0.05."""
    corrected, order = {}, sorted(range(len(p_values)), key=lambda n: p_values[n])
    factor, stopped = len(p_values), False
    for place in order:
        corrected[place] = min(1.0, factor * p_values[place])
        stopped = stopped or corrected[place] > 0.05
        factor -= 0 if stopped else 1
    return [corrected[n] for n in range(len(p_values))]


def betting_interval(differences, level):
    """Every m that neither a bet that the mean is above nor one that it is below can refute, on a fine grid of m."""
    x = (np.asarray(differences) + 1) / 2
    places = (np.arange(24) + 0.5) / 48
    stakes, shares = np.append(np.sin(np.pi * places) ** 2, 1.0), np.append(np.full(24, 1 / 48), 0.5)

    def capital(x, m):
        return float((shares * np.prod(1 + stakes[:, None] * (x - m) / m, axis=1)).sum())

    limit, grid = 2 / (1 - level), np.linspace(0.0005, 0.9995, 1000)
    kept = [m for m in grid if capital(x, m) < limit and capital(1 - x, 1 - m) < limit]
    return 2 * min(kept) - 1, 2 * max(kept) - 1


@pytest.mark.slow
def test_events_and_shares_of_hihello(hihello):
    runs, verdicts = hihello
    spelled = dict(cell__name="lstm", cell__activation="tanh")
    numbers = [
        per_seed(runs, "metrics.spelled", readout__activation=name, **spelled) for name in ("softmax", "sigmoid")
    ]
    runs = runs.assign(diverged=runs["diverged"].astype(float))
    differences = [
        per_seed(runs, "diverged", readout__activation="relu")
        - per_seed(runs, "diverged", readout__activation="softmax"),
        per_seed(runs, "diverged", cell__activation="relu") - per_seed(runs, "diverged", cell__activation="tanh"),
    ]
    assert verdicts["estimate"].tolist() == pytest.approx(
        [*(each.mean() for each in numbers), *(each.mean() for each in differences)], **LOOSE
    )
    ps = [*(sign_test(each, 0.5) for each in numbers), *(sign_flips(each) for each in differences)]
    assert differences[0].abs().max() > 0, "something diverged, or nothing is tested here"
    assert verdicts["p"].tolist() == pytest.approx(holm(ps), **LOOSE)
    assert verdicts["n_seeds"].tolist() == [9] * 4 and verdicts["n_settings"].tolist() == [1, 1, 9, 9]
    for row, each in zip(verdicts.iloc[2:].itertuples(), differences, strict=True):
        low, high = betting_interval(each, row.level)
        assert (row.rare_low, row.rare_high) == pytest.approx((low, high), abs=0.005)


def test_unbounded_numbers_of_stock(stock):
    runs, verdicts = stock
    lstm, rnn = (per_seed(runs, "metrics.skill", cell__name=cell, cell__activation="tanh") for cell in ("lstm", "rnn"))
    difference = lstm - rnn
    walsh = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(difference, 2)]
    assert verdicts["estimate"].tolist() == pytest.approx([lstm.median(), np.median(walsh)], **LOOSE)
    assert len(set(difference.abs())) == 9, "no ties"
    ps = [sign_test(lstm, 0.0), signed_ranks(difference)]
    within = [sign_test_within(lstm, 0.05), signed_ranks_within(difference, 0.05)]
    assert verdicts["p"].tolist() == pytest.approx(holm([min(pair) for pair in zip(ps, within, strict=True)]), **LOOSE)


def sign_test_within(values, margin):
    """Two one-sided tests: the larger of their p-values."""
    n = len(values)

    def tail(k):
        return sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n

    return max(tail(int((values < margin).sum())), tail(int((values > -margin).sum())))


def signed_ranks_within(differences, margin):
    found = []
    for shifted in (margin - differences, differences + margin):
        ranks = shifted.abs().rank().to_numpy()
        positive = np.array(list(itertools.product((1, 0), repeat=len(ranks)))) @ ranks
        found.append((positive >= ranks[np.asarray(shifted) > 0].sum()).mean())
    return max(found)
