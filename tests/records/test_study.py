"""study.json: written by a sweep, read by its report, also where an older version or a person wrote it."""

import json
from dataclasses import replace

import pytest

from rnnlab.records import claims
from rnnlab.records.study import Looks, StudyFile, read_study_file, write_study_file

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


@pytest.mark.parametrize("entries", [1, "x", {"says": "x"}, True, 0.5], ids=repr)
def test_claims_that_are_no_list_are_left_out_with_a_note(tmp_path, entries):
    (tmp_path / "study.json").write_text(json.dumps({"schema": 1, "study": "s", "claims": entries}))
    file, (note,) = read_study_file(tmp_path)
    assert file == StudyFile("s")
    assert note.startswith("The claims of study.json are left out: claims: ") and "must be a list" in note


@pytest.mark.parametrize("names", [["a/b"], ["x" * 300], ["\0"], [3], "a", [""]], ids=repr)
def test_expected_runs_that_can_be_no_folders_are_none(tmp_path, names):
    (tmp_path / "study.json").write_text(json.dumps({"schema": 1, "study": "s", "expected": names}))
    assert read_study_file(tmp_path) == (StudyFile("s"), ())


@pytest.mark.parametrize("numbers", [None, 3, [], [[0], [0]], [[7]], ["x"], [[0, None]]], ids=repr)
def test_a_file_that_does_not_say_which_runs_a_claim_needs_is_read_without(tmp_path, numbers):
    content = {"schema": 1, "study": "s", "expected": ["a"], "claims": [CLAIM], "claim_runs": numbers}
    (tmp_path / "study.json").write_text(json.dumps(content))
    file, notes = read_study_file(tmp_path)
    assert (file.needed, notes) == (None, ())
    assert file.claims == claims.parse([CLAIM])


# Looks, and plans that were changed

LOOKS = Looks((10, 20, 40), ((0,), (0,)))


def test_looks_and_earlier_plans_read_back_as_they_were_written(tmp_path, file):
    whole = replace(file, looks=LOOKS, earlier=("planned with 5 seeds, later with 10 seeds",))
    write_study_file(tmp_path, whole)
    assert read_study_file(tmp_path) == (whole, ())
    assert whole.seeds == (0, 1)
    assert whole.looks.seeds_taken == (10, 20)


@pytest.mark.parametrize(
    "looks",
    [
        None,
        3,
        {},
        {"planned": [10]},
        {"planned": [], "taken": []},
        {"planned": "10", "taken": []},
        {"planned": [10], "taken": [[0], [0]]},
        {"planned": [10], "taken": [[1]]},  # there is one claim
    ],
    ids=str,
)
def test_a_file_whose_looks_cannot_be_read_is_read_without(tmp_path, looks):
    content = {"schema": 1, "study": "s", "claims": [CLAIM], "looks": looks, "seeds": ["a"], "earlier": 3}
    (tmp_path / "study.json").write_text(json.dumps(content))
    assert read_study_file(tmp_path) == (StudyFile("s", claims=claims.parse([CLAIM])), ())


def of_seeds(file, *seeds):
    return file.expecting({f"relu-{seed}": {"cell.activation": "relu", "seed": seed} for seed in seeds})


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"seeds": (0, 1)}, {"seeds": (0, 1)}, ()),
        ({"seeds": (0, 1)}, {"seeds": (0, 1, 2)}, ("planned with 2 seeds, later with 3 seeds",)),
        ({"seeds": (0, 1)}, {"seeds": (2, 3)}, ("planned with 2 seeds, later with 2 seeds, others",)),
        ({"seeds": ()}, {"seeds": (0, 1)}, ()),  # written by a version that did not say
        ({"looks": Looks((2, 4), ((0,),))}, {"looks": Looks((2, 4), ((0,), (0,)))}, ()),
        (
            {"looks": Looks((2, 4))},
            {"looks": Looks((2, 4, 8))},
            ("planned with looks at 2, 4 seeds, later with looks at 2, 4, 8 seeds",),
        ),
        (
            {"seeds": (0, 1)},
            {"seeds": (0, 1), "looks": Looks((2, 4))},
            ("planned with 2 seeds, later with looks at 2, 4 seeds",),
        ),
        (
            {"seeds": (0, 1), "looks": Looks((2, 4))},
            {"seeds": (0, 1, 2)},
            ("planned with looks at 2, 4 seeds, later with 3 seeds",),
        ),
    ],
    ids=str,
)
def test_a_study_remembers_what_was_planned_of_its_claims_before(file, before, now, said):
    assert replace(file, **now).after(replace(file, **before)).earlier == said


def test_a_study_remembers_all_of_its_plans(file):
    first, second, third = (of_seeds(file, *range(n)) for n in (2, 4, 8))
    assert third.after(second.after(first)).earlier == (
        "planned with 2 seeds, later with 4 seeds",
        "planned with 4 seeds, later with 8 seeds",
    )


def test_a_claim_stays_the_same_one_when_its_words_and_its_margin_change(file):
    other = replace(file, claims=claims.parse([CLAIM | {"says": "y", "margin": 0.1, "because": "small"}]))
    assert of_seeds(other, 0, 1).after(of_seeds(file, 0)).earlier == ("planned with 1 seed, later with 2 seeds",)


def test_other_claims_in_the_same_folder_have_plans_of_their_own(file):
    other = replace(file, claims=claims.parse([CLAIM | {"than": 0.9}]))
    assert of_seeds(other, 0, 1).after(of_seeds(file, 0)).earlier == ()
