"""Verdicts made by hand, each with the sentences that it must get."""

import math

import numpy as np
import pytest

from rnnlab.records.claims import Claim
from rnnlab.report.judging.reasons import NoMean, NoRuns, NoSeeds, NotRecorded, RunsLost
from rnnlab.report.judging.samples import Sample
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.words.details import details
from rnnlab.report.words.remarks import remarks
from rnnlab.report.words.sentences import found, reached_words, reason_words, sentence, tallied, words
from rnnlab.statistics.decision import EVERYTHING, Decision
from rnnlab.statistics.looks import Step
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.rates import Tuned
from rnnlab.statistics.survival import reached

RELU, TANH = {"cell.activation": "relu"}, {"cell.activation": "tanh"}
ABOVE = math.nextafter(0.0, 1.0)


def claim(quantity="score", **entries):
    return Claim("relu is better", quantity, **({"of": RELU, "direction": "higher", "against": TANH} | entries))


def decision(judgement="supported", estimate=0.2, interval=(0.1, 0.3), rare=None, reason=None, **entries):
    needed = entries.pop("seeds_needed", None)
    known = {"level": 0.975, "p": 0.012, "n_seeds": 20, "n_scored": 20, "look": 0, "plan": lambda: needed} | entries
    return Decision(judgement, reason, estimate, interval, rare or interval, **known)


def sample(kind="bounded", of=0.8, against=0.6, n=20, n_settings=1, paired=True):
    sides = [np.full(n, of), None if against is None else np.full(n, against)]
    return Sample(PerSeed(*sides, kind, paired), tuple(range(n)), n_settings)


def tuned_sample(of, against):
    """20 seeds; the first of the learning rates that a side tried is the best one."""
    scores = [np.linspace(0.8, 0.6, len(rates))[:, None] * np.ones(20) for rates in (of, against)]
    tried = tuple(tuple({"optimizer.learning_rate": rate} for rate in rates) for rates in (of, against))
    return Sample(Tuned(*scores, *scores, "bounded", True), tuple(range(20)), 1, tried)


def verdict(decided, about=None, numbers=None, path=(), n_questions=1):
    about = about or claim()
    numbers = numbers or sample(about.kind)
    parts = tuple(Part(comparison, None, numbers, decided, path) for comparison in about.comparisons)
    return Verdict(about, decided.judgement, parts, n_questions)


def row(judged, term):
    return dict(details(judged, judged.parts[0])).get(term)


def test_a_difference_is_said_with_both_sides_and_its_interval_at_its_level():
    judged = verdict(decision())
    expected = (
        "The mean score is 0.8 with relu and 0.6 with tanh; the difference by seed is 0.2 (97.5% interval 0.1 to 0.3)."
    )
    assert sentence(judged) == expected and remarks(judged) == ()
    assert row(judged, "difference") == "0.2; 97.5% interval 0.1 to 0.3, the level at which the verdict was taken"
    assert row(judged, "seeds") == "20, in pairs: the same seeds on both sides" and row(judged, "p") == "p = 0.012"


def test_events_are_counted_and_their_difference_is_in_percentage_points():
    numbers = sample("event", of=0.2, against=0.0, n_settings=3)
    judged = verdict(decision(interval=(ABOVE, 0.41)), claim("diverged"), numbers, n_questions=7)
    assert sentence(judged) == (
        "12 of 60 runs diverged with relu, 0 of 60 with tanh; the difference by seed is 20 percentage points (97.5% "
        "interval above 0 to 41)."
    )
    assert row(judged, "difference").endswith("the level at which the verdict was taken, for one of 7 questions")
    assert row(judged, "seeds").endswith("; the number of a seed is the mean over 3 settings")
    assert row(judged, "p") == "p = 0.012, corrected for 7 questions"


def test_shares_are_in_percent_and_losses_in_their_own_unit():
    assert "The mean accuracy is 80% with relu and 60% with tanh" in sentence(verdict(decision(), claim("accuracy")))
    nats = sentence(verdict(decision(), claim("cross_entropy")))
    assert nats.startswith("The median cross-entropy (nats) is 0.8 with relu")
    assert "the difference by seed is 0.2 nats" in nats


