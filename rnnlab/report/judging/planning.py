"""What a design can decide, before anything is trained: the smallest p-value, the seeds needed, the power."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rnnlab.report.judging import exact
from rnnlab.report.judging.bounded import Bets
from rnnlab.report.judging.per_seed import Kind

N_SIMULATED, N_DRAWN = 1000, 3999


@dataclass(frozen=True)
class Prospect:
    """Of one claim: whether `n_seeds` can decide it at all, and how many seeds it needs for that at least."""

    smallest_p: float  # two-sided, corrected for looks and claims, if all seeds agree
    seeds_for_difference: int  # the least number of seeds that can support or refute it
    seeds_for_no_difference: int | None  # the least that can show "no difference that matters"; None: no margin
    can_decide: bool


def prospect(
    n_seeds: int,
    kind: Kind,
    paired: bool,
    margin: float | None,
    level: float = 0.95,
    n_claims: int = 1,
    n_looks: int = 1,
) -> Prospect:
    """n_seeds: of a side, at the last look.  For paired sides and for a number 2^(1-n) is the smallest p-value of n
    seeds, for sides that do not pair 2 / (2n choose n).  Where learning rates are chosen, only scoring seeds count."""
    factor, alpha = n_claims * n_looks, 1 - level

    def corrected(n: int) -> float:
        return min(1.0, factor * smallest_p(n, kind, paired))

    least = next((n for n in range(2, 2000) if corrected(n) <= alpha), 2000)
    for_none = None if margin is None else _seeds_for_no_difference(kind, paired, margin, alpha, n_claims, n_looks)
    reached = corrected(n_seeds)
    return Prospect(reached, least, for_none, reached <= alpha or (for_none is not None and for_none <= n_seeds))


def smallest_p(n: int, kind: Kind, paired: bool) -> float:
    """The smallest two-sided p-value of n seeds a side, before any correction."""
    by_labels = 2.0 ** (1 - n) if paired else 2 / math.comb(2 * n, n)
    drawn = kind != "unbounded" and (not paired or 2**n > exact.MAX_SUBSETS)
    return min(1.0, max(by_labels, 2 / (exact.N_DRAWN + 1) if drawn else 0.0))


def _seeds_for_no_difference(
    kind: Kind, paired: bool, margin: float, alpha: float, n_claims: int, n_looks: int
) -> int | None:
    """If no seed differs at all.  Ranks need as many as a one-sided test, bounded means about log(2 / a) / margin."""
    for n in range(2, 5000):
        if kind == "unbounded":
            p = n_looks * smallest_p(n, kind, paired) / 2
        else:
            p = Bets(np.zeros(n), -1.0, 1.0).p_less(margin)
        if n_claims * p <= alpha:
            return n
    return None


def power(
    n_seeds: int,
    difference: float,
    spread: float,
    level: float = 0.95,
    n_claims: int = 1,
    n_looks: int = 1,
    seed: int = 0,
) -> float:
    """The chance that n_seeds paired seeds support a claim at one look, if the differences of the seeds are normal with
    this mean and this standard deviation.  Simulated: the sign-flip test of 1000 samples, after Bonferroni's
    correction for claims (Holm's is never weaker) and looks.
    """
    rng = np.random.default_rng(seed)
    samples = rng.normal(difference, spread, (N_SIMULATED, n_seeds))
    if 2**n_seeds <= N_DRAWN:
        flipped = (np.arange(2**n_seeds)[:, None] >> np.arange(n_seeds)) & 1
    else:
        flipped = np.vstack([np.zeros((1, n_seeds), int), rng.integers(2, size=(N_DRAWN, n_seeds))])
    # a flip leaves the sum as large or makes it larger if what it flips adds up to 0 or less
    as_large = (flipped @ samples.T <= 1e-12).mean(axis=0)
    return float(np.mean(2 * as_large * n_claims * n_looks <= 1 - level))
