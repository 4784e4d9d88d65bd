"""Verdicts on made-up studies: what supports a claim, what refutes it, what is missing."""

from dataclasses import replace

import numpy as np
import pytest

from rnnlab.report.judging.reasons import NoMean, NoRuns, NoSeeds, NotRecorded, RunsLost
from rnnlab.report.judging.samples import is_at_edge
from rnnlab.report.judging.verdicts import undecided
from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study
from rnnlab.report.words.remarks import remarks
from rnnlab.report.words.sentences import section_of, words

DIVERGES = {
    "says": "relu diverges more often than tanh",
    "quantity": "diverged",
    "of": {"cell.activation": "relu"},
    "against": {"cell.activation": "tanh"},
    "is": "higher",
}
BETTER = DIVERGES | {"says": "relu is better", "quantity": "score"}


@pytest.fixture
def judged(build, tmp_path):
    """judged(records, claim, ...) -> the verdicts; expected and needed as in study.json."""

    def judge(records, *claims, **entries):
        build.runs(tmp_path, records)
        build.study_file(tmp_path, claims=list(claims), **entries)
        return view_of(read_study(tmp_path)).verdicts

    return judge


def pairs(build, finals_of, n=10, **config):
    """n seeds of tanh and of relu; finals_of(name, seed) is the final loss against a naive loss of 1, None diverged."""
    records = []
    for name in ("tanh", "relu"):
        for seed in range(n):
            final = finals_of(name, seed)
            diverged_at = 50 if final is None else None
            records.append(build.record("sines", name, seed, final=final, diverged_at=diverged_at, **config))
    return records


def half_of_relu(name, seed):
    return None if name == "relu" and seed % 2 else 0.1


def test_a_rate_that_is_clearly_higher_supports_the_claim(build, judged):
    (verdict,) = judged(pairs(build, half_of_relu, n=20), DIVERGES)
    (part,) = verdict.parts
    assert verdict.judgement == "supported" and part.sample.paired
    assert part.sample.counts == ((10, 20), (0, 20)) and part.sample.centres == (0.5, 0.0)
    assert part.decision.estimate == 0.5
    assert part.decision.p == 2 * 2**10 / 2**20  # flips of the ten equal pairs change nothing, of the others only all
    assert part.decision.interval[0] > 0 and part.decision.level == 0.95


def test_the_opposite_refutes_it_and_a_threshold_can_too(build, judged):
    turned = DIVERGES | {"of": DIVERGES["against"], "against": DIVERGES["of"]}
    much = DIVERGES | {"by": 0.95}
    found = judged(pairs(build, half_of_relu, n=20), turned, much)
    assert [verdict.judgement for verdict in found] == ["refuted", "refuted"]


def test_no_divergence_at_all_is_undecided_until_the_margin_is_wide_enough(build, judged):
    records = pairs(build, lambda name, seed: 0.1, n=20)
    narrow, wide, none = judged(records, DIVERGES | {"margin": 0.05}, DIVERGES | {"margin": 0.4}, DIVERGES)
    assert [v.judgement for v in (narrow, wide, none)] == ["undecided", "no difference that matters", "undecided"]
    assert narrow.parts[0].decision.reason == "wide interval" and narrow.parts[0].decision.seeds_needed > 20


def test_seeds_are_compared_in_pairs(build, judged):
    def finals(name, seed):  # seeds differ much more than activations
        return 0.05 * seed + (0.02 if name == "tanh" else 0.0) + 0.001 * (seed * 7 % 3)

    (verdict,) = judged(pairs(build, finals), BETTER)
    (part,) = verdict.parts
    assert part.sample.paired and verdict.judgement == "supported"
    expected = [np.mean([1 - finals(name, seed) for seed in range(10)]) for name in ("relu", "tanh")]
    assert part.sample.centres == pytest.approx(tuple(expected), abs=1e-12)
    assert part.decision.estimate == pytest.approx(0.02, abs=1e-12)
    assert part.decision.p == 2**-9  # all ten signs agree
    assert part.typical == pytest.approx((0.02, 0.02), abs=1e-12)


