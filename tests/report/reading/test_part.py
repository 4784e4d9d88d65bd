"""A part of a study: its runs, its claims, and that it says what it is."""

from pathlib import Path

import pytest

from rnnlab.options import ConfigError
from rnnlab.report.command import main
from rnnlab.report.reading.part import parse_part, part_of
from rnnlab.report.reading.read import read_study

SIDES = {"of": {"cell.activation": "relu"}, "against": {"cell.activation": "tanh"}}
CLAIMS = [
    {"says": "relu is worse", "quantity": "score", "is": "lower", **SIDES},
    {
        "says": "it diverges",
        "quantity": "diverged",
        "is": "higher",
        "of": {"cell.activation": "sigmoid"},
        "than": 0.1,
    },
]


@pytest.fixture
def folder(build, tmp_path):
    names = [(name, seed) for name in ("tanh", "relu", "sigmoid") for seed in range(4)]
    diverged = {("relu", 3): 50}
    build.runs(tmp_path, [build.record("sines", *name, diverged_at=diverged.get(name)) for name in names])
    expected = [f"sines-{name}-{seed}" for name, seed in names] + ["sines-gelu-0"]
    build.study_file(tmp_path, expected=expected, claims=CLAIMS, claim_runs=[list(range(8)), list(range(8, 12))])
    return tmp_path


def part(folder, *only, where=()):
    return part_of(read_study(folder), parse_part(only, where))


def test_it_has_the_runs_that_meet_all_conditions(folder):
    found = part(folder, "cell.activation=relu,tanh", "seed<2")
    assert [run.folder for run in found.members] == ["sines-relu-0", "sines-relu-1", "sines-tanh-0", "sines-tanh-1"]
    assert set(found.curves) == {run.run_id for run in found.members}


def test_a_claim_stays_if_all_of_its_runs_do(folder):
    found = part(folder, "cell.activation=relu,tanh")
    assert [claim.says for claim in found.file.claims] == ["relu is worse"]
    assert found.file.needed == (frozenset(f"sines-{n}-{s}" for n in ("relu", "tanh") for s in range(4)),)
    assert part(folder, "cell.activation=relu,tanh", "seed<3").file.claims == ()


def test_runs_chosen_by_their_results_decide_no_claim(folder):
    found = part(folder, where=["outcome=diverged"])
    assert [run.folder for run in found.members] == ["sines-relu-3"]
    assert found.file.claims == ()
    assert any("chosen by their results" in note for note in found.notes)


def test_it_says_that_it_is_a_part_and_of_what(folder):
    found = part(folder, "cell.activation=relu")
    assert found.file.study == "activations, part: cell.activation=relu"
    assert found.notes[0] == (
        "This is a part of the study: 4 of 12 runs that have ended, those with cell.activation=relu."
    )
    assert "2 of 2 claims are left out, as they need runs outside of this part." in found.notes
    assert any(note.startswith("1 more runs of the study have no record") for note in found.notes)


def test_conditions_on_what_no_run_has_and_parts_without_runs_are_refused(folder):
    with pytest.raises(ConfigError, match=r"--only: 'cell.activation=rleu': no run has 'rleu'"):
        part(folder, "cell.activation=rleu")
    with pytest.raises(ConfigError, match="--where: 'seed=1': no such key"):
        part(folder, where=["seed=1"])
    with pytest.raises(ConfigError, match="no run of the study meets seed<0"):
        part(folder, "seed<0")


def test_the_report_of_a_part_has_a_place_of_its_own_and_the_one_of_the_whole_stays(folder, capsys):
    assert main([str(folder)]) == 0
    whole = {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()}
    assert main([str(folder), "--only", "cell.activation=relu", "--only", "seed<3"]) == 0
    first, second = map(Path, capsys.readouterr().out.splitlines())
    assert first == folder / "report" / "index.html"
    assert second.parent.parent == folder / "report-of-parts"
    assert second.parent.name.startswith("cell.activation=relu_seed_3-")
    said = "This is a part of the study: 3 of 12 runs that have ended, those with cell.activation=relu and seed&lt;3."
    assert said in second.read_text()
    assert {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()} == whole
    assert main([str(folder)]) == 0
    assert len(read_study(folder).members) == 12, "the folder of parts is no run"


def test_parts_that_differ_have_folders_that_differ():
    names = {parse_part([word], []).folder for word in ("seed<3", "seed>3", "seed=3", "seed<=3")}
    assert len(names) == 4
    assert parse_part(["a=1"], []).folder != parse_part([], ["a=1"]).folder
    assert parse_part(["a=1", "b=2"], []).folder == parse_part(["b=2", "a=1"], []).folder
    assert len(parse_part(["a=" + "x" * 500], []).folder) < 100


@pytest.mark.parametrize("others", [["--watch"], ["elsewhere"]])
def test_a_part_is_of_one_study_that_is_not_watched(folder, others, capsys):
    assert main([str(folder), *others, "--only", "seed=1"]) == 2
    assert "--only, --where: choose runs of one study, without --watch" in capsys.readouterr().err
