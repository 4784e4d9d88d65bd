"""A study that is read while it is running."""

import pytest

from rnnlab.records.progress import CommandProgress, PackProgress, RunProgress, at_work, tell, to_text, write_pack
from rnnlab.report.judging.conditions import design_of
from rnnlab.report.judging.verdicts import judge
from rnnlab.report.reading.cache import stamp_of
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study
from rnnlab.report.words.sentences import reason_words

CLAIM = {
    "says": "relu is worse than tanh",
    "quantity": "score",
    "of": {"cell.activation": "relu"},
    "against": {"cell.activation": "tanh"},
    "is": "lower",
}


@pytest.fixture
def study(build, tmp_path):
    """Runs of tanh have ended; of relu, seed 0 is at step 40, seed 1 has ended and still is in a pack, 2 is planned."""
    records = [build.record("sines", "tanh", seed) for seed in range(3)] + [build.record("sines", "relu", 1)]
    build.runs(tmp_path, records)
    expected = [f"sines-{name}-{seed}" for name in ("tanh", "relu") for seed in range(3)]
    claims = {"claims": [CLAIM], "claim_runs": [list(range(6))]}
    build.study_file(tmp_path, expected=expected, **claims)
    rows = {"step": [0, 20], "train_loss": [1.0, 0.5], "eval_loss": [1.0, 0.25]}
    runs = tuple(RunProgress(f"sines-relu-{seed}", f"id{seed}", 40) for seed in range(2))
    pack = PackProgress(100, runs, {"id0": rows})
    write_pack(tmp_path, pack.name, to_text(pack))  # without a folder for it: nothing
    with at_work(tmp_path):
        tell(tmp_path, CommandProgress("4 of 6 runs"))
        write_pack(tmp_path, pack.name, to_text(pack))
        yield tmp_path


def test_what_has_not_ended_is_running_or_planned_and_no_problem(study):
    read = read_study(study)
    running = read.running
    assert [(run.folder, run.step, run.steps) for run in running.under_way] == [("sines-relu-0", 40, 100)]
    assert running.under_way[0].curves["eval_loss"].tolist() == [1.0, 0.25]
    assert running.planned == ("sines-relu-2",)
    assert running.lines == ("4 of 6 runs",)
    assert read.problems == ()
    assert len(read.members) == 4


def test_no_claim_is_judged_before_its_runs_have_ended(study):
    read = read_study(study)
    (verdict,) = judge(read, design_of(read.members))
    assert verdict.reason.folders == ("sines-relu-0", "sines-relu-2")
    assert reason_words(verdict.reason) == "2 runs that the claim needs have not ended yet."


def test_when_all_is_over_they_are_missing_as_before(study):
    tell(study, CommandProgress(over=True))
    read = read_study(study)
    assert read.running is None
    assert [problem.name for problem in read.problems] == ["sines-relu-0", "sines-relu-2"]


def test_a_single_run_at_work_in_the_study_plans_nothing(study):
    tell(study, CommandProgress(is_sweep=False))
    read = read_study(study)
    assert read.running.planned == ()
    assert [problem.name for problem in read.problems] == ["sines-relu-2"]


def test_a_report_is_made_again_when_something_went_on(study):
    before = stamp_of(study)
    assert stamp_of(study) == before
    tell(study, CommandProgress("5 of 6 runs"))
    assert stamp_of(study) != before


def test_a_study_of_which_no_run_has_ended_still_is_none(tmp_path):
    with at_work(tmp_path), pytest.raises(StudyError, match="no run folders in it"):
        read_study(tmp_path)