def test_the_seeds_that_both_sides_have_make_the_pairs(build, judged):
    records = pairs(build, lambda name, seed: 0.05 * seed + (0.02 if name == "tanh" else 0.0))
    records = [record for record in records if record.run_id != "sines-tanh-9"]
    (part,) = judged(records, BETTER)[0].parts
    assert part.sample.paired and part.sample.seeds == tuple(range(9)) and part.decision.n_seeds == 9


def test_sides_without_a_seed_in_common_are_compared_by_labels(build, judged):
    records = pairs(build, lambda name, seed: 0.05 * seed + (0.02 if name == "tanh" else 0.0))
    records = [record for record in records if (record.config["seed"] < 5) == ("tanh" in record.run_id)]
    (part,) = judged(records, BETTER)[0].parts
    assert not part.sample.paired and part.sample.seeds == (5, 6, 7, 8, 9) and part.typical is None
    assert part.decision.p == pytest.approx(2 / 252)  # the ways to choose five of ten


def test_a_diverged_run_counts_as_score_zero_and_as_the_worst_share(build, judged):
    records = pairs(build, lambda name, seed: None if name == "relu" else 0.5)
    (score,) = judged(records, BETTER)
    assert score.parts[0].sample.centres == (0.0, 0.5) and score.judgement == "refuted"


def test_a_quantity_that_no_run_recorded_is_said(build, judged):
    (verdict,) = judged(pairs(build, half_of_relu), BETTER | {"quantity": "perplexity"})
    assert verdict.reason == NotRecorded("perplexity", 10, 10)


def test_seeds_that_diverged_before_a_diagnostic_was_measured_are_left_out(build, judged):
    records = pairs(build, lambda name, seed: None if name == "relu" and seed == 3 else 0.1)
    for record in records:
        if not record.result.diverged_at_step:
            dead = 0.1 * record.config["seed"] if "relu" in record.run_id else 0.0
            record.result.curves["dead_frac"] = np.full(len(record.result.curves["step"]), dead)
    (verdict,) = judged(records, BETTER | {"quantity": "dead_frac"})
    sample = verdict.parts[0].sample
    assert sample.seeds == (0, 1, 2, 4, 5, 6, 7, 8, 9) and sample.paired and sample.n_unmeasured == 1
    assert sample.centres == (pytest.approx(4.2 / 9), 0.0)
    assert remarks(verdict)[-1] == "1 run diverged before the share of dead units was measured; its seed is left out."


def test_a_run_that_ended_well_without_the_quantity_leaves_the_claim_unjudged(build, judged):
    records = pairs(build, lambda name, seed: 0.1)
    for record in records[1:]:
        record.result.curves["dead_frac"] = np.zeros(len(record.result.curves["step"]))
    (verdict,) = judged(records, BETTER | {"quantity": "dead_frac"})
    assert verdict.reason == NotRecorded("dead_frac", 1, 10)


def test_a_share_of_a_diverged_run_is_the_worst_there_is(build, judged):
    digits = [
        build.record("digits", name, seed, diverged_at=50 if name == "relu" else None)
        for name in ("tanh", "relu")
        for seed in range(10)
    ]
    (accuracy,) = judged(digits, BETTER | {"quantity": "accuracy"})
    assert accuracy.parts[0].sample.centres == (0.0, pytest.approx(0.898))


def test_an_unbounded_measure_of_diverged_runs_is_infinite_and_still_decides(build, judged):
    claim = BETTER | {"quantity": "eval_loss", "is": "higher"}
    (verdict,) = judged(pairs(build, lambda name, seed: None if name == "relu" else 0.5), claim)
    assert verdict.parts[0].decision.estimate == np.inf and verdict.judgement == "supported"


def test_a_number_can_be_claimed(build, judged):
    above = {key: value for key, value in BETTER.items() if key != "against"} | {"than": 0.8}
    found = judged(pairs(build, lambda name, seed: 0.1 + 0.001 * seed), above, above | {"than": 0.95})
    assert [verdict.judgement for verdict in found] == ["supported", "refuted"]
    assert found[0].parts[0].decision.p == 2 * 2**-9  # the sign test of ten, as one of two


