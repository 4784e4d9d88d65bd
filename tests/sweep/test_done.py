"""What a study's folder holds already: done, damaged, of another version."""

import json
import os

import pytest

from rnnlab.options import ConfigError
from rnnlab.records import checked, study
from rnnlab.records.digests import SUMS
from rnnlab.records.run import PROVENANCE
from rnnlab.records.study import StudyFile
from rnnlab.sweep.alone import run_alone
from rnnlab.sweep.done import already_done
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import sweep

QUIET = SweepOptions(report=False)


@pytest.fixture(params=["with digests", "of before there were digests"])
def either(request, folder, runs):
    """The folder, and the same as an earlier version left it."""
    if request.param != "with digests":
        for run in runs[:2]:
            (folder / run.folder / SUMS).unlink()
    return folder


def damaged_by(folder, runs):
    return already_done(folder, runs, "failed").damaged


@pytest.mark.parametrize("redo, kept", [("missing", [0, 1]), ("failed", [0]), ("all", [])])
@pytest.mark.parametrize("n_times", [1, 2])
def test_only_what_redo_names_is_computed_again(either, runs, redo, kept, n_times):
    for _ in range(n_times):
        assert set(already_done(either, runs, redo).done) == {runs[n].run_id for n in kept}


@pytest.mark.parametrize("left", [b"", None, b"step,train_loss\n0,1.5\n"], ids=["empty", "gone", "short"])
@pytest.mark.parametrize("table", ["curves.csv", "predictions.csv"])
def test_a_record_whose_tables_are_not_whole_is_damaged_and_named(either, runs, table, left):
    path = either / runs[0].folder / table
    path.unlink() if left is None else path.write_bytes(left)
    found = already_done(either, runs, "failed")
    assert runs[0].run_id not in found.done
    assert str(path) in str(found.damaged[runs[0].run_id])
    assert runs[2].folder in str(found.damaged[runs[2].run_id])  # the half-written one


def test_a_record_whose_weights_are_cut_off_is_damaged_and_one_without_weights_is_not(either, runs):
    path = either / runs[0].folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    assert f"{path}: " in str(damaged_by(either, runs)[runs[0].run_id])
    path.unlink()
    assert runs[0].run_id in already_done(either, runs, "failed").done


@pytest.mark.parametrize("name", ["run.json", "curves.csv", "predictions.csv", "gradients.csv", "weights.safetensors"])
@pytest.mark.parametrize("seen_before", [False, True])
def test_one_changed_digit_of_any_file_is_found(folder, runs, name, seen_before):
    if seen_before:
        assert runs[0].run_id in already_done(folder, runs, "failed").done
    path = folder / runs[0].folder / name
    content = path.read_bytes()
    place = max(content.rfind(b"%d" % digit) for digit in range(10))
    path.write_bytes(content[:place] + (b"8" if content[place:][:1] != b"8" else b"3") + content[place + 1 :])
    assert len(content) == path.stat().st_size
    os.utime(path, ns=(1, 1))  # a file system may count time in steps longer than this test
    error = damaged_by(folder, runs)[runs[0].run_id]
    assert f"{path}: is not as it was written" in str(error)
    assert error.damaged == (path,)


def test_what_was_checked_before_is_not_read_again(folder, runs, monkeypatch):
    first = already_done(folder, runs[:2], "missing").done

    def refuse(folder, may_lack):
        raise AssertionError(f"{folder} is read again")

    monkeypatch.setattr(checked, "read_checked_run", refuse)
    assert already_done(folder, runs[:2], "missing").done == first
    os.utime(folder / runs[1].folder / "run.json", ns=(1, 1))
    with pytest.raises(AssertionError, match=runs[1].folder):
        already_done(folder, runs[:2], "missing")


@pytest.mark.parametrize("content", ["", "{}", "\n[]", "\0", "abc\n{}"], ids=repr)
def test_a_damaged_note_of_what_was_checked_is_as_good_as_none(folder, runs, content):
    first = already_done(folder, runs[:2], "missing").done
    (folder / checked.CHECKED).write_text(content)
    assert already_done(folder, runs[:2], "missing").done == first


def test_a_changed_digit_in_the_note_of_what_was_checked_changes_nothing(folder, runs):
    first = already_done(folder, runs[:2], "missing").done
    path = folder / checked.CHECKED
    text = path.read_text()
    path.write_text(text.replace('"failed"', '"fialed"'))
    assert path.read_text() != text
    assert already_done(folder, runs[:2], "missing").done == first


