import subprocess
import sys

import pytest

from rnnlab.report.command import main


def test_the_command_prints_the_path_of_the_page(build, tmp_path, capsys):
    build.runs(tmp_path, [build.record()])
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report' / 'index.html'}\n"


def test_a_folder_that_is_not_there_is_one_line_and_exit_code_2(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err == f"rnnlab-report: {tmp_path / 'nowhere'}: no such folder\n"


def test_a_folder_with_no_readable_run_lists_the_reasons(tmp_path, capsys):
    for name in ("one", "two"):
        (tmp_path / name / ".hydra").mkdir(parents=True)
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"rnnlab-report: {tmp_path}: none of its 2 run folders can be read",
        "  one: run.json: no such file",
        "  two: run.json: no such file",
    ]


def test_a_report_that_cannot_be_written_is_one_line(build, tmp_path, capsys, monkeypatch):
    build.runs(tmp_path, [build.record()])

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rnnlab.report.page._write_files", refuse)
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"rnnlab-report: {tmp_path}: the report cannot be written (Permission denied)\n"


def test_no_folder_given_is_exit_code_2_with_the_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2 and "usage: rnnlab-report" in capsys.readouterr().err


def test_help_explains_the_folder_and_gives_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "example: rnnlab-report outputs/activations" in capsys.readouterr().out


@pytest.mark.parametrize(
    "module, forbidden",
    [
        ("rnnlab.report", ("torch", "hydra", "omegaconf", "pandas", "matplotlib", "numpy")),
        ("rnnlab.report.command", ("torch", "hydra", "omegaconf", "pandas", "matplotlib", "numpy")),
        ("rnnlab.report.page", ("torch", "hydra", "omegaconf", "matplotlib.pyplot")),
    ],
)
def test_importing_the_report_pulls_in_only_what_it_needs(module, forbidden):
    code = f"import sys, {module}; print([name for name in {forbidden!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
