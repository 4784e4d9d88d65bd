"""How often verdicts are wrong, and how many seeds they need: simulations with a known truth, as Markdown tables.

    python benchmarks/verdicts.py                               all tables but the last, 2,000 repetitions: 25 minutes
    python benchmarks/verdicts.py rates equivalence             some of them
    python benchmarks/verdicts.py power adastop -r 100          beside AdaStop (pip install adastop; slow)

What is simulated is one number per seed, or several (settings, learning rates), for two sides or more.  Within a seed
the sides share half of their variance, as they share data and first weights; `share` is the share of the variance of a
setting that the seed decides.  Every cell has a random stream of its own, from its name.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from rnnlab.records.claims import Claim
from rnnlab.report.judging import exact, rates
from rnnlab.report.judging.bounded import Proportion
from rnnlab.report.judging.decision import Question, holm_factors
from rnnlab.report.judging.effects import effect_of
from rnnlab.report.judging.looks import planned, taken
from rnnlab.report.judging.per_seed import Kind, Numbers, PerSeed
from rnnlab.report.judging.selection import leave_one_out
from rnnlab.report.judging.shift_tests import Test, rejects, two_sided

ALPHA = 0.05
N_DRAWN = 1999  # flips: fewer than in a report, as there are many tests and no small p-values
LOOKS = planned(80)
N_FORMER = 400  # repetitions of what the lab did before and of what it does not do, at most: they take long

Rows = Iterable[Sequence[str]]


# What seeds do


@dataclass(frozen=True)
class Shape:
    kind: Kind
    of_z: Callable[[np.ndarray], np.ndarray]  # from standard normal numbers


def _scores(z: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 0.1 * z, 0, 1)


SHAPES = {
    "scores, normal": Shape("bounded", _scores),
    "scores, solved or not": Shape("bounded", lambda z: np.where(ndtr(z) < 0.4, 0.02, 0.98) + 0.01 * np.sin(9 * z)),
    "scores, 20 % diverge": Shape(
        "bounded", lambda z: np.where(ndtr(z) < 0.2, 0.0, _scores(ndtri(np.clip(ndtr(z) / 0.8 - 0.25, 1e-9, 1 - 1e-9))))
    ),
    "diverged, 20 %": Shape("event", lambda z: (ndtr(z) < 0.2).astype(float)),
    "losses, t(1.5)": Shape("unbounded", lambda z: stats.t.ppf(ndtr(z), 1.5)),
    "losses, 20 % infinite": Shape("unbounded", lambda z: np.where(ndtr(z) < 0.2, np.inf, np.exp(z))),
}


def normals(rng: np.random.Generator, sides: int, n: int, settings: int = 1, share: float = 1.0) -> np.ndarray:
    """(sides, seeds, settings) of standard normal numbers; the sides of a seed are correlated."""
    common, own = rng.normal(size=(1, n, 1)), rng.normal(size=(sides, n, 1))
    seed = np.sqrt(0.5) * common + np.sqrt(0.5) * own
    return np.sqrt(share) * seed + np.sqrt(1 - share) * rng.normal(size=(sides, n, settings))


def per_seed(shape: Shape, of: np.ndarray, against: np.ndarray, paired: bool = True) -> PerSeed:
    """From (seeds, settings) to the mean of each seed."""
    return PerSeed(of.mean(axis=-1), against.mean(axis=-1), shape.kind, paired)


def quick(numbers: Numbers, n_drawn: int = N_DRAWN) -> Test:
    return numbers.test(n_drawn, n_drawn + 1)


def by_labels(x: np.ndarray, y: np.ndarray, paired: bool) -> Test:
    """Sign flips or permutations alone, whose inversions do not know of rare events."""
    rng = np.random.default_rng(0)
    if paired:
        return exact.sign_flips(x - y, rng, N_DRAWN, N_DRAWN + 1)
    return exact.label_permutations(x, y, rng, N_DRAWN)


def holds(test: Test, truth: float) -> bool:
    """Whether the 95 % interval holds the truth: whether the test does not reject it, which is the same and faster."""
    return not rejects(two_sided(test, truth), ALPHA)


def stream(*name: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(name).encode()))


def share_of(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.3f}"


# Errors


def false_positives(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    sizes = (5, 10, 20, 40)

    def rows() -> Rows:
        for name, shape in SHAPES.items():
            for paired, settings, share in ((True, 1, 1.0), (True, 4, 1.0), (True, 4, 0.5), (False, 1, 1.0)):
                cells = []
                for n in sizes:
                    rng, hits = stream(name, paired, settings, share, n), []
                    for _ in range(repetitions):
                        x, y = shape.of_z(normals(rng, 2, n, settings, share))
                        y = y if paired else shape.of_z(normals(rng, 1, n, settings, share))[0]
                        hits.append(two_sided(quick(per_seed(shape, x, y, paired)), 0.0) <= ALPHA)
                    cells.append(share_of(hits))
                yield name, "yes" if paired else "no", str(settings), f"{share:g}", *cells

    return "False positives: both sides alike", ("quantity", "paired", "settings", "share", *map(str, sizes)), rows()


def numbers(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    sizes = (5, 10, 20, 40)

    def rows() -> Rows:
        for name, kind, draw, truth in (
            ("scores, normal: median", "bounded", _scores, 0.5),
            ("losses, t(1.5): median", "unbounded", SHAPES["losses, t(1.5)"].of_z, 0.0),
            ("diverged, 20 %: chance", "event", SHAPES["diverged, 20 %"].of_z, 0.2),
        ):
            cells = []
            for n in sizes:
                rng = stream(name, n)
                tests = (PerSeed(draw(rng.normal(size=n)), None, kind).test() for _ in range(repetitions))
                cells.append(share_of([two_sided(test, truth) <= ALPHA for test in tests]))
            yield name, *cells

    return "False positives against a number: the truth", ("quantity", *map(str, sizes)), rows()


def looks(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    question = Question("higher", n_looks=len(LOOKS))

    def rows() -> Rows:
        for name, shape in SHAPES.items():
            for paired in (True, False):
                rng, hits, naive = stream("looks", name, paired), [], []
                for _ in range(repetitions):
                    x, y = shape.of_z(normals(rng, 2, LOOKS[-1]))
                    y = y if paired else shape.of_z(normals(rng, 1, LOOKS[-1]))[0]
                    tests = [quick(part) for part in taken(per_seed(shape, x, y, paired), LOOKS)]
                    hits.append(min(question.p_difference(test) for test in tests) <= ALPHA)
                    naive.append(min(two_sided(test, 0.0) for test in tests) <= ALPHA)
                yield name, "yes" if paired else "no", share_of(hits), share_of(naive)

    title = f"False positives at any of the looks {LOOKS}"
    return title, ("quantity", "paired", "p times 4", "not corrected"), rows()


def families(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    """m activations are compared with the same one, so the claims depend on each other."""
    shape = SHAPES["scores, normal"]

    def rows() -> Rows:
        for m in (1, 5, 10):
            for n_true in sorted({0, m // 2}):
                for looked in ((20,), (10, 20, 40)):
                    rng, hits, found = stream("families", m, n_true, looked), [], []
                    question = Question("higher", n_looks=len(looked))
                    for _ in range(repetitions):
                        z = normals(rng, m + 1, looked[-1])
                        z[1 : n_true + 1] += 1.0
                        claims = [per_seed(shape, shape.of_z(side), shape.of_z(z[0])) for side in z[1:]]
                        ps = [min(question.p(quick(part, 2999)) for part in taken(one, looked)) for one in claims]
                        factors = holm_factors(ps, [ALPHA] * m)
                        rejected = [factor * p <= ALPHA for factor, p in zip(factors, ps, strict=True)]
                        hits.append(any(rejected[n_true:]))
                        found += rejected[:n_true]
                    yield str(m), str(n_true), str(looked), share_of(hits), share_of(found) if found else "-"

    return "Families: any false rejection", ("claims", "of them true", "looks", "any false", "true ones found"), rows()


def learning_rates(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    sizes = (10, 20, 40)
    designs = {
        "1": ((0.5,), (0.5,)),
        "2 equal": ((0.5,) * 2, (0.5,) * 2),
        "2 unequal": ((0.5, 0.45), (0.5, 0.45)),
        "4 equal": ((0.5,) * 4, (0.5,) * 4),
        "4 unequal": ((0.5, 0.48, 0.45, 0.3), (0.5, 0.48, 0.45, 0.3)),
        "4 equal against one good": ((0.5,) * 4, (0.5, 0.3, 0.3, 0.3)),
        "2 equal against one good": ((0.5,) * 2, (0.5, 0.3)),
        "4 unequal, 1 sd better": ((0.6, 0.58, 0.55, 0.4), (0.5, 0.48, 0.45, 0.3)),
    }

    def tuning_seeds(x: np.ndarray, y: np.ndarray) -> float:
        tuning, scoring = rates.split(range(x.shape[1]))
        one, other = rates.choose(x[:, tuning]).index, rates.choose(y[:, tuning]).index
        return two_sided(quick(PerSeed(x[one, scoring], y[other, scoring], "bounded", True)), 0.0)

    def inside_the_test(x: np.ndarray, y: np.ndarray) -> float:
        return two_sided(quick(rates.Tuned(x, y, x, y, "bounded", True)), 0.0)

    def inside_by_ranks(x: np.ndarray, y: np.ndarray) -> float:
        return two_sided(quick(rates.Tuned(-np.log(x), -np.log(y), x, y, "unbounded", True)), 0.0)

    def left_one_out_inside(x: np.ndarray, y: np.ndarray) -> float:
        """Each seed at the rate that the other seeds choose, the choice repeated in every permutation."""
        flips = np.random.default_rng(0).integers(2, size=(N_DRAWN, 1, x.shape[1])).astype(bool)
        flips[0] = False
        found = _left_out(np.where(flips, y, x)) - _left_out(np.where(flips, x, y))
        return float(np.mean(np.abs(found) >= abs(found[0]) - 1e-12))

    def former(x: np.ndarray, y: np.ndarray) -> float:
        seeds = range(x.shape[1])
        sides = []
        for side in (x, y):
            choice = leave_one_out(side) if len(side) > 1 else np.zeros(len(seeds), int)
            sides.append({("task",): {seed: [float(side[choice[seed], seed])] for seed in seeds}})
        return effect_of(CLAIM, *sides).p

    def rows() -> Rows:
        for name, (ours, theirs) in designs.items():
            for method in (tuning_seeds, inside_the_test, inside_by_ranks, left_one_out_inside, former):
                cells = []
                for n in sizes:
                    rng, hits = stream("rates", name, n), []
                    for _ in range(
                        min(N_FORMER, repetitions) if method in (former, left_one_out_inside) else repetitions
                    ):
                        z = 0.1 * normals(rng, 2, n, len(ours), 0.5)
                        x, y = (
                            np.clip(z[k].T + np.array(side)[:, None], 0.01, 1) for k, side in enumerate((ours, theirs))
                        )
                        hits.append(method(x, y) <= ALPHA)
                    cells.append(share_of(hits))
                yield name, method.__name__.replace("_", " "), *cells

    return "Learning rates: rejections (last design: power)", ("rates of each side", "chosen", *map(str, sizes)), rows()


def _left_out(scores: np.ndarray) -> np.ndarray:
    """(flips, rates, seeds) -> (flips,)"""
    rate = np.argmax(np.round(scores.sum(axis=2, keepdims=True) - scores, 10), axis=1)[:, None, :]
    return np.asarray(np.take_along_axis(scores, rate, axis=1)[:, 0, :].mean(axis=1))


CLAIM = Claim("", "score", {}, "higher", against={})


# Intervals, and "no difference that matters"


def rare(rng: np.random.Generator, n: int, chance: float, advantage: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Both sides score .9 but for noise; `of` is better by `advantage` and fails altogether with a small chance."""
    against = np.clip(0.9 + 0.001 * rng.normal(size=n), 0, 1 - advantage)
    return np.where(rng.random(n) < chance, 0.0, against + advantage), against