def test_sides_that_do_not_pair_are_said_to_differ_as_a_whole():
    judged = verdict(decision(), numbers=sample(paired=False))
    assert "; the difference is 0.2" in sentence(judged) and row(judged, "seeds") == "20, not in pairs"
    assert row(judged, "median seed") is None


def test_a_value_is_compared_with_the_number_claimed():
    number = claim("accuracy", against=None, than=0.9)
    judged = verdict(decision("refuted", 0.743, (0.72, 0.763)), number, sample(of=0.743, against=None))
    assert (
        sentence(judged) == "The median accuracy is 74.3% with relu (97.5% interval 72% to 76.3%); claimed: above 90%."
    )
    event = claim("diverged", against=None, than=0.1, direction="lower")
    judged = verdict(decision("refuted", 0.5, (0.3, 0.7)), event, sample("event", of=0.5, against=None, n=10))
    assert sentence(judged) == "5 of 10 runs diverged with relu, 50% (97.5% interval 30% to 70%); claimed: below 10%."


def test_a_claim_of_at_least_so_much_says_how_much():
    judged = verdict(decision(), claim("accuracy", by=0.05, direction="lower"))
    assert sentence(judged).endswith("; claimed: below -5 percentage points.")


def test_no_difference_that_matters_says_up_to_what_and_why():
    about = claim("diverged", margin=0.05, because="one run in twenty")
    judged = verdict(decision("no difference that matters", 0.01, (-0.02, 0.04)), about, sample("event"))
    assert sentence(judged).endswith(
        "1 percentage point (97.5% interval -2 to 4); up to 5 percentage points would not matter."
    )
    assert row(judged, "margin") == "5 percentage points: one run in twenty"


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("too few seeds", "20 seeds are too few to decide it as one of 3 questions, whatever they show."),
        ("one of several claims", "Alone it would be decided at the level of 95%; as one of 3 questions it is not."),
        ("wide interval", "The interval is too wide: it reaches to both sides of 0."),
    ],
)
def test_undecided_says_why_and_how_many_seeds_would_decide(reason, why):
    (said,) = remarks(verdict(decision("undecided", reason=reason, seeds_needed=64), claim("eval_loss"), n_questions=3))
    assert said == f"{why} At the effect seen, about 64 seeds would decide it: seed=range(64)."


def test_where_no_number_of_seeds_decides_a_missing_margin_is_named():
    judged = verdict(
        decision("undecided", 0.0, (-0.2, 0.2), reason="wide interval"), claim("diverged"), sample("event")
    )
    assert remarks(judged)[0].endswith(
        "not even 1,000 seeds would decide it. Without a margin, no number of seeds can show that there is no "
        "difference."
    )
    with_margin = claim("diverged", margin=0.05)
    judged = verdict(decision("undecided", 0.0, (-0.2, 0.2), reason="wide interval"), with_margin, sample("event"))
    assert remarks(judged)[0].endswith("not even 1,000 seeds would decide it.")


def test_a_wide_interval_of_seeds_that_agree_is_explained():
    judged = verdict(decision("undecided", interval=(-0.2, 0.4), reason="wide interval", seeds_needed=40))
    assert remarks(judged)[1] == (
        "The median difference of a seed is 0.2 to 0.2. The interval of the mean is wider: events that 20 seeds did "
        "not show can move it."
    )


def test_what_rare_seeds_could_reverse_is_said_and_what_they_could_not_is_not():
    reverse = "A rare failure that 20 seeds did not show could still reverse it."
    assert remarks(verdict(decision(interval=(ABOVE, 0.3), rare=(-0.1, 0.3)))) == (reverse,)
    assert remarks(verdict(decision(interval=(ABOVE, 0.3), rare=(0.01, 0.3)))) == ()
    lower = claim(direction="lower")
    assert remarks(verdict(decision("refuted", interval=(ABOVE, 0.3), rare=(-0.1, 0.3)), lower)) == (reverse,)
    judged = verdict(decision(interval=(ABOVE, 0.3), rare=(-0.1, 0.3)))
    assert row(judged, "with rare events").startswith("-0.1 to 0.3: ")


