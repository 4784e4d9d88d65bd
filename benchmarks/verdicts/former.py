"""What the lab did before: intervals and p-values of interquartile means by the bootstrap, expanded for small samples
(T. Hesterberg, American Statistician 69, 2015, section 3.3), the learning rate of each seed chosen by the others."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri
from scipy.stats import t

from rnnlab.statistics.resampling import draws
from rnnlab.statistics.summaries import interquartile_means


def p(x: np.ndarray, y: np.ndarray) -> float:
    """Two-sided, of "the interquartile means are equal", for paired seeds."""
    n = len(x)
    drawn = draws(n, np.random.default_rng(0))
    effects = interquartile_means(x[drawn]) - interquartile_means(y[drawn])
    tail = min(float(np.mean(effects < 0)), float(np.mean(effects > 0))) + float(np.mean(effects == 0)) / 2
    tail = min(max(tail, 1 / (effects.size + 1)), 0.5)
    return 2 * float(t.sf(-ndtri(tail) * math.sqrt((n - 1) / n), n - 1))


def tuned_p(x: np.ndarray, y: np.ndarray) -> float:
    """From the scores (rates, seeds) of both sides."""
    return p(_leave_one_out(x), _leave_one_out(y))


def _leave_one_out(scores: np.ndarray) -> np.ndarray:
    """(rates, seeds) -> (seeds,): each seed at the rate with the highest mean score of the others."""
    rate = np.argmax(np.round(scores.sum(axis=1, keepdims=True) - scores, 12), axis=0)
    return scores[rate, np.arange(scores.shape[1])]
