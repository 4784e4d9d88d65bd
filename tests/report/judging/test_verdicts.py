from dataclasses import replace

import numpy as np
import pytest

from rnnlab.report.judging.inference import holm
from rnnlab.report.judging.statistics import interquartile_mean
from rnnlab.report.judging.verdicts import FewSeeds, NoRuns, NotRecorded, RunsLost
from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study
from rnnlab.report.words.sentences import correction_words, effect_words, n_words, section_of, sentence, words

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
    assert verdict.judgement == "supported" and verdict.effect.paired
    assert verdict.effect.counts == ((10, 20), (0, 20)) and verdict.effect.value == 0.5
    assert verdict.effect.interval == pytest.approx((0.24262, 0.70070), abs=1e-5)  # 0.5 - sqrt(0.2007^2 + 0.16113^2)
    assert sentence(verdict) == "It holds in this sweep: 10 of 20 runs diverged with relu, 0 of 20 with tanh."
    assert effect_words(verdict).startswith("+50 percentage points (95% interval +2")
    assert n_words(verdict) == "20 and 20 runs, 20 seeds, paired"


def test_the_opposite_refutes_it_and_a_threshold_can_too(build, judged):
    turned = DIVERGES | {"of": DIVERGES["against"], "against": DIVERGES["of"]}
    much = DIVERGES | {"by": 0.9}
    found = judged(pairs(build, half_of_relu, n=20), turned, much)
    assert [verdict.judgement for verdict in found] == ["refuted", "refuted"]
    assert sentence(found[0]).startswith("It does not hold in this sweep: 0 of 20 runs diverged with tanh")


def test_no_divergence_at_all_is_inconclusive(build, judged):
    (verdict,) = judged(pairs(build, lambda name, seed: 0.1), DIVERGES)
    assert verdict.judgement == "inconclusive" and verdict.effect.p == 1.0
    assert sentence(verdict) == "This sweep cannot tell: 0 of 10 runs diverged with relu, 0 of 10 with tanh."


def test_a_score_is_compared_by_interquartile_means_with_seeds_in_pairs(build, judged):
    def finals(name, seed):  # seeds differ much more than activations
        return 0.05 * seed + (0.02 if name == "tanh" else 0.0) + 0.001 * (seed * 7 % 3)

    (verdict,) = judged(pairs(build, finals), BETTER)
    assert verdict.effect.paired and verdict.judgement == "supported"
    expected = [
        interquartile_mean(np.array([1 - finals(name, seed) for seed in range(10)])) for name in ("relu", "tanh")
    ]
    assert (verdict.effect.of, verdict.effect.against) == pytest.approx(tuple(expected), abs=1e-12)
    assert verdict.effect.value == pytest.approx(0.02, abs=1e-12)
    assert "the interquartile mean score of relu is" in sentence(verdict)


def test_without_pairs_the_same_difference_is_not_enough(build, judged):
    records = pairs(build, lambda name, seed: 0.05 * seed + (0.02 if name == "tanh" else 0.0))
    records = [record for record in records if record.run_id != "sines-tanh-9"]
    (verdict,) = judged(records, BETTER)
    assert not verdict.effect.paired and verdict.judgement == "inconclusive"


def test_a_diverged_run_counts_as_score_zero(build, judged):
    (verdict,) = judged(pairs(build, lambda name, seed: None if name == "relu" else 0.5), BETTER)
    assert verdict.effect.of == 0.0 and verdict.judgement == "refuted"


def test_an_unbounded_measure_of_diverged_runs_is_infinite_and_still_decides(build, judged):
    claim = BETTER | {"quantity": "eval_loss", "is": "higher"}
    (verdict,) = judged(pairs(build, lambda name, seed: None if name == "relu" else 0.5), claim)
    assert verdict.effect.value == np.inf and verdict.judgement == "supported"
    assert "of relu is diverged" in sentence(verdict)


def test_a_number_can_be_claimed(build, judged):
    above = {key: value for key, value in BETTER.items() if key != "against"} | {"than": 0.8}
    found = judged(pairs(build, lambda name, seed: 0.1 + 0.001 * seed), above, above | {"than": 0.95})
    assert [verdict.judgement for verdict in found] == ["supported", "refuted"]
    assert "(claimed: above 0.8)" in sentence(found[0])


def test_diagnostics_are_judged_by_their_last_finite_value(build, judged, tmp_path):
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
    (verdict,) = view_of(read_study(tmp_path)).verdicts
    assert verdict.effect.of == pytest.approx(0.01) and verdict.judgement == "supported"
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
    assert (verdict.effect.of, verdict.effect.against) == pytest.approx((-6, -2))
    assert verdict.judgement == "supported"


def test_p_values_are_corrected_over_all_claims_of_the_study(build, judged):
    others = [BETTER | {"says": str(n)} for n in range(4)]
    found = judged(pairs(build, half_of_relu, n=20), DIVERGES, *others)
    assert [verdict.p_adjusted for verdict in found] == holm([verdict.effect.p for verdict in found])
    assert found[0].p_adjusted == pytest.approx(5 * found[0].effect.p)
    assert correction_words(found[0]).endswith("after Holm's correction for 5 claims")