def test_worse_than_each_of_several_is_a_question_for_each(build, judged):
    finals = {"tanh": 0.1, "relu": 0.5, "sigmoid": 0.5, "leaky_relu": 0.2}
    records = [
        build.record("sines", name, seed, final=final + 0.001 * (name == "relu") * (-1) ** seed)
        for name, final in finals.items()
        for seed in range(20)
    ]  # fmt: skip
    worst = BETTER | {"is": "lower", "of": {"cell.activation": "sigmoid"}}
    two, three = judged(
        records,
        worst | {"against": {"cell.activation": ["tanh", "leaky_relu"]}},
        worst | {"against": {"cell.activation": ["tanh", "relu", "leaky_relu"]}},
    )
    assert two.judgement == "supported" and [part.comparison.against for part in two.parts] == [
        {"cell.activation": "tanh"}, {"cell.activation": "leaky_relu"},
    ]  # fmt: skip
    judgements = [part.decision.judgement for part in three.parts]
    assert judgements == ["supported", "undecided", "supported"] and three.judgement == "undecided"
    assert two.n_questions == three.n_questions == 5


def test_a_claim_is_refuted_where_one_of_its_comparisons_is(build, judged):
    finals = {"tanh": 0.1, "sigmoid": 0.5, "relu": 0.9}
    records = [
        build.record("sines", name, seed, final=final + 0.001 * seed)
        for name, final in finals.items()
        for seed in range(10)
    ]
    worst = BETTER | {"is": "lower", "of": {"cell.activation": "sigmoid"}}
    worst |= {"against": {"cell.activation": ["tanh", "relu"]}}
    (verdict,) = judged(records, worst)
    assert [part.decision.judgement for part in verdict.parts] == ["supported", "refuted"]
    assert verdict.judgement == "refuted"


def test_diagnostics_are_judged_by_their_last_finite_value(build, judged, seal, tmp_path):
    claim = {
        "says": "never dies",
        "quantity": "dead_frac",
        "of": {"cell.activation": "relu"},
        "than": 0.05,
        "is": "lower",
    }
    judged(pairs(build, lambda name, seed: 0.1), claim)
    for path in tmp_path.glob("sines-*/curves.csv"):
        rows = path.read_text().splitlines()
        dead = ["dead_frac", *["0.5"] * (len(rows) - 3), "0.01", "nan"]
        path.write_text("\n".join(f"{row},{value}" for row, value in zip(rows, dead, strict=True)) + "\n")
        seal(path.parent)
    (verdict,) = view_of(read_study(tmp_path)).verdicts
    assert verdict.parts[0].sample.centres == pytest.approx((0.01,)) and verdict.judgement == "supported"
    assert section_of(verdict, {"diagnostics"}) == "diagnostics"


def test_the_reach_of_the_gradient_is_read_from_its_table(build, judged, tmp_path):
    claim = {"says": "vanishes", "quantity": "gradient_reach", "of": {"cell.activation": "tanh"},
             "against": {"cell.activation": "relu"}, "is": "lower", "by": 1.0}  # fmt: skip
    judged(pairs(build, lambda name, seed: 0.1), claim)
    for path in tmp_path.glob("sines-*"):
        if path.is_dir():
            first = 1e-6 if "tanh" in path.name else 1e-2
            lines = [
                f"{step},{layer},{t},{first if t == 0 else 1}" for step in (0, 9) for layer in (0, 1) for t in (0, 1)
            ]
            (path / "gradients.csv").write_text("step,layer,t,grad_norm\n" + "\n".join(lines) + "\n")
    (verdict,) = view_of(read_study(tmp_path)).verdicts
    assert verdict.parts[0].sample.centres == pytest.approx((-6, -2))
    assert verdict.judgement == "supported"


REACH = {"says": "vanishes", "quantity": "gradient_reach", "of": {"cell.activation": "tanh"}, "than": -2.0,
         "is": "lower"}  # fmt: skip


def test_a_gradient_of_which_nothing_arrives_has_a_reach_of_minus_infinity(build, judged, tmp_path):
    judged(pairs(build, lambda name, seed: 0.1), REACH)
    for path in tmp_path.glob("sines-tanh-*"):
        (path / "gradients.csv").write_text("step,layer,t,grad_norm\n0,0,0,0.0\n0,0,1,0.5\n")
    (verdict,) = view_of(read_study(tmp_path)).verdicts
    assert verdict.parts[0].sample.centres == (-np.inf,) and verdict.judgement == "supported"


