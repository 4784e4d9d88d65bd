"""How large the effect is that a claim is about, with its interval and p-value.

A sample holds the values of one side of the claim: {stratum: {seed: [values]}}, a stratum (task, setting, ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rnnlab.records.claims import Claim
from rnnlab.report.judging import inference
from rnnlab.report.judging.statistics import interquartile_mean, interquartile_means

Stratum = tuple[Any, ...]
Sample = dict[Stratum, dict[Any, list[float]]]
SEED = 0  # of the bootstrap
N_RESAMPLES, MAX_DRAWN = 10_000, 20_000_000  # resamples, and values drawn for all of them together


@dataclass(frozen=True)
class Effect:
    """of - against (or than): a difference of rates or of interquartile means."""

    value: float
    interval: tuple[float, float]  # at the claim's level, before the correction
    p: float  # two-sided, of "the effect is the threshold"
    of: float  # the rate or the interquartile mean of each side
    against: float
    is_rate: bool
    counts: tuple[tuple[int, int], ...]  # by side, of a rate: how many of how many
    n_runs: tuple[int, ...]  # by side
    n_seeds: int  # of the smaller side
    paired: bool
    is_beyond: bool  # the effect lies beyond the threshold in the direction claimed


class _Measured(NamedTuple):
    """The difference with its interval and p-value, the centre of each side, and of a rate the counts of each side."""

    value: float
    interval: tuple[float, float]
    p: float
    centres: Sequence[float]
    counts: tuple[tuple[int, int], ...] = ()


def effect_of(claim: Claim, of: Sample, against: Sample | None = None) -> Effect:
    """The effect of a claim, from the samples of its sides.  against: None where the claim is about a number."""
    samples = _matched(of, against) if against is not None else [of]
    values = [[value for seeds in sample.values() for many in seeds.values() for value in many] for sample in samples]
    paired = len(samples) == 2 and _is_paired(*samples)
    threshold = (claim.than or 0.0) + (claim.by if claim.direction == "higher" else -claim.by)
    is_rate = {value for side in values for value in side} <= {0.0, 1.0}
    measure = _by_rates if is_rate else _by_interquartile_means
    value, interval, p, centres, counts = measure(samples, values, paired, threshold, claim.level)
    return Effect(
        value=value,
        interval=interval,
        p=p,
        of=centres[0],
        against=centres[1] if len(centres) > 1 else float(claim.than or 0.0),
        is_rate=is_rate,
        counts=counts,
        n_runs=tuple(map(len, values)),
        n_seeds=min(len({seed for seeds in sample.values() for seed in seeds}) for sample in samples),
        paired=paired,
        is_beyond=value > threshold if claim.direction == "higher" else value < threshold,
    )


def _matched(of: Sample, against: Sample) -> list[Sample]:
    """Both samples, restricted to the strata that they have in common.  Where they have none in common, the strata of
    a task are put together, and if that does not help, all strata."""
    for depth in (None, 1, 0):
        pair = [_merged(sample, depth) for sample in (of, against)]
        common = [stratum for stratum in pair[0] if stratum in pair[1]]
        if common:
            return [{stratum: sample[stratum] for stratum in common} for sample in pair]
    raise AssertionError("with depth 0 there is one stratum")


def _merged(sample: Sample, depth: int | None) -> Sample:
    """The sample with its strata cut to their first `depth` entries; None: as they are."""
    merged: Sample = {}
    for stratum, seeds in sample.items():
        for seed, values in seeds.items():
            merged.setdefault(stratum[:depth], {}).setdefault(seed, []).extend(values)
    return merged


def _is_paired(one: Sample, other: Sample) -> bool:
    return all(one[stratum].keys() == other[stratum].keys() for stratum in one)


def _by_rates(
    samples: Sequence[Sample], values: Sequence[Sequence[float]], paired: bool, threshold: float, level: float
) -> _Measured:
    counts = tuple((int(sum(side)), len(side)) for side in values)
    rates = [count / total for count, total in counts]
    if len(samples) == 1:

        def interval(at: float) -> tuple[float, float]:
            return inference.wilson_interval(*counts[0], at)

    else:
        pairs = _pairs(samples) if paired else None
        phi = inference.pair_correlation(*pairs) if pairs is not None else 0.0

        def interval(at: float) -> tuple[float, float]:
            return inference.rate_difference_interval(counts[0], counts[1], phi, at)

    value = rates[0] - (rates[1] if len(rates) > 1 else 0.0)
    return _Measured(value, interval(level), inference.p_value_of(interval, threshold), rates, counts)


def _pairs(samples: Sequence[Sample]) -> tuple[np.ndarray, np.ndarray] | None:
    """The outcomes of runs that differ in nothing but the side; None where a seed has several runs on a side."""
    one, other = samples
    cells = [(one[stratum][seed], other[stratum][seed]) for stratum in one for seed in one[stratum]]
    if any(len(a) != 1 or len(b) != 1 for a, b in cells):
        return None
    return np.array([a[0] for a, _ in cells]), np.array([b[0] for _, b in cells])


def _by_interquartile_means(
    samples: Sequence[Sample], values: Sequence[Sequence[float]], paired: bool, threshold: float, level: float
) -> _Measured:
    blocks = [_blocks(sample) for sample in samples]
    n_resamples = int(np.clip(MAX_DRAWN // max(map(len, values)), 1000, N_RESAMPLES))
    centres = [interquartile_mean(np.concatenate([block.ravel() for block in side])) for side in blocks]
    rng = np.random.default_rng(SEED)
    drawn = [_draws(blocks[0], rng, n_resamples)]
    if len(blocks) == 2:
        same = paired and [len(block) for block in blocks[0]] == [len(block) for block in blocks[1]]
        drawn.append(drawn[0] if same else _draws(blocks[1], rng, n_resamples))
    resampled = [_resampled_means(side, indices) for side, indices in zip(blocks, drawn, strict=True)]
    with np.errstate(invalid="ignore"):  # inf - inf: both sides diverged, nothing can be said
        effects = resampled[0] - resampled[1] if len(blocks) == 2 else resampled[0]
    value = centres[0] - centres[1] if len(blocks) == 2 else centres[0]
    n = min(1 + sum(len(block) - 1 for block in side) for side in blocks)  # seeds; each task costs one freedom
    if n < 2:
        return _Measured(value, (-np.inf, np.inf), 1.0, centres)
    at = inference.expanded_level(level, n)
    low = inference.percentile_interval(np.nan_to_num(effects, nan=-np.inf, posinf=np.inf, neginf=-np.inf), at)[0]
    high = inference.percentile_interval(np.nan_to_num(effects, nan=np.inf, posinf=np.inf, neginf=-np.inf), at)[1]
    return _Measured(value, (low, high), inference.bootstrap_p_value(effects, threshold, n), centres)


def _blocks(sample: Sample) -> list[np.ndarray]:
    """For each task the values (seeds, settings); the mean, where a seed has several values in a setting.

    Where some settings of a task lack a seed, each setting is a block of its own."""
    by_task: dict[Stratum, list[Mapping[Any, list[float]]]] = {}
    for stratum, seeds in sample.items():
        by_task.setdefault(stratum[:1], []).append(seeds)
    blocks = []
    for settings in by_task.values():
        common = [settings] if len({frozenset(seeds) for seeds in settings}) == 1 else [[seeds] for seeds in settings]
        for group in common:
            order = sorted(group[0], key=str)
            blocks.append(np.array([[np.mean(seeds[seed]) for seeds in group] for seed in order]))
    return blocks


def _draws(blocks: Sequence[np.ndarray], rng: np.random.Generator, n_resamples: int) -> list[np.ndarray]:
    return [inference.draws(len(block), rng, n_resamples) for block in blocks]


def _resampled_means(blocks: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> np.ndarray:
    """(n_resamples,), computed some resamples at a time: a large sweep takes no more memory than a small one."""
    n_values = sum(block.size for block in blocks)
    step = max(1, 2_000_000 // n_values)
    parts = []
    for begin in range(0, len(drawn[0]), step):
        rows = [
            block[indices[begin : begin + step]].reshape(len(indices[begin : begin + step]), -1)
            for block, indices in zip(blocks, drawn, strict=True)
        ]
        parts.append(interquartile_means(np.concatenate(rows, axis=1)))
    return np.concatenate(parts)