def test_fewer_than_five_seeds_decide_nothing(build, judged):
    (verdict,) = judged(pairs(build, lambda name, seed: 0.1 if name == "relu" else 0.9, n=4), BETTER)
    assert verdict.judgement == "inconclusive" and verdict.reason == FewSeeds(5)
    assert sentence(verdict).endswith(". One side of the claim has fewer than 5 seeds.")


def test_five_seeds_decide_one_claim_and_not_two(build, judged):
    records = pairs(build, lambda name, seed: (0.1 if name == "relu" else 0.9) + 0.001 * seed, n=5)
    assert judged(records, BETTER)[0].judgement == "supported"
    assert [v.judgement for v in judged(records, BETTER, BETTER)] == ["inconclusive"] * 2


def test_a_failed_or_missing_run_that_a_claim_needs_blocks_its_verdict_by_name(build, judged):
    records = pairs(build, half_of_relu, n=20)
    records[3] = build.record("sines", "tanh", 3, status="failed")
    sigmoid = BETTER | {"of": {"cell.activation": "sigmoid"}, "than": 0.1}
    del sigmoid["against"]
    records += [build.record("sines", "sigmoid", seed) for seed in range(10)]
    expected = [*(record.run_id for record in records), "sines-relu-20"]
    needed = [[n for n, name in enumerate(expected) if "sigmoid" not in name]] * 1
    needed.append([n for n, name in enumerate(expected) if "sigmoid" in name])
    found = judged(records, DIVERGES, sigmoid, expected=expected, claim_runs=needed)
    assert found[0].judgement == "inconclusive"
    assert found[0].reason == RunsLost(("sines-tanh-3", "sines-relu-20"))
    lost = "2 runs that the claim needs failed or are missing: sines-tanh-3 and sines-relu-20."
    assert sentence(found[0]).endswith(lost)
    assert found[1].judgement == "supported"


def test_without_word_on_which_runs_are_needed_any_missing_one_blocks(build, judged):
    records = pairs(build, half_of_relu, n=20)
    (verdict,) = judged(records, DIVERGES, expected=[*(record.run_id for record in records), "gone"])
    assert verdict.judgement == "inconclusive" and verdict.reason == RunsLost(("gone",))
    assert "1 run that the claim needs failed or is missing: gone." in sentence(verdict)


def test_a_quantity_that_no_run_recorded_is_said(build, judged):
    (verdict,) = judged(pairs(build, half_of_relu), BETTER | {"quantity": "perplexity"})
    assert verdict.reason == NotRecorded("perplexity", 10, 10) and verdict.effect is None
    assert sentence(verdict) == "This sweep cannot tell: 10 runs of 10 recorded no perplexity."


def test_a_claim_about_runs_of_which_none_was_completed_is_not_judged(build, judged):
    records = [*pairs(build, half_of_relu), build.record("sines", "sigmoid", 0, status="failed")]
    (verdict,) = judged(records, BETTER | {"against": {"cell.activation": "sigmoid"}})
    assert verdict.reason == NoRuns() and verdict.effect is None
    assert sentence(verdict) == "This sweep cannot tell: no run of one side of the claim was completed."


def test_with_several_rates_each_side_has_the_one_it_chose_unless_divergence_is_claimed(build, judged):
    finals = {("tanh", 0.1): 0.2, ("tanh", 1.0): 0.7, ("relu", 0.1): 0.8, ("relu", 1.0): 0.1}
    records = [
        build.record("sines", name, seed, final=final + 0.001 * seed, optimizer__learning_rate=rate)
        for (name, rate), final in finals.items()
        for seed in range(10)
    ]
    score, every, diverged = judged(records, BETTER, BETTER | {"rates": "all"}, DIVERGES)
    assert score.tuned and score.effect.n_runs == (10, 10)
    assert score.effect.value == pytest.approx(0.1) and score.judgement == "supported"
    assert not every.tuned and every.effect.n_runs == (20, 20)
    assert not diverged.tuned and diverged.effect.counts == ((0, 20), (0, 20))


def test_only_what_both_sides_ran_is_compared(build, judged):
    records = pairs(build, lambda name, seed: 0.1 if name == "relu" else 0.2)
    records += [build.record("digits", "relu", seed, final=2.3) for seed in range(10)]  # tanh has no run there
    (verdict,) = judged(records, BETTER)
    assert verdict.effect.n_runs == (10, 10) and verdict.effect.value == pytest.approx(0.1)


def test_sides_are_matched_in_all_but_what_is_claimed_and_what_goes_with_it(build, judged):
    """readout.dropout repeats cell.dropout, which networks without layers do not have: it cannot tell strata apart."""
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
    (verdict,) = judged(records, claim)
    assert verdict.effect.paired and verdict.effect.n_runs == (12, 12)
    assert verdict.effect.value == pytest.approx(-0.1)
    assert verdict.effect.interval == pytest.approx((-0.1, -0.1))  # within a size all runs differ by as much


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
