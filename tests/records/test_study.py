"""study.json: written by a sweep, read by its report, also where an older version or a person wrote it."""

import json

import pytest

from rnnlab.records import claims
from rnnlab.records.study import StudyFile, read_study_file, write_study_file

CLAIM = {"says": "x", "quantity": "score", "of": {"cell.activation": "relu"}, "than": 0.5, "is": "higher"}
CONFIGS = {
    f"{activation}-{seed}": {"cell.activation": activation, "seed": seed}
    for activation in ("tanh", "relu")
    for seed in range(2)
}


@pytest.fixture
def file():
    """The description of a study with everything in it."""
    bare = StudyFile("mine", "why?", "a post", "rnnlab -m", "0" * 64, claims=claims.parse([CLAIM]))
    return bare.expecting(CONFIGS)


def test_a_study_reads_back_as_it_was_written(tmp_path, file):
    write_study_file(tmp_path, file)
    assert read_study_file(tmp_path) == (file, ())


def test_a_study_of_which_little_is_known_reads_back_too(tmp_path):
    file = StudyFile("mine").expecting({})
    write_study_file(tmp_path, file)
    assert read_study_file(tmp_path) == (file, ())
    assert json.loads((tmp_path / "study.json").read_text())["question"] is None


def test_a_claim_needs_the_runs_of_both_its_sides(file):
    assert file.expected == ("tanh-0", "tanh-1", "relu-0", "relu-1")
    assert file.needed == (frozenset({"relu-0", "relu-1"}),)


def test_the_runs_of_a_claim_are_written_by_their_number(tmp_path, file):
    write_study_file(tmp_path, file)
    content = json.loads((tmp_path / "study.json").read_text())
    assert content["claims"] == [CLAIM | {"by": 0.0, "level": 0.95}]
    assert content["claim_runs"] == [[2, 3]]


def test_a_folder_without_the_file_is_a_study_named_after_the_folder(tmp_path):
    assert read_study_file(tmp_path) == (StudyFile(tmp_path.name), ())


@pytest.mark.parametrize("content", ["{", "[]", "3", "{}", '{"schema": 2, "study": "s"}'])
def test_a_file_that_cannot_be_used_is_left_out_with_a_note(tmp_path, content):
    (tmp_path / "study.json").write_text(content)
    file, (note,) = read_study_file(tmp_path)
    assert file == StudyFile(tmp_path.name)
    assert note.startswith("study.json is left out")


def test_claims_that_cannot_be_read_are_left_out_and_the_rest_stays(tmp_path):
    (tmp_path / "study.json").write_text('{"schema": 1, "study": "s", "expected": ["a"], "claims": [{"says": "x"}]}')
    file, (note,) = read_study_file(tmp_path)
    assert file == StudyFile("s", expected=("a",))
    assert note.startswith("The claims of study.json are left out: claims[0].quantity: is missing")


@pytest.mark.parametrize("numbers", [None, 3, [], [[0], [0]], [[7]], ["x"], [[0, None]]], ids=repr)
def test_a_file_that_does_not_say_which_runs_a_claim_needs_is_read_without(tmp_path, numbers):
    content = {"schema": 1, "study": "s", "expected": ["a"], "claims": [CLAIM], "claim_runs": numbers}
    (tmp_path / "study.json").write_text(json.dumps(content))
    file, notes = read_study_file(tmp_path)
    assert (file.needed, notes) == (None, ())
    assert file.claims == claims.parse([CLAIM])