def test_infinities_of_both_signs_have_no_mean(build, tmp_path):
    records = [build.record("sines", "tanh", seed, cell__hidden_size=size) for seed in range(3) for size in (8, 16)]
    for record in records:
        record.result.metrics["gain"] = np.inf if record.config["cell"]["hidden_size"] == 8 else -np.inf
    build.runs(tmp_path, records)
    build.study_file(tmp_path, claims=[REACH | {"quantity": "gain"}])
    (verdict,) = view_of(read_study(tmp_path)).verdicts
    assert verdict.reason == NoMean("gain")


def test_p_values_are_corrected_over_all_comparisons_of_the_study(build, judged):
    records = pairs(build, half_of_relu, n=20)
    alone = judged(records, DIVERGES)[0].parts[0].decision
    others = [DIVERGES | {"says": str(n)} for n in range(4)]
    found = judged(records, DIVERGES, *others)
    assert [verdict.parts[0].decision.p for verdict in found] == [m * alone.p for m in (5, 4, 3, 2, 1)]
    assert found[0].parts[0].decision.level == pytest.approx(0.99) and found[0].n_questions == 5


def test_five_seeds_cannot_decide_and_six_can(build, judged):
    def finals(name, seed):
        return (0.1 if name == "relu" else 0.9) + 0.001 * seed

    (verdict,) = judged(pairs(build, finals, n=5), BETTER)  # 2^(1-5) = .0625
    assert verdict.judgement == "undecided" and verdict.parts[0].decision.reason == "too few seeds"
    assert verdict.parts[0].decision.seeds_needed >= 6
    assert judged(pairs(build, finals, n=6), BETTER)[0].judgement == "supported"


def test_a_failed_or_missing_run_that_a_claim_needs_blocks_its_verdict_by_name(build, judged):
    records = pairs(build, half_of_relu, n=20)
    records[3] = build.record("sines", "tanh", 3, status="failed")
    sigmoid = BETTER | {"of": {"cell.activation": "sigmoid"}, "than": 0.01}
    del sigmoid["against"]
    records += [build.record("sines", "sigmoid", seed) for seed in range(10)]
    expected = [*(record.run_id for record in records), "sines-relu-20"]
    needed = [[n for n, name in enumerate(expected) if "sigmoid" not in name]] * 1
    needed.append([n for n, name in enumerate(expected) if "sigmoid" in name])
    found = judged(records, DIVERGES, sigmoid, expected=expected, claim_runs=needed)
    assert found[0].judgement == "undecided"
    assert found[0].reason == RunsLost(("sines-tanh-3", "sines-relu-20"))
    assert found[1].judgement == "supported"
    assert undecided(found) == (0,) and undecided(found, precision=2.0) == (0,)
    assert undecided(found, precision=1e-9) == (0, 1)


def test_without_word_on_which_runs_are_needed_any_missing_one_blocks(build, judged):
    records = pairs(build, half_of_relu, n=20)
    (verdict,) = judged(records, DIVERGES, expected=[*(record.run_id for record in records), "gone"])
    assert verdict.judgement == "undecided" and verdict.reason == RunsLost(("gone",))


def test_a_claim_about_runs_of_which_none_was_completed_is_not_judged(build, judged):
    records = pairs(build, half_of_relu)
    (verdict,) = judged(records, BETTER | {"against": {"cell.activation": "sigmoid"}})
    assert verdict.reason == NoRuns() and verdict.parts[0].sample is None


def rates(build, n=20, tanh=(0.2, 0.7), relu=(0.8, 0.1)):
    """tanh and relu at 0.1 and 1.0, with these final losses."""
    finals = {("tanh", 0.1): tanh[0], ("tanh", 1.0): tanh[1], ("relu", 0.1): relu[0], ("relu", 1.0): relu[1]}
    return [
        build.record("sines", name, seed, final=final + 0.001 * seed, optimizer__learning_rate=rate)
        for (name, rate), final in finals.items()
        for seed in range(n)
    ]


