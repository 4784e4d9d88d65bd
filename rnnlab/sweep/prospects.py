"""What a sweep can decide of its claims, said before anything is trained.

    found = expected(claims, configs)      one Expectation for each comparison of each claim
    complaints(found)                      a sentence for each claim that cannot be decided, or not supported
    describe(found)                        a table for a person, with the power: it imports scipy and simulates

The seeds are those that all matched settings of both sides have.  A setting is matched if it varies, is not named by
the claim, is not chosen by the sides, and has values that both sides have.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from rnnlab.config.run import RunConfig
from rnnlab.options import dotted
from rnnlab.records import groups
from rnnlab.records.claims import Claim, Comparison, Side
from rnnlab.records.study import StudyFile
from rnnlab.statistics.decision import MOST_SEEDS, Question
from rnnlab.statistics.planning import Design, Prospect, prospects
from rnnlab.sweep.checks import one_of_each_condition

SEED = "seed"
SHIFTS = (0.5, 1.0, 2.0)  # effects whose power is told, in standard deviations of the seeds
POWER_SEEDS = 100  # the power is told of: it is simulated, in time and memory that grow with the seeds
SAYS = 50  # letters of a claim in a line

Config = Mapping[str, Any]  # of a run, with dotted keys
Condition = tuple[Config, frozenset[Any]]  # runs that differ in nothing but the seed: what they share, and their seeds


@dataclass(frozen=True)
class Expectation:
    """Of one comparison: a question of the family.  number: of the claim, from 1."""

    number: int
    claim: Claim
    comparison: Comparison
    question: Question
    design: Design
    prospect: Prospect
    n_questions: int


def expected(claims: Sequence[Claim], configs: Sequence[Config], looks: Sequence[int] = ()) -> list[Expectation]:
    """One for each comparison.  configs: of the runs, with dotted keys.  looks: the numbers of seeds at each look
    that is planned; then the runs may be those of the first one."""
    return _expected(claims, _conditions((config, [config.get(SEED)]) for config in configs), looks)


def _expected(claims: Sequence[Claim], conditions: Sequence[Condition], looks: Sequence[int]) -> list[Expectation]:
    axes = _varied([config for config, _ in conditions])
    asked = [
        (number, claim, comparison, _question(claim, len(looks) or 1), design_of(claim, comparison, conditions, axes))
        for number, claim in enumerate(claims, start=1)
        for comparison in claim.comparisons
    ]
    designs = [design.with_seeds(looks[-1]) if looks else design for *_, design in asked]
    found = prospects([question for *_, question, _ in asked], designs)
    return [
        Expectation(number, claim, comparison, question, design, prospect, len(asked))
        for (number, claim, comparison, question, _), design, prospect in zip(asked, designs, found, strict=True)
    ]


def expected_of(study: StudyFile, runs: Sequence[RunConfig]) -> list[Expectation]:
    """The same of a study and its runs, at the last look that is planned."""
    if not study.claims:
        return []
    seeds: dict[int, list[int]] = {}
    for run in runs:
        seeds.setdefault(id(run.parts), []).append(run.seed)
    conditions = _conditions((dotted(run.as_dict()), seeds[id(run.parts)]) for run in one_of_each_condition(runs))
    return _expected(study.claims, conditions, study.looks.planned if study.looks else ())


def _question(claim: Claim, n_looks: int) -> Question:
    return Question(claim.direction, claim.threshold, claim.than or 0.0, claim.margin, claim.level, n_looks)


def design_of(claim: Claim, comparison: Comparison, conditions: Sequence[Condition], axes: Sequence[str]) -> Design:
    """The seeds that a comparison has.  axes: the keys that vary."""
    chosen = claim.chosen(axes)
    members: dict[Side, list[Condition]] = {"of": [], "against": []}
    for condition in conditions:
        if side := comparison.side(condition[0]):
            members[side].append(condition)
    sides = [members["of"]] if comparison.against is None else [members["of"], members["against"]]
    named = {name for key in claim.keys for name in (key, f"{key}.name")}
    keys = [key for key in axes if key not in named and key not in chosen and _is_shared(key, sides)]
    alternatives = [{_setting(config, chosen) for config, _ in side} for side in sides]
    matched = reduce(set.intersection, [{_setting(config, keys) for config, _ in side} for side in sides])
    seeds = [
        _common([seeds for config, seeds in side if not matched or _setting(config, keys) in matched]) for side in sides
    ]
    paired = len(sides) == 2 and bool(seeds[0] & seeds[1])
    if paired:
        seeds = [seeds[0] & seeds[1]] * 2
    n_against = len(seeds[1]) if len(sides) == 2 else None
    return Design(claim.kind, len(seeds[0]), n_against, paired, max(map(len, alternatives)) > 1, max(1, len(matched)))


def complaints(found: Sequence[Expectation]) -> list[str]:
    """A sentence for each claim that these seeds cannot decide, or can only refute.  Empty if there is none."""
    worst: dict[int, Expectation] = {}
    for one in found:
        if not one.prospect.can_support:
            before = worst.get(one.number)
            worst[one.number] = one if before is None or _needed(one) > _needed(before) else before
    return [_complaint(one) for one in worst.values()]


def say_what_cannot_be_decided(found: Sequence[Expectation]) -> None:
    """On stderr, one line each.  Nothing if all claims can be decided."""
    for sentence in complaints(found):
        print(f"rnnlab: {sentence}", file=sys.stderr)


def _needed(one: Expectation) -> int:
    return one.prospect.seeds_to_support or MOST_SEEDS + 1


def _complaint(one: Expectation) -> str:
    n, needed = one.design.n_seeds, one.prospect.seeds_to_support
    verb = "supported" if one.prospect.can_decide else "decided"
    claim = f'claim {one.number}, "{_short(one.claim.says)}", cannot be {verb} by {_seeds(one.design)}'
    family = f" (one of {one.n_questions} questions)" if one.n_questions > 1 else ""
    setting = f"max_seeds={needed}" if one.question.n_looks > 1 else f"seed=range({needed})"
    if needed is None:
        return f"{claim}, nor by {MOST_SEEDS}{family}; claims=[] sweeps without claims"
    if n >= needed:  # the other questions have fewer seeds than this one
        return f"{claim}: all questions need {needed} seeds at least{family}; more seeds: {setting}"
    return f"{claim}: it needs {needed} at least{family}; more seeds: {setting}"


def _seeds(design: Design) -> str:
    n, n_choose = design.n_seeds, design.n_seeds - design.scored.n_seeds
    return f"{n} seed{'s' * (n != 1)}" + (f", {n_choose} of which choose" if n_choose else "")


def describe(found: Sequence[Expectation]) -> str:
    """A table with one line for each comparison, and what its columns mean."""
    from rnnlab.statistics.power import power_of_margin, power_of_shift  # it needs scipy, which is slow to import

    head = ["", "claim", "seeds", "smallest p", "supported from", "no difference from"]
    head += [f"{shift:g} sd" for shift in SHIFTS] + ["margin"]
    rows = []
    for one in found:
        m, design = one.n_questions, one.design
        few, at_least = _few(design), ">" if _few(design) != design else ""
        powers = [power_of_shift(one.question, few, shift, m) for shift in SHIFTS]
        powers.append(power_of_margin(one.question, few, m))
        rows.append(
            [
                str(one.number),
                _short(_words(one)),
                _columns_seeds(design),
                f"{one.prospect.smallest_p:.2g}" + ("" if one.prospect.can_support else " !"),
                _number(one.prospect.seeds_to_support),
                "-" if one.question.margin is None else _number(one.prospect.seeds_for_no_difference),
                *("-" if power is None else f"{at_least}{power:.0%}" for power in powers),
            ]
        )
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(w) if n == 1 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in [head, *rows]
    ]
    family = f"{len(rows)} questions" if len(rows) > 1 else "1 question"
    return "\n".join(
        [
            f"claims, before training; p and power as one of {family}:",
            *(f"  {line.rstrip()}" for line in lines),
            "  seeds of each side; behind +: those that choose settings and are not scored",
            "  smallest p: if all seeds agree; !: too large to support the claim.  from: the least number of seeds",
            "  sd, margin: the power.  It is the chance that the claim is supported, if the effect is so many standard",
            f"  deviations of the seeds, or if it is the margin and every seed is 0 or 1; >: by {POWER_SEEDS} of them",
        ]
    )


def _few(design: Design) -> Design:
    """The design with at most POWER_SEEDS seeds, which is not more powerful."""
    n_against = None if design.n_against is None else min(design.n_against, POWER_SEEDS)
    return replace(design, n_of=min(design.n_of, POWER_SEEDS), n_against=n_against)


def _columns_seeds(design: Design) -> str:
    n_choose = design.n_seeds - design.scored.n_seeds
    return str(design.scored.n_seeds) + (f"+{n_choose}" if n_choose else "")


def _number(n_seeds: int | None) -> str:
    return f">{MOST_SEEDS}" if n_seeds is None else str(n_seeds)


def _words(one: Expectation) -> str:
    """What the claim says; of several comparisons, which one it is."""
    if len(one.claim.comparisons) == 1:
        return one.claim.says
    sides = [one.comparison.of] + ([one.comparison.against] if one.comparison.against else [])
    values = [", ".join(groups.text_of(value) for value in side.values()) for side in sides]
    room = SAYS - len(" against ".join(values)) - 3
    return f"{_short(one.claim.says, max(room, 12))} ({' against '.join(values)})"


def _short(text: str, room: int = SAYS) -> str:
    return text if len(text) <= room else text[: room - 3].rstrip() + "..."


# Runs -> conditions, and what they have in common


def _conditions(configs: Iterable[tuple[Config, Iterable[Any]]]) -> list[Condition]:
    """A claim is about conditions: looking at each run would take twenty times as long.  configs: each with seeds."""
    seeds: dict[Any, set[Any]] = {}
    shared: dict[Any, Config] = {}
    for config, its in configs:
        rest = tuple((key, value) for key, value in config.items() if key != SEED)
        shared.setdefault(rest, config)
        seeds.setdefault(rest, set()).update(its)
    return [(config, frozenset(seeds[rest])) for rest, config in shared.items()]


def _varied(configs: Sequence[Config]) -> list[str]:
    """The keys with more than one value; a run that lacks a key has no value of it."""
    keys = dict.fromkeys(key for config in configs for key in config if key != SEED)
    return [key for key in keys if len({config[key] for config in configs if key in config}) > 1]


def _is_shared(key: str, sides: Sequence[Sequence[Condition]]) -> bool:
    """Whether all sides have a value of a key in common."""
    return bool(reduce(set.intersection, [{config.get(key) for config, _ in side} for side in sides]))


def _setting(config: Config, keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(config.get(key) for key in keys)


def _common(seeds: Sequence[frozenset[Any]]) -> frozenset[Any]:
    return frozenset.intersection(*seeds) if seeds else frozenset()
