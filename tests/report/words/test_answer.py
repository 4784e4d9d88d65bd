import pytest

from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study
from rnnlab.report.words.answer import answer, effect
from rnnlab.report.words.importance import importance_sentence


@pytest.fixture
def judged(build, tmp_path):
    def made(*claims, n_seeds=10):
        build.runs(
            tmp_path, [build.record("sines", name, seed) for name in ("tanh", "relu") for seed in range(n_seeds)]
        )
        build.study_file(tmp_path, claims=claims)
        return view_of(read_study(tmp_path))

    return made


def claim(says, of, than):
    return {"says": says, "quantity": "score", "of": {"cell.activation": of}, "than": than, "is": "higher"}


def test_the_answer_says_which_claims_hold_and_counts_those_that_are_open(judged):
    view = judged(
        claim("tanh learns", "tanh", 0.5), claim("relu does not fail", "relu", 0.99), claim("even", "tanh", 0.974)
    )
    assert answer(view)[0] == "Supported: tanh learns." and "Refuted: relu does not fail." in answer(view)
    assert answer(view)[-1] == "Undecided: 1 of 3 claims."


def test_without_a_decided_claim_the_best_is_the_answer(judged):
    view = judged(claim("tanh learns", "tanh", 0.5), n_seeds=2)
    assert answer(view)[0] == "The claim is undecided." and "tanh has the highest" in answer(view)[1]


def test_without_a_claim_the_best_is_the_answer(judged):
    assert answer(judged()) == ("tanh has the highest median score (0.971, n=10).",)


def test_the_row_of_a_verdict_has_the_estimate_with_its_interval(judged):
    view = judged(claim("tanh learns", "tanh", 0.5))
    part = view.verdicts[0].parts[0]
    low, high = part.decision.interval
    assert effect(view.verdicts[0]) == f"{part.decision.estimate:.3g} ({low:.3g} to {high:.3g})"


def test_what_matters_is_said_with_its_range_over_folds(build, tmp_path):
    records = [
        build.record("sines", name, seed, final=0.5 if name == "relu" else 0.1, optimizer__learning_rate=rate)
        for name in ("tanh", "relu") for rate in (0.1, 0.2) for seed in range(5)
    ]  # fmt: skip
    view = view_of(read_study(build.runs(tmp_path, records)))
    assert importance_sentence(view.importances[0], view.design.axes) == (
        "For the score, cell.activation (100%, 100% to 100%) matters most; learning_rate matters little. "
        "All keys together predict 100% of the variance between runs."
    )
