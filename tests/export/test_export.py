"""Where an export goes, what it replaces, and what is left when it does not come to its end."""

import json
import shutil

import pytest

from rnnlab.export import targets as registry
from rnnlab.export.errors import ExportError
from rnnlab.export.export import export
from rnnlab.export.targets import targets
from rnnlab.report.reading.cache import stamp_of


@pytest.fixture
def broken(monkeypatch):
    """A target that is interrupted half-way."""

    @registry.register("broken", holds="nothing")
    def write(source, building, place):
        (building / "half.txt").write_text("half")
        raise KeyboardInterrupt

    yield "broken"
    targets().remove("broken")


def test_the_export_is_in_the_folder_of_the_study_unless_out_names_another(study, tmp_path):
    assert export(study, "csv")[0] == study / "export" / "csv"
    assert export(study, "csv", tmp_path / "deep" / "tables")[0] == tmp_path / "deep" / "tables"
    assert (tmp_path / "deep" / "tables" / "runs.csv").is_file()


def test_an_empty_folder_is_filled(study, tmp_path):
    (tmp_path / "empty").mkdir()
    export(study, "csv", tmp_path / "empty")
    assert (tmp_path / "empty" / "runs.csv").is_file()


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_is(study, tmp_path, force):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("ten years")
    with pytest.raises(ExportError, match="is not empty, and holds no export of this study"):
        export(study, "csv", tmp_path / "mine", force)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_an_earlier_export_is_replaced_only_by_force(study, contents_of):
    place, _ = export(study, "csv")
    (place / "runs.csv").write_text("old")
    (place / "old.csv").write_text("old")
    with pytest.raises(ExportError, match="holds an earlier export of this study; --force replaces it"):
        export(study, "csv")
    assert (place / "runs.csv").read_text() == "old"
    export(study, "csv", force=True)
    assert (place / "runs.csv").read_text() != "old" and not (place / "old.csv").exists()


def test_an_export_of_another_study_is_not_replaced_even_by_force(study, build, tmp_path):
    other = build.runs(tmp_path / "other", [build.record("one")])
    export(study, "csv", tmp_path / "tables")
    with pytest.raises(ExportError, match="holds no export of this study"):
        export(other, "csv", tmp_path / "tables", force=True)


def test_a_folder_that_would_be_taken_for_a_run_is_refused(study):
    for out in (study / "tables", study / "export", study / "report"):
        with pytest.raises(ExportError, match="is in the folder of the study, where folders are runs"):
            export(study, "csv", out)
        assert not out.exists()
    assert export(study, "csv", study / "export" / "tables")[0].is_dir()


def test_a_file_is_no_place_for_an_export(study, tmp_path):
    (tmp_path / "tables").write_text("a file")
    with pytest.raises(ExportError, match="is a file; an export is a folder"):
        export(study, "csv", tmp_path / "tables")


def test_an_interrupted_export_leaves_the_folder_as_it_was(study, broken, tmp_path, contents_of):
    place = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        export(study, broken, place)
    assert not place.exists() and sorted(path.name for path in tmp_path.iterdir()) == [study.name]
    place.mkdir()
    (place / ".rnnlab-export.json").write_text(json.dumps({"study": "한글 study", "to": broken}))
    (place / "earlier.txt").write_text("whole")
    before = contents_of(place)
    with pytest.raises(KeyboardInterrupt):
        export(study, broken, place, force=True)
    assert contents_of(place) == before and sorted(path.name for path in tmp_path.iterdir()) == [study.name, "out"]


def test_an_export_changes_nothing_that_the_report_is_made_from(study):
    before = stamp_of(study)
    export(study, "csv")
    assert stamp_of(study) == before


def test_the_same_study_gives_the_same_bytes(study, tmp_path, contents_of):
    export(study, "csv", tmp_path / "one")
    shutil.copytree(study, tmp_path / "elsewhere", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "elsewhere" / "killed" / ".hydra").mkdir()
    export(tmp_path / "elsewhere", "csv", tmp_path / "two")
    assert contents_of(tmp_path / "one") == contents_of(tmp_path / "two")


def test_a_target_whose_library_is_missing_says_what_to_install(study):
    @registry.register("missing", holds="nothing", library="no_such_library", extra="parquet")
    def write(source, building, place):
        raise AssertionError("not reached")

    try:
        with pytest.raises(
            ExportError, match=r"no_such_library is not installed here: pip install 'rnnlab\[parquet\]'"
        ):
            export(study, "missing")
    finally:
        targets().remove("missing")
    assert not (study / "export").exists()


def test_problems_are_named_by_kind(study):
    (study / "sines-tanh-1" / "predictions.csv").write_text("a,b\n1\n")
    (study / "sines-relu-1" / "gradients.csv").unlink()  # a run need not have them
    _, problems = export(study, "csv")
    assert {(problem.kind, problem.name) for problem in problems} == {
        ("failed", "sines-tanh-3"),
        ("unreadable", "damaged"),
        ("missing", "killed"),
        ("unreadable", "sines-tanh-1"),
    }
    reasons = {problem.name: problem.reason for problem in problems}
    assert reasons["sines-tanh-1"] == "predictions.csv: is not as it was written (its SHA-256 is another one)"
