"""Claims of several comparisons: "X is worst" says that X is worse than each of three others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from families import N_DRAWN, verdicts
from tables import Table, share_of
from worlds import normals, quick, stream

from rnnlab.statistics.decision import Question
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.per_seed import PerSeed

REST = ("no difference that matters", "undecided")


def worst(repetitions: int) -> Table:
    def combined(judgements: Sequence[str]) -> str:
        if all(judgement == "supported" for judgement in judgements):
            return "supported"
        return next((one for one in ("refuted", "no difference that matters") if one in judgements), "undecided")

    def row(kind: Kind, name: str, better: tuple[float, ...], n: int) -> list[str]:
        rng, found = stream("worst", kind, name, n), []
        unit = margin = 0.1 if kind == "bounded" else 1.0
        questions = [Question("lower", margin=margin)] * len(better)
        for _ in range(repetitions):
            noise = unit * normals(rng, 1 + len(better), n)[..., 0]
            x, others = 0.3 + noise[0], 0.3 + noise[1:] + unit * np.array(better)[:, None]
            tests = [[quick(PerSeed(x, other, kind, True), N_DRAWN)] for other in others]
            found.append(combined(verdicts(questions, tests)))
        return [
            kind,
            name,
            str(n),
            *(share_of([one == verdict for one in found]) for verdict in ("supported", "refuted", *REST)),
        ]

    truths = {
        "X ties with one, the others far better": (0.0, 4.0, 4.0),
        "X ties with all": (0.0, 0.0, 0.0),
        "another one is worse by the margin": (-1.0, 4.0, 4.0),
        "X is worst by the margin": (1.0, 1.0, 1.0),
        "X is worst by 3 margins": (3.0, 3.0, 3.0),
    }
    return Table(
        "Claims of several comparisons: X is worse than each of three others",
        "Supported if all comparisons are, refuted if one is, else no difference if one shows that; the "
        "margin is one standard deviation of a "
        "difference. The first two columns must be at most .05 where X ties; where X is worst, the second; where "
        "another one is worse, the first.",
        ("quantity", "truth", "seeds", "supported", "refuted", *REST),
        [
            (kind, name, better, n)
            for kind in ("bounded", "unbounded")
            for name, better in truths.items()
            for n in (20, 40)
        ],
        row,
    )