DAMAGES = [
    lambda run: run["config"]["cell"].update(hidden_size=77),
    lambda run: run.update(run_id="0123456789ab"),
    lambda run: run["config"].update(seed=5),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_record_that_does_not_fit_its_folder_is_refused_by_name(folder, runs, damage):
    path = folder / runs[0].folder / "run.json"
    (path.parent / SUMS).unlink()
    run = json.loads(path.read_text())
    damage(run)
    path.write_text(json.dumps(run))
    with pytest.raises(ConfigError, match=f"{runs[0].folder}.*redo=all"):
        already_done(folder, runs, "failed")
    assert already_done(folder, runs, "all").done == {}


@pytest.mark.parametrize("damage", DAMAGES)
def test_where_there_are_digests_such_a_change_is_damage(folder, runs, damage):
    path = folder / runs[0].folder / "run.json"
    run = json.loads(path.read_text())
    damage(run)
    path.write_text(json.dumps(run))
    assert "is not as it was written" in str(damaged_by(folder, runs)[runs[0].run_id])


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_whole_record_in_the_folder_of_another_run_is_refused_by_name(folder, runs, seen_before):
    (folder / runs[0].folder).rename(folder / runs[3].folder)
    if seen_before:
        others = checked.CheckedRecords(folder)
        others.read(runs[3].folder)
        others.save()
    with pytest.raises(ConfigError, match=f"{runs[3].folder}.*is not the record of {runs[3].run_id}"):
        already_done(folder, runs, "failed")


# Records and studies of other versions


def as_of_another_version(path):
    text = path.read_text()
    path.write_text(text.replace('"schema": 1', '"schema": 2', 1))
    return path.read_bytes()


def everything(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name[0] != "."}


def test_a_record_of_another_version_is_refused_by_name_and_nothing_is_written(folder, runs):
    (folder / runs[0].folder / SUMS).unlink()
    as_of_another_version(folder / runs[0].folder / "run.json")
    before = everything(folder)
    with pytest.raises(ConfigError, match=rf"{runs[0].folder}/run.json: schema 2; this version reads.*study="):
        sweep(runs, folder, StudyFile("s"))
    with pytest.raises(ConfigError, match="schema 2; this version reads schema 1"):
        run_alone(runs[0], folder / runs[0].folder, "cpu", "auto")
    assert everything(folder) == before


def test_a_schema_with_a_wrong_digit_is_damage(folder, runs):
    as_of_another_version(folder / runs[0].folder / "run.json")
    assert "is not as it was written" in str(damaged_by(folder, runs)[runs[0].run_id])


def test_a_study_file_of_another_version_is_refused_by_name_and_nothing_is_written(folder, runs):
    (folder / study.STUDY).write_text('{"schema": 7, "looks": "of the future"}')
    before = everything(folder)
    with pytest.raises(ConfigError, match=r"study.json: schema 7; this version reads schema 1; .*study="):
        sweep(runs, folder, StudyFile("s"))
    assert everything(folder) == before


# What is damaged is kept aside


def test_damaged_files_are_kept_aside_and_their_runs_computed_again(folder, runs, capfd, inline):
    path = folder / runs[0].folder / "curves.csv"
    whole = {name: content for name, content in everything(path.parent).items() if name.name != PROVENANCE}
    path.write_bytes(path.read_bytes().replace(b"0", b"1"))
    bad = path.read_bytes()
    (folder / study.STUDY).write_text("{")
    inline()
    endings = sweep(runs, folder, StudyFile("s"), options=QUIET)
    assert {ending.status for ending in endings.values()} == {"completed"}
    assert path.with_name("curves.csv.damaged").read_bytes() == bad
    assert {name: content for name, content in everything(path.parent).items() if name in whole} == whole
    assert (folder / runs[2].folder / "run.json.damaged").read_text() == '{"schema": 1, "run_id":'
    assert (folder / "study.json.damaged").read_text() == "{"
    said = capfd.readouterr().err
    for name in (path, folder / runs[2].folder / "run.json", folder / "study.json"):
        (line,) = [line for line in said.splitlines() if str(name) in line]
        assert f"kept as {name.name}.damaged" in line
    assert already_done(folder, runs, "missing").damaged == {}


@pytest.mark.parametrize("name", ["", "run.json", "curves.csv", "predictions.csv", "provenance.json", SUMS])
@pytest.mark.parametrize("what", ["folder", "loop", "nowhere"])
def test_what_stands_in_the_way_of_a_record_is_kept_aside(folder, runs, capfd, inline, name, what):
    path = folder / runs[3].folder / name if name else folder / runs[3].folder
    path.parent.mkdir(exist_ok=True)
    inline()
    if what == "folder":
        path.mkdir() if name else path.write_text("not a folder")
    else:
        path.symlink_to(path.name if what == "loop" else "nowhere")
    sweep(runs, folder, StudyFile("s"), options=QUIET)
    (line,) = [line for line in capfd.readouterr().err.splitlines() if runs[3].folder in line]
    assert f"{path}: " in line and f"kept as {path.name}.damaged" in line
    assert os.path.lexists(f"{path}.damaged")
    assert already_done(folder, runs, "missing").done.keys() == {run.run_id for run in runs}


def test_a_file_that_is_damaged_again_does_not_replace_the_one_kept_before(folder, runs, inline):
    path = folder / runs[0].folder / "curves.csv"
    inline()
    for n in range(3):
        path.write_text(f"{n}")
        sweep(runs[:1], folder, StudyFile("s"), options=QUIET)
    kept = {each.name: each.read_text() for each in path.parent.glob("*.damaged*")}
    assert kept == {"curves.csv.damaged": "0", "curves.csv.damaged2": "1", "curves.csv.damaged3": "2"}