def coverage(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    sizes = (5, 10, 20, 40)

    def normal(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        z = normals(rng, 2, n)[..., 0]
        return _scores(z[0]) + 0.1, _scores(z[1])

    def solved(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        u = ndtr(normals(rng, 2, n)[..., 0])
        return (u[0] < 0.7).astype(float), (u[1] < 0.5).astype(float)

    def heavy(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        z = SHAPES["losses, t(1.5)"].of_z(normals(rng, 2, n)[..., 0])
        return z[0] + 0.5, z[1]

    def rows() -> Rows:
        cases: list[tuple[str, Kind, Callable[..., tuple[np.ndarray, np.ndarray]], float]] = [
            ("scores, normal, difference 0.1", "bounded", normal, 0.1),
            ("solved in 70 and 50 %", "event", solved, 0.2),
            ("2 % of seeds fail", "bounded", lambda rng, n: rare(rng, n, 0.02), -0.018),
            ("5 % of seeds fail", "bounded", lambda rng, n: rare(rng, n, 0.05), -0.045),
            ("losses, t(1.5), shift 0.5", "unbounded", heavy, 0.5),
        ]
        for name, kind, draw, truth in cases:
            for paired in (True, False):
                covered: dict[int, list[bool]] = {}
                sharp: dict[int, list[bool]] = {}
                for n in sizes:
                    rng = stream("coverage", name, paired, n)
                    for _ in range(repetitions):
                        x, y = draw(rng, n)
                        y = y if paired else draw(rng, n)[1]
                        test = quick(PerSeed(x, y, kind, paired))
                        covered.setdefault(n, []).append(holds(test, truth))
                        if kind != "unbounded":
                            sharp.setdefault(n, []).append(holds(by_labels(x, y, paired), truth))
                yield name, "yes" if paired else "no", "printed", *(share_of(covered[n]) for n in sizes)
                if sharp:
                    yield name, "yes" if paired else "no", "inverted flips", *(share_of(sharp[n]) for n in sizes)
        for chance in (0.02, 0.3):
            cells = []
            for n in sizes:
                ends = [
                    Proportion(int(k), n).interval(0.95) for k in stream(chance, n).binomial(n, chance, repetitions)
                ]
                cells.append(share_of([low <= chance <= high for low, high in ends]))
            yield f"chance {chance:g}", "-", "Clopper-Pearson", *cells

    return "Coverage of 95 % intervals", ("truth", "paired", "interval", *map(str, sizes)), rows()


def equivalence(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    sizes = (20, 40, 80)

    def shifted(by: float) -> Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]:
        def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
            z = normals(rng, 2, n)[..., 0]
            return 0.5 + by + 0.05 * z[0], 0.5 + 0.05 * z[1]

        return draw

    cases: list[tuple[str, Kind, Callable[..., tuple[np.ndarray, np.ndarray]], float, float]] = [
        ("scores, normal", "bounded", shifted(0.1), 0.1, 0.1),
        ("losses, normal", "unbounded", shifted(0.03), 0.03, 0.03),
        ("2 % of seeds fail", "bounded", lambda rng, n: rare(rng, n, 0.02), 0.018, 0.018),
        ("5 % of seeds fail", "bounded", lambda rng, n: rare(rng, n, 0.05), 0.045, 0.045),
        ("10 % fail, else better by .02", "bounded", lambda rng, n: rare(rng, n, 0.1, 0.02), 0.072, 0.072),
        ("no difference, margin .05", "bounded", lambda rng, n: rare(rng, n, 0.0), 0.0, 0.05),
        ("no difference, margin .1", "bounded", lambda rng, n: rare(rng, n, 0.0), 0.0, 0.1),
        ("no difference, sd .05, margin .1", "bounded", shifted(0.0), 0.0, 0.1),
    ]

    def rows() -> Rows:
        for name, kind, draw, difference, margin in cases:
            question, cells, wrongly = Question("higher", margin=margin), [], []
            for n in sizes:
                rng, hits, by_flips = stream("equivalence", name, n), [], []
                for _ in range(repetitions):
                    x, y = draw(rng, n)
                    test = quick(PerSeed(x, y, kind, True))
                    hits.append(question.p_no_difference(test) <= ALPHA)
                    sharp = test if kind == "unbounded" else by_labels(x, y, True)
                    by_flips.append(question.p_no_difference(sharp) <= ALPHA)
                cells.append(share_of(hits))
                wrongly.append(share_of(by_flips))
            rng, hits = stream("equivalence at looks", name), []
            looked = Question("higher", margin=margin, n_looks=len(LOOKS))
            for _ in range(repetitions):
                x, y = draw(rng, LOOKS[-1])
                parts = taken(PerSeed(x, y, kind, True), LOOKS)
                hits.append(min(looked.p_no_difference(quick(part)) for part in parts) <= ALPHA)
            yield name, f"{difference:g}", f"{margin:g}", *cells, share_of(hits), *wrongly

    title = 'Claims of "no difference that matters": wrong ones where the difference is the margin, else right ones'
    head = ("truth", "difference", "margin", *map(str, sizes), "any look", *(f"flips alone, {n}" for n in sizes))
    return title, head, rows()


def limits(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    """A side that is better by .02 in almost every seed and fails in few: what no test without a margin can know."""
    sizes = (10, 20, 40, 80)

    def rows() -> Rows:
        for chance in (0.02, 0.05, 0.1, 0.2):
            mean = (1 - chance) * 0.02 - 0.9 * chance
            supported, cautious = [], []
            for n in sizes:
                rng, by_flips, by_bets = stream("limits", chance, n), [], []
                for _ in range(repetitions):
                    test = quick(PerSeed(*rare(rng, n, chance, 0.02), "bounded", True))
                    by_flips.append(2 * test.p_greater(0.0) <= ALPHA)
                    by_bets.append(2 * test.cautious.p_greater(mean) <= ALPHA)
                supported.append(share_of(by_flips))
                cautious.append(share_of(by_bets))
            yield f"{chance:.0%} fail", f"{mean:+.3f}", *supported, *cautious

    title = "Limits: how often zero is rejected as too low, and how often the interval with rare events is wrong so"
    return title, ("of", "mean difference", *map(str, sizes), *(f"with rare events, {n}" for n in sizes)), rows()


# Power, side by side


def toy(case: int, delta: float) -> Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]:
    """Cases 1 and 2 of Mathieu et al. (2024), section 5.1: a mixture of two normals against one normal."""
    means = np.array([-delta / 2, delta / 2] if case == 1 else [0.0, delta])

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return means[rng.integers(2, size=n)] + 0.1 * rng.normal(size=n), 0.1 * rng.normal(size=n)

    return draw


def apart(by: float) -> Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return by + rng.normal(size=n), rng.normal(size=n)

    return draw


CASES = {
    "normal, equal": apart(0.0),
    "normal, 0.5 sd": apart(0.5),
    "normal, 1 sd": apart(1.0),
    "normal, 2 sd": apart(2.0),
    "toy 1, delta 1 (equal means)": toy(1, 1.0),
    "toy 2, delta 2/9": toy(2, 2 / 9),
    "toy 2, delta 4/9": toy(2, 4 / 9),
    "toy 2, delta 1": toy(2, 1.0),
}
Found = tuple[bool, int]  # rejected, and after how many seeds a side


def at_fixed(n: int, p: Callable[[np.ndarray, np.ndarray], float]) -> Callable[..., Found]:
    return lambda rng, draw: (p(*draw(rng, n)) <= ALPHA, n)


def flips_p(x: np.ndarray, y: np.ndarray) -> float:
    return two_sided(_flips(x, y), 0.0)


def _flips(x: np.ndarray, y: np.ndarray) -> Test:
    """Brought within 0 and 1: only the sign flips are asked for here."""
    return quick(PerSeed(np.clip(0.5 + x / 100, 0, 1), np.clip(0.5 + y / 100, 0, 1), "bounded", True))


def former_p(x: np.ndarray, y: np.ndarray) -> float:
    sides = [{("task",): {seed: [float(value)] for seed, value in enumerate(side)}} for side in (x, y)]
    return effect_of(CLAIM, *sides).p


def until_decided(looked: Sequence[int], make: Callable[[np.ndarray, np.ndarray], Test]) -> Callable[..., Found]:
    def run(rng: np.random.Generator, draw: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Found:
        x, y = draw(rng, looked[-1])
        for n in looked:
            if two_sided(make(x[:n], y[:n]), 0.0, len(looked)) <= ALPHA:
                return True, n
        return False, looked[-1]

    return run


METHODS = {
    "Welch's t, 20 seeds": at_fixed(20, lambda x, y: float(stats.ttest_ind(x, y, equal_var=False).pvalue)),
    "Mann-Whitney, 20 seeds": at_fixed(20, lambda x, y: float(stats.mannwhitneyu(x, y).pvalue)),
    "sign flips, 20 seeds": at_fixed(20, flips_p),
    "signed ranks, 20 seeds": at_fixed(20, lambda x, y: float(two_sided(PerSeed(x, y, "unbounded", True).test(), 0.0))),
    "former procedure, 20 seeds": at_fixed(20, former_p),
    "sign flips, looks 10 20 40 80": until_decided(LOOKS, _flips),
    "sign flips, looks 10 20 40": until_decided(planned(40), _flips),
    "sign flips, looks 10 20 25": until_decided(planned(25), _flips),
    "signed ranks, looks 10 20 40 80": until_decided(LOOKS, lambda x, y: PerSeed(x, y, "unbounded", True).test()),
}


def power(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    def rows() -> Rows:
        for name, method in METHODS.items():
            many = min(repetitions, N_FORMER) if "former" in name else repetitions
            yield name, *(_rejections(case, method, many) for case in CASES)

    return "Rejections at level .05 (mean number of seeds a side)", ("procedure", *CASES), rows()


def adastop(repetitions: int) -> tuple[str, Sequence[str], Rows]:
    """adastop 0.1.3 with n = 5, K = 5 rejects two equal normal sides in 13 %, with alpha = .02 in 5 %: hence both."""
    from adastop import MultipleAgentsComparator

    def compare(n: int, k: int, alpha: float) -> Callable[..., Found]:
        def run(rng: np.random.Generator, draw: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Found:
            x, y = draw(rng, n * k)
            seed = int(rng.integers(2**31))
            comparator = MultipleAgentsComparator(n=n, K=k, B=1000, alpha=alpha, seed=seed)
            for look in range(1, k + 1):
                comparator.partial_compare({"x": x[: n * look], "y": y[: n * look]}, verbose=False)
                if comparator.is_finished:
                    break
            return next(iter(comparator.decisions.values())) in ("larger", "smaller"), n * look

        return run

    def rows() -> Rows:
        for n, k, alpha in ((5, 5, 0.05), (5, 5, 0.02), (10, 8, 0.05)):
            name = f"AdaStop, n = {n}, K = {k}, alpha = {alpha}"
            yield name, *(_rejections(case, compare(n, k, alpha), repetitions) for case in CASES)

    return "The same, AdaStop", ("procedure", *CASES), rows()


def _rejections(case: str, method: Callable[..., Found], repetitions: int) -> str:
    rng = stream("power", case)
    found = [method(rng, CASES[case]) for _ in range(repetitions)]
    return f"{np.mean([hit for hit, _ in found]):.3f} ({np.mean([n for _, n in found]):.0f})"


TABLES = {
    "false_positives": false_positives,
    "numbers": numbers,
    "looks": looks,
    "families": families,
    "rates": learning_rates,
    "coverage": coverage,
    "equivalence": equivalence,
    "limits": limits,
    "power": power,
    "adastop": adastop,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}")
    parser.add_argument("-r", "--repetitions", type=int, default=2000)
    options = parser.parse_args()
    error = np.sqrt(ALPHA * (1 - ALPHA) / options.repetitions)
    print(
        f"{options.repetitions} repetitions at level {ALPHA}: 5 % plus two standard errors is {ALPHA + 2 * error:.3f}\n"
    )
    for name in options.tables or [name for name in TABLES if name != "adastop"]:
        title, head, rows = TABLES[name](options.repetitions)
        print(f"### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for row in rows:
            print(f"| {' | '.join(row)} |", flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
