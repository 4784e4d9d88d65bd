from dataclasses import replace

import pytest

from rnnlab.report.page.compare import compare, write_comparison
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study


def study(build, folder, finals, **config):
    """finals: by activation, the final loss of seed 0 against a naive loss of 1; ten seeds."""
    records = [
        build.record("sines", name, seed, final=final + 0.01 * seed, **config)
        for name, final in finals.items()
        for seed in range(10)
    ]
    return build.runs(folder, records)


@pytest.fixture
def folders(build, tmp_path):
    before = study(build, tmp_path / "before", {"tanh": 0.3, "relu": 0.2, "sigmoid": 0.4}, optimizer__clip_norm=1.0)
    after = study(build, tmp_path / "after", {"tanh": 0.1, "relu": 0.2, "elu": 0.1}, optimizer__clip_norm=5.0)
    return before, after


def test_what_differs_in_all_runs_is_the_change_and_no_setting(folders):
    found = compare(*map(read_study, folders))
    assert found.changed == (("optimizer.clip_norm", "1.0", "5.0"),)
    assert [(pair.task, pair.setting) for pair in found.pairs] == [
        ("sines", "cell.activation=relu"),
        ("sines", "cell.activation=tanh"),
    ]
    assert found.only_before == ("sines cell.activation=sigmoid",)
    assert found.only_after == ("sines cell.activation=elu",)


def test_the_difference_is_after_minus_before_with_seeds_in_pairs(folders):
    relu, tanh = compare(*map(read_study, folders)).pairs
    assert tanh.scores.paired and tanh.decision.estimate == pytest.approx(0.2) and tanh.reading == "better"
    assert relu.decision.estimate == pytest.approx(0.0) and relu.reading == "no difference shown"


def test_runs_of_the_same_config_are_counted_and_so_are_those_that_say_the_same(build, tmp_path):
    before = study(build, tmp_path / "before", {"tanh": 0.3})
    after = study(build, tmp_path / "after", {"tanh": 0.3})
    build.runs(after, [build.record("sines", "tanh", 3, final=0.9)])
    found = compare(read_study(before), read_study(after))
    assert (found.n_common, found.n_identical) == (10, 9)


def test_an_old_and_a_new_record_of_a_run_are_runs_of_the_same_config(build, tmp_path):
    before = study(build, tmp_path / "before", {"tanh": 0.3})
    records = [build.record("sines", "tanh", seed, final=0.3 + 0.01 * seed) for seed in range(10)]
    for record in records:  # tanh has neither
        del record.config["cell"]["negative_slope"], record.config["cell"]["alpha"]
    after = build.runs(tmp_path / "after", [replace(r, run_id=f"new-{r.run_id}") for r in records])
    found = compare(read_study(before), read_study(after))
    assert (found.changed, found.n_common, found.n_identical) == ((), 10, 10)


def test_settings_of_a_task_are_compared_apart(build, tmp_path):
    for name, final in (("before", 0.2), ("after", 0.3)):
        for window, harder in ((5, 0.0), (20, 0.4)):
            records = [build.record(seed=seed, final=final + harder, task__window=window) for seed in range(5)]
            build.runs(tmp_path / name, records)
    found = compare(read_study(tmp_path / "before"), read_study(tmp_path / "after"))
    assert {pair.setting: pair.means[0] for pair in found.pairs} == pytest.approx(
        {"task.window=5": 0.8, "task.window=20": 0.4}
    )


def test_few_seeds_are_only_shown(build, tmp_path):
    for name, final in (("before", 0.9), ("after", 0.1)):
        build.runs(tmp_path / name, [build.record(final=final)])
    (pair,) = compare(read_study(tmp_path / "before"), read_study(tmp_path / "after")).pairs
    assert pair.reading == "too few seeds"


@pytest.mark.parametrize("form, name", [("html", "index.html"), ("md", "report.md")])
def test_the_comparison_is_written_beside_the_second_folder(folders, form, name):
    page = write_comparison(*folders, form)
    assert page == folders[1].parent / "compare-before-after" / name
    text = page.read_text(encoding="utf-8")
    assert "optimizer.clip_norm" in text and "better" in text and "no difference shown" in text


def test_folders_with_nothing_in_common_are_an_error(build, tmp_path):
    build.runs(tmp_path / "a", [build.record("sines")])
    build.runs(tmp_path / "b", [build.record("digits")])
    with pytest.raises(StudyError, match="no condition of one is in the other"):
        compare(read_study(tmp_path / "a"), read_study(tmp_path / "b"))