def test_a_number_has_an_edge_and_a_word_has_none():
    assert is_at_edge(0.1, [0.1, 0.5, 1.0]) and is_at_edge(1.0, [0.1, 1.0]) and not is_at_edge(0.5, [0.1, 0.5, 1.0])
    assert not is_at_edge(0.1, [0.1]) and not is_at_edge("identity", ["identity", "uniform"])
    assert not is_at_edge(True, [False, True])


def test_with_several_rates_each_side_has_the_one_it_chose_unless_divergence_is_claimed(build, judged):
    score, every, diverged = judged(rates(build), BETTER, BETTER | {"tuned": []}, DIVERGES)
    (part,) = score.parts
    assert [dict(each.settings) for each in part.sample.chosen] == [
        {"optimizer.learning_rate": 1.0}, {"optimizer.learning_rate": 0.1},
    ]  # fmt: skip
    assert part.sample.chosen[0].at_edge == ("optimizer.learning_rate",)  # of two rates, both are at the edge
    assert len(part.sample.scored.of) == 15  # the first five of twenty have chosen
    means = tuple(np.mean([1 - final - 0.001 * seed for seed in range(5, 20)]) for final in (0.1, 0.2))
    assert part.sample.centres == pytest.approx(means)
    assert part.decision.estimate == pytest.approx(0.1) and score.judgement == "supported"
    (part,) = every.parts
    assert part.sample.chosen == () and part.sample.n_settings == 2
    assert part.sample.centres == pytest.approx((1 - 0.45 - 0.0095, 1 - 0.45 - 0.0095))
    assert diverged.parts[0].sample.counts == ((0, 40), (0, 40))


def test_several_keys_can_be_tuned_together(build, judged):
    finals = {(0.1, 1.0): 0.5, (0.1, 2.0): 0.4, (1.0, 1.0): 0.2, (1.0, 2.0): 0.6}
    records = [
        build.record(
            "sines", name, seed, final=final + 0.05 * (name == "relu"), optimizer__learning_rate=rate,
            optimizer__clip_norm=clip,
        )
        for name in ("tanh", "relu")
        for (rate, clip), final in finals.items()
        for seed in range(8)
    ]  # fmt: skip
    records = [replace(r, run_id=f"{r.run_id}-{n}") for n, r in enumerate(records)]
    claim = BETTER | {"tuned": ["optimizer.learning_rate", "optimizer.clip_norm"], "is": "lower"}
    (verdict,) = judged(records, claim)
    (part,) = verdict.parts
    assert dict(part.sample.chosen[0].settings) == {"optimizer.learning_rate": 1.0, "optimizer.clip_norm": 1.0}
    assert part.sample.centres == pytest.approx((0.75, 0.8))


def test_sides_that_share_no_seeds_choose_their_rates_too(build, judged):
    records = [r for r in rates(build) if (r.config["seed"] < 10) == (r.config["cell"]["activation"] == "tanh")]
    (part,) = judged(records, BETTER)[0].parts
    assert not part.sample.paired and len(part.sample.scored.of) == len(part.sample.scored.against) == 7
    assert [dict(each.settings)["optimizer.learning_rate"] for each in part.sample.chosen] == [1.0, 0.1]


def test_one_seed_cannot_choose_and_be_scored(build, judged):
    assert judged(rates(build, n=1), BETTER)[0].reason == NoSeeds()


def test_a_side_that_is_better_at_one_rate_only_is_not_better_than_the_best(build, judged):
    """relu at 0.1, which it chooses, is above tanh at 0.1 and below tanh at 1.0."""
    (verdict,) = judged(rates(build, tanh=(0.5, 0.2), relu=(0.3, 0.9)), BETTER | {"is": "higher"})
    assert verdict.judgement == "refuted" and verdict.parts[0].decision.estimate == pytest.approx(-0.1)


def test_only_what_both_sides_ran_is_compared(build, judged):
    records = pairs(build, lambda name, seed: 0.1 if name == "relu" else 0.2)
    records += [build.record("digits", "relu", seed, final=2.3) for seed in range(10)]  # tanh has no run there
    (part,) = judged(records, BETTER)[0].parts
    assert part.sample.n_settings == 1 and part.decision.estimate == pytest.approx(0.1)


