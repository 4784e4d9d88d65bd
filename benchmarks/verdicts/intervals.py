"""Intervals, and what is concluded from them: "no difference that matters"."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from tables import Table, share_of, yes
from worlds import ALPHA, LOOKS, N_DRAWN, Draw, cautious, heavy, lucky, normal, normals, quick, rare, solved, stream

from rnnlab.statistics import exact
from rnnlab.statistics.bounded import Proportion
from rnnlab.statistics.decision import Question, conclude
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.looks import taken
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.shift_tests import Test, rejects, two_sided


def rarely(chance: float, advantage: float = 0.0) -> Draw:
    return lambda rng, n: rare(rng, n, chance, advantage)


def shifted(by: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        z = normals(rng, 2, n)[..., 0]
        return 0.5 + by + 0.05 * z[0], 0.5 + 0.05 * z[1]

    return draw


def by_labels(numbers: PerSeed) -> Test:
    """Sign flips or permutations alone, whose inversions do not know of rare events."""
    of, against = numbers.of, np.asarray(numbers.against)
    rng = np.random.default_rng(0)
    if numbers.paired:
        return exact.sign_flips(of - against, rng, N_DRAWN, N_DRAWN + 1)
    return exact.label_permutations(of, against, rng, N_DRAWN)


def coverage(repetitions: int) -> Table:
    sizes = (5, 10, 20, 40)
    worlds: dict[str, tuple[Kind, Draw, float]] = {
        "scores, normal, difference .1": ("bounded", normal, 0.1),
        "solved in 70 and 50 %": ("event", solved, 0.2),
        "2 % of seeds fail": ("bounded", rarely(0.02), -0.018),
        "5 % of seeds fail": ("bounded", rarely(0.05), -0.045),
        "5 % fail, else better by .02": ("bounded", rarely(0.05, 0.02), 0.95 * 0.02 - 0.05 * 0.9),
        "10 % solve it, else worse by .02": ("bounded", lucky, 0.07),
        "losses, t(1.5), shift .5": ("unbounded", heavy, 0.5),
    }
    tests: dict[str, Callable[[PerSeed], Test]] = {
        "sharp at zero": quick,
        "with rare events": cautious,
        "inverted flips": by_labels,
        "by ranks": quick,
    }

    def row(name: str, interval: str, paired: bool) -> list[str]:
        (kind, draw, truth), cells = worlds[name], []
        for n in sizes:
            rng, hits = stream("coverage", name, paired, n), []
            for _ in range(repetitions):
                x, y = draw(rng, n)
                numbers = PerSeed(x, y if paired else draw(rng, n)[1], kind, paired)
                # the interval holds the truth where the test does not reject it, which is faster
                hits.append(not rejects(two_sided(tests[interval](numbers), truth), ALPHA))
            cells.append(share_of(hits))
        return [name, yes(paired), interval, *cells]

    def names(kind: Kind) -> list[str]:
        return [name for name in tests if (name == "by ranks") == (kind == "unbounded")]

    return Table(
        "Coverage of 95 % intervals",
        'How often an interval holds the true mean difference (of losses: the shift). "Sharp at zero" is the interval '
        "that agrees with the verdict. Its end at zero speaks of typical seeds, not of the mean: where few seeds "
        'differ a lot from the others, only the interval "with rare events" covers. Inverted flips were not taken.',
        ("truth", "paired", "interval", *map(str, sizes)),
        [(name, one, paired) for name in worlds for paired, one in product((True, False), names(worlds[name][0]))],
        row,
    )


def proportions(repetitions: int) -> Table:
    sizes = (5, 10, 20, 40)

    def row(chance: float) -> list[str]:
        cells = []
        for n in sizes:
            ends = [Proportion(int(k), n).interval(0.95) for k in stream(chance, n).binomial(n, chance, repetitions)]
            cells.append(share_of([low <= chance <= high for low, high in ends]))
        return [f"{chance:g}", *cells]

    return Table(
        "Coverage of 95 % intervals of a chance (Clopper and Pearson)",
        "How often the interval holds the true chance of an event, by number of seeds.",
        ("chance", *map(str, sizes)),
        [(chance,) for chance in (0.02, 0.3)],
        row,
    )


def equivalence(repetitions: int) -> Table:
    sizes = (20, 40, 80)
    worlds: dict[str, tuple[Kind, Draw, float, float]] = {
        "scores, normal": ("bounded", shifted(0.1), 0.1, 0.1),
        "losses, normal": ("unbounded", shifted(0.03), 0.03, 0.03),
        "2 % of seeds fail": ("bounded", rarely(0.02), 0.018, 0.018),
        "5 % of seeds fail": ("bounded", rarely(0.05), 0.045, 0.045),
        "10 % fail, else better by .02": ("bounded", rarely(0.1, 0.02), 0.072, 0.072),
        "no difference, margin .05": ("bounded", rarely(0.0), 0.0, 0.05),
        "no difference, margin .1": ("bounded", rarely(0.0), 0.0, 0.1),
        "no difference, sd .05, margin .1": ("bounded", shifted(0.0), 0.0, 0.1),
    }

    def row(name: str) -> list[str]:
        kind, draw, difference, margin = worlds[name]
        question, cells, wrongly = Question("higher", margin=margin), [], []
        for n in sizes:
            rng, hits, by_flips = stream("equivalence", name, n), [], []
            for _ in range(repetitions):
                numbers = PerSeed(*draw(rng, n), kind, True)
                hits.append(question.p_no_difference(cautious(numbers)) <= ALPHA)
                flips = cautious(numbers) if kind == "unbounded" else by_labels(numbers)
                by_flips.append(question.p_no_difference(flips) <= ALPHA)
            cells.append(share_of(hits))
            wrongly.append(share_of(by_flips))
        rng, hits = stream("equivalence at looks", name), []
        looked = Question("higher", margin=margin, n_looks=len(LOOKS))
        for _ in range(repetitions):
            parts = taken(PerSeed(*draw(rng, LOOKS[-1]), kind, True), LOOKS)
            hits.append(any(looked.p_no_difference(cautious(part)) <= ALPHA for part in parts))
        return [name, f"{difference:g}", f"{margin:g}", *cells, share_of(hits), *wrongly]

    return Table(
        '"No difference that matters"',
        "How often it is concluded, by number of seeds and at any look: wrongly where the difference is the margin, "
        "rightly where it is 0. The last columns are what inverted flips alone would conclude.",
        ("truth", "difference", "margin", *map(str, sizes), "any look", *(f"flips alone, {n}" for n in sizes)),
        [(name,) for name in worlds],
        row,
    )


def near_the_margin(repetitions: int) -> Table:
    verdicts = ("supported", "no difference that matters", "refuted", "undecided")

    def row(kind: Kind, times: float, n: int) -> list[str]:
        rng, found = stream("margin", kind, times, n), []
        margin = 0.1 if kind == "bounded" else 0.04
        question = Question("higher", margin=margin)
        for _ in range(repetitions):
            test = quick(PerSeed(*shifted(times * margin)(rng, n), kind, True))
            judgement: str = conclude([question], [[test]])[0].judgement
            if judgement == "difference":
                judgement = "supported" if question.is_beyond(test) else "refuted"
            found.append(judgement)
        return [
            kind,
            f"{times:g} margins",
            str(n),
            *(share_of([one == verdict for one in found]) for verdict in verdicts),
        ]

    return Table(
        "Verdicts on a difference near the margin",
        'A difference of the margin or more is denied ("no difference that matters") in at most 5 %, one of 0 is found '
        "in at most 5 %; between them both are true, and the one that does not matter has precedence.",
        ("quantity", "true difference", "seeds", *verdicts),
        list(product(("bounded", "unbounded"), (0.0, 0.5, 0.9, 1.0, 1.5), (20, 40))),
        row,
    )
