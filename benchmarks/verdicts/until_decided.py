"""A whole sweep, until all of its claims are decided: how often one of its verdicts is wrong at any look."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from families import N_DRAWN, STUDIES, Study, drawn, verdicts, wrong_differences, wrong_nones
from tables import Table, share_of
from worlds import LOOKS, quick, stream

from rnnlab.statistics.decision import Question
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.shift_tests import Test


@dataclass(frozen=True)
class Outcome:
    """What was wrong at the end of a sweep, or at any of its looks."""

    difference: bool  # one that is not there, or in the wrong direction
    none: bool  # a difference that matters, denied
    revoked: bool  # a verdict became undecided, or the opposite
    refined: bool  # a difference became one that does not matter
    decided: float  # the share of claims
    n_seeds: float  # mean of the sides


def sweep(study: Study, kind: Kind, rng: np.random.Generator) -> Outcome:
    """Sides are trained to the next look as long as a claim about them is undecided.  A claim that is decided looks at
    more seeds only where both of its sides have them, as other claims needed them."""
    margin, values = drawn(study, kind, rng, LOOKS[-1])
    questions = [Question("higher", margin=margin, n_looks=len(LOOKS))] * len(study.pairs)
    tests: list[list[Test]] = [[] for _ in study.pairs]
    trained = [0] * len(study.means)
    said = ["undecided"] * len(study.pairs)
    difference = none = revoked = refined = False
    for n in LOOKS:
        for pair, verdict in zip(study.pairs, said, strict=True):
            for side in pair if verdict == "undecided" else ():
                trained[side] = n
        for path, (i, j) in zip(tests, study.pairs, strict=True):
            if min(trained[i], trained[j]) == n:
                path.append(quick(PerSeed(values[i, :n], values[j, :n], kind, True), N_DRAWN))
        before, said = said, verdicts(questions, tests)
        difference, none = difference | wrong_differences(study, said), none | wrong_nones(study, said)
        for old, new in zip(before, said, strict=True):
            refined |= old in ("supported", "refuted") and new == "no difference that matters"
            revoked |= old not in ("undecided", new) and new != "no difference that matters"
        if "undecided" not in said:
            break
    decided = float(np.mean([verdict != "undecided" for verdict in said]))
    return Outcome(difference, none, revoked, refined, decided, float(np.mean(trained)))


def sweeps(repetitions: int) -> Table:
    def row(kind: Kind, study: Study) -> list[str]:
        rng = stream("sweeps", kind, study.name)
        ends = [sweep(study, kind, rng) for _ in range(repetitions)]
        return [
            kind,
            study.name,
            share_of([end.difference for end in ends]),
            share_of([end.none for end in ends]),
            share_of([end.difference or end.none for end in ends]),
            share_of([end.revoked for end in ends]),
            share_of([end.refined for end in ends]),
            share_of([end.decided for end in ends]),
            f"{np.mean([end.n_seeds for end in ends]):.0f}",
        ]

    return Table(
        f"Sweeps until decided, looks {LOOKS}",
        "How often a sweep has at least one wrong verdict at any look: a difference that is not there, or none where "
        "it is the margin; each of the two is held at 5 %. Revoked: a verdict became undecided or the opposite. "
        "Refined: a difference was later found too small to matter. At the right the share of claims that is "
        "decided, and the seeds of a side.",
        ("quantity", "claims", "false difference", "false none", "either", "revoked", "refined", "decided", "seeds"),
        list(product(("bounded", "unbounded"), STUDIES)),
        row,
    )