def test_a_seed_counts_once_however_many_settings_it_has(build, judged):
    records = [
        build.record("sines", name, seed, final=0.1 if name == "relu" else 0.2, cell__hidden_size=size)
        for name in ("tanh", "relu")
        for size in (8, 16, 32, 64)
        for seed in range(5)
    ]  # fmt: skip
    (verdict,) = judged(records, BETTER)
    assert verdict.parts[0].sample.n_settings == 4 and verdict.parts[0].decision.n_seeds == 5
    assert verdict.judgement == "undecided"  # twenty pairs of runs, but five seeds


def test_sides_are_matched_in_all_but_what_is_claimed_and_what_goes_with_it(build, judged):
    """readout.dropout repeats cell.dropout, which networks without layers do not have: it cannot tell settings
    apart."""
    records = []
    for dropout, final in ((0.0, 0.1), (0.3, 0.2)):
        for layers in (0, 2):
            for size in (8, 16):
                for seed in range(6):
                    cell = {"num_layers": layers, "hidden_size": size} | ({"dropout": dropout} if layers else {})
                    record = build.record("sines", "tanh", seed, final=final + size / 100, readout__dropout=dropout)
                    config = record.config | {"cell": {"name": "rnn", "activation": "tanh"} | cell}
                    name = f"{dropout}-{layers}-{size}-{seed}"
                    records.append(replace(record, run_id=name, config=config))
    claim = BETTER | {"of": {"cell.dropout": 0.3}, "against": {"cell.dropout": 0}, "is": "lower"}
    (part,) = judged(records, claim)[0].parts
    assert part.sample.paired and part.sample.n_settings == 2
    assert part.decision.estimate == pytest.approx(-0.1)


def test_looks_that_were_planned_cost_and_are_shown_as_a_path(build, judged):
    records = pairs(build, lambda name, seed: (0.1 if name == "relu" else 0.2) + 0.001 * (seed * 7 % 5), n=40)
    (verdict,) = judged(records, BETTER, looks={"planned": [10, 20, 40, 80], "taken": [[0], [0], [0]]})
    (part,) = verdict.parts
    assert [step.n_seeds for step in part.path] == [10, 20, 40]
    assert part.path[0].p == 4 * 2**-9 and part.path[1].p == 4 * 2**-19
    assert part.decision.n_seeds == part.sample.numbers.n_seeds == 10, "the first look decided"
    assert part.decision.p == part.path[0].p and verdict.judgement == "supported"
    assert undecided([verdict], precision=0.3) == () and undecided([verdict], precision=0.1) == (0,)


def test_a_claim_about_a_diagnostic_leads_to_where_it_is_drawn(build, judged):
    everything = {"scores", "conditions", "predictions", "divergence", "gradients", "diagnostics"}
    places = {
        "dead_frac_layer3": "diagnostics", "spectral_radius_layer0": "diagnostics", "grad_norm_layer0": "gradients",
        "gradient_reach": "gradients", "diverged": "divergence", "score": "scores", "mse_closed_loop": "predictions",
        "accuracy": "conditions", "eval_loss": "conditions", "whatever": "conditions",
    }  # fmt: skip
    verdicts = judged(pairs(build, half_of_relu, n=1), *(BETTER | {"quantity": quantity} for quantity in places))
    assert [section_of(verdict, everything) for verdict in verdicts] == list(places.values())
    assert section_of(verdicts[2], everything - {"gradients"}) == "diagnostics"
    assert {section_of(verdict, ()) for verdict in verdicts} == {"conditions"}


def test_claims_that_cannot_be_read_are_a_note(build, tmp_path):
    build.runs(tmp_path, [build.record()])
    build.study_file(tmp_path, claims=[{"says": "x"}])
    study = read_study(tmp_path)
    assert study.file.claims == () and study.notes[0].startswith("The claims of study.json are left out: claims[0]")


def test_groups_are_named_by_what_tells_them_apart():
    assert words({"cell.activation": "leaky_relu", "cell.negative_slope": "> 0"}) == "leaky_relu, negative_slope > 0"
    assert words({"task": ["sines", "sinc"]}) == "sines or sinc"
    assert words({"optimizer.clip_norm": None, "optimizer.clip_value": 0.1}) == "no clip_norm, clip_value 0.1"
