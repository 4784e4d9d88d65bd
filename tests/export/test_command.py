"""The command rnnlab-export: what it prints, and its exit codes."""

import importlib.util

import pytest

from rnnlab.export.command import main
from rnnlab.export.targets import register, targets


def test_the_command_prints_the_folder_and_names_the_problems(study, capsys):
    assert main([str(study), "--to", "csv"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{study / 'export' / 'csv'}\n"
    first, *problems = err.splitlines()
    assert first == "rnnlab-export: 3 problems"
    assert problems[0].startswith("  unreadable: damaged: run.json: cannot be read")
    assert problems[1:] == [
        "  missing: killed: run.json: no such file",
        "  failed: sines-tanh-3: ValueError: the disk is full",
    ]


def test_a_study_without_problems_is_exported_in_silence(build, tmp_path, capsys):
    build.runs(tmp_path / "s", [build.record("one")])
    assert main([str(tmp_path / "s"), "--to", "csv"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_runs_is_one_line_and_exit_code_2(tmp_path, capsys, folder):
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / folder), "--to", "csv"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"rnnlab-export: {tmp_path / folder}: no ") and err.count("\n") == 1
    assert not (tmp_path / folder / "export").exists()


def test_the_folder_of_a_run_is_refused(study, capsys):
    assert main([str(study / "sines-tanh-0"), "--to", "csv"]) == 2
    assert "is the folder of a single run; name the folder above it" in capsys.readouterr().err


def test_a_second_export_is_one_line_unless_it_is_forced(study, capsys):
    assert main([str(study), "--to", "csv"]) == 0
    capsys.readouterr()
    assert main([str(study), "--to", "csv"]) == 2
    place = study / "export" / "csv"
    assert capsys.readouterr().err == (
        f"rnnlab-export: {place}: holds an earlier export of this study; --force replaces it\n"
    )
    assert main([str(study), "--to", "csv", "--force"]) == 0


def test_a_missing_library_is_one_line(study, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("rnnlab.export.export.find_spec", lambda name: None if name == "tensorboard" else find(name))
    assert main([str(study), "--to", "tensorboard"]) == 2
    assert capsys.readouterr().err == (
        "rnnlab-export: --to tensorboard: tensorboard is not installed here: pip install 'rnnlab[tensorboard]'\n"
    )


def test_an_export_that_cannot_be_written_is_one_line(study, capsys):
    @register("full", holds="nothing")
    def write(source, building, place):
        raise OSError(28, "No space left on device")

    try:
        assert main([str(study), "--to", "full"]) == 2
    finally:
        targets().remove("full")
    assert capsys.readouterr().err == f"rnnlab-export: {study}: cannot be exported (No space left on device)\n"
    assert not any((study / "export").iterdir())


def test_an_unknown_target_lists_those_that_there_are(study, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(study), "--to", "excel"])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and "'excel'" in err and all(name in err for name in targets())


def test_help_lists_the_targets_one_registered_elsewhere_too(capsys):
    register("mine", holds="one file per run, for Mine")(lambda source, building, place: None)
    try:
        with pytest.raises(SystemExit) as stop:
            main(["--help"])
    finally:
        targets().remove("mine")
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "rnnlab-export outputs/activations --to tensorboard" in out
    assert "one file per run, for Mine" in out and set(targets()) == {"csv", "parquet", "tensorboard", "mlflow"}
