"""Several claims: how often at least one of a study's verdicts is wrong, at one look and at several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from tables import Table, share_of
from worlds import SHAPES, normals, per_seed, quick, stream

from rnnlab.statistics.decision import Question, conclude, holm_factors
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.looks import taken
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.shift_tests import Test

N_DRAWN = 1999  # ten claims at four looks: 40 times 2 / 2000 is below .05


def families(repetitions: int) -> Table:
    """m activations are compared with the same one, so the claims depend on each other."""
    shape = SHAPES["scores, normal"]

    def row(m: int, n_true: int, looked: tuple[int, ...]) -> list[str]:
        rng, hits, found = stream("families", m, n_true, looked), [], []
        questions = [Question("higher", n_looks=len(looked))] * m
        for _ in range(repetitions):
            z = normals(rng, m + 1, looked[-1])
            z[1 : n_true + 1] += 1.0
            claims = [per_seed(shape, shape.of_z(side), shape.of_z(z[0])) for side in z[1:]]
            tests = [[quick(part, N_DRAWN) for part in taken(claim, looked)] for claim in claims]
            rejected = [conclusion.judgement == "difference" for conclusion in conclude(questions, tests)]
            hits.append(any(rejected[n_true:]))
            found += rejected[:n_true]
        return [str(m), str(n_true), str(looked), share_of(hits), share_of(found)]

    return Table(
        "Families: any false difference",
        "How often at least one of several claims is supported or refuted that is neither; and which share of the "
        "true ones (one standard deviation) is found.",
        ("claims", "of them true", "looks", "any false", "true ones found"),
        [(m, n, looked) for m in (1, 5, 10) for n in sorted({0, m // 2}) for looked in ((20,), (10, 20, 40))],
        row,
    )


# Claims that have margins


@dataclass(frozen=True)
class Study:
    """Sides of which each has a mean in units of the margin, and pairs of them that are claimed to differ."""

    name: str
    means: Sequence[int]
    pairs: Sequence[tuple[int, int]]


def star(n: int) -> list[tuple[int, int]]:
    return [(side, 0) for side in range(1, n + 1)]


STUDIES = (
    Study("1, equal", (0, 0), star(1)),
    Study("1, at the margin", (0, 1), star(1)),
    Study("5 of the same side, equal", (0,) * 6, star(5)),
    Study("5 of the same side, at the margin", (0, 1, 1, 1, 1, 1), star(5)),
    Study("5 of the same side, 2 at the margin", (0, 1, 1, 0, 0, 0), star(5)),
    Study("10, all pairs of 5 sides, equal", (0,) * 5, list(combinations(range(5), 2))),
    Study("10, all pairs of 5 sides, 6 at the margin", (0, 0, 1, 1, 1), list(combinations(range(5), 2))),
    Study("10, all pairs of 5 sides, 6 far apart", (0, 0, 4, 4, 4), list(combinations(range(5), 2))),
)


def drawn(study: Study, kind: Kind, rng: np.random.Generator, n: int) -> tuple[float, np.ndarray]:
    """The margin, and the values (sides, seeds)."""
    margin, spread, least = (0.1, 0.1, 0.4) if kind == "bounded" else (0.8, 1.0, 0.0)
    noise = normals(rng, len(study.means), n)[..., 0]
    return margin, least + margin * np.array(study.means)[:, None] + spread * noise


def wrong_differences(study: Study, said: Sequence[str]) -> bool:
    truths = (study.means[i] - study.means[j] for i, j in study.pairs)
    right = {"supported": 1, "refuted": -1}
    return any(
        verdict in right and right[verdict] != np.sign(truth) for verdict, truth in zip(said, truths, strict=True)
    )


def wrong_nones(study: Study, said: Sequence[str]) -> bool:
    return any(
        verdict == "no difference that matters" and study.means[i] != study.means[j]
        for verdict, (i, j) in zip(said, study.pairs, strict=True)
    )


def verdicts(questions: Sequence[Question], tests: Sequence[Sequence[Test]]) -> list[str]:
    found = []
    for question, path, conclusion in zip(questions, tests, conclude(questions, tests), strict=True):
        if conclusion.judgement == "difference":
            found.append("supported" if question.is_beyond(path[conclusion.look]) else "refuted")
        else:
            found.append(conclusion.judgement)
    return found


def one_look(repetitions: int) -> Table:
    def in_one_procedure(questions: Sequence[Question], tests: Sequence[Sequence[Test]]) -> list[str]:
        """What was not taken: Holm's procedure over the smaller p-value of each claim."""
        alphas = [1 - question.level for question in questions]
        factors = holm_factors([question.p(path[0]) for question, path in zip(questions, tests, strict=True)], alphas)
        found = []
        for question, (test,), factor, alpha in zip(questions, tests, factors, alphas, strict=True):
            if factor * question.p_no_difference(test) <= alpha:
                found.append("no difference that matters")
            elif factor * question.p_difference(test) <= alpha:
                found.append("supported" if question.is_beyond(test) else "refuted")
            else:
                found.append("undecided")
        return found

    def row(kind: Kind, n: int, study: Study) -> list[str]:
        rng = stream("one look", kind, study.name)
        ends: list[list[bool]] = []
        for _ in range(repetitions):
            margin, values = drawn(study, kind, rng, n)
            questions = [Question("higher", margin=margin)] * len(study.pairs)
            tests = [[quick(PerSeed(values[i], values[j], kind, True), N_DRAWN)] for i, j in study.pairs]
            said, in_one = verdicts(questions, tests), in_one_procedure(questions, tests)
            ends.append(
                [
                    wrong_differences(study, said),
                    wrong_nones(study, said),
                    wrong_differences(study, said) or wrong_nones(study, said),
                    wrong_differences(study, in_one) or wrong_nones(study, in_one),
                ]
            )
        cells = [share_of(column) for column in zip(*ends, strict=True)]
        return [kind, str(n), study.name, *cells]

    return Table(
        "Families whose claims have margins, at one look",
        "How often at least one verdict is wrong: a difference that is not there, or none where it is the margin (of "
        "losses 3.6 standard errors). Each of the two is held at 5 %, both together at 10 %; the last column is what "
        "one Holm procedure for both would do.",
        ("quantity", "seeds", "claims", "false difference", "false none", "either", "in one procedure"),
        [(kind, n, study) for kind, n in (("bounded", 60), ("unbounded", 20)) for study in STUDIES],
        row,
    )
