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

    monkeypatch.setattr("rnnlab.report.page.page.render", refuse)
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
    assert "rnnlab-report outputs/activations" in capsys.readouterr().out


@pytest.mark.parametrize(
    "module, forbidden",
    [
        ("rnnlab.report", ("torch", "hydra", "omegaconf", "pandas", "matplotlib", "numpy")),
        ("rnnlab.report.command", ("torch", "hydra", "omegaconf", "pandas", "matplotlib", "numpy")),
        ("rnnlab.report.page.page", ("torch", "hydra", "omegaconf", "matplotlib.pyplot")),
    ],
)
def test_importing_the_report_pulls_in_only_what_it_needs(module, forbidden):
    code = f"import sys, {module}; print([name for name in {forbidden!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_of_studies_gets_a_report_each_and_a_page_over_them(build, tmp_path, capsys):
    for name in ("one", "two"):
        build.runs(tmp_path / name, [build.record()])
    assert main([str(tmp_path)]) == 0
    pages = [tmp_path / "one/report/index.html", tmp_path / "two/report/index.html", tmp_path / "index.html"]
    assert capsys.readouterr().out.split() == list(map(str, pages)) and all(page.exists() for page in pages)


def test_two_folders_are_compared(build, tmp_path, capsys):
    for name in ("one", "two"):
        build.runs(tmp_path / name, [build.record()])
    assert main([str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "compare-one-two" / "index.html")
    assert main(["a", "b", "c"]) == 2 and "at most two folders" in capsys.readouterr().err


def test_a_browser_is_opened_where_it_is_asked_for(build, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    build.runs(tmp_path, [build.record()])
    assert main(["--open", str(tmp_path)]) == 0
    assert opened == [(tmp_path / "report" / "index.html").as_uri()]


def test_an_interrupted_report_is_one_line(build, tmp_path, capsys, monkeypatch):
    build.runs(tmp_path, [build.record()])

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnlab.report.page.page.render", interrupt)
    assert main([str(tmp_path)]) == 130
    assert capsys.readouterr().err == "rnnlab-report: interrupted; an older report is left as it was\n"
