"""What a sweep shows of its progress, by where it runs."""

import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from rnnlab.records.progress import FOLDER, PackProgress, RunProgress, commands, to_text, write_pack
from rnnlab.sweep import displays as module
from rnnlab.sweep.displays import Lines
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.finished import FinishedRun
from rnnlab.sweep.progress import LOG, Progress


@pytest.fixture
def delivery():
    """delivery(run, "completed", diverged=True)"""

    def delivery(run, status="completed", diverged=False):
        return Delivery(run, FinishedRun(run.run_id, {}, status, diverged, 1.0, "how it ended"), {}, n_running=1)

    return delivery


class Notebook:
    """IPython in a kernel, as far as the progress asks it.  shown: every state of the cell's output."""

    def __init__(self, has_kernel=True):
        shell = SimpleNamespace(kernel="a kernel") if has_kernel else SimpleNamespace()
        self.shown, self.get_ipython = [], lambda: shell
        self.display = SimpleNamespace(display=self._display)

    def _display(self, data, raw, display_id):
        assert raw and display_id
        return SimpleNamespace(update=lambda data, raw: self.shown.append(data))


@pytest.fixture
def notebook(monkeypatch):
    """notebook(): this process is its kernel from now on."""

    def enter(**options):
        ipython = Notebook(**options)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
        return ipython

    return enter


@pytest.fixture
def runs(run_config):
    return [run_config(seed=seed, training__steps=1000) for seed in range(3)]


def test_in_a_file_there_is_a_first_and_a_last_line_and_the_log_has_each_run(runs, delivery, tmp_path, capsys):
    with Progress(runs, 2, 1, tmp_path) as progress:
        progress.add(delivery(runs[0]))
        progress.add(delivery(runs[1], diverged=True))
        progress.add(delivery(runs[2], "failed"))
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"3 runs to train in 2 packs, 1 done before -> {tmp_path}"
    assert last.startswith("  4 of 4 runs, 1 diverged, 1 failed, after ")
    log = [line.split("\t") for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line[1] for line in log] == ["completed", "diverged", "failed"]


def test_the_steps_of_the_workers_are_on_the_line_before_any_run_has_ended(
    runs, delivery, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.0)
    pack = PackProgress(1000, tuple(RunProgress(run.folder, run.run_id, 340) for run in runs[:2]))
    write_pack(tmp_path, pack.name, to_text(pack))
    with Progress(runs, 2, 0, tmp_path) as progress:
        progress.look()
        assert capsys.readouterr().out.splitlines()[1] == "  0 of 3 runs, 2 running at step 340 of 1,000"
        progress.add(delivery(runs[0]))
        progress.look()
        assert capsys.readouterr().out.splitlines()[-1].startswith("  1 of 3 runs, 1 running at step 340 of 1,000")


def test_packs_of_other_commands_in_the_folder_are_not_counted(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.0)
    pack = PackProgress(1000, (RunProgress("somebody-else", "0" * 12, 340),))
    write_pack(tmp_path, pack.name, to_text(pack))
    with Progress(runs, 2, 0, tmp_path) as progress:
        progress.look()
        assert capsys.readouterr().out.splitlines()[1] == "  0 of 3 runs"


def test_readers_find_the_same_line_in_the_folder(runs, delivery, tmp_path, capsys):
    (tmp_path / FOLDER).mkdir()
    with Progress(runs, 2, 0, tmp_path) as progress:
        progress.add(delivery(runs[0], diverged=True))
        progress.look()
        assert [command.line for command in commands(tmp_path)] == ["1 of 3 runs, 1 diverged"]


def test_a_folder_with_brackets_is_named_as_it_is(tmp_path, capsys):
    folder = tmp_path / "[bold]x"
    folder.mkdir()
    with Progress([], 0, 2, folder):
        pass
    assert capsys.readouterr().out == f"0 runs to train in 0 packs, 2 done before -> {folder}\n"


def test_in_a_notebook_a_bar_is_updated_in_one_place(notebook, runs, delivery, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "BAR_EVERY_S", 0.0)
    shown = notebook().shown
    with Progress(runs[:2], 1, 0, tmp_path) as progress:
        progress.add(delivery(runs[0]))
        progress.add(delivery(runs[1]))
    lines = [state["text/html"] for state in shown]
    assert any(line.startswith('<progress value="0.5000" max="1"></progress> 1 of 2 runs') for line in lines)
    assert lines[-1].startswith('<progress value="1.0000" max="1"></progress> 2 of 2 runs, after ')
    assert shown[-1]["text/plain"].startswith("2 of 2 runs")
    assert capsys.readouterr().out.count("\n") == 1, "the line of the beginning, and no others"


def test_ipython_in_a_terminal_is_no_notebook(notebook, runs, delivery, tmp_path, capsys):
    shown = notebook(has_kernel=False).shown
    with Progress(runs[:1], 1, 0, tmp_path) as progress:
        progress.add(delivery(runs[0]))
    assert not shown
    assert "  1 of 1 run" in capsys.readouterr().out


def test_a_terminal_has_one_live_line_with_a_bar(runs, delivery, tmp_path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(module, "Console", lambda file: Console(file=screen, force_terminal=True, width=80))
    with Progress(runs[:1], 1, 0, tmp_path) as progress:
        progress.add(delivery(runs[0]))
    assert "1 of 1 run" in screen.getvalue()
    assert "━" in screen.getvalue()
    assert "\x1b[?25h" in screen.getvalue(), "the cursor is shown again"


def test_the_lines_of_a_single_run_go_to_stderr_and_nowhere_if_it_is_quiet(capsys, monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.0)
    for keeps, quiet in ((True, False), (False, False), (False, True)):
        module.display_for(keeps, quiet).show(f"{keeps} {quiet}", 0.5)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("  True False\n", "  False False\n")


def test_what_does_not_keep_its_last_line_does_not_print_it(capsys):
    for keeps in (True, False):
        Lines(keeps).show(f"keeps: {keeps}", 1.0, last=True)
    assert capsys.readouterr().out == "  keeps: True\n"