def test_a_difference_below_the_margin_is_said_to_be_small():
    about = claim(margin=0.05)
    assert remarks(verdict(decision(estimate=0.04), about)) == (
        "There is a difference, but what was seen of it is below the margin (0.05).",
    )
    assert remarks(verdict(decision(estimate=0.06), about)) == ()


def test_what_was_chosen_is_said_and_an_edge_of_the_grid_is_a_warning():
    judged = verdict(decision(), numbers=tuned_sample((0.1, 0.01), (0.01, 0.1, 0.001)))
    assert remarks(judged) == (
        "A better value may lie outside those tried: relu chose learning_rate 0.1, the end of the grid.",
    )
    assert row(judged, "chosen").startswith("relu: learning_rate 0.1; tanh: learning_rate 0.01. The first ")


def test_several_comparisons_are_counted_and_each_is_said():
    about = claim(against={"cell.activation": ["tanh", "elu"]})
    parts = [
        Part(comparison, None, sample(), decision(judgement, reason=reason, seeds_needed=30), ())
        for comparison, (judgement, reason) in zip(
            about.comparisons, [("supported", None), ("undecided", "wide interval")], strict=True
        )
    ]
    judged = Verdict(about, "undecided", tuple(parts), 2)
    assert sentence(judged) == "Of 2 comparisons 1 supports it and 1 is undecided."
    assert found(about, parts[1]).startswith("The mean score is 0.8 with relu and 0.6 with elu; ")
    assert remarks(judged)[0].startswith("relu and elu: The interval is too wide")
    assert sentence(verdict(decision(), about)) == "Both comparisons support it."


def test_the_looks_are_said_and_the_one_that_decided():
    path = tuple(Step(n, 0.2, (0.1, 0.3), 0.01) for n in (10, 20))
    judged = verdict(decision(look=1), path=path, n_questions=2)
    assert row(judged, "looks") == "at 10, 20 seeds; the second, at 20 seeds, decided it"
    assert row(judged, "p") == "p = 0.012, corrected for 2 questions and the looks planned"
    assert row(verdict(decision("undecided", reason="wide interval"), path=path), "looks").endswith("; none decided it")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (NoRuns(), "No run of one side of the claim was completed."),
        (NotRecorded("perplexity", 10, 10), "10 runs of 10 recorded no perplexity."),
        (RunsLost(("a", "b")), "2 runs that the claim needs failed or are missing: a and b."),
        (RunsLost(("a",)), "1 run that the claim needs failed or is missing: a."),
        (NoMean("gradient_reach"), "Gradient reach is +inf in one setting of a seed and -inf in another: no mean."),
        (NoSeeds(), "No seed has runs in all settings that are compared, or too few have where settings are tuned."),
        (None, ""),
    ],
)
def test_a_claim_that_was_not_judged_says_what_is_missing(reason, said):
    assert reason_words(reason) == said
    if reason is not None:
        nothing = Decision("undecided", "no data", math.nan, EVERYTHING, EVERYTHING, 0.95, 1.0, 0, 0, 0)
        (comparison,) = claim().comparisons
        part = Part(comparison, reason, None, nothing, ())
        judged = Verdict(claim(), "undecided", (part,), 1)
        assert sentence(judged) == said and remarks(judged) == () and details(judged, part) == ()


def test_groups_are_written_by_their_values():
    assert words({"cell.activation": "leaky_relu", "cell.negative_slope": "> 0"}) == "leaky_relu, negative_slope > 0"
    assert words({"task": ["sines", "sinc"], "optimizer.clip_norm": None}) == "sines or sinc, no clip_norm"
    assert (
        tallied("no difference that matters") == "with no difference that matters" and tallied("refuted") == "refuted"
    )


def test_how_many_seeds_got_to_a_threshold_is_said_with_the_median_of_kaplan_and_meier():
    assert reached_words(reached(np.array([100.0, 300.0, 200.0, math.inf]))) == (
        "3 of 4 seeds, half of all within 200 updates"
    )
    assert reached_words(reached(np.array([100.0, math.inf, math.inf]))) == "1 of 3 seeds, fewer than half"
